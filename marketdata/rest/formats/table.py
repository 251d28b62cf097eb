"""A table as every format takes it: named columns, and rows in chunks, so that nobody ever holds all of them."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

from numpy.typing import NDArray

# What stands in a row: `time` is microseconds since 1970 in UTC, `whole` an int, `number` a finite float, `text` a str,
# `truth` a bool; None is unknown in all of them.
Kind = Literal["time", "whole", "number", "text", "truth"]

Row = tuple[Any, ...]
# By column: microseconds as int64 for a time, int64 for a whole, float64 for a number, where NaN is unknown.
Vectors = dict[str, NDArray[Any]]

_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 # UTC by agreement, and quicker to write without saying so


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
    known: dict[int, str] = {}  # most times of a chunk share their second with others
    texts: list[str | None] = []
    for time in times:
        if time is None:
            texts.append(None)
            continue
        second, micro = divmod(time, 1_000_000)
        whole = known.get(second)
        if whole is None:
            whole = known[second] = (_EPOCH + dt.timedelta(seconds=second)).isoformat()
        texts.append(f"{whole}.{micro:06d}Z")
    return texts


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
