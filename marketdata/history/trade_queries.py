"""The stored trades of one instrument in a range of time, in the order of receiving, read some thousand at a time: each
piece is a query of its own that begins where the last one ended.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from .database import Database

PIECE: Final = 4_096
# What a stored trade says, in order. Times are microseconds since 1970 on the feed's clock.
NAMES: Final = ("received_us", "venue_us", "price", "size", "trade_id")
_MICROS: Final = 1_000_000
_COLUMNS: Final = "CAST(second AS bigint) * 1000000 + micro, venue_us, price, size, trade_id"

Row = tuple[Any, ...]


class Range(msgspec.Struct, frozen=True):
    """The trades of an instrument that were received from `start_us` on and before `stop_us`, microseconds since 1970, that
    stand after the place `after`: when one was received, and its id."""

    instrument: int
    start_us: int
    stop_us: int
    after: tuple[int, str] = (0, "")

    def query(self, limit: int, newest_first: bool = False) -> tuple[str, list[int | str]]:
        """A bounded walk along the index."""
        after_us, trade_id = self.after
        first, first_micro = divmod(max(self.start_us, after_us), _MICROS)
        last, last_micro = divmod(self.stop_us - 1, _MICROS)
        after_second, after_micro = divmod(after_us, _MICROS)
        order = ", ".join(f"{name} DESC" if newest_first else name for name in ("second", "micro", "trade_id"))
        text = (
            f"SELECT {_COLUMNS} FROM history_trade WHERE instrument = %s AND second >= %s AND second <= %s "
            "AND (second > %s OR micro >= %s) AND (second < %s OR micro <= %s) "
            f"AND (second, micro, trade_id) > (%s, %s, %s) ORDER BY {order} LIMIT {limit}"
        )
        within = [self.instrument, first, last, first, first_micro, last, last_micro]
        return text, [*within, after_second, after_micro, trade_id]

    def beyond(self, row: Row) -> "Range":
        """What is left of it after that trade."""
        return msgspec.structs.replace(self, after=(row[0], row[-1]))


def page(database: Database, wanted: Range, limit: int) -> list[Row]:
    """The first `limit` rows, in the order of NAMES. Raises HistoryDownError, as all here."""
    return database.rows(*wanted.query(limit))


def last(database: Database, wanted: Range, limit: int) -> list[Row]:
    """The newest `limit` rows, oldest first."""
    return database.rows(*wanted.query(limit, newest_first=True))[::-1]


def chunks(database: Database, wanted: Range) -> Iterator[list[Row]]:
    """All rows."""
    while rows := page(database, wanted, PIECE):
        yield rows
        if len(rows) < PIECE:
            return
        wanted = wanted.beyond(rows[-1])


def newest_second(database: Database, instrument: int) -> int | None:
    """The second in which the newest stored trade was received."""
    rows = database.rows(
        "SELECT second FROM history_trade WHERE instrument = %s ORDER BY second DESC LIMIT 1", (instrument,)
    )
    return int(rows[0][0]) if rows else None
