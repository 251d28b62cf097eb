"""Proves from the history database that every accepted quote is stored once or lies in a recorded gap, and that bars are
those of the stored ticks. What is read is read in slices, each in one snapshot: of PostgreSQL a day's partition, of
SQLite an instrument; memory grows with instruments, terms and holes, not with ticks.

What the numbers cannot show: quotes at a term's end of which nothing later was stored. Those are seen only where somebody
recorded them as a gap.
"""

import datetime as dt
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any, Final, NamedTuple

import msgspec
import psycopg

from ..rows import TERM
from . import bar_check
from .columns import BAR
from .database import Database
from .holes import Hole, Recorded, Run, Runs, stretches, unaccounted, without
from .schema import DAY_S

# How many of each kind of fault are kept to be named; all are counted.
LISTED: Final = 10_000
# A batch may be on its way while its neighbours are read already; with several recorders, one after it may come first.
# What is missing is looked for again until this many seconds have passed.
SETTLE_S: Final = 10.0
_AGAIN_S: Final = 2.0
# How many holes are looked at again in one go: each reads its instrument's part of the index.
AGAIN: Final = 1_000
_PARTITION: Final = re.compile(r"history_tick_(\d{8})")
_CHUNK: Final = 5_000
_ALL: Final = 2**31 - 1

Progress = Callable[[float, int], None]


class Named(NamedTuple):
    """Whose an instrument is."""

    feed: str
    symbol: str


class Lost(msgspec.Struct, frozen=True):
    """`missing` quotes of a hole that nothing accounts for."""

    feed: str
    symbol: str
    hole: Hole
    missing: int


class WrongBar(msgspec.Struct, frozen=True):
    feed: str
    symbol: str
    minute: int
    wrong: list[str]


class Term(msgspec.Struct):
    """One term of one feed: `missing` rows are those that are not stored, of which `rejected` were set aside and `in_gaps`
    lie in recorded gaps (their counts are `gaps`); `lost` ones are neither. `doubles` are stored twice."""

    feed: str
    term: int
    instruments: int = 0
    ticks: int = 0
    missing: int = 0
    rejected: int = 0
    in_gaps: int = 0
    gaps: int = 0
    lost: int = 0
    doubles: int = 0


class Report(msgspec.Struct):
    """`bars` were compared, `bars_alone` stand without any tick of their term, as imported ones do; `pruned` ticks were
    taken away by retention, ever."""

    terms: list[Term] = []
    lost: list[Lost] = []
    wrong_bars: list[WrongBar] = []
    ticks: int = 0
    bars: int = 0
    bars_wrong: int = 0
    bars_alone: int = 0
    pruned: int = 0

    @property
    def ok(self) -> bool:
        return not self.bars_wrong and not any(term.lost or term.doubles for term in self.terms)


class Slice(NamedTuple):
    """A part of the ticks: where it is read, of whom, received from the one second to before the other."""

    table: str
    instruments: list[int] | None
    start: int
    stop: int


def verify(
    database: Database,
    names: Mapping[int, Named],
    start: int | None = None,
    stop: int | None = None,
    *,
    feed: str | None = None,
    with_bars: bool = True,
    settle_s: float | None = None,
    progress: Progress = lambda share, ticks: None,
) -> Report:
    """Of the instruments `names`, what was received from the second `start` to before `stop`. A hole belongs to the time
    of the row after it. Raises HistoryDownError."""
    check = _Check(database, names, feed, 0 if start is None else start, _ALL if stop is None else stop, progress)
    slices = check.slices()
    for number, one in enumerate(slices):
        check.read(one, with_bars, number / len(slices))
    check.conclude(SETTLE_S if settle_s is None else settle_s)
    return check.report


class _Check:
    def __init__(
        self,
        database: Database,
        names: Mapping[int, Named],
        feed: str | None,
        start: int,
        stop: int,
        progress: Progress,
    ) -> None:
        self.report = Report()
        self._database = database
        self._names = names
        self._feed = feed
        self._start = start
        self._stop = stop
        self._progress = progress
        self._runs = Runs()
        self._terms: dict[tuple[str, int], Term] = {}
        # Bars of ticks that are not there: wrong, unless nothing of their term ever was.
        self._bare: list[tuple[int, int, int]] = []
        self._holes: defaultdict[tuple[str, int], list[Hole]] = defaultdict(list)
        self._read_marks()

    # ── What there is to read ─────────────────────────────────────────────────────────────────────────────────────────

    def slices(self) -> list[Slice]:
        if self._database.vendor == "sqlite":
            return [Slice("history_tick", [one], self._start, self._stop) for one in self._sqlite_instruments()]
        chosen = None if self._feed is None else sorted(self._names)
        found = []
        for (table,) in self._database.rows(
            "SELECT relname FROM pg_class JOIN pg_inherits ON oid = inhrelid "
            "WHERE inhparent = 'history_tick'::regclass ORDER BY relname"
        ):
            if (day := _day_of(table)) is not None:
                days = [day]
            else:
                with self._database.reader() as connection:
                    days = sorted(
                        row[0] * DAY_S
                        for row in connection.execute(f"SELECT DISTINCT second / {DAY_S} FROM {table}").fetchall()
                    )
            for first in days:
                start, stop = max(first, self._start), min(first + DAY_S, self._stop)
                if start < stop:
                    found.append(Slice(table, chosen, start, stop))
        return sorted(found, key=lambda one: one.start)

    def _sqlite_instruments(self) -> list[int]:
        """Those with ticks, found by jumping through the index."""
        present = [
            row[0]
            for row in self._database.rows(
                "WITH RECURSIVE t(i) AS (SELECT min(instrument) FROM history_tick UNION ALL "
                "SELECT (SELECT min(instrument) FROM history_tick WHERE instrument > t.i) FROM t WHERE t.i IS NOT NULL) "
                "SELECT i FROM t WHERE i IS NOT NULL"
            )
        ]
        return present if self._feed is None else [one for one in present if one in self._names]

    def _name(self, instrument: int) -> Named:
        return self._names.get(instrument) or Named("(of no feed)", f"instrument {instrument}")

    def _read_marks(self) -> None:
        marks = self._database.rows("SELECT what, instrument, up_to, count FROM history_pruned")
        self._pruned = {one: up_to for what, one, up_to, _ in marks if what == "ticks"}
        self._trades_from = max((up_to for what, _, up_to, _ in marks if what == "trades"), default=0)
        self._bars_from = max((up_to for what, _, up_to, _ in marks if what == "bars"), default=0)
        self.report.pruned = sum(
            count for what, one, _, count in marks if what == "ticks" and (self._feed is None or one in self._names)
        )

    # ── One slice ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def read(self, one: Slice, with_bars: bool, done: float) -> None:
        self._progress(done, self.report.ticks)
        try:
            with _snapshot(self._database) as select:
                for instrument, run in _runs(select, one):
                    self._runs.add(instrument, run)
                    self.report.ticks += run.last - run.first + 1
                if with_bars:
                    self._compare_bars(select, one, done)
        except psycopg.errors.UndefinedTable:
            pass  # pruned meanwhile; its mark is read at the end
        if self._database.vendor == "sqlite":
            for instrument in one.instruments or ():
                self._count(instrument)

    def _compare_bars(self, select: "_Select", one: Slice, done: float) -> None:
        whose, parameters = _whose(one)
        minutes = [*parameters[:-2], one.start // 60, -(-one.stop // 60)]
        told = time.monotonic()
        for minute in bar_check.minutes(
            select(
                f"SELECT {bar_check.TICK_SELECT} FROM {one.table} WHERE {whose} AND second >= %s AND second < %s "
                "ORDER BY instrument, second, seq",
                parameters,
            ),
            select(
                f"SELECT {', '.join(BAR)} FROM history_bar WHERE {whose} AND minute >= %s AND minute < %s "
                "ORDER BY instrument, minute",
                minutes,
            ),
            select(
                f"SELECT instrument, second / 60, sum(size) FROM history_trade WHERE {whose} AND second >= %s "
                "AND second < %s GROUP BY 1, 2 ORDER BY 1, 2",
                parameters,
            ),
        ):
            self._judge(minute)
            if time.monotonic() - told > 1:
                told = time.monotonic()
                self._progress(done, self.report.ticks)

    def _judge(self, minute: bar_check.Minute) -> None:
        begins, ends = minute.minute * 60, minute.minute * 60 + 60
        if begins < max(self._start, self._bars_from) or ends > self._stop:
            return  # a part of a minute says nothing of its bar
        pruned = self._pruned.get(minute.instrument, 0)
        stands = minute.stands
        if stands is not None and stands.first_seq is not None and stands.first_seq <= pruned:
            return
        if minute.made is not None and minute.made.first_seq is not None and minute.made.first_seq <= pruned:
            return
        if minute.made is None and stands is not None and stands.first_seq is not None:
            if len(self._bare) < LISTED:
                self._bare.append((minute.instrument, minute.minute, stands.first_seq))
            return
        self.report.bars += 1
        wrong = bar_check.differences(minute, with_trades=begins >= self._trades_from)
        if wrong:
            self._add_wrong(minute.instrument, minute.minute, wrong)

    def _add_wrong(self, instrument: int, minute: int, wrong: list[str]) -> None:
        self.report.bars_wrong += 1
        if len(self.report.wrong_bars) < LISTED:
            self.report.wrong_bars.append(WrongBar(*self._name(instrument), minute, wrong))

    # ── What it comes to ──────────────────────────────────────────────────────────────────────────────────────────────

    def _count(self, instrument: int) -> None:
        """Brings an instrument's runs to account, and lets go of them."""
        feed = self._name(instrument).feed
        passed = self._pruned.get(instrument, 0)
        if self._start > 0:
            passed = max(passed, self._before_the_start(instrument))
        for stretch in stretches(instrument, self._runs.of(instrument), passed):
            term = self._term(feed, stretch.term)
            term.instruments += 1
            term.ticks += stretch.ticks
            term.doubles += stretch.doubles
            self._holes[feed, stretch.term] += stretch.holes
        self._runs.forget(instrument)

    def _before_the_start(self, instrument: int) -> int:
        found = self._database.rows(
            "SELECT seq FROM history_tick WHERE instrument = %s AND second < %s ORDER BY second DESC, seq DESC LIMIT 1",
            (instrument, self._start),
        )
        return int(found[0][0]) if found else 0

    def _term(self, feed: str, term: int) -> Term:
        return self._terms.setdefault((feed, term), Term(feed, term))

    def conclude(self, settle_s: float) -> None:
        for instrument in self._runs.instruments():
            self._count(instrument)
        self._progress(1.0, self.report.ticks)
        for instrument, minute, first_seq in self._bare:
            if first_seq <= self._pruned.get(instrument, 0):
                continue
            if self._has_term(instrument, first_seq // TERM):
                self.report.bars += 1
                self._add_wrong(instrument, minute, ["there are no ticks of it"])
            else:
                self.report.bars_alone += 1
        deadline = time.monotonic() + settle_s
        while lost := self._accounted():
            if self._found_after_all(lost):
                continue
            if time.monotonic() >= deadline:
                break
            time.sleep(min(_AGAIN_S, settle_s))
            self._read_marks()
        self.report.lost = sorted(lost, key=lambda one: (one.feed, one.symbol, one.hole.first))[:LISTED]
        self.report.terms = [self._terms[key] for key in sorted(self._terms)]
        self.report.wrong_bars.sort(key=lambda one: (one.feed, one.symbol, one.minute))

    def _has_term(self, instrument: int, term: int) -> bool:
        return bool(
            self._database.rows(
                "SELECT 1 FROM history_tick WHERE instrument = %s AND seq >= %s AND seq < %s LIMIT 1",
                (instrument, term * TERM, (term + 1) * TERM),
            )
        )

    def _accounted(self) -> list[Lost]:
        """Holds the holes to what is recorded now; returns what is left."""
        gaps: defaultdict[tuple[str, int], list[Recorded]] = defaultdict(list)
        for row in self._database.rows("SELECT feed, term, from_us, to_us, count FROM history_gap"):
            if self._feed is None or row[0] == self._feed:
                gaps[row[0], row[1]].append(Recorded(*row))
        rejected: defaultdict[int, list[int]] = defaultdict(list)
        unreadable: defaultdict[tuple[str, int], int] = defaultdict(int)
        for feed, number, instrument, seq in self._database.rows(
            "SELECT feed, term, instrument, seq FROM history_reject"
        ):
            if instrument is None or seq is None:
                unreadable[feed, number] += 1
            else:
                rejected[instrument].append(seq)
        for key in gaps:
            self._term(*key)
        lost: list[Lost] = []
        for (feed, number), term in self._terms.items():
            holes = [
                cut for hole in self._holes[feed, number] if (cut := hole.above(self._pruned.get(hole.instrument, 0)))
            ]
            term.missing = sum(hole.count for hole in holes)
            remaining = [
                left
                for hole in holes
                for left in (without([hole], rejected[hole.instrument]) if hole.instrument in rejected else [hole])
            ]
            left = unaccounted(remaining, gaps[feed, number], unreadable[feed, number])
            in_holes = sum(hole.count for hole in remaining)
            term.lost = sum(count for _, count in left)
            term.gaps = sum(gap.count for gap in gaps[feed, number])
            without_unreadable = unaccounted(remaining, gaps[feed, number])
            term.in_gaps = in_holes - sum(count for _, count in without_unreadable)
            term.rejected = term.missing - term.in_gaps - term.lost
            lost += [Lost(*self._name(hole.instrument), hole, count) for hole, count in left]
        return lost

    def _found_after_all(self, lost: Sequence[Lost]) -> bool:
        """Whether some of these rows are stored, which came while others were read, or lie at another time."""
        found = False
        for one in lost[:AGAIN]:
            hole = one.hole
            stored = [
                row[0]
                for row in self._database.rows(
                    "SELECT seq FROM history_tick WHERE instrument = %s AND seq >= %s AND seq <= %s",
                    (hole.instrument, hole.first, hole.last),
                )
            ]
            if stored:
                found = True
                key = one.feed, hole.term
                whole = [other for other in self._holes[key] if other.instrument == hole.instrument]
                others = [other for other in self._holes[key] if other.instrument != hole.instrument]
                self._holes[key] = [*others, *without(whole, stored)]
        return found


# ── Reading ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_Select = Callable[[str, Sequence[object]], Iterator[Sequence[Any]]]


@contextmanager
def _snapshot(database: Database) -> Iterator[_Select]:
    """A function that queries, several at a time, all of which see the same state, without holding what they answer."""
    with database.reader() as connection, ExitStack() as cursors:
        if database.vendor == "sqlite":
            connection.execute("BEGIN")
            cursors.callback(connection.rollback)
            yield lambda sql, parameters: connection.execute(sql.replace("%s", "?"), parameters)
            return
        cursors.enter_context(connection.transaction())
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

        def select(sql: str, parameters: Sequence[object]) -> Iterator[Sequence[Any]]:
            cursor = connection.cursor(name=f"verify_{next(numbers)}", binary=True)
            cursor.itersize = _CHUNK
            cursors.enter_context(cursor).execute(sql, parameters)
            return iter(cursor)

        numbers = count()
        yield select


def _whose(one: Slice) -> tuple[str, list[object]]:
    """The condition on instruments, and the parameters of it and of a range of seconds after it."""
    if one.instruments is None:
        return "true", [one.start, one.stop]
    if len(one.instruments) == 1:
        return "instrument = %s", [one.instruments[0], one.start, one.stop]
    return "instrument = ANY(%s)", [one.instruments, one.start, one.stop]


def _runs(select: _Select, one: Slice) -> Iterator[tuple[int, Run]]:
    """The stretches of consecutive numbers, found by the database: it sends only where one begins or the last one ends."""
    whose, parameters = _whose(one)
    first = from_second = 0
    for instrument, seq, second, seq_before, second_before, seq_after in select(
        "SELECT * FROM (SELECT instrument, seq, second, lag(seq) OVER w AS seq_before, "
        "lag(second) OVER w AS second_before, lead(seq) OVER w AS seq_after "
        f"FROM {one.table} WHERE {whose} AND second >= %s AND second < %s "
        "WINDOW w AS (PARTITION BY instrument ORDER BY second, seq)) AS numbered "
        "WHERE seq_before IS NULL OR seq <> seq_before + 1 OR seq_after IS NULL "
        "ORDER BY instrument, second, seq",
        parameters,
    ):
        if seq_before is None:
            first, from_second = seq, second
        elif seq != seq_before + 1:
            yield instrument, Run(first, seq_before, from_second, second_before)
            first, from_second = seq, second
        if seq_after is None:
            yield instrument, Run(first, seq, from_second, second)


def _day_of(partition: str) -> int | None:
    """The first second of a partition's UTC day; None of the default one."""
    found = _PARTITION.fullmatch(partition)
    return None if found is None else int(dt.datetime.strptime(f"{found[1]}+0000", "%Y%m%d%z").timestamp())
