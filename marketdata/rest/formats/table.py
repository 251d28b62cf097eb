"""A table as every format takes it: named columns, and rows in chunks, so that nobody ever holds all of them."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from numpy.typing import NDArray

# What stands in a row: `time` is microseconds since 1970 in UTC, `whole` an int, `number` a finite float, `text` a str,
# `truth` a bool; None is unknown in all of them.
Kind = Literal["time", "whole", "number", "text", "truth"]

Row = tuple[Any, ...]
# By column: microseconds as int64 for a time, int64 for a whole, float64 for a number, where NaN is unknown.
Vectors = dict[str, NDArray[Any]]

_EPOCH: Final = dt.date(1970, 1, 1)
_MINUTE_US: Final = 60_000_000
_CLOCK: Final = [f"T{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1_440)]


class Column(NamedTuple):
    name: str
    kind: Kind
    help_text: str


class Table:
    """Columns and rows. A source that can make a format itself, and faster, says so by `csv_lines` or `vectors`."""

    def __init__(self, columns: Sequence[Column], rows: Iterable[Row] = ()) -> None:
        self.columns = tuple(columns)
        self._rows = rows

    def chunks(self) -> Iterator[list[Row]]:
        """All rows, in order, some thousand at a time."""
        yield list(self._rows)

    def csv_lines(self) -> Iterator[bytes] | None:
        """Whole lines of CSV without the header, any number at a time; None where they are to be made of `chunks`."""
        return None

    def vectors(self) -> Iterator[Vectors] | None:
        """The same rows by column; None where they are to be made of `chunks`."""
        return None


def time_texts(times: Sequence[int | None]) -> list[str | None]:
    """Microseconds since 1970 as RFC 3339 in UTC, always with six digits of a second."""
    minutes: dict[int, str] = {}  # most times of a chunk share their minute with others
    texts: list[str | None] = []
    for time in times:
        if time is None:
            texts.append(None)
            continue
        minute, rest = divmod(time, _MINUTE_US)
        begins = minutes.get(minute)
        if begins is None:
            day, minute_of_day = divmod(minute, 1_440)
            begins = minutes[minute] = f"{_day_text(day)}{_CLOCK[minute_of_day]}"
        if rest:
            second, micro = divmod(rest, 1_000_000)
            texts.append(f"{begins}{second:02d}.{micro:06d}Z")
        else:  # as every bar begins and ends
            texts.append(f"{begins}00.000000Z")
    return texts


@lru_cache(4_096)
def _day_text(day: int) -> str:
    return (_EPOCH + dt.timedelta(days=day)).isoformat()


def time_text(time: int | None) -> str | None:
    return time_texts((time,))[0]


def with_time_texts(columns: Sequence[Column], rows: Sequence[Row]) -> Sequence[Row]:
    """The rows with their times spelled out."""
    places = [place for place, column in enumerate(columns) if column.kind == "time"]
    if not places or not rows:
        return rows
    by_column: list[Any] = list(zip(*rows, strict=True))
    for place in places:
        by_column[place] = time_texts(by_column[place])
    return list(zip(*by_column, strict=True))
