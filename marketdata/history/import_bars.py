"""Bars that were made elsewhere, into the table. Where a bar stands already, the one of more ticks is right; of two of as
many, the one that stands, with what it lacks from the other. So importing again changes nothing, in whatever order.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import psycopg

from .columns import BAR
from .database import Database, HistoryDownError
from .writers import RowsRefusedError

_FILLED: Final = BAR[2:]
_SET: Final = ", ".join(
    f"{name} = coalesce(b.{name}, excluded.{name})"
    if name == "trade_volume"  # of trades, which are not counted among ticks
    else f"{name} = CASE WHEN excluded.ticks > b.ticks THEN excluded.{name} "
    f"WHEN excluded.ticks = b.ticks THEN coalesce(b.{name}, excluded.{name}) ELSE b.{name} END"
    for name in _FILLED
)
# One of each group that is known together.
_LACKS: Final = " OR ".join(
    f"(b.{name} IS NULL AND excluded.{name} IS NOT NULL)"
    for name in ("mid_open", "last_open", "volume_first", "implied_volatility", "first_seq")
)
_MERGE: Final = (
    f"ON CONFLICT (instrument, minute) DO UPDATE SET {_SET} WHERE excluded.ticks > b.ticks "
    "OR (b.trade_volume IS NULL AND excluded.trade_volume IS NOT NULL) "
    f"OR (excluded.ticks = b.ticks AND ({_LACKS}))"
)
_NAMES: Final = ", ".join(BAR)
_SQLITE: Final = f"INSERT INTO history_bar AS b ({_NAMES}) VALUES ({', '.join('?' * len(BAR))}) {_MERGE}"
# In the order of the key, so that two who write the same bars wait for each other and do not lock each other out.
_POSTGRESQL: Final = (
    f"INSERT INTO history_bar AS b ({_NAMES}) SELECT DISTINCT ON (instrument, minute) {_NAMES} FROM imported_bar "
    f"ORDER BY instrument, minute {_MERGE}"
)
_TEMPORARY: Final = "CREATE TEMPORARY TABLE imported_bar (LIKE history_bar) ON COMMIT DELETE ROWS"


class BarWriter:
    """Writes with one connection, made at the first bar."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None

    def write(self, bars: Sequence[Sequence[Any]]) -> int:
        """Commits rows in the order of `columns.BAR`; how many were new or brought something new. Raises HistoryDownError,
        or RowsRefusedError where the database takes none of them."""
        try:
            if self._database.vendor == "postgresql":
                return self._to_postgresql(bars)
            return self._to_sqlite(bars)
        except (psycopg.OperationalError, psycopg.InterfaceError, sqlite3.OperationalError) as error:
            self.close()
            raise HistoryDownError(str(error).strip().partition("\n")[0]) from error
        except (psycopg.Error, sqlite3.Error, OverflowError) as error:
            self.close()
            raise RowsRefusedError(str(error).strip().partition("\n")[0]) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _to_sqlite(self, bars: Sequence[Sequence[Any]]) -> int:
        connection = self._connection = self._connection or self._database.connect()
        before = connection.total_changes
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_SQLITE, bars)
        connection.execute("COMMIT")
        return int(connection.total_changes - before)

    def _to_postgresql(self, bars: Sequence[Sequence[Any]]) -> int:
        if self._connection is None:
            self._connection = self._database.connect()
            self._connection.execute(_TEMPORARY)
            self._connection.commit()
        cursor = self._connection.cursor()
        with cursor.copy(f"COPY imported_bar ({_NAMES}) FROM STDIN") as copy:
            for bar in bars:
                copy.write_row(bar)
        changed: int = cursor.execute(_POSTGRESQL).rowcount
        self._connection.commit()
        return changed
