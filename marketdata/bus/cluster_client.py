"""Commands to a cluster from a running loop: each goes to the node that has its slot, all of a node's in one write, and
follows the slot where it moves meanwhile. One connection a node.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import hiredis

from .client import CALL_TIMEOUT_S, NOT_NOW, Client, Script
from .cluster_address import Node
from .connection import Connection, RedisDownError
from .topology import Topology, redirection

# How often a command is sent before its slot counts as unreachable: moved, asked, function unknown, and once more each.
TURNS: Final = 8
# Before a command is sent again whose keys are on their way between two nodes.
AGAIN_S: Final = 0.01
# Between two tries to connect to a node.
REFUSED_S: Final = 0.1


class Command:
    """`answer` is what came of it: the server's answer, a hiredis.ReplyError or a RedisDownError. `connection` gave it.
    `asked` says that the slot is on its way to another node, which has the keys already but not the slot."""

    __slots__ = ("answer", "arguments", "asked", "connection", "node", "script", "slot")

    def __init__(self, slot: int, *arguments: Any) -> None:
        self.slot = slot
        self.arguments: Sequence[Any] = arguments
        self.script: Script | None = None
        self.asked = False
        # The node to ask whatever the topology says.
        self.node: Node | None = None
        self.answer: Any = None
        self.connection: Connection | None = None

    @classmethod
    def run(cls, slot: int, script: Script, key_names: Sequence[Any], arguments: Sequence[Any]) -> "Command":
        """The call of a server-side function."""
        self = cls(slot, "EVALSHA", script.digest, len(key_names), *key_names, *arguments)
        self.script = script
        return self

    @property
    def has_failed(self) -> bool:
        """Whether it did not come through, be it that the server would have taken it."""
        return isinstance(self.answer, RedisDownError)


class ClusterClient:
    """`version` rises whenever a connection is lost or the topology changes."""

    def __init__(self, topology: Topology, name: str) -> None:
        self.topology = topology
        self.losses = 0
        # Told when `version` has risen.
        self.on_change: Callable[[], None] = lambda: None
        topology.on_change.append(lambda: self.on_change())
        self._name = name
        self._links: dict[Node, _Link] = {}
        self._clients: dict[Node, Client] = {}

    @property
    def version(self) -> tuple[int, int]:
        return self.topology.version, self.losses

    def is_current(self, slot: int, connection: Connection) -> bool:
        """Whether the connection is the present one to the owner of the slot."""
        owner = self.topology.owner(slot)
        link = None if owner is None else self._links.get(owner)
        return link is not None and link.connection is connection and connection.is_open

    async def execute(self, commands: Sequence[Command], patience: float = CALL_TIMEOUT_S) -> None:
        """Gives every command its answer, after `patience` seconds at the latest. Never raises for a server's sake."""
        deadline = asyncio.get_running_loop().time() + patience
        try:
            async with asyncio.timeout_at(deadline):
                await self.topology.ready()
        except TimeoutError:
            for command in commands:
                command.answer = RedisDownError("the cluster has not answered yet")
            return
        due = list(commands)
        for turn in range(TURNS):
            if turn > 1:
                await asyncio.sleep(AGAIN_S)
            await self._send(due, deadline)
            due = [command for command in due if self._is_to_be_sent_again(command)]
            if not due:
                return
        for command in due:
            command.answer = RedisDownError(f"slot {command.slot} is on its way: {command.answer}")

    async def masters(self) -> list[Client]:
        """A client of each master, for what is asked of every one. Raises RedisDownError while the cluster has not
        answered."""
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                await self.topology.ready()
        except TimeoutError as error:
            raise RedisDownError("the cluster has not answered yet") from error
        for node in self._clients.keys() - self.topology.masters:
            self._clients.pop(node).close()
        for node in self.topology.masters - self._clients.keys():
            self._clients[node] = Client(self.topology.address.url(node), f"{self._name}-masters")
        return list(self._clients.values())

    def close(self) -> None:
        for link in self._links.values():
            link.close()
        for client in self._clients.values():
            client.close()
        self._links.clear()
        self._clients.clear()

    async def _send(self, commands: list[Command], deadline: float) -> None:
        by_node: dict[Node, list[Command]] = {}
        for command in commands:
            node = command.node or self.topology.owner(command.slot)
            if node is None:
                command.answer = RedisDownError(f"no node has slot {command.slot}")
                self.topology.doubt()
            else:
                by_node.setdefault(node, []).append(command)
        if len(by_node) == 1:
            ((node, some),) = by_node.items()
            await self._send_to(node, some, deadline)
        else:
            await asyncio.gather(*(self._send_to(node, some, deadline) for node, some in by_node.items()))

    async def _send_to(self, node: Node, commands: list[Command], deadline: float) -> None:
        link = self._links.get(node)
        if link is None:
            link = self._links[node] = _Link(self.topology.address.url(node), self._name, self._lost)
        connection = None
        error: RedisDownError | None = None
        try:
            async with asyncio.timeout_at(deadline):
                connection = await link.ready()
                sent: list[Sequence[Any]] = []
                for command in commands:
                    if command.node is not None:
                        sent.append(("ASKING",))
                    sent.append(command.arguments)
                futures = connection.send(sent)
                await asyncio.wait(futures[-1:])  # answers come in order
        except TimeoutError:
            error = RedisDownError(f"no answer of {node} in time")
            link.give_up()
        except RedisDownError as raised:
            error = RedisDownError(f"{node}: {raised}")
        if error is not None:
            self.topology.doubt()
            for command in commands:
                command.answer = error
            return
        answers = iter(futures)
        for command in commands:
            if command.node is not None:
                next(answers).exception()
            future = next(answers)
            command.connection = connection
            command.answer = future.exception() or future.result()

    def _is_to_be_sent_again(self, command: Command) -> bool:
        error = command.answer
        asked, command.node = command.node, None
        if not isinstance(error, hiredis.ReplyError):
            return False
        word = str(error).partition(" ")[0]
        owner = asked or self.topology.owner(command.slot)
        if word == "MOVED" and owner is not None:
            self.topology.moved(*redirection(error, owner))
            command.asked = False
        elif word == "ASK" and owner is not None:
            command.node = redirection(error, owner)[1]
            command.asked = True
        elif word == "TRYAGAIN":
            command.node = asked
        elif word == "NOSCRIPT" and command.script is not None:
            command.arguments = ("EVAL", command.script.source, *command.arguments[2:])
            command.node = asked
        else:
            if word in NOT_NOW or word == "CLUSTERDOWN":
                command.answer = RedisDownError(str(error))
                self.topology.doubt()
            return False
        return True

    def _lost(self) -> None:
        self.losses += 1
        self.topology.doubt()
        self.on_change()


class _Link:
    """The connection to one node. From when the node did not answer, or not let itself be connected to, until it is
    connected again, nobody waits for that: a node that hangs must not hold up what goes to others."""

    def __init__(self, url: str, name: str, on_lost: Callable[[], None]) -> None:
        self.connection: Connection | None = None
        self._url = url
        self._name = name
        self._on_lost = on_lost
        self._opening: asyncio.Task[Connection] | None = None
        self._refused_until = 0.0
        self._is_away = False

    async def ready(self) -> Connection:
        """An open connection. Raises RedisDownError."""
        if self.connection is not None and self.connection.is_open:
            return self.connection
        if (self._opening is None or self._opening.done()) and time.monotonic() >= self._refused_until:
            self._opening = asyncio.get_running_loop().create_task(self._open(), name="cluster-link")
            self._opening.add_done_callback(lambda task: task.cancelled() or task.exception())
        if self._is_away or self._opening is None:
            raise RedisDownError("it did not answer")
        return await asyncio.shield(self._opening)

    def give_up(self) -> None:
        """It did not answer in time."""
        self._is_away = True
        if self.connection is not None:
            self.connection.close()

    async def _open(self) -> Connection:
        try:
            self.connection = await Connection.open(self._url, self._name, on_lost=self._on_lost)
        except RedisDownError:
            self._is_away = True
            self._refused_until = time.monotonic() + REFUSED_S
            raise
        self._is_away = False
        return self.connection

    def close(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
        if self.connection is not None:
            self.connection.close()
