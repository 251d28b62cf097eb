"""Takes quotes from the feed and flushes them: what came while one flush was under way goes with the next, so a flush is
as small as the load allows and as large as it needs.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from ..bus.connection import RedisDownError
from ..bus.fenced import MAX_ROWS, FencedWriter
from ..bus.history_stream import HistoryStream, join_rows
from ..bus.lease import MARGIN_S, Lease, LeaseLostError
from ..quotes import Quote, Trade
from .hops import Hops
from .numbering import Numbering

logger = logging.getLogger(__name__)

# Quotes that may wait while Redis is away; beyond, only the newest of each instrument is kept.
WAITING: Final = 50_000
# What the feed may be ahead of the flush before it is made to wait.
AHEAD: Final = 5_000
# Between two tries to tell nodes of the rows' cluster what they have missed: the first, and after many in vain. A try makes
# the rows of all instruments on what is owed.
OWED_S: Final = 0.05
OWED_LONG_S: Final = 0.5


class Batch(NamedTuple):
    """The first `taken` of the quotes that wait, as rows numbered under `term`; and the first of the trades."""

    term: int
    taken: int
    framed: list[bytes]
    trades: list[bytes]


class Flush:
    """`put` from the feed's side, `run` as a task. `history` is the second server's stream, or None; `in_flush` says that
    the stream is on the first server, and goes with the flush itself."""

    def __init__(
        self,
        writer: FencedWriter,
        lease: Lease,
        numbering: Numbering,
        history: HistoryStream | None = None,
        in_flush: bool = False,
    ) -> None:
        self._writer = writer
        self._lease = lease
        self._numbering = numbering
        self._history = history
        self._in_flush = in_flush
        self._quotes: list[Quote] = []
        # Lines for history, numbered already.
        self._trades: list[bytes] = []
        # What is being flushed. It may be in history before that is known here.
        self._batch: Batch | None = None
        self._came = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._away = False
        # From when the oldest of a flush was handed over until it was acknowledged.
        self.hops = Hops()
        self._oldest = 0.0
        self._owed_at, self._owed_wait = 0.0, OWED_S
        self.flushes = 0
        self.accepted = 0
        self.conflated = 0
        self.lost_trades = 0

    @property
    def waiting(self) -> int:
        return len(self._quotes)

    @property
    def _records(self) -> bool:
        return self._in_flush or self._history is not None

    async def put(self, quotes: Sequence[Quote], trades: Sequence[Trade] = ()) -> None:
        """Hands quotes and trades over. Waits while the flush is far behind but alive; never waits for a Redis that is
        away. Trades go to history alone."""
        if trades and self._records:
            self._put_trades(trades)
        if not quotes:
            return
        if not self._quotes:
            self._oldest = time.monotonic()
        self._quotes.extend(quotes)
        self._empty.clear()
        self._came.set()
        if len(self._quotes) < AHEAD:
            return
        if self._away:
            self._conflate()
            return
        self._room.clear()
        await self._room.wait()

    async def run(self) -> None:
        """Flushes until the lease is lost, which it raises as LeaseLostError at once; nothing is taken off the quotes that
        wait unless it was accepted."""
        while True:
            while self._quotes or self._trades:
                await self.flush()
                if self._writer.owed:
                    await self._tell_owed()
            self._empty.set()
            self._came.clear()
            if self._writer.owed:
                await self._tell_owed()
                await asyncio.sleep(OWED_S)
            else:
                await self._came.wait()

    async def drained(self) -> None:
        """Returns when all that was put has been accepted."""
        await self._empty.wait()

    async def flush(self) -> None:
        """One flush of at most MAX_ROWS quotes."""
        taken = self._quotes[:MAX_ROWS]
        oldest, began = self._oldest, time.monotonic()
        counts = self._numbering.number(taken)
        self._batch = Batch(self._numbering.term, len(taken), counts.framed, self._trades[:MAX_ROWS])
        if counts.framed or self._batch.trades:
            await self._publish(counts.flat, self._batch)
            self.hops.add((time.monotonic() - oldest) * 1000)
        self._oldest = began  # what came meanwhile goes with the next
        self._end_batch()

    async def tell_again(self) -> None:
        """Publishes what is known of every instrument under the present term. `run` comes after it.

        A flush that the former term did not see acknowledged is known too, and so told; to history it goes under the
        numbers that it had, since it may be there: under new ones its quotes would be accepted twice."""
        self._empty.clear()  # a new term must not begin in the middle of it
        flat = self._numbering.told_again()
        if self._batch is not None:
            if self._batch.framed or self._batch.trades:
                await self._publish(flat[: 3 * MAX_ROWS], self._batch)
                flat = flat[3 * MAX_ROWS :]
            self._end_batch()
        for start in range(0, len(flat), 3 * MAX_ROWS):
            await self._publish(flat[start : start + 3 * MAX_ROWS])

    def look_at_nodes(self) -> None:
        """The nodes of the rows' cluster may not be what they were."""
        self._owed_at, self._owed_wait = 0.0, OWED_S
        self._came.set()

    async def _tell_owed(self) -> None:
        """Tells nodes of the rows' cluster whole what they were away for, or may have forgotten. All of it was accepted
        before, and has its numbers."""
        now = time.monotonic()
        if now < self._owed_at or self._lease.remaining() < MARGIN_S:
            return
        owed = self._writer.owed
        known = self._numbering.newest(owed)
        self._writer.forget(owed - known.keys())
        with contextlib.suppress(RedisDownError):  # the next flush says so
            await self._writer.tell_whole(self._lease.token, self._numbering.term, known)
        self._owed_wait = min(self._owed_wait * 2, OWED_LONG_S) if self._writer.owed else OWED_S
        self._owed_at = time.monotonic() + self._owed_wait

    def _end_batch(self) -> None:
        if self._batch is not None:
            del self._quotes[: self._batch.taken]
            del self._trades[: len(self._batch.trades)]
            self._batch = None
        if not self._room.is_set() and len(self._quotes) < AHEAD // 2:
            self._room.set()

    async def _publish(self, flat: list[Any], batch: Batch | None = None) -> None:
        """Brings one numbered flush out, over outages of Redis: the same rows under the same numbers, so that a flush whose
        acknowledgement was lost is not counted twice."""
        if batch is None:
            batch = Batch(self._numbering.term, 0, [], [])
        term, _, framed, prints = batch
        size = len(framed)
        blob = join_rows(framed) if framed and self._records else b""
        trades = b"\n".join(prints)
        if (blob or trades) and self._history is not None:
            try:
                await self._history.append(term, size, blob, trades)
            except LeaseLostError:
                self._batch = None  # surely not in history, and never to be under these numbers
                raise
            blob = trades = b""
        wait = 0.02
        while True:
            while self._lease.remaining() < MARGIN_S:
                self._go_away("the lease is not renewed")
                await asyncio.sleep(0.02)  # the renewal brings it back, or the loss is told
            try:
                await self._writer.flush(self._lease.token, term, flat, size, blob, trades)
                break
            except RedisDownError as error:
                self._go_away(str(error))
                await asyncio.sleep(wait)
                wait = min(wait * 2, 0.25)
        if self._away:
            logger.warning("Redis is back")
            self._away = False
        self.flushes += 1
        self.accepted += size

    def _go_away(self, reason: str) -> None:
        if not self._away:
            logger.warning("Redis is away, quotes wait: %s", reason)
        self._away = True
        self._room.set()

    def _put_trades(self, trades: Sequence[Trade]) -> None:
        lines = self._numbering.trades(trades)
        room = max(0, WAITING - len(self._trades))
        if len(lines) > room:
            self.lost_trades += len(lines) - room
            logger.error("%d trades have no room while Redis is away, and are missing in history", len(lines) - room)
        if lines[:room]:
            self._trades += lines[:room]
            self._empty.clear()
            self._came.set()

    def _conflate(self) -> None:
        if len(self._quotes) < WAITING:
            return
        # What is being flushed stands first and keeps its place: it has its numbers already.
        head, tail = self._quotes[:MAX_ROWS], self._quotes[MAX_ROWS:]
        newest = {quote.symbol: quote for quote in tail}
        self.conflated += len(tail) - len(newest)
        self._quotes[:] = [*head, *newest.values()]
