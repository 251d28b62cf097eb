"""Whose messages can be replayed: each venue's own parser, and what it says of instruments. `player` asks by the name
that stands in the capture.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from ...facts import InstrumentFacts
from ..base import Batch, PermanentFeedError, Rejected
from ..deribit import instruments as deribit_instruments
from ..deribit import parse as deribit_parse


class Parser(Protocol):
    def parse(self, raw: str | bytes, received_ms: float) -> Batch: ...


class FactsOf(Protocol):
    """Facts of the named instruments, from the venue's replies where these have them, marked with the feed's name."""

    def __call__(
        self, names: Iterable[str], replies: Iterable[bytes | str], feed: str
    ) -> tuple[Sequence[InstrumentFacts], Sequence[Rejected]]: ...


class Venue(NamedTuple):
    """`symbols_in` lists what one message speaks of, cheaply; `replies` are the files that may stand beside a capture
    with the venue's own lists of instruments. `session_end` is the venue's, as `Feed` says."""

    parser: Callable[[], Parser]
    symbols_in: Callable[[str], Iterable[str]]
    facts_of: FactsOf
    replies: Sequence[str]
    session_end: dt.time


VENUES: Final = {
    "deribit": Venue(
        parser=deribit_parse.Parser,
        symbols_in=deribit_parse.symbols_in,
        facts_of=deribit_instruments.facts_of,
        replies=("get_instruments*.txt", "get_instruments*.json"),
        session_end=deribit_instruments.CUT_OFF,
    ),
}


def venue_of(name: str) -> Venue:
    """The venue called `name`. Raises PermanentFeedError."""
    if name not in VENUES:
        raise PermanentFeedError(f"replay: captures of {name!r} cannot be read; those of {', '.join(VENUES)} can")
    return VENUES[name]
