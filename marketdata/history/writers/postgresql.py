"""The writer for PostgreSQL. Rows go by binary COPY straight into their day's partition; only where the unique index
finds that some were there already, the same rows go through a temporary table that passes over those.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final, TypeVar

import psycopg

from ...first_line import first_line
from .. import bars
from ..columns import BAR, TICK, TRADE, VALUES
from ..database import Database
from ..entries import Reject, Tick, Trade
from ..outage import HistoryDownError, outage
from ..schema import DAY_S, partition_of
from . import base
from .base import Gap, RowsRefusedError, Written
from .late import Answer, Question, with_late

DEFAULT_PARTITION: Final = "history_tick_default"
_TYPES: Final = ["int4", "int4", "int8", "int4", "int4", *["float8"] * len(VALUES), "int2", "int8"]
_BAR_TYPES: Final = ["int4", "int4", "int4", "int8", "int8", *["float8"] * (len(BAR) - 5)]
_TRADE_TYPES: Final = ["int4", "int4", "int4", "int8", "float8", "float8", "text"]
# Bars are joined by one recorder at a time, so that each sees what those before it made of a minute.
BARS_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('strikewire history bars'))"
# One makes a partition at a time: of two at once, one would be refused.
_PARTITIONS_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('strikewire history partitions'))"
_UPSERT: Final = (
    base.upsert_bars(f"SELECT {', '.join(BAR)} FROM incoming_bar", "greatest", "least")
    + " RETURNING b.instrument, b.minute"
)
_TEMPORARY: Final = (
    "CREATE TEMPORARY TABLE incoming_tick (LIKE history_tick) ON COMMIT DELETE ROWS",
    "CREATE TEMPORARY TABLE incoming_bar (LIKE history_bar) ON COMMIT DELETE ROWS",
    "CREATE TEMPORARY TABLE incoming_trade (LIKE history_trade) ON COMMIT DELETE ROWS",
)
# A table that someone else holds must not hold the recorder for longer than that; it tries again.
_LOCK_TIMEOUT: Final = "SET lock_timeout = '5s'"
# Another recorder that has bars to make may take longer, and what is rolled back for it has to be written again; but what
# is held for ten seconds without a word is another's to take.
_LONGER: Final = "SET LOCAL lock_timeout = '8s'"
_Answer = TypeVar("_Answer")


class PostgresqlWriter:
    """See `base.Writer`. Any number of processes may write at the same time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: psycopg.Connection[Any] | None = None
        self._partitions: dict[int, str] = {}

    def write(self, ticks: Sequence[Tick], trades: Sequence[Trade] = ()) -> Written:
        # Before the transaction of the rows: a new partition locks the table for as long as its own lasts.
        for day in {tick[0] // DAY_S for tick in ticks}:
            if day not in self._partitions:
                self._partitions[day] = self._made_partition(day)
        return self._committed(lambda c: Written(self._ticks(c, ticks), self._trades(c, trades)))

    def set_aside(self, feed: str, term: int, rejects: Sequence[Reject]) -> None:
        rows = base.reject_rows(feed, term, rejects)
        self._committed(lambda c: c.cursor().executemany(base.INSERT_REJECT, rows))

    def record_gap(self, gap: Gap) -> None:
        self._committed(lambda c: c.execute(base.INSERT_GAP, base.gap_row(gap)))

    def newest(self, instrument: int, term: int) -> tuple[int, int] | None:
        found = self._committed(lambda c: c.execute(base.NEWEST, (instrument, term << 24, (term + 1) << 24)).fetchone())
        return None if found is None else (found[0], found[1] * 1_000_000 + found[2])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._partitions.clear()

    # ── In one transaction ────────────────────────────────────────────────────────────────────────────────────────────

    def _committed(self, work: Callable[["psycopg.Connection[Any]"], _Answer]) -> _Answer:
        try:
            connection = self._connection or self._opened()
            with connection.transaction():
                answer = work(connection)
        except (psycopg.errors.UndefinedTable, psycopg.errors.CheckViolation) as error:
            # The day's ticks belong into another partition by now: it was dropped, or made since we looked.
            self.close()
            raise HistoryDownError(first_line(error)) from error
        except (psycopg.Error, OverflowError, TypeError, ValueError) as error:
            if (down := outage(error)) is not None:
                # Also a deadlock between two recorders, a lock held for long, a full disk.
                self.close()
                raise down from error
            raise RowsRefusedError(first_line(error)) from error
        return answer

    def _opened(self) -> "psycopg.Connection[Any]":
        connection: psycopg.Connection[Any] = self._database.connect()
        try:
            for statement in (_LOCK_TIMEOUT, *_TEMPORARY):
                connection.execute(statement)
            connection.commit()
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _made_partition(self, day: int) -> str:
        name = partition_of(day * DAY_S)

        def make(connection: "psycopg.Connection[Any]") -> str:
            connection.execute(_PARTITIONS_LOCK)
            if connection.execute("SELECT to_regclass(%s)", (name,)).fetchone() != (None,):
                return name
            try:
                with connection.transaction():
                    connection.execute(
                        f"CREATE TABLE {name} PARTITION OF history_tick "
                        f"FOR VALUES FROM ({day * DAY_S}) TO ({(day + 1) * DAY_S})"
                    )
            except psycopg.errors.CheckViolation:
                # The default partition holds ticks of that day already, so they all have to be there.
                return DEFAULT_PARTITION
            return name

        return self._committed(make)

    def _ticks(self, connection: "psycopg.Connection[Any]", ticks: Sequence[Tick]) -> int:
        new: list[Tick] = []
        for day, part in groupby(ticks, key=lambda tick: tick[0] // DAY_S):
            new += self._stored(connection, self._partitions[day], list(part))
        if not new:
            return 0
        _lock_bars(connection)
        by_minute = base.by_minute(new)
        made = base.in_order(new)
        cursor = connection.cursor()
        _copy(cursor, "incoming_bar", BAR, _BAR_TYPES, map(base.as_row, made.values()))
        joined = set(cursor.execute(_UPSERT).fetchall())
        cursor.execute("DELETE FROM incoming_bar")
        late = {key: by_minute[key] for key in sorted(made.keys() - joined)}
        for key, bar in with_late(lambda questions: _answers(connection, questions), late).items():
            if bar is None:
                self._bar_again(connection, key)
            else:
                cursor.execute(base.REPLACE_BAR, base.as_row(bar))
        return len(new)

    def _stored(self, connection: "psycopg.Connection[Any]", partition: str, ticks: list[Tick]) -> list[Tick]:
        """Those that were not there before."""
        cursor = connection.cursor()
        try:
            with connection.transaction():  # a savepoint
                _copy(cursor, partition, TICK, _TYPES, ticks)
        except psycopg.errors.UniqueViolation:
            _copy(cursor, "incoming_tick", TICK, _TYPES, ticks)
            columns = ", ".join(TICK)
            cursor.execute(
                f"INSERT INTO {partition} ({columns}) SELECT {columns} FROM incoming_tick ON CONFLICT DO NOTHING "
                "RETURNING instrument, second, seq"
            )
            places = set(cursor.fetchall())
            cursor.execute("DELETE FROM incoming_tick")
            # One that stands there twice is new once.
            new = {place: tick for tick in ticks if (place := (tick[3], tick[0], tick[2])) in places}
            return list(new.values())
        return ticks

    def _bar_again(self, connection: "psycopg.Connection[Any]", key: bars.Key) -> None:
        """The bar from all its ticks."""
        instrument, minute = key
        cursor = connection.cursor(binary=True)  # a minute may have thousands, and text takes longer to read
        rows = cursor.execute(base.TICKS_OF_MINUTE, (instrument, minute * 60, minute * 60 + 60)).fetchall()
        connection.execute(base.REPLACE_BAR, base.as_row(bars.of_ticks(rows)[key]))

    def _trades(self, connection: "psycopg.Connection[Any]", trades: Sequence[Trade]) -> int:
        if not trades:
            return 0
        cursor = connection.cursor()
        columns = ", ".join(TRADE)
        _copy(cursor, "incoming_trade", TRADE, _TRADE_TYPES, trades)
        new = cursor.execute(
            f"INSERT INTO history_trade ({columns}) SELECT {columns} FROM incoming_trade ON CONFLICT DO NOTHING "
            f"RETURNING {columns}"
        ).fetchall()
        cursor.execute("DELETE FROM incoming_trade")
        if new:
            _lock_bars(connection)
            cursor.executemany(base.ADD_TRADES, base.trade_rows(bars.trade_volumes(new)))
        return len(new)


def _answers(connection: "psycopg.Connection[Any]", questions: Sequence[Question]) -> list[Answer]:
    """Sent without waiting for each."""
    with connection.pipeline():
        asked = [connection.cursor().execute(sql, values) for sql, values in questions]
        return [one.fetchall() for one in asked]


def _lock_bars(connection: "psycopg.Connection[Any]") -> None:
    connection.execute(_LONGER)
    connection.execute(BARS_LOCK)


def _copy(cursor: "psycopg.Cursor[Any]", table: str, columns: Sequence[str], types: list[str], rows: Any) -> None:
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(types)
        write_row = copy.write_row
        for row in rows:
            write_row(row)
