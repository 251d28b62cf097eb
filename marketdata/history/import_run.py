"""An import: the parts of a source, in batches, into the instruments and the history tables. Rows that cannot be are set
aside with where they stand and why. Done again, it brings nothing new.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from ..feeds import registry
from . import import_facts
from .database import Database
from .export_columns import What
from .import_bars import BarWriter
from .import_gaps import record_missing
from .import_trades import TradeWriter
from .sources.base import INSTRUMENT, Bad, Part, Row, Source
from .writers import RowsRefusedError, open_writer

# One transaction: a tenth of a second on SQLite, which nobody else can write to meanwhile.
BATCH: Final = 5_000
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")


class RefusedFeedError(ValueError):
    """Not into that feed; the text says why."""


class Progress(NamedTuple):
    """While it goes on: `done` of `total` parts, and how many `rows` of the one that is read. `is_done` is said once of
    each part."""

    done: int
    total: int
    name: str
    rows: int
    is_done: bool


class Counted(msgspec.Struct):
    """Of ticks, bars or trades: how many were `read` and could be, and how many of those brought something `new`."""

    read: int = 0
    new: int = 0


class Imported(msgspec.Struct):
    """What an import did. `differing` are instruments that were there with other facts; `missing` are quotes of its ticks'
    terms that no file has brought yet, recorded as a gap."""

    ticks: Counted = msgspec.field(default_factory=Counted)
    bars: Counted = msgspec.field(default_factory=Counted)
    trades: Counted = msgspec.field(default_factory=Counted)
    instruments_made: int = 0
    differing: list[str] = []
    set_aside: int = 0
    missing: int = 0


def check_feed(name: str, force: bool = False) -> None:
    """Raises RefusedFeedError for what cannot name a feed, and, without `force`, for a feed that this installation itself
    may record: what it recorded and what is brought would stand in one row, and nobody could tell them apart."""
    if not _NAME.match(name):
        raise RefusedFeedError(
            f"{name!r} cannot name a feed: lower-case letters, digits and '_', a letter first, at most 32"
        )
    if name in registry.FEEDS and not force:
        raise RefusedFeedError(
            f"{name} is a feed that this installation records itself: choose another name, or --force to put both together"
        )


class Import:
    """Into one feed. `set_aside` is called with every bad row."""

    def __init__(
        self,
        database: Database,
        feed: str,
        set_aside: Callable[[Bad], None],
        tell: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._database, self._feed, self._tell, self._report = database, feed, tell, set_aside
        self._ticks = open_writer(database)
        self._bars = BarWriter(database)
        self._trades = TradeWriter(database)
        self._ids: dict[str, int] = {}
        self._done = Imported()
        self._rows = 0  # of the part that is read

    def run(self, source: Source) -> Imported:
        """Imports everything. Raises HistoryDownError; what was written by then stays, and the same import completes it.

        What is missing of a feed that this installation records itself is not recorded: that would hide a loss."""
        parts = source.parts()
        try:
            for number, part in enumerate(parts):
                self._part(
                    part,
                    lambda rows, number=number, name=part.name: self._tell(  # type: ignore[misc]
                        Progress(number, len(parts), name, rows, False)
                    ),
                )
                self._tell(Progress(number + 1, len(parts), part.name, self._rows, True))
            if self._done.ticks.read and self._feed not in registry.FEEDS:
                self._done.missing = record_missing(self._database, self._ticks, self._feed)
        finally:
            self._ticks.close()
            self._bars.close()
            self._trades.close()
        return self._done

    def _part(self, part: Part, tell: Callable[[int], None]) -> None:
        self._bring(part)
        batch: list[Row] = []
        self._rows = 0
        for row in part.rows():
            if isinstance(row, Bad):
                self._set_aside(row)
                continue
            instrument = self._ids.get(row.symbol)
            if instrument is None:
                self._set_aside(Bad(row.file, row.line, f"symbol: there are no facts of {row.symbol[:64]!r}", ""))
                continue
            row.cells[INSTRUMENT[part.what]] = instrument
            batch.append(row)
            if len(batch) == BATCH:
                self._store(part.what, batch)
                self._rows += len(batch)
                tell(self._rows)
                batch = []
        self._store(part.what, batch)
        self._rows += len(batch)

    def _bring(self, part: Part) -> None:
        facts = []
        for one in part.facts():
            if isinstance(one, Bad):
                self._set_aside(one)
            elif one.symbol not in self._ids:
                facts.append(one)
        brought = import_facts.bring(self._feed, facts)
        self._ids |= brought.ids
        self._done.instruments_made += brought.made
        self._done.differing += brought.differing

    def _store(self, what: What, batch: Sequence[Row]) -> None:
        """The batch; where the database refuses it, its halves, until the bad row stands alone."""
        if not batch:
            return
        try:
            new = self._write(what, [row.cells for row in batch])
        except RowsRefusedError as error:
            if len(batch) == 1:
                [row] = batch
                self._set_aside(Bad(row.file, row.line, f"the database refuses it: {error}", str(row.cells)))
                return
            middle = len(batch) // 2
            self._store(what, batch[:middle])
            self._store(what, batch[middle:])
            return
        counted: Counted = getattr(self._done, what)
        counted.read += len(batch)
        counted.new += new

    def _write(self, what: What, rows: list[list[Any]]) -> int:
        if what == "bars":
            return self._bars.write(rows)
        if what == "trades":
            return self._trades.write(rows)
        return self._ticks.write([tuple(cells) for cells in rows]).ticks

    def _set_aside(self, bad: Bad) -> None:
        self._done.set_aside += 1
        self._report(bad)
