"""The sharded channels of a process at one node of a cluster: kept subscribed over losses of the connection, for as long as
the subscriber wants them here.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import hiredis

from .cluster_address import Node
from .connection import RedisDownError
from .shard_connection import ShardConnection
from .subscriber import CHUNK, FIRST_WAIT_S, LONGEST_WAIT_S, SILENCE_S, SILENT_TICKS
from .topology import redirection, slot_of

if TYPE_CHECKING:
    from .shard_subscriber import ShardSubscriber

logger = logging.getLogger(__name__)

ACKNOWLEDGED_S = 2.0
# After a node refused a slot: the two that move it may each name the other for a moment.
REFUSED_S = 0.01


class ShardLink:
    def __init__(self, subscriber: "ShardSubscriber", node: Node) -> None:
        self.node = node
        self._subscriber = subscriber
        self._todo: set[str] = set()
        self._taken: set[str] = set()
        self._connection: ShardConnection | None = None
        self._wake = asyncio.Event()
        self._keeper = asyncio.get_running_loop().create_task(self._keep(), name=f"shard-link-{node}")

    def take(self, names: Iterable[str]) -> None:
        """Subscribes to these, and tells the subscriber when that is done."""
        self._todo.update(names)
        self._wake.set()

    def drop(self, names: Iterable[str]) -> None:
        """Unsubscribes."""
        subscribed = [name for name in names if name in self._taken]
        self._todo.difference_update(names)
        self._taken.difference_update(subscribed)
        self._tell("SUNSUBSCRIBE", subscribed)
        self._wake.set()

    async def close(self) -> None:
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)

    async def _keep(self) -> None:
        wait = FIRST_WAIT_S
        try:
            while self._todo or self._taken:
                try:
                    await self._open()
                    wait = FIRST_WAIT_S
                    await self._serve()
                    continue
                except (RedisDownError, TimeoutError) as error:
                    logger.warning("no subscription of rows at %s: %s", self.node, error)
                self._lose()
                await asyncio.sleep(wait * (0.5 + random.random()))
                wait = min(wait * 2, LONGEST_WAIT_S)
        finally:
            self._subscriber.ended(self)
            if self._connection is not None:
                self._connection.close()

    async def _open(self) -> None:
        if self._connection is not None and self._connection.is_open:
            return
        subscriber = self._subscriber
        self._connection = await ShardConnection.open(
            subscriber.topology.address.url(self.node),
            subscriber.name,
            subscriber.on_message,
            subscriber.on_read,
            self._wake.set,
        )
        self._connection.on_ended = self._ended

    async def _serve(self) -> None:
        """Subscribes to what there is to do, and returns when there is nothing more to hold here. Raises RedisDownError
        when the connection is lost, or has been silent over several ticks although it was asked: counted in ticks, so that
        a stalled loop does not blame the node."""
        connection = self._connection
        assert connection is not None
        silent = 0
        while self._todo or self._taken:
            self._wake.clear()
            if not connection.is_open:
                raise RedisDownError("the connection was lost")
            if self._todo:
                await self._subscribe()
                continue
            chunks = connection.chunks
            try:
                async with asyncio.timeout(SILENCE_S):
                    await self._wake.wait()
                continue
            except TimeoutError:
                pass
            silent = 0 if connection.chunks != chunks else silent + 1
            if silent >= SILENT_TICKS:
                raise RedisDownError(f"it has not answered for {SILENT_TICKS * SILENCE_S:g} s")
            if silent:
                connection.command("PING").add_done_callback(_noticed)

    async def _subscribe(self) -> None:
        names, self._todo = self._todo, set()
        self._taken |= names  # so that what is dropped meanwhile is unsubscribed behind it
        asked = self._tell("SSUBSCRIBE", names)
        try:
            async with asyncio.timeout(ACKNOWLEDGED_S):
                await asyncio.wait([future for future, _ in asked])
        except TimeoutError:
            raise RedisDownError("it did not take a subscription in time") from None
        refused = False
        for future, some in asked:
            some = [name for name in some if name in self._taken]
            error = future.exception()
            if error is None:
                self._subscriber.taken(self, some)
                continue
            if not isinstance(error, hiredis.ReplyError):
                raise error
            refused = True
            self._again(some)
            if str(error).startswith("MOVED"):
                # The subscriber takes them away from here, where the topology is not of this opinion already.
                self._subscriber.topology.moved(*redirection(error, self.node))
        if refused:
            await asyncio.sleep(REFUSED_S)

    def _again(self, names: Iterable[str]) -> None:
        self._taken.difference_update(names)
        self._todo.update(names)
        self._subscriber.lost(self, names, broke=False)

    def _ended(self, channel: str) -> None:
        """The node ended a subscription, since it has the slot no more; or we did."""
        if channel in self._taken:
            self._again([channel])
            self._wake.set()

    def _lose(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        lost, self._taken = self._taken, set()
        self._todo |= lost
        self._subscriber.lost(self, self._todo, broke=bool(lost))

    def _tell(self, command: str, names: Iterable[str]) -> "list[tuple[asyncio.Future[Any], list[str]]]":
        """A command for each slot, and for each thousand of its names."""
        by_slot: dict[int, list[str]] = {}
        for name in names:
            by_slot.setdefault(slot_of(name), []).append(name)
        asked = []
        if self._connection is not None:
            for some in by_slot.values():
                for start in range(0, len(some), CHUNK):
                    part = some[start : start + CHUNK]
                    future = self._connection.ask(command, *part)
                    future.add_done_callback(_noticed)
                    asked.append((future, part))
        return asked


def _noticed(future: "asyncio.Future[Any]") -> None:
    with contextlib.suppress(asyncio.CancelledError):
        future.exception()
