"""What does not change from quote to quote: the facts of an instrument, as a feed lists them, the catalogue keeps them,
and the stream sends them.
"""

from typing import Literal

import msgspec

Kind = Literal["index", "stock", "crypto", "future", "option"]
Right = Literal["C", "P"]
Exercise = Literal["american", "european"]


class InstrumentFacts(msgspec.Struct, frozen=True, omit_defaults=False):
    """`id` is 0 until the database gave one. `expiry` is the venue's day, `YYYY-MM-DD`; `expires_ms` the instant.

    `multiplier` is units of the underlying per contract, `tick` the smallest price step in `currency`.
    `root` is the symbol root (SPXW), which need not be the underlying (SPX).
    """

    symbol: str
    feed: str
    kind: Kind
    underlying: str
    id: int = 0
    venue_symbol: str = ""
    root: str | None = None
    expiry: str | None = None
    expires_ms: int | None = None
    strike: float | None = None
    right: Right | None = None
    exercise: Exercise | None = None
    multiplier: float = 1
    tick: float = 0.01
    currency: str = "USD"
    active: bool = True
    streaming: bool = True
