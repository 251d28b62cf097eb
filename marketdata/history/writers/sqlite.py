"""The writer for SQLite: one process, transactions so short that a reader or a sign-in never waits for long."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from .. import bars
from ..columns import BAR, TICK
from ..database import Database
from ..entries import Reject, Tick, Trade
from ..outage import outage
from . import base
from .base import Gap, RowsRefusedError, Written
from .late import Answer, Question, with_late

# Rows in one transaction: at ten microseconds each, half of the 100 ms that one may take.
SLICE: Final = 5_000
_INSERT: Final = f"INSERT OR IGNORE INTO history_tick ({', '.join(TICK)}) VALUES ({', '.join('?' * len(TICK))})"
_UPSERT: Final = base.upsert_bars(f"VALUES ({', '.join('?' * len(BAR))})", "max", "min")
_Answer = TypeVar("_Answer")


def _spelled(sql: str) -> str:
    return sql.replace("%s", "?")


class SqliteWriter:
    """See `base.Writer`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: sqlite3.Connection | None = None

    def write(self, ticks: Sequence[Tick], trades: Sequence[Trade] = ()) -> Written:
        stored = self._committed(lambda c: self._trades(c, trades)) if trades else 0
        # By instrument, so that each minute's bar is touched by one of these transactions, and rows lie as the index has
        # them.
        ticks = sorted(ticks, key=lambda tick: tick[3])
        new = 0
        for start in range(0, len(ticks), SLICE):
            part = ticks[start : start + SLICE]
            new += self._committed(lambda c, part=part: self._ticks(c, part))  # type: ignore[misc]
        return Written(new, stored)

    def set_aside(self, feed: str, term: int, rejects: Sequence[Reject]) -> None:
        rows = base.reject_rows(feed, term, rejects)
        self._committed(lambda c: c.executemany(_spelled(base.INSERT_REJECT), rows))

    def record_gap(self, gap: Gap) -> None:
        self._committed(lambda c: c.execute(_spelled(base.INSERT_GAP), base.gap_row(gap)))

    def newest(self, instrument: int, term: int) -> tuple[int, int] | None:
        found = self._committed(
            lambda c: c.execute(_spelled(base.NEWEST), (instrument, term << 24, (term + 1) << 24)).fetchone()
        )
        return None if found is None else (found[0], found[1] * 1_000_000 + found[2])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # ── In one transaction ────────────────────────────────────────────────────────────────────────────────────────────

    def _committed(self, work: Callable[[sqlite3.Connection], _Answer]) -> _Answer:
        try:
            connection = self._connection = self._connection or self._database.connect()
            connection.execute("BEGIN IMMEDIATE")
            try:
                answer = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise
        except (sqlite3.Error, OverflowError) as error:
            if (down := outage(error)) is not None:
                # Busy, a full disk, a file that went away: another connection may do better.
                self.close()
                raise down from error
            raise RowsRefusedError(str(error)) from error
        return answer

    def _ticks(self, connection: sqlite3.Connection, ticks: Sequence[Tick]) -> int:
        new = self._stored(connection, ticks)
        by_minute = base.by_minute(new)
        late = {
            key: by_minute[key]
            for key, bar in base.in_order(new).items()
            if not connection.execute(_UPSERT, base.as_row(bar)).rowcount
        }

        def ask(questions: Sequence[Question]) -> list[Answer]:
            return [connection.execute(_spelled(sql), values).fetchall() for sql, values in questions]

        for key, made in with_late(ask, late).items():
            if made is None:
                self._bar_again(connection, key)
            else:
                connection.execute(_spelled(base.REPLACE_BAR), base.as_row(made))
        return len(new)

    def _stored(self, connection: sqlite3.Connection, ticks: Sequence[Tick]) -> Sequence[Tick]:
        """Those that were not there before."""
        before = connection.total_changes
        connection.execute("SAVEPOINT ticks")
        connection.executemany(_INSERT, ticks)
        if connection.total_changes - before == len(ticks):
            return ticks
        # Which of them, only one by one says.
        connection.execute("ROLLBACK TO ticks")
        return [tick for tick in ticks if connection.execute(_INSERT, tick).rowcount]

    def _bar_again(self, connection: sqlite3.Connection, key: bars.Key) -> None:
        """The bar from all its ticks."""
        instrument, minute = key
        rows = connection.execute(
            _spelled(base.TICKS_OF_MINUTE), (instrument, minute * 60, minute * 60 + 60)
        ).fetchall()
        connection.execute(_spelled(base.REPLACE_BAR), base.as_row(bars.of_ticks(rows)[key]))

    def _trades(self, connection: sqlite3.Connection, trades: Sequence[Trade]) -> int:
        insert = _spelled(base.INSERT_TRADE)
        new = [trade for trade in trades if connection.execute(insert, trade).rowcount]
        connection.executemany(_spelled(base.ADD_TRADES), base.trade_rows(bars.trade_volumes(new)))
        return len(new)
