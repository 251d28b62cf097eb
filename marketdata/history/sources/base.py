"""What a source of history is: parts, each with the facts of its instruments, and rows as the tables hold them."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

from ...facts import InstrumentFacts
from ..columns import BAR, TICK, TRADE
from ..export_columns import What

# Of what is set aside, so much is kept to look at.
SHOWN: Final = 500
# Where the instrument's id belongs in a row.
INSTRUMENT: Final[dict[What, int]] = {
    "ticks": TICK.index("instrument"),
    "bars": BAR.index("instrument"),
    "trades": TRADE.index("instrument"),
}


class Bad(NamedTuple):
    """A row that is set aside: where it stands (line 0 is the whole file), why, and what it says."""

    file: str
    line: int
    reason: str
    text: str


class Row(NamedTuple):
    """A row in the order of `columns.TICK`, `columns.BAR` or `columns.TRADE`, checked; in the instrument's place is
    None."""

    file: str
    line: int
    symbol: str
    cells: list[Any]


class Part(Protocol):
    """What is imported in one go. `facts` may name instruments that no row is of; `rows` is read once."""

    name: str
    what: What

    def facts(self) -> Iterator[InstrumentFacts | Bad]: ...

    def rows(self) -> Iterator[Row | Bad]: ...


class Source(Protocol):
    def parts(self) -> Sequence[Part]: ...
