"""The columns of exported files, with what each one means: the tables' rows, with symbols for ids and timestamps for
seconds. docs/operating.md shows the same lists.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from .columns import BAR, BAR_PRICES, TICK, VALUES
from .trade_queries import NAMES as TRADE_NAMES

What = Literal["ticks", "bars", "trades"]
WHATS: Final[tuple[What, ...]] = ("ticks", "bars", "trades")

_PRICE: Final = "in the instrument's currency"
_MEANINGS: Final = {
    "bid": f"best bid, {_PRICE}",
    "ask": f"best ask, {_PRICE}",
    "bid_size": "contracts or shares at the best bid",
    "ask_size": "contracts or shares at the best ask",
    "last": f"last trade's price, {_PRICE}",
    "last_size": "contracts or shares of the last trade",
    "last_at": "when the last trade was",
    "volume": "contracts or shares traded in this session so far",
    "open_interest": "contracts outstanding",
    "mark": f"the venue's mark price, {_PRICE}",
    "underlying_price": "the underlying's price, in its currency",
    "reference_price": "the price that a change is measured from",
    "implied_volatility": "of the mark or mid, a year's, as a fraction (0.2345)",
    "bid_iv": "implied volatility of the bid, as a fraction",
    "ask_iv": "implied volatility of the ask, as a fraction",
    "delta": "change of the price for one unit of the underlying",
    "gamma": "change of delta for one unit of the underlying",
    "theta": "change of the price in one calendar day",
    "vega": "change of the price for one percentage point of volatility",
    "rho": "change of the price for one percentage point of interest",
}


# Times among a tick's values, in ms since 1970 in the table: names in a file, as REST has them.
_TIMES: Final = {"last_at": "last_time_ms"}
_NAMED: Final = {of: name for name, of in _TIMES.items()}
NAMES: Final = tuple(_NAMED.get(name, name) for name in VALUES)


class Column(NamedTuple):
    """`time` is a timestamp in UTC with microseconds, `whole` a 64-bit integer, `number` a 64-bit float. What is unknown is
    null, in CSV an empty cell."""

    name: str
    kind: Literal["text", "time", "whole", "number"]
    meaning: str


_WHOSE: Final = (
    Column("feed", "text", "which feed it came from"),
    Column("symbol", "text", "the instrument's symbol; its facts are in instruments.ndjson beside the file"),
)
TICKS: Final = (
    *_WHOSE,
    Column("received_at", "time", "when it was received, on the feed's clock"),
    Column("venue_at", "time", "the venue's own time of it"),
    Column("seq", "whole", "its number: within an instrument, the order"),
    *(Column(name, "time" if name in _TIMES else "number", _MEANINGS[name]) for name in NAMES),
    Column("flags", "whole", "1 crossed, 2 no bid, 4 no ask, 8 greeks by our model, 16 stale at the venue; summed"),
)
_BAR_MEANINGS: Final = {
    "ticks": ("whole", "how many ticks are in it; 0 for a bar that was imported from bars"),
    "first_seq": ("whole", "number of its first tick"),
    "last_seq": ("whole", "number of its last tick"),
    **{name: ("number", f"{name.rpartition('_')[2]} of the mid, {_PRICE}") for name in BAR_PRICES[:4]},
    **{name: ("number", f"{name.rpartition('_')[2]} of the last price, {_PRICE}") for name in BAR_PRICES[4:]},
    "volume_first": ("number", "session volume at its first tick that has one"),
    "volume_last": ("number", "session volume at its last tick that has one"),
    "volume_gain": ("number", "by how much session volume rose between its ticks"),
    "trade_volume": ("number", "contracts or shares of its trades, where the feed tells of trades"),
    "implied_volatility": ("number", "closing implied volatility, as a fraction"),
}
BARS: Final = (
    *_WHOSE,
    Column("starts_at", "time", "the beginning of its minute, on the feed's clock"),
    *(Column(name, *_BAR_MEANINGS[name]) for name in BAR[2:]),  # type: ignore[arg-type]
)
TRADES: Final = (
    *_WHOSE,
    Column("received_at", "time", "when it was received, on the feed's clock"),
    Column("traded_at", "time", "when the venue says that it was"),
    Column("price", "number", f"price of the trade, {_PRICE}"),
    Column("size", "number", "contracts or shares of the trade"),
    Column("trade_id", "text", "the venue's id of it; where it gives none, a number of ours with a # before it"),
)
COLUMNS: Final[dict[What, tuple[Column, ...]]] = {"ticks": TICKS, "bars": BARS, "trades": TRADES}

_FIRST_VALUE: Final = TICK.index(VALUES[0])
_AFTER_VALUES: Final = _FIRST_VALUE + len(VALUES)
assert ("second", "micro", "seq", "instrument", "lag_us", *VALUES, "flags", "venue_us") == TICK
assert BAR[:2] == ("instrument", "minute")
assert TRADE_NAMES == ("received_us", "venue_us", "price", "size", "trade_id")


def columns_of(what: What, feed: str, symbols: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """The cells of rows, at least one: of ticks and bars as the tables have them, of trades as `trade_queries`. A sequence
    a column of `COLUMNS[what]`; times are in microseconds since 1970. `symbols` has one entry a row."""
    columns = list(zip(*rows, strict=True))
    names: list[Sequence[Any]] = [[feed] * len(rows), symbols]
    if what == "trades":
        return [*names, *columns]
    if what == "bars":
        return [*names, [minute * 60_000_000 for minute in columns[1]], *columns[2:]]
    second, micro, seq, _, lag = columns[:_FIRST_VALUE]
    flags, venue = columns[_AFTER_VALUES:]
    received = [s * 1_000_000 + m for s, m in zip(second, micro, strict=True)]
    venue_at = [at if lag_us is None else us - lag_us for us, lag_us, at in zip(received, lag, venue, strict=True)]
    values = [
        [None if ms is None else round(ms * 1000) for ms in cells] if name in _TIMES else cells
        for name, cells in zip(NAMES, columns[_FIRST_VALUE:_AFTER_VALUES], strict=True)
    ]
    return [*names, received, venue_at, seq, *values, [flag or 0 for flag in flags]]
