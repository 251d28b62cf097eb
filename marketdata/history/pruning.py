"""Retention: takes away the oldest ticks, trades and bars, by their age and by the size of the whole. The recorder asks for
it every few minutes, `manage.py prune_history` by hand.

A quote's age is that of its received time, on its feed's clock. What is taken away leaves a mark in `history_pruned`, in
the same transaction, so that `verify` does not take it for lost. Neither the recorder nor readers wait long meanwhile:
PostgreSQL gives up a day by dropping its partition; SQLite deletes in slices of some hundredths of a second, and rests as
long as each took.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import psycopg

from .database import Database
from .outage import outages
from .schema import DAY_S

GB: Final = 1_000_000_000
# Trades go by whole hours, so that what is left of them always makes whole minutes.
_HOUR_S: Final = 3_600

ShouldStop = Callable[[], bool]


class Limits(NamedTuple):
    """What is kept: ticks and trades, and bars, for so many days, and so many bytes of all; 0 is without end."""

    tick_days: int = 0
    bar_days: int = 0
    most_bytes: int = 0

    @classmethod
    def of(cls, settings: Any) -> "Limits":
        return cls(settings.HISTORY_TICK_DAYS, settings.HISTORY_BAR_DAYS, round(settings.HISTORY_MOST_GB * GB))

    def tick_cut(self, now: float) -> int | None:
        """Ticks received before that second go."""
        return None if not self.tick_days else int(now) // DAY_S * DAY_S - self.tick_days * DAY_S

    def bar_cut(self, now: float) -> int | None:
        return None if not self.bar_days else int(now) // DAY_S * DAY_S - self.bar_days * DAY_S


class Pruned(msgspec.Struct):
    """What went, and what is left: `size` bytes, `over` of which are beyond the limit and could not go, since bars and what
    is not ticks alone take more, or because somebody reads what should have gone. `compacted` bytes were won by making
    the index of a day that is over anew."""

    ticks: int = 0
    trades: int = 0
    bars: int = 0
    size: int = 0
    over: int = 0
    compacted: int = 0
    # Ticks received up to this second went because of the size.
    up_to: int | None = None
    # Another process prunes now, and this one has done nothing.
    is_elsewhere: bool = False

    def __bool__(self) -> bool:
        return bool(self.ticks or self.trades or self.bars)


class Pruner(Protocol):
    """What the kinds of databases do each in its way; see pruning_postgresql and pruning_sqlite."""

    def size(self, most_bytes: int = 0) -> int:
        """Bytes in use. Pages that were freed and wait to be used again do not count; where all is within `most_bytes` with
        them, they may."""

    def older_ticks(self, cut: int, should_stop: ShouldStop) -> int: ...

    def oldest_ticks(self, most_bytes: int, should_stop: ShouldStop) -> tuple[int, int | None]:
        """Takes ticks until all is within the size: how many, and up to which second they were received."""

    def compact(self, now: float) -> int:
        """Writes anew what is over and would take less room so, a part of it in each round; how many bytes that gave."""

    def estimate(self, cut: int | None, most_bytes: int) -> int:
        """About how many ticks the two would take."""


def prune(
    database: Database,
    now: float,
    settings: Any,
    *,
    dry_run: bool = False,
    should_stop: ShouldStop = lambda: False,
) -> Pruned:
    """One round, `now` in seconds since 1970. `should_stop` is asked between its steps. Raises HistoryDownError."""
    return prune_to(database, now, Limits.of(settings), dry_run=dry_run, should_stop=should_stop)


def prune_to(
    database: Database,
    now: float,
    limits: Limits,
    *,
    dry_run: bool = False,
    should_stop: ShouldStop = lambda: False,
) -> Pruned:
    with _writing(database) as connection, _alone(database, connection) as is_alone:
        if not is_alone and not dry_run:
            return Pruned(is_elsewhere=True)
        pruner = _pruner(database, connection)
        rows = _Rows(database, connection)
        pruned = Pruned()
        tick_cut, bar_cut = limits.tick_cut(now), limits.bar_cut(now)
        if dry_run:
            pruned.ticks = pruner.estimate(tick_cut, limits.most_bytes)
            for what, cut in (("trades", tick_cut), ("bars", bar_cut)):
                if cut is not None:
                    setattr(pruned, what, rows.count(what, cut))
        else:
            if tick_cut is not None:
                pruned.ticks = pruner.older_ticks(tick_cut, should_stop)
            if limits.most_bytes and not should_stop():
                gone, pruned.up_to = pruner.oldest_ticks(limits.most_bytes, should_stop)
                pruned.ticks += gone
            trade_cut = max(filter(None, (tick_cut, pruned.up_to)), default=None)
            if trade_cut is not None:
                pruned.trades = rows.delete("trades", trade_cut // _HOUR_S * _HOUR_S, should_stop)
            if bar_cut is not None:
                pruned.bars = rows.delete("bars", bar_cut, should_stop)
            if not should_stop():
                pruned.compacted = pruner.compact(now)
        pruned.size = pruner.size(limits.most_bytes)
        pruned.over = max(0, pruned.size - limits.most_bytes) if limits.most_bytes else 0
        return pruned


MARK: Final = (
    "ON CONFLICT (what, instrument) DO UPDATE SET "
    "up_to = CASE WHEN excluded.up_to > history_pruned.up_to THEN excluded.up_to ELSE history_pruned.up_to END, "
    "count = history_pruned.count + excluded.count, pruned_us = excluded.pruned_us"
)


def now_us() -> int:
    return time.time_ns() // 1000


class _Rows:
    """Trades and bars, which both kinds of databases delete alike: an instrument at a time, by its index."""

    _TABLES: Final = {
        "trades": ("history_trade", "second", 1),
        "bars": ("history_bar", "minute", 60),
    }

    def __init__(self, database: Database, connection: Any) -> None:
        self._is_sqlite = database.vendor == "sqlite"
        self._connection = connection

    def _spelled(self, sql: str) -> str:
        return sql.replace("%s", "?") if self._is_sqlite else sql

    def count(self, what: str, cut: int) -> int:
        table, column, seconds = self._TABLES[what]
        return self._number(f"SELECT count(*) FROM {table} WHERE {column} < %s", cut // seconds)

    def delete(self, what: str, cut: int, should_stop: ShouldStop) -> int:
        """What was received before the second `cut`. The same cut again costs one look at its mark."""
        table, column, seconds = self._TABLES[what]
        mark = "SELECT coalesce(max(up_to), 0) FROM history_pruned WHERE what = %s AND instrument = 0"
        if self._number(mark, what) >= cut:
            return 0
        # The mark first: of what is only partly gone, nothing is asked any more.
        self._connection.execute(
            self._spelled(f"INSERT INTO history_pruned VALUES (%s, 0, %s, 0, %s) {MARK}"), (what, cut - 1, now_us())
        )
        gone, instrument = 0, self._next(table, -1)
        while instrument is not None:
            if should_stop():
                return gone
            deleted = self._connection.execute(
                self._spelled(f"DELETE FROM {table} WHERE instrument = %s AND {column} < %s"),
                (instrument, cut // seconds),
            ).rowcount
            if deleted:
                gone += deleted
                time.sleep(0.001)  # whoever waits for the lock of SQLite gets it
            instrument = self._next(table, instrument)
        self._connection.execute(
            self._spelled(f"INSERT INTO history_pruned VALUES (%s, 0, %s, %s, %s) {MARK}"), (what, cut, gone, now_us())
        )
        return gone

    def _next(self, table: str, instrument: int) -> int | None:
        sql = self._spelled(f"SELECT min(instrument) FROM {table} WHERE instrument > %s")
        found: int | None = self._connection.execute(sql, (instrument,)).fetchone()[0]
        return found

    def _number(self, sql: str, parameter: object) -> int:
        return int(self._connection.execute(self._spelled(sql), (parameter,)).fetchone()[0])


def _pruner(database: Database, connection: Any) -> Pruner:
    if database.vendor == "postgresql":
        from .pruning_postgresql import PostgresqlPruner

        return PostgresqlPruner(connection)
    from .pruning_sqlite import SqlitePruner

    return SqlitePruner(connection)


@contextmanager
def _alone(database: Database, connection: Any) -> Iterator[bool]:
    """Of several recorders, one prunes at a time: whether it is this one. The lock is given back here, since a server
    closes a connection, with its locks, some time after it was left."""
    if database.vendor == "sqlite":
        yield True
        return
    lock = "hashtext('strikewire history pruning')"
    is_alone = bool(connection.execute(f"SELECT pg_try_advisory_lock({lock})").fetchone()[0])
    try:
        yield is_alone
    finally:
        if is_alone:
            with suppress(psycopg.Error):  # it goes with a connection that has broken
                connection.execute(f"SELECT pg_advisory_unlock({lock})")


@contextmanager
def _writing(database: Database) -> Iterator[Any]:
    """A connection on which each statement is a transaction."""
    connection = database.connect()
    try:
        if database.vendor == "postgresql":
            connection.autocommit = True
        with outages():
            yield connection
    finally:
        connection.close()
