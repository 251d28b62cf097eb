"""The sharded channels that a process has subscribed, each at the node that has its slot: it follows them when a slot moves
or a node is lost, and says which were away, so that whoever listens can read again what it missed.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from .connection import OnMessage, RedisDownError
from .shard_link import ShardLink
from .topology import Topology, slot_of

logger = logging.getLogger(__name__)


class ShardSubscriber:
    """One connection a master. As `Subscriber`, save that `on_restored` is told which channels are there again."""

    def __init__(
        self,
        topology: Topology,
        name: str,
        on_message: OnMessage,
        on_read: Callable[[], None],
        on_restored: Callable[[set[str]], None],
    ) -> None:
        self.topology = topology
        self.name = name
        self.on_message = on_message
        self.on_read = on_read
        self._on_restored = on_restored
        self._slots: dict[str, int] = {}
        # What is wanted and not subscribed now, and since when there has been anything.
        self._missing: set[str] = set()
        self._missing_since = 0.0
        # Which of the missing somebody waits for, who reads afterwards anyway.
        self._awaited: set[str] = set()
        self._at: dict[str, ShardLink] = {}
        self._links: dict[object, ShardLink] = {}
        self._came = asyncio.Event()
        self._starter: asyncio.Task[None] | None = None
        self.breaks = 0
        topology.on_change.append(self._rehome)

    @property
    def subscribed(self) -> frozenset[str]:
        """The channels that are meant to be subscribed."""
        return frozenset(self._slots)

    @property
    def is_connected(self) -> bool:
        """Whether all that is wanted is subscribed now."""
        return not self._missing

    @property
    def missing_s(self) -> float:
        """For how long something has not been subscribed that is wanted."""
        return time.monotonic() - self._missing_since if self._missing else 0.0

    async def add(self, names: Iterable[str], timeout: float = 2.0) -> None:
        """Subscribes to what is missing of `names`, and returns when their nodes have taken it: whatever is published from
        then on arrives. Raises RedisDownError when that does not happen in time; the names stay wanted, and are subscribed
        as soon as there is a node that takes them."""
        waits = set(names)
        fresh = [name for name in waits if name not in self._slots]
        for name in fresh:
            self._slots[name] = slot_of(name)
        self._miss(fresh)
        self._awaited |= waits & self._missing
        self._place(fresh)
        try:
            async with asyncio.timeout(timeout):
                if self._starter is None:
                    self._starter = asyncio.get_running_loop().create_task(self._start(), name="shard-subscriber")
                while waits := {name for name in waits if name in self._missing}:
                    await self._came.wait()
        except TimeoutError as error:
            self._awaited -= waits
            raise RedisDownError(f"no node took {len(waits)} subscriptions in time") from error

    def discard(self, names: Iterable[str]) -> None:
        gone: dict[ShardLink, list[str]] = {}
        for name in names:
            if self._slots.pop(name, None) is None:
                continue
            self._missing.discard(name)
            self._awaited.discard(name)
            link = self._at.pop(name, None)
            if link is not None:
                gone.setdefault(link, []).append(name)
        for link, some in gone.items():
            link.drop(some)

    async def close(self) -> None:
        """Ends the connections; a later `add` starts anew."""
        for table in (self._slots, self._missing, self._awaited, self._at):
            table.clear()
        links, self._links = list(self._links.values()), {}
        starter, self._starter = self._starter, None
        if starter is not None:
            starter.cancel()
            await asyncio.gather(starter, return_exceptions=True)
        for link in links:
            await link.close()

    # ── From the links ────────────────────────────────────────────────────────────────────────────────────────────────

    def taken(self, link: ShardLink, names: Iterable[str]) -> None:
        """The link's node has taken these subscriptions."""
        mine = {name for name in names if self._at.get(name) is link}
        restored = mine - self._awaited
        self._missing -= mine
        self._awaited -= mine
        self._came.set()
        self._came = asyncio.Event()
        if restored:
            self._on_restored(restored)

    def lost(self, link: ShardLink, names: Iterable[str], broke: bool = True) -> None:
        """These are not subscribed at the link's node any more, or were not taken. It tries again by itself."""
        self._miss([name for name in names if self._at.get(name) is link])
        if broke:
            self.breaks += 1
        self.topology.doubt()

    def ended(self, link: ShardLink) -> None:
        """The link has nothing left to do."""
        if self._links.get(link.node) is link:
            del self._links[link.node]

    # ── Inside ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _start(self) -> None:
        await self.topology.ready()

    def _miss(self, names: Iterable[str]) -> None:
        if not self._missing:
            self._missing_since = time.monotonic()
        self._missing.update(names)

    def _rehome(self) -> None:
        """The topology has changed: whatever is not where it should be goes there."""
        moved: list[str] = []
        left: dict[ShardLink, list[str]] = {}
        for name, slot in self._slots.items():
            link = self._at.get(name)
            owner = self.topology.owner(slot)
            if owner is None or (link is not None and link.node == owner):
                continue
            moved.append(name)
            if link is not None:
                left.setdefault(link, []).append(name)
                del self._at[name]
        if not moved:
            return
        if left:
            logger.warning("%d subscriptions of rows follow their slots to other nodes", len(moved))
        self._miss(moved)
        self._place(moved)
        for link, names in left.items():
            link.drop(names)

    def _place(self, names: Iterable[str]) -> None:
        by_link: dict[ShardLink, list[str]] = {}
        for name in names:
            node = self.topology.owner(self._slots[name])
            if node is None:
                continue  # found a place when the topology is known
            link = self._links.get(node)
            if link is None:
                link = self._links[node] = ShardLink(self, node)
            self._at[name] = link
            by_link.setdefault(link, []).append(name)
        for link, some in by_link.items():
            link.take(some)
