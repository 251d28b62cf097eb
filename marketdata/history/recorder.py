"""The recorder: takes batches off the history stream, commits them, and only then takes them off for good. Whatever is
killed meanwhile, a batch is read again, and what was stored of it already is passed over at the key.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec
import redis

from ..bus.history_reader import ABANDONED_S, Entry, HistoryReader, in_order
from ..disk import nearly_full
from ..rows import TERM
from .database import Database
from .ends import gap_at_the_end
from .entries import Reject, Tick, Trade, ticks_of, trades_of
from .outage import HistoryDownError
from .recorder_state import RecorderState
from .writers import RowsRefusedError, Writer, open_writer
from .writers.base import Gap

logger = logging.getLogger(__name__)

# Rows that one commit is for, where there are so many; and entries of one reading, whose rows are not known before.
ROWS: Final = 20_000
ENTRIES: Final = 256
WAIT_MS: Final = 500
# What came first waits so long for more: a commit costs the same for one row as for a thousand.
GATHER_S: Final = 0.1
LONGEST_WAIT_S: Final = 5.0


class Recorder:
    """One member of the recorders' group. `run` returns when `stop` is set; every batch that it had then is either done
    or another's to take."""

    def __init__(self, database: Database, reader: HistoryReader, state: RecorderState, stop: threading.Event) -> None:
        self._database = database
        self._reader = reader
        self._state = state
        self._stop = stop
        self._writer: Writer = open_writer(database)
        self._looked = 0.0
        self._count = 16
        # What rows of a term were last, to be looked at when everything before it is stored.
        self._ends: list[Entry] = []

    def run(self) -> None:
        wait = 0.2
        while not self._stop.is_set():
            if self._waits_for_disk():
                continue
            try:
                self._once()
                wait = 0.2
            except redis.RedisError as error:
                self._state.trouble("stream", f"the history stream cannot be read: {error}")
                self._stop.wait(wait)
                wait = min(wait * 2, LONGEST_WAIT_S)
        self._writer.close()

    def drain(self) -> None:
        """Until nothing is left that nobody else has. For tests and benchmarks."""
        while self._reader.backlog().entries and not self._stop.is_set():
            self._once()

    # ── Reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _once(self) -> None:
        entries = self._read()
        if entries:
            self._store([entry for entry in entries if not entry.ends])
            # What was taken over may stand before what is held: the first that can be looked at is the oldest.
            self._ends = in_order([*self._ends, *(entry for entry in entries if entry.ends)])
        self._look_at_ends()
        self._move_gaps()
        self._state.clear("stream")

    def _read(self) -> list[Entry]:
        if time.monotonic() - self._looked > ABANDONED_S / 4:
            self._looked = time.monotonic()
            self._reader.hold(self._ends)
            if left := self._reader.take_over(self._count):
                logger.info("%d batches that nobody finished are taken over", len(left))
                self._looked = 0.0  # there may be more
                return left
        entries = self._reader.read(self._count, 0 if self._ends else WAIT_MS)
        if entries and len(entries) < self._count and sum(entry.count for entry in entries) < ROWS:
            self._stop.wait(GATHER_S)
            entries += self._reader.read(self._count, 0)
        if entries:
            each = max(1.0, sum(entry.count for entry in entries) / len(entries))
            self._count = round(min(ENTRIES, max(16, ROWS / each)))
        elif self._ends:
            self._stop.wait(GATHER_S)
        return entries

    def _waits_for_disk(self) -> bool:
        reason = nearly_full(self._database.path, self._state.has_trouble("disk"))
        if reason is None:
            self._state.clear("disk")
            return False
        self._state.trouble("disk", reason)
        self._stop.wait(1)
        return True

    # ── Storing ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _store(self, entries: list[Entry]) -> None:
        """Commits all of them, however long that takes, and takes them off the stream."""
        ticks: list[Tick] = []
        trades: list[Trade] = []
        rejects: dict[tuple[str, int], list[Reject]] = {}
        for entry in entries:
            for parse, text, rows in ((ticks_of, entry.rows, ticks), (trades_of, entry.trades, trades)):
                if text:
                    made, wrong = parse(text)
                    rows += made
                    if wrong:
                        rejects.setdefault((entry.feed, entry.term), []).extend(wrong)
        feeds = {entry.term: entry.feed for entry in entries}
        if not self._written(entries, feeds, ticks, trades):
            return
        for (feed, term), wrong in rejects.items():
            if not self._persist(entries, partial(self._set_aside, feed, term, wrong)):
                return
        self._reader.done(entries)
        self._state.stored(len(ticks))

    def _written(self, entries: list[Entry], feeds: dict[int, str], ticks: list[Tick], trades: list[Trade]) -> bool:
        """Halves what the database refuses until the bad row stands alone, and sets that aside. False when stopped."""
        try:
            return self._persist(entries, lambda: self._writer.write(ticks, trades))
        except RowsRefusedError as error:
            if len(ticks) + len(trades) > 1:
                return all(self._written(entries, feeds, *part) for part in _halves(ticks, trades))
            wrong = [_reject(row, str(error)) for row in (*ticks, *trades)]
            term = wrong[0].seq // TERM if wrong[0].seq is not None else 0
            return self._persist(entries, lambda: self._set_aside(feeds.get(term, ""), term, wrong))

    def _set_aside(self, feed: str, term: int, rejects: Sequence[Reject]) -> None:
        self._writer.set_aside(feed, term, rejects)
        self._state.rejected(len(rejects))
        logger.error("%s: %d rows cannot be stored and are set aside: %s", feed, len(rejects), rejects[0].reason)

    def _persist(self, entries: list[Entry], work: Callable[[], object]) -> bool:
        """Does it over outages of the database; says meanwhile that the entries are still ours. False when stopped."""
        wait = 0.1
        while True:
            try:
                work()
            except HistoryDownError as error:
                self._state.trouble("database", f"the history database does not take rows: {error}")
            else:
                self._state.clear("database")
                return True
            if self._stop.wait(wait):
                return False
            wait = min(wait * 2, LONGEST_WAIT_S)
            try:
                self._reader.hold([*entries, *self._ends])
            except redis.RedisError as error:
                logger.warning("the history stream is away too: %s", error)

    # ── Gaps ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _move_gaps(self) -> None:
        """What was taken off the stream unread, from there into the database."""
        for field, value in self._reader.gaps().items():
            try:
                feed, term, reason = field.decode().split("|")
                begin, end, count = (float(part) for part in value.split())
            except ValueError:
                logger.error("a gap that cannot be read: %r %r", field, value)
                self._reader.gap_moved(field, value)
                continue
            gap = Gap(feed, int(term), round(begin * 1000), round(end * 1000), int(count), reason)
            if not self._persist([], partial(self._writer.record_gap, gap)):
                return
            self._reader.gap_moved(field, value)
            self._tell_gap(gap)

    def _look_at_ends(self) -> None:
        while self._ends and self._reader.is_first(self._ends[0]):
            entry = self._ends[0]
            found: list[Gap | None] = []

            def look(entry: Entry = entry, found: list[Gap | None] = found) -> None:
                ends = msgspec.json.decode(entry.ends, type=dict[int, tuple[int, float]])
                found.append(gap_at_the_end(self._database, self._writer, entry.feed, entry.term, ends))
                if (gap := found[-1]) is not None:
                    self._writer.record_gap(gap)

            try:
                if not self._persist([entry], look):
                    return
            except msgspec.MsgspecError as error:
                logger.error("how the term %d of %s ended cannot be read: %s", entry.term, entry.feed, error)
            self._reader.done([entry])
            del self._ends[0]
            if found and (gap := found[-1]) is not None:
                self._tell_gap(gap)

    def _tell_gap(self, gap: Gap) -> None:
        self._state.gaps += gap.count
        logger.error("%s: %d accepted quotes are missing in history (%s)", gap.feed, gap.count, gap.reason)


def _halves(ticks: list[Tick], trades: list[Trade]) -> list[tuple[list[Tick], list[Trade]]]:
    if not ticks:
        middle = len(trades) // 2
        return [([], trades[:middle]), ([], trades[middle:])]
    if trades:
        return [(ticks, []), ([], trades)]
    middle = len(ticks) // 2
    return [(ticks[:middle], []), (ticks[middle:], [])]


def _reject(row: Sequence[Any], reason: str) -> Reject:
    is_tick = len(row) > 10
    text = msgspec.json.encode(row).decode("utf-8", "replace").replace("\0", "\ufffd")[:2000]
    return Reject(row[3] if is_tick else row[2], row[2] if is_tick else None, text, reason)
