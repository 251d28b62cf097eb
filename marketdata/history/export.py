"""An export: a feed's ticks, bars or trades as files, one for each underlying and UTC day, with the facts of their
instruments.

    FOLDER/FEED/UNDERLYING/instruments.ndjson
    FOLDER/FEED/UNDERLYING/ticks-2026-01-15.parquet

A file is there whole or not at all, and one that is there is not made again; so an export that was broken off goes on when
it is started again. That of a day which is not over has `.unfinished` in its name, and is replaced by the next export.
"""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from ..models import Instrument
from .database import Database
from .export_columns import COLUMNS, What
from .export_files import Format, alone_in, writer_of, writing
from .export_reading import Stored, chunks, date_of, day_of, stored

SIDECAR: Final = "instruments.ndjson"
# The recorder may be that late with a day's last rows, unless it is behind; then the operator knows.
_SETTLED: Final = dt.timedelta(minutes=5)
_EARLIEST: Final = dt.date(2000, 1, 1)
_LATEST: Final = dt.date(2100, 1, 1)


class Order(msgspec.Struct, frozen=True):
    """What to export: the days from `first` to `last`, both in, by default all; of these underlyings, by default all."""

    feed: str
    what: What
    format: Format
    folder: Path
    underlyings: tuple[str, ...] = ()
    first: dt.date = _EARLIEST
    last: dt.date = _LATEST


class Progress(NamedTuple):
    """While it goes on: `done` of `total` files, and `rows` of the one being made. `is_done` is said once of each file."""

    done: int
    total: int
    path: Path
    rows: int
    is_done: bool


class Exported(msgspec.Struct):
    """What an export did: `made` files with `rows`, `kept` that were there."""

    made: int = 0
    kept: int = 0
    rows: int = 0


class NothingToExportError(Exception):
    """The order names nothing that there is; the text says what there is."""


def export(
    database: Database, order: Order, now: dt.datetime, tell: Callable[[Progress], None] = lambda _: None
) -> Exported:
    """Does it. Raises NothingToExportError, FileError, HistoryDownError."""
    writer_of(order.format)  # says at once that an extra is missing
    with alone_in(order.folder):
        return _Export(database, order, now, tell).run()


def folder_name(name: str) -> str:
    """A feed's or an underlying's name as a folder's: a symbol may be of nothing but dots, or begin with one."""
    return f"%2E{name[1:]}" if name.startswith(".") else name


class _Export:
    def __init__(self, database: Database, order: Order, now: dt.datetime, tell: Callable[[Progress], None]) -> None:
        self._database, self._order, self._now, self._tell = database, order, now, tell
        self._done = Exported()
        self._number = self._total = 0

    def run(self) -> Exported:
        by_underlying = _instruments(self._order)
        found = {underlying: self._stored(instruments) for underlying, instruments in by_underlying.items()}
        days = {
            underlying: range(min(one.first for one in some), max(one.last for one in some) + 1)
            for underlying, some in found.items()
            if some
        }
        self._total = sum(map(len, days.values()))
        for underlying, its_days in days.items():
            folder = self._order.folder / folder_name(self._order.feed) / folder_name(underlying)
            with writing(folder / SIDECAR) as file:
                file.writelines(msgspec.json.encode(_facts(one)) + b"\n" for one in by_underlying[underlying])
            for day in its_days:
                self._file(folder, day, found[underlying])
        return self._done

    def _stored(self, instruments: Sequence[Instrument]) -> list[Stored]:
        days = day_of(self._order.first), day_of(self._order.last)
        ids = {one.symbol: one.id for one in instruments}
        return [one for one in stored(self._database, self._order.what, ids, days) if one is not None]

    def _file(self, folder: Path, day: int, instruments: Sequence[Stored]) -> None:
        order, date = self._order, date_of(day)
        finished = folder / f"{order.what}-{date}.{order.format}"
        unfinished = folder / f"{order.what}-{date}.unfinished.{order.format}"
        is_over = self._now >= dt.datetime.combine(date, dt.time(), dt.UTC) + dt.timedelta(days=1) + _SETTLED
        path = finished if is_over else unfinished
        if finished.exists():
            self._done.kept += 1
            self._say(finished, 0, is_done=True)
            return
        parts = chunks(self._database, order.what, order.feed, instruments, day)
        first = next(parts, None)
        if first is None:
            self._say(path, 0, is_done=True)
            return
        rows = 0

        def counted() -> Iterator[list[Sequence[Any]]]:
            nonlocal rows
            for chunk in itertools.chain([first], parts):
                yield chunk
                rows += len(chunk[0])
                self._say(path, rows, is_done=False)

        with writing(path) as file:
            writer_of(order.format)(file, COLUMNS[order.what], counted())
        if is_over:
            unfinished.unlink(missing_ok=True)
        self._done.made += 1
        self._done.rows += rows
        self._say(path, rows, is_done=True)

    def _say(self, path: Path, rows: int, is_done: bool) -> None:
        self._number += is_done
        self._tell(Progress(self._number, self._total, path, rows, is_done))


def _instruments(order: Order) -> dict[str, list[Instrument]]:
    """The feed's, by underlying, each list by symbol."""
    listed = Instrument.objects.filter(feed=order.feed)
    known = sorted(set(listed.order_by().values_list("underlying", flat=True)))
    if not known:
        feeds = sorted(set(Instrument.objects.order_by().values_list("feed", flat=True)))
        raise NothingToExportError(f"there are no instruments of a feed {order.feed!r}; there are of {_names(feeds)}")
    unknown = sorted(set(order.underlyings) - set(known))
    if unknown:
        raise NothingToExportError(f"{order.feed} has nothing on {_names(unknown)}; it has {_names(known)}")
    wanted = [one for one in known if one in order.underlyings] if order.underlyings else known
    return {one: list(listed.filter(underlying=one).order_by("symbol")) for one in wanted}


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:20])
    return (f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown) or "none"


def _facts(instrument: Instrument) -> dict[str, Any]:
    """What the importing side needs; the id, and whether it streams, are each installation's own."""
    facts = msgspec.structs.asdict(instrument.facts())
    return {name: value for name, value in facts.items() if name not in ("id", "active", "streaming")}
