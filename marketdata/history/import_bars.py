"""Bars that were made elsewhere, into the table. Where a bar stands already, the one of more ticks is right; of two of as
many, the one that stands, with what it lacks from the other. So importing again changes nothing, in whatever order.
"""

from typing import Any, Final

from .columns import BAR
from .import_writing import ImportWriter, Rows

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


class BarWriter(ImportWriter):
    temporary = "CREATE TEMPORARY TABLE imported_bar (LIKE history_bar) ON COMMIT DELETE ROWS"

    def _to_sqlite(self, connection: Any, rows: Rows) -> int:
        before = connection.total_changes
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_SQLITE, rows)
        connection.execute("COMMIT")
        return int(connection.total_changes - before)

    def _to_postgresql(self, connection: Any, rows: Rows) -> int:
        cursor = connection.cursor()
        with cursor.copy(f"COPY imported_bar ({_NAMES}) FROM STDIN") as copy:
            for bar in rows:
                copy.write_row(bar)
        changed: int = cursor.execute(_POSTGRESQL).rowcount
        connection.commit()
        return changed
