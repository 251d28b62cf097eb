"""What the simulated market did before anyone looked: bars of its last sessions, up to the minute in which it opens.
`history` stores them at the first start. Drawn from the market's own seed, so that the same market has the same past.

Each past session runs from its own previous close to the next one's, and the last one on to the price at which the live
market opens: random walks between points that the seed fixes (Brownian bridges), as fast as the live prices.
"""

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...greeks import Array
from .board import Board
from .expiries import day_of, instant_ms, third_friday
from .listings import Contract, contracts
from .spots import CALM, LEAN, LEVEL_SPREAD, STEP_MS, STEP_YEARS, Spots
from .surface import Surface, rounded_down, rounded_up
from .universe import Underlying

SESSIONS: Final = 5
# A bar is made of so many quotes.
_QUOTES: Final = 4
_QUOTE_MS: Final = 60_000 // _QUOTES
_SPACING_YEARS: Final = STEP_YEARS * _QUOTE_MS / STEP_MS
_MINUTE_CALM: Final = CALM * 60_000 / STEP_MS
# Every minute of four thousand contracts would be thirty million bars. The underlyings have every minute; contracts at the
# money of the next two expiries and of the next two monthly ones, which are looked at first, every fifth, and each of the
# last two hours; all others one in four hours.
_BUSY_EVERY: Final = 5
_BUSY_MINUTES: Final = 120
_OTHERS_EVERY: Final = 240
_BUSY_STRIKES: Final = 3
_BUSY_EXPIRIES: Final = 2
_SESSION_MINUTES: Final = 1440
# As `tape` counts a usual day's trading.
_OPTION_DAY, _STOCK_DAY = 400_000, 20_000_000

Minutes = NDArray[np.int64]


class PastBars(NamedTuple):
    """One instrument's bars: minutes since 1970, in order; `mid` and `last` with a row a bar, of open, high, low, close,
    NaN where there is none; `volume` is what was traded in the minute, NaN for an index."""

    symbol: str
    minutes: Minutes
    mid: Array
    last: Array
    volume: Array
    implied_volatility: Array


def past_bars(universe: Sequence[Underlying], seed: int, opens_ms: float) -> Iterator[PastBars]:
    """The past of each instrument that is listed when the market opens at `opens_ms`, one after the other."""
    paths = _Paths(universe, seed, opens_ms)
    board = Board(universe, opens_ms)
    opening = Spots(universe, seed, day_of(opens_ms).toordinal())
    for owner in range(len(universe)):
        board.value_at(owner, float(opening.price[owner]), float(opening.level[owner]), opens_ms)
    share = board.activity(opens_ms)
    first = len(universe)
    for owner, one in enumerate(universe):
        random = np.random.default_rng([seed, day_of(opens_ms).toordinal(), 5, owner])
        yield _of_underlying(one, paths, owner, random, float(share[owner]) * _STOCK_DAY)
        listed = contracts(one, opens_ms)
        shares = share[first : first + len(listed)]
        first += len(listed)
        busy = _busy(listed, float(opening.price[owner]))
        back = np.arange(len(paths.minutes))[::-1]
        often = (back % _BUSY_EVERY == 0) | (back < _BUSY_MINUTES)
        for chosen, quoted in ((busy, often), (~busy, back % _OTHERS_EVERY == 0)):
            its = [contract for contract, taken in zip(listed, chosen, strict=True) if taken]
            places = np.flatnonzero(quoted)
            yield from _of_contracts(one, its, paths, owner, random, shares[chosen] * _OPTION_DAY, places)


class _Paths:
    """Of all underlyings: `price`, four a minute and one at the end, and `level` of volatility, at the ends of minutes."""

    def __init__(self, universe: Sequence[Underlying], seed: int, opens_ms: float) -> None:
        today = day_of(opens_ms)
        days = [today - dt.timedelta(days=ago) for ago in range(SESSIONS, -1, -1)]
        starts = [instant_ms(day, dt.time()) // 60_000 for day in days]
        end = int(opens_ms // 60_000)
        self.minutes: Minutes = np.arange(starts[0], end, dtype=np.int64)

        opening = Spots(universe, seed, today.toordinal())
        pins = {
            start: Spots(universe, seed, day.toordinal()).previous_close
            for day, start in zip(days, starts, strict=True)
        }
        pins[end] = opening.price
        random = np.random.default_rng([seed, today.toordinal(), 4])
        volatility = np.array([one.volatility for one in universe])
        shocks = random.normal(size=(len(self.minutes) * _QUOTES, len(universe)))
        self.price: Array = np.exp(_bridges(shocks * volatility * math.sqrt(_SPACING_YEARS), starts[0], pins))

        # A mean-reverting walk looks the same backwards: so it ends at the level at which the market opens.
        leaning = shocks.reshape(len(self.minutes), _QUOTES, -1).sum(axis=1) / math.sqrt(_QUOTES)
        other = random.normal(size=leaning.shape)
        noise = LEVEL_SPREAD * math.sqrt(2 * _MINUTE_CALM) * (-LEAN * leaning + math.sqrt(1 - LEAN**2) * other)
        logarithm = np.empty_like(noise)
        at = np.log(opening.level)
        for minute in range(len(noise) - 1, -1, -1):
            logarithm[minute] = at
            at = at * (1 - _MINUTE_CALM) + noise[minute]
        self.level: Array = np.exp(logarithm)

    def quotes(self, owner: int, places: Minutes) -> Array:
        """The prices at the quotes of the minutes at these places, a row a minute. The last stands at the minute's end."""
        quotes: Array = np.round(self.price[places[:, None] * _QUOTES + np.arange(1, _QUOTES + 1), owner], 2)
        return quotes


def _bridges(steps: Array, start: int, pins: dict[int, Array]) -> Array:
    """Walks with these steps, bent so that at the minutes of `pins` they are where these say. Logarithms of prices."""
    walk = np.concatenate([np.zeros((1, steps.shape[1])), np.cumsum(steps, axis=0)])
    places = [(minute - start) * _QUOTES for minute in sorted(pins)]
    wanted = [np.log(pins[minute]) for minute in sorted(pins)]
    amiss = np.array([value - walk[place] for value, place in zip(wanted, places, strict=True)])
    along = np.arange(len(walk))
    bent: Array = walk + np.column_stack([np.interp(along, places, one) for one in amiss.T])
    return bent


def _busy(listed: Sequence[Contract], price: float) -> NDArray[np.bool_]:
    """Which of these are looked at first: at the money of the next expiries and of the next monthly ones, and at the
    middle strikes of these, of which a first watchlist is made."""
    every = sorted({one.expiry for one in listed})
    monthly = [day for day in every if third_friday(day.year, day.month) == day][:_BUSY_EXPIRIES]
    chosen = set()
    for expiry in {*every[:_BUSY_EXPIRIES], *monthly}:
        for root in {one.root for one in listed if one.expiry == expiry}:
            strikes = sorted({one.strike for one in listed if (one.expiry, one.root) == (expiry, root)})
            near = sorted(strikes, key=lambda strike: abs(strike - price))[:_BUSY_STRIKES]
            middle = len(strikes) // 2 - 1 if expiry in monthly else len(strikes)
            chosen |= {(expiry, root, strike) for strike in (*near, *strikes[middle : middle + _BUSY_STRIKES])}
    return np.array([(one.expiry, one.root, one.strike) in chosen for one in listed])


def _of_underlying(one: Underlying, paths: _Paths, owner: int, random: np.random.Generator, a_day: float) -> PastBars:
    count = len(paths.minutes)
    price = paths.quotes(owner, np.arange(count))
    nothing = np.full(count, np.nan)
    if one.kind == "index":
        mid, last, volume = np.full((count, 4), np.nan), _ohlc(price), nothing
    else:
        half = 0.01 + 0.00005 * price
        bid, ask = _sides(price, half, random, 0.01, 0.01)
        mid = _ohlc((bid + ask) / 2)
        last = _ohlc(np.where(random.random(price.shape) < 0.5, bid, ask))
        volume = random.poisson(a_day / _SESSION_MINUTES, count).astype(np.float64)
    return PastBars(one.symbol, paths.minutes, mid, last, volume, nothing)


def _of_contracts(
    one: Underlying,
    listed: Sequence[Contract],
    paths: _Paths,
    owner: int,
    random: np.random.Generator,
    a_day: Array,
    places: Minutes,
) -> Iterator[PastBars]:
    """Bars of the minutes at these places, of which the last is the last minute: it leads to the first live quote."""
    minutes = paths.minutes[places]
    price = paths.quotes(owner, places)
    close = price[:, -1:]
    ends_ms = (minutes[:, None] + 1).astype(np.float64) * 60_000
    values = Surface(one, listed).values(close, paths.level[places, owner][:, None], ends_ms)
    # Within the minute by the greeks at its end. The axes: bars, contracts, quotes.
    moved = (price - close)[:, None, :]
    value = values.theoretical[:, :, None] + values.delta[:, :, None] * moved + values.gamma[:, :, None] * moved**2 / 2
    bid, ask = _sides(np.maximum(value, 0), values.half_spread[:, :, None], random, one.ticks.low, one.ticks.high)
    mid = _ohlc(np.where(bid > 0, (bid + ask) / 2, np.nan))
    volume = random.poisson(a_day / _SESSION_MINUTES, values.theoretical.shape).astype(np.float64)
    paid = np.where(random.random(volume.shape) < 0.5, bid[:, :, 1], ask[:, :, 1])
    # The live market begins with a last price at its opening's value: so the past ends with that trade.
    paid[-1:] = rounded_up(values.theoretical[-1:], np.array(one.ticks.low), np.array(one.ticks.high))
    volume[-1:] = np.maximum(volume[-1:], 1)
    last = _last(paid, volume)
    for number, contract in enumerate(listed):
        yield PastBars(
            contract.symbol,
            minutes,
            mid[:, number],
            last[:, number],
            volume[:, number],
            values.implied_volatility[:, number],
        )


def _sides(value: Array, half: Array, random: np.random.Generator, low: float, high: float) -> tuple[Array, Array]:
    """Bids and asks round these values, as the board quotes them."""
    back = random.random((2, *value.shape))
    ticks = np.array(low), np.array(high)
    return (
        rounded_down(value - half * (0.4 + 0.6 * back[0]), *ticks),
        rounded_up(value + half * (0.4 + 0.6 * back[1]), *ticks),
    )


def _ohlc(quotes: Array) -> Array:
    """Open, high, low and close of the quotes on the last axis; where one of them is not there, nothing."""
    quotes = np.where(np.isnan(quotes).any(axis=-1, keepdims=True), np.nan, quotes)
    found: Array = np.stack([quotes[..., 0], quotes.max(axis=-1), quotes.min(axis=-1), quotes[..., -1]], axis=-1)
    return found


def _last(paid: Array, volume: Array) -> Array:
    """Open, high, low and close of the last price as it is quoted, of bars by contracts: that of the newest trade so far,
    which is in the bar or before it."""
    bars = np.arange(len(paid))[:, None]
    newest = np.maximum.accumulate(np.where((volume > 0) & (paid > 0), bars, -1), axis=0)
    last = np.where(newest >= 0, np.take_along_axis(paid, np.maximum(newest, 0), axis=0), np.nan)
    before = np.concatenate([np.full((1, paid.shape[1]), np.nan), last[:-1]])
    opened = np.where(np.isnan(before), last, before)
    return np.stack([opened, np.fmax(opened, last), np.fmin(opened, last), last], axis=-1)
