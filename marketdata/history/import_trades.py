"""Trades out of files, into the table and into their minutes' bars. A trade is known by its instrument and id: one that
stands already changes nothing. A bar's volume becomes the sum of the trades that are stored of its minute, unless it is
larger: then the bar knows of trades that no file has brought. So bars and trades may be imported in whatever order.
"""

from collections.abc import Iterable
from typing import Any, Final

from . import bars
from .columns import TRADE
from .import_writing import ImportWriter, Rows
from .writers.base import INSERT_TRADE
from .writers.postgresql import BARS_LOCK

_NAMES: Final = ", ".join(TRADE)
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


class TradeWriter(ImportWriter):
    temporary = "CREATE TEMPORARY TABLE imported_trade (LIKE history_trade) ON COMMIT DELETE ROWS"

    def _to_sqlite(self, connection: Any, rows: Rows) -> int:
        insert, volume = INSERT_TRADE.replace("%s", "?"), _VOLUME.replace("%s", "?")
        connection.execute("BEGIN IMMEDIATE")
        new = [trade for trade in rows if connection.execute(insert, trade).rowcount]
        connection.executemany(volume, _minutes(new))
        connection.execute("COMMIT")
        return len(new)

    def _to_postgresql(self, connection: Any, rows: Rows) -> int:
        cursor = connection.cursor()
        cursor.execute(BARS_LOCK)
        with cursor.copy(f"COPY imported_trade ({_NAMES}) FROM STDIN") as copy:
            for trade in rows:
                copy.write_row(trade)
        new = cursor.execute(_INSERT).fetchall()
        if new:
            cursor.executemany(_VOLUME, _minutes(new))
        connection.commit()
        return len(new)


def _minutes(trades: Rows) -> Iterable[tuple[int, ...]]:
    """What _VOLUME takes, for each minute of these trades."""
    return [
        (minute, instrument, minute * 60, minute * 60 + 60) for instrument, minute in sorted(bars.trade_volumes(trades))
    ]
