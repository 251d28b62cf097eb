"""The columns of the history tables, and how times stand in them.

A tick's received time is two columns, whole seconds since 1970 and the microseconds in that second: so the one unique
index (instrument, second, seq) is sixteen bytes a tick, and a range of times is a range of the index. Within one
instrument, `seq` is the order. The venue's time is the received time minus `lag_us`; where that does not fit 32 bits,
`lag_us` is null and `venue_us` holds the venue's time itself, in microseconds since 1970.
"""

from typing import Final

from ..rows import FIELDS

# What a quote says, in the order of a wire row: float8, null where unknown.
VALUES: Final = tuple(FIELDS[FIELDS.index("bid") : FIELDS.index("flags")])
# `flags` is null for 0.
TICK: Final = ("second", "micro", "seq", "instrument", "lag_us", *VALUES, "flags", "venue_us")
# `venue_us` is when it traded; a trade whose venue gives it no id has its number in the feed's term, with a `#` before it.
TRADE: Final = ("second", "micro", "instrument", "venue_us", "price", "size", "trade_id")

# One minute, counted since 1970. `mid_*` are of quotes with two sides that do not cross, `last_*` of the last price as
# quoted. `volume_first` and `volume_last` are the session volumes at its first and last tick that has one, `volume_gain`
# the sum of the positive differences between them; `trade_volume` the sum of the trades' sizes, null where the feed
# has told of none. `first_seq` and `last_seq` say which ticks are in it.
BAR_PRICES: Final = (
    *(f"mid_{name}" for name in ("open", "high", "low", "close")),
    *(f"last_{name}" for name in ("open", "high", "low", "close")),
)
BAR: Final = (
    "instrument",
    "minute",
    "ticks",
    "first_seq",
    "last_seq",
    *BAR_PRICES,
    "volume_first",
    "volume_last",
    "volume_gain",
    "trade_volume",
    "implied_volatility",
)
