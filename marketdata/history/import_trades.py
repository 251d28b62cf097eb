"""Trades out of files, into the table and into their minutes' bars. A trade is known by its instrument and id: one that
stands already changes nothing. A bar's volume becomes the sum of the trades that are stored of its minute, unless it is
larger: then the bar knows of trades that no file has brought. So bars and trades may be imported in whatever order.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

import psycopg

from . import bars
from .columns import TRADE
from .database import Database, HistoryDownError
from .writers import RowsRefusedError
from .writers.base import INSERT_TRADE
from .writers.postgresql import BARS_LOCK

_NAMES: Final = ", ".join(TRADE)
_TEMPORARY: Final = "CREATE TEMPORARY TABLE imported_trade (LIKE history_trade) ON COMMIT DELETE ROWS"
# In the order of the key, so that two who write the same trades wait for each other and do not lock each other out.
_INSERT: Final = (
    f"INSERT INTO history_trade ({_NAMES}) SELECT {_NAMES} FROM imported_trade ORDER BY instrument, trade_id "
    f"ON CONFLICT DO NOTHING RETURNING {_NAMES}"
)
_VOLUME: Final = (
    "INSERT INTO history_bar AS b (instrument, minute, ticks, trade_volume) "
    "SELECT instrument, %s, 0, sum(size) FROM history_trade "
    "WHERE instrument = %s AND second >= %s AND second < %s GROUP BY instrument "
    "ON CONFLICT (instrument, minute) DO UPDATE SET trade_volume = excluded.trade_volume "
    "WHERE b.trade_volume IS NULL OR b.trade_volume < excluded.trade_volume"
)

Trades = Sequence[Sequence[Any]]


class TradeWriter:
    """Writes with one connection, made at the first trade."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None

    def write(self, trades: Trades) -> int:
        """Commits rows in the order of `columns.TRADE`; how many were new. Raises HistoryDownError, or RowsRefusedError
        where the database takes none of them."""
        try:
            if self._database.vendor == "postgresql":
                return self._to_postgresql(trades)
            return self._to_sqlite(trades)
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

    def _to_sqlite(self, trades: Trades) -> int:
        connection = self._connection = self._connection or self._database.connect()
        insert, volume = INSERT_TRADE.replace("%s", "?"), _VOLUME.replace("%s", "?")
        connection.execute("BEGIN IMMEDIATE")
        new = [trade for trade in trades if connection.execute(insert, trade).rowcount]
        connection.executemany(volume, _minutes(new))
        connection.execute("COMMIT")
        return len(new)

    def _to_postgresql(self, trades: Trades) -> int:
        if self._connection is None:
            self._connection = self._database.connect()
            self._connection.execute(_TEMPORARY)
            self._connection.commit()
        cursor = self._connection.cursor()
        cursor.execute(BARS_LOCK)
        with cursor.copy(f"COPY imported_trade ({_NAMES}) FROM STDIN") as copy:
            for trade in trades:
                copy.write_row(trade)
        new = cursor.execute(_INSERT).fetchall()
        if new:
            cursor.executemany(_VOLUME, _minutes(new))
        self._connection.commit()
        return len(new)


def _minutes(trades: Trades) -> Iterable[tuple[int, ...]]:
    """What _VOLUME takes, for each minute of these trades."""
    return [
        (minute, instrument, minute * 60, minute * 60 + 60) for instrument, minute in sorted(bars.trade_volumes(trades))
    ]
