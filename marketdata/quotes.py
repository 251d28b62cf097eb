"""What a quote and a trade are. A feed's `parse` makes them, validated; ingest numbers and publishes them; nobody after
`parse` checks them again.
"""

import math
from typing import Final

import msgspec

CROSSED: Final = 1
NO_BID: Final = 2
NO_ASK: Final = 4
MODEL_GREEKS: Final = 8
STALE_AT_VENUE: Final = 16
# Between a feed and ingest only, never in a row: the venue said nothing of the two sides here, which differs from there
# being no order.
BOOK_UNKNOWN: Final = 1 << 16


class InvalidQuoteError(ValueError):
    """A message that cannot be a quote. `field` names the offending part of it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


class Quote(msgspec.Struct, frozen=True, gc=False):
    """One update of one instrument. From `bid` on, the fields stand in the order of a wire row (see `rows.FIELDS`).

    Times are milliseconds since 1970 on the feed's clock. Unknown is None, never 0. Implied volatilities are fractions,
    theta is per calendar day, vega and rho are per one percentage point. `flags` is a sum of the constants above.
    """

    symbol: str
    received_ms: float
    venue_time_ms: float
    bid: float | None = None
    ask: float | None = None
    bid_size: float | None = None
    ask_size: float | None = None
    last: float | None = None
    last_size: float | None = None
    last_time_ms: float | None = None
    volume: float | None = None
    open_interest: float | None = None
    mark: float | None = None
    underlying_price: float | None = None
    reference_price: float | None = None
    implied_volatility: float | None = None
    bid_iv: float | None = None
    ask_iv: float | None = None
    delta: float | None = None
    gamma: float | None = None
    theta: float | None = None
    vega: float | None = None
    rho: float | None = None
    flags: int = 0


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One print at the venue. `size` counts contracts; `trade_id` is the venue's own, where it has one."""

    symbol: str
    received_ms: float
    venue_time_ms: float
    price: float
    size: float
    trade_id: str | None = None


NOT_NEGATIVE: Final = (
    "bid",
    "ask",
    "bid_size",
    "ask_size",
    "last",
    "last_size",
    "volume",
    "open_interest",
    "mark",
    "underlying_price",
    "implied_volatility",
    "bid_iv",
    "ask_iv",
    "gamma",
    "vega",
)


def validated(quote: Quote) -> Quote:
    """`quote` itself, when every number in it can be one.

    Raises InvalidQuoteError for NaN, an infinity, a negative size or price, or a time outside 2000 to 2100. A crossed
    quote is not an error here: the venue said so, and the row carries the flag.
    """
    for name in quote.__struct_fields__[1:-1]:
        value = getattr(quote, name)
        if value is not None and not math.isfinite(value):
            raise InvalidQuoteError(name, f"{value} is not a finite number")
    for name in NOT_NEGATIVE:
        value = getattr(quote, name)
        if value is not None and value < 0:
            raise InvalidQuoteError(name, f"{value} is negative")
    for name in ("received_ms", "venue_time_ms"):
        if not 946_684_800_000 <= getattr(quote, name) < 4_102_444_800_000:
            raise InvalidQuoteError(name, f"{getattr(quote, name)} is not a time in ms between 2000 and 2100")
    return quote


def book_flags(bid: float | None, ask: float | None) -> int:
    """The flags that follow from the two sides alone."""
    if bid is None:
        return NO_BID if ask is not None else NO_BID | NO_ASK
    if ask is None:
        return NO_ASK
    return CROSSED if bid > ask else 0
