"""What an export reads: which instruments have rows when, and a day's rows, page by page: bounded ranges of the key."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from . import trade_queries
from .columns import BAR, TICK
from .database import Database
from .export_columns import What, columns_of
from .schema import DAY_S

# Rows of one query, and about so many of one batch in a file: some twenty megabytes of Python objects.
PAGE: Final = 10_000
_DAY_MIN: Final = DAY_S // 60
_MICROS: Final = 1_000_000

_SPAN: Final = {
    "ticks": "SELECT min(second), max(second) FROM history_tick WHERE instrument = %s AND second >= %s AND second < %s",
    "trades": "SELECT min(second), max(second) FROM history_trade WHERE instrument = %s AND second >= %s AND second < %s",
    "bars": "SELECT min(minute), max(minute) FROM history_bar WHERE instrument = %s AND minute >= %s AND minute < %s",
}
# The plain bound on the second is for PostgreSQL's choice of partitions, which does not look into row comparisons.
_TICKS: Final = (
    f"SELECT {', '.join(TICK)} FROM history_tick WHERE instrument = %s AND second >= %s AND second < %s "
    f"AND (second, seq) > (%s, %s) ORDER BY second, seq LIMIT {PAGE}"
)
_BARS: Final = (
    f"SELECT {', '.join(BAR)} FROM history_bar WHERE instrument = %s AND minute >= %s AND minute < %s ORDER BY minute"
)


class Stored(NamedTuple):
    """An instrument of which something is stored, from its first day to its last, as days since 1970."""

    id: int
    symbol: str
    first: int
    last: int


def stored(
    database: Database, what: What, instruments: Mapping[str, int], days: tuple[int, int]
) -> Iterator[Stored | None]:
    """For each instrument, its days within `days` (both in), or None where it has none. Raises HistoryDownError."""
    length = _DAY_MIN if what == "bars" else DAY_S
    for symbol, instrument in instruments.items():
        [(first, last)] = database.rows(_SPAN[what], (instrument, days[0] * length, (days[1] + 1) * length))
        yield None if first is None else Stored(instrument, symbol, first // length, last // length)


def chunks(
    database: Database, what: What, feed: str, instruments: Sequence[Stored], day: int
) -> Iterator[list[Sequence[Any]]]:
    """The rows of a day, in the order of `instruments` and within one by time, some thousand at a time, as columns. Raises
    HistoryDownError."""
    symbols: list[str] = []
    rows: list[Sequence[Any]] = []
    for instrument in instruments:
        if not instrument.first <= day <= instrument.last:
            continue
        for page in _PAGES[what](database, instrument.id, day):
            rows += page
            symbols += [instrument.symbol] * len(page)
            if len(rows) >= PAGE:
                yield columns_of(what, feed, symbols, rows)
                symbols, rows = [], []
    if rows:
        yield columns_of(what, feed, symbols, rows)


def day_of(date: dt.date) -> int:
    """Days since 1970."""
    return (date - dt.date(1970, 1, 1)).days


def date_of(day: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=day)


def _pages_of_ticks(database: Database, instrument: int, day: int) -> Iterator[list[tuple[Any, ...]]]:
    start, stop = day * DAY_S, (day + 1) * DAY_S
    after = (start, -1)
    while True:
        page = database.rows(_TICKS, (instrument, after[0], stop, *after))
        if page:
            yield page
            after = page[-1][0], page[-1][2]
        if len(page) < PAGE:
            return


def _page_of_bars(database: Database, instrument: int, day: int) -> Iterator[list[tuple[Any, ...]]]:
    # At most 1,440.
    yield database.rows(_BARS, (instrument, day * _DAY_MIN, (day + 1) * _DAY_MIN))


def _pages_of_trades(database: Database, instrument: int, day: int) -> Iterator[list[tuple[Any, ...]]]:
    start, stop = day * DAY_S * _MICROS, (day + 1) * DAY_S * _MICROS
    return trade_queries.chunks(database, trade_queries.Range(instrument, start, stop))


_PAGES: Final[Mapping[What, Callable[[Database, int, int], Iterator[list[tuple[Any, ...]]]]]] = {
    "ticks": _pages_of_ticks,
    "bars": _page_of_bars,
    "trades": _pages_of_trades,
}
