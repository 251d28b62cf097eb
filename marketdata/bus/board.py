"""The latest row of every instrument that some socket of this process watches, kept once, whatever the number of sockets.

Rows come from the channel layer; `stream.phases` takes what changed. Ordering is by `seq` alone: an older row never
replaces a newer one, wherever it comes from.
"""

import asyncio
import logging
import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import hiredis

from ..rows import HEADER
from .connection import RedisDownError
from .last_values import LastValues, PartlyReadError
from .place import Place
from .shard_subscriber import ShardSubscriber
from .subscriber import Subscriber

logger = logging.getLogger(__name__)

# A full turn of the backstop takes this many steps of a second.
BACKSTOP_STEPS: Final = 30
BACKSTOP_STEP_S: Final = 1.0
_unpack = HEADER.unpack_from
_BODY: Final = HEADER.size


class Board:
    """`latest[id]` is the JSON row, in ASCII, `seqs[id]` its seq. `on_turn(changed)` is called once a turn of the loop
    in which rows came, with the set of their ids."""

    def __init__(
        self,
        values: LastValues,
        subscriber: Subscriber | ShardSubscriber,
        channel_of: Callable[[Place], str],
        resynchronise: bool = True,
    ) -> None:
        self.latest: dict[int, bytes] = {}
        self.seqs: dict[int, int] = {}
        self.watchers: dict[int, set[Any]] = {}
        self.on_turn: Callable[[set[int]], None] = lambda changed: None
        self.received = 0
        self.older = 0
        self.malformed = 0
        self._values = values
        self._subscriber = subscriber
        self._channel_of = channel_of
        # False only in a test that shows what happens without it.
        self._resynchronise = resynchronise
        self._places: dict[int, Place] = {}
        self._warm: set[int] = set()
        self._warming: dict[int, asyncio.Task[None]] = {}
        self._changed: set[int] = set()
        self._scheduled = False
        self._resync: asyncio.Task[None] | None = None
        # What the next reading in the background is to read.
        self._unread: set[int] = set()
        self._backstop: asyncio.Task[None] | None = None
        self._backstop_at = 0

    # ── Who watches ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def join(self, watcher: Any, places: Mapping[int, Place]) -> None:
        """Makes `watcher` a watcher of these instruments, and returns when their groups are subscribed and their last
        values read. With Redis away it returns all the same, after a bounded wait; values follow when Redis is back."""
        cold: list[int] = []
        waits: set[asyncio.Task[None]] = set()
        for instrument_id, place in places.items():
            self.watchers.setdefault(instrument_id, set()).add(watcher)
            if instrument_id in self._warming:
                waits.add(self._warming[instrument_id])
            elif instrument_id not in self._warm:
                cold.append(instrument_id)
                self._places[instrument_id] = place
        if cold:
            # A task of the board's own, since others may wait for it too: the watcher that was first may be gone before.
            task = asyncio.get_running_loop().create_task(self._warm_up(cold), name="board-warm-up")
            self._warming.update(dict.fromkeys(cold, task))
            waits.add(task)
        if waits:
            await asyncio.wait(waits)

    def leave(self, watcher: Any, instrument_ids: Iterable[int]) -> None:
        """Ends the watching. An instrument that nobody watches is forgotten, and its group left."""
        gone: list[str] = []
        for instrument_id in instrument_ids:
            watchers = self.watchers.get(instrument_id)
            if watchers is None:
                continue
            watchers.discard(watcher)
            if not watchers:
                del self.watchers[instrument_id]
                self._warm.discard(instrument_id)
                self._warming.pop(instrument_id, None)
                self.latest.pop(instrument_id, None)
                self.seqs.pop(instrument_id, None)
                place = self._places.pop(instrument_id, None)
                if place is not None:
                    gone.append(self._channel_of(place))
        if gone:
            self._subscriber.discard(gone)

    def clear(self) -> None:
        tasks = {self._resync, self._backstop, *self._warming.values()}
        for table in (self.latest, self.seqs, self.watchers, self._places, self._warming):
            table.clear()
        self._warm.clear()
        self._unread.clear()
        self._changed.clear()
        for task in tasks:
            if task is not None:
                task.cancel()
        self._resync = self._backstop = None

    # ── Rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def put(self, framed: bytes) -> None:
        """Takes a framed row if it is newer than the one held and somebody watches its instrument."""
        try:
            instrument_id, seq = _unpack(framed)
        except struct.error:
            self._refuse(framed)
            return
        self.received += 1
        if instrument_id not in self.watchers:
            return
        if seq <= self.seqs.get(instrument_id, 0):
            self.older += 1
            return
        row = framed[_BODY:]
        if not row.isascii():  # it would make the whole frame one that no client takes
            self._refuse(framed)
            return
        self.seqs[instrument_id] = seq
        self.latest[instrument_id] = row
        self._changed.add(instrument_id)

    def _refuse(self, framed: bytes) -> None:
        self.malformed += 1
        if self.malformed == 1:
            logger.warning("not a row: %r; more of these are only counted", framed[:100])

    def joined(self, instrument_ids: Collection[int]) -> tuple[int, bytes]:
        """(how many, their latest rows behind one another, with commas) of those that have been quoted."""
        try:
            return len(instrument_ids), b",".join(map(self.latest.__getitem__, instrument_ids))
        except KeyError:  # left and joined again within the beat, and not yet quoted since
            rows = [self.latest[i] for i in instrument_ids if i in self.latest]
            return len(rows), b",".join(rows)

    def end_of_chunk(self) -> None:
        """A chunk of messages was read. What it changed is shown at the end of the turn, so that chunks of one turn make
        one frame."""
        if self._changed and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._end_of_turn)

    def _end_of_turn(self) -> None:
        self._scheduled = False
        changed, self._changed = self._changed, set()
        if changed:
            self.on_turn(changed)

    # ── Reading last values ───────────────────────────────────────────────────────────────────────────────────────────

    def resynchronise_soon(self, reason: str, instrument_ids: Iterable[int] | None = None) -> None:
        """Reads all that is held again, or these of it, in the background; asked again meanwhile, it does so once more
        afterwards."""
        if not self._resynchronise or not self._places:
            return
        self._unread.update(self._places if instrument_ids is None else instrument_ids)
        if self._resync is None or self._resync.done():
            self._resync = asyncio.get_running_loop().create_task(self._read_again(reason))

    def subscribed_again(self, channels: Collection[str]) -> None:
        """These groups' rows were not heard for a while."""
        ids = [i for i, place in self._places.items() if self._channel_of(place) in channels]
        self.resynchronise_soon("subscribed again", ids)

    def keep_backstop(self) -> None:
        """Starts re-reading a thirtieth of what is held each second, for whatever no other sign told of."""
        if self._resynchronise and (self._backstop is None or self._backstop.done()):
            self._backstop = asyncio.get_running_loop().create_task(self._read_in_turn())

    async def _warm_up(self, cold: list[int]) -> None:
        this = asyncio.current_task()
        try:
            await self._subscriber.add([self._channel_of(self._places[i]) for i in cold if i in self._places])
            await self._read(cold)
            # What was left meanwhile is not ours any more, also where it was joined again.
            self._warm.update(i for i in cold if self._warming.get(i) is this)
        except (RedisDownError, hiredis.ReplyError) as error:
            logger.warning("last values cannot be read now: %s", error)
            self.resynchronise_soon("last values were not read", cold)
        finally:
            for instrument_id in cold:
                if self._warming.get(instrument_id) is this:
                    del self._warming[instrument_id]

    async def _read(self, instrument_ids: Iterable[int]) -> None:
        places = self._places
        await self._values.read({i: places[i] for i in instrument_ids if i in places}, self._take)

    def _take(self, instrument_ids: Sequence[int], answer: Sequence[bytes | None]) -> None:
        for framed in answer:
            if framed is not None:
                self.put(framed)
        self.end_of_chunk()

    async def _read_again(self, reason: str) -> None:
        wait = 0.05
        while self._unread:
            held, self._unread = self._unread, set()
            unread: Collection[int] = ()
            try:
                await self._read(held)
                wait = 0.05
            except (RedisDownError, hiredis.ReplyError) as error:
                logger.warning("last values cannot be read (%s): %s", reason, error)
                unread = error.ids if isinstance(error, PartlyReadError) else held
            self._warm.update(i for i in held if i in self._places and i not in self._warming and i not in unread)
            if unread:
                self._unread.update(unread)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 0.5)

    async def _read_in_turn(self) -> None:
        while True:
            await asyncio.sleep(BACKSTOP_STEP_S)
            held = list(self._places)
            if not held:
                continue
            size = -(-len(held) // BACKSTOP_STEPS)
            start = self._backstop_at if self._backstop_at < len(held) else 0
            self._backstop_at = start + size
            try:
                await self._read(held[start : start + size])
            except (RedisDownError, hiredis.ReplyError):
                continue  # the subscriber tells of an outage, and asks for everything afterwards
