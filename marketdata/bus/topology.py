"""Which node of a cluster has which slot, as the cluster itself says: asked at the start, each second, and at once when
something contradicts what is known.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

import hiredis
from redis.crc import key_slot

from .client import Client
from .cluster_address import ClusterAddress, Node
from .connection import RedisDownError

logger = logging.getLogger(__name__)

SLOTS: Final = 16_384
# A master that hangs breaks no connection and says nothing: only by asking is it found that another has its place.
EVERY_S: Final = 1.0
# Between two askings, however many doubt.
SPACING_S: Final = 0.05
# Nodes asked at once, of which the first that answers is believed: one that hangs must not hold up the others.
AT_ONCE: Final = 3
ANSWER_S: Final = 0.5


@lru_cache(maxsize=100_000)
def slot_of(name: str) -> int:
    """The slot of a key or channel."""
    return int(key_slot(name.encode()))


class Topology:
    """On one event loop. `version` rises with each change, of which `on_change` are told."""

    def __init__(self, address: ClusterAddress, name: str) -> None:
        self.address = address
        self.version = 0
        self.on_change: list[Callable[[], None]] = []
        self._name = name
        self._owners: list[Node | None] = [None] * SLOTS
        self._nodes: tuple[Node, ...] = address.nodes
        self._answered = address.nodes[0]
        self._clients: dict[Node, Client] = {}
        self._known = asyncio.Event()
        self._doubted = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._away = False

    def owner(self, slot: int) -> Node | None:
        """The master that has the slot; None where nobody is known to."""
        return self._owners[slot]

    @property
    def masters(self) -> set[Node]:
        return {node for node in self._owners if node is not None}

    @property
    def answers(self) -> bool:
        """Whether any node answered when they were asked last."""
        return self._known.is_set() and not self._away

    async def ready(self) -> None:
        """Returns when the cluster has answered once."""
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep(), name="topology")
        await self._known.wait()

    def doubt(self) -> None:
        """Something contradicts what is known: the cluster is asked again."""
        self._doubted.set()

    def moved(self, slot: int, node: Node) -> None:
        """A node named another as the owner of the slot."""
        self.doubt()
        if self._owners[slot] != node:
            self._owners[slot] = node
            self._changed()

    async def close(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    async def _keep(self) -> None:
        while True:
            self._doubted.clear()
            try:
                self._take(await self._asked())
            except RedisDownError as error:
                if not self._away:
                    logger.warning("the cluster for rows does not answer: %s", error)
                self._away = True
            else:
                self._away = False
                self._known.set()
            await asyncio.sleep(SPACING_S)
            try:
                async with asyncio.timeout(EVERY_S if self._known.is_set() else 2 * SPACING_S):
                    await self._doubted.wait()
            except TimeoutError:
                pass

    def _take(self, ranges: list[tuple[int, int, tuple[Node, ...]]]) -> None:
        owners: list[Node | None] = [None] * SLOTS
        nodes: dict[Node, None] = {}
        for first, last, servers in ranges:
            owners[first : last + 1] = [servers[0]] * (last + 1 - first)
            nodes.update(dict.fromkeys(servers))
        nodes.update(dict.fromkeys(self.address.nodes))
        self._nodes = tuple(nodes)
        for node in self._clients.keys() - nodes.keys():
            self._clients.pop(node).close()
        if owners != self._owners:
            self._owners = owners
            self._changed()

    def _changed(self) -> None:
        self.version += 1
        for tell in self.on_change:
            tell()

    async def _asked(self) -> list[tuple[int, int, tuple[Node, ...]]]:
        """What the first node says that answers: the one that answered last, else others. Raises RedisDownError."""
        others = random.sample(self._nodes, len(self._nodes))
        groups = [others[start : start + AT_ONCE] for start in range(0, len(others), AT_ONCE)]
        if self._answered in self._nodes:
            groups.insert(0, [self._answered])
        reason = ""
        for group in groups:
            asked = {asyncio.create_task(self._ask(node)): node for node in group}
            try:
                for answer in asyncio.as_completed(asked, timeout=ANSWER_S):
                    try:
                        self._answered, ranges = await answer
                        return ranges
                    except (RedisDownError, hiredis.ReplyError) as error:
                        reason = str(error)
            except TimeoutError:
                reason = f"no answer in {ANSWER_S:g} s"
                for task, node in asked.items():
                    if not task.done() and (client := self._clients.pop(node, None)) is not None:
                        client.close()
            finally:
                for task in asked:
                    task.cancel()
                await asyncio.gather(*asked, return_exceptions=True)
        raise RedisDownError(f"none of {len(others)} nodes: {reason}")

    async def _ask(self, node: Node) -> tuple[Node, list[tuple[int, int, tuple[Node, ...]]]]:
        client = self._clients.get(node)
        if client is None:
            client = self._clients[node] = Client(self.address.url(node), f"{self._name}-topology")
        answer = await client.call("CLUSTER", "SLOTS")
        if not answer:
            raise RedisDownError(f"{node} knows of no slots")
        return node, [(first, last, tuple(_nodes(servers, node))) for first, last, *servers in answer]


def _nodes(servers: Iterable[Any], asked: Node) -> Iterable[Node]:
    for host, port, *_ in servers:
        # A node that does not know its own address leaves it out.
        yield Node(host.decode() if host else asked.host, port)


def redirection(error: hiredis.ReplyError, asked: Node) -> tuple[int, Node]:
    """Slot and node of `MOVED 3999 host:port` and of `ASK …`."""
    _, slot, target = str(error).split(" ")[:3]
    host, _, port = target.rpartition(":")
    return int(slot), Node(host.strip("[]") or asked.host, int(port))
