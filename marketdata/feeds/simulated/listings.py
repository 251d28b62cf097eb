"""What the simulated market lists on a day: the contracts of every underlying, and all of it as InstrumentFacts.
`surface` values the contracts in the order that they have here.
"""

import datetime as dt
import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from ... import symbols
from ...facts import InstrumentFacts, Right
from .expiries import day_of, expiries, instant_ms, third_friday
from .universe import Root, Underlying

FEED: Final = "simulated"
# Days before expiry at which the fine grid of strikes is listed.
_NEAR_DAYS: Final = 45
_STEPS: Final = (0.5, 1, 2.5, 5, 10, 25, 50, 100, 250)
_RIGHTS: Final[tuple[Right, ...]] = ("C", "P")


class Contract(NamedTuple):
    """One option; `expires_ms` is the instant at which it stops quoting and settles."""

    symbol: str
    root: str
    expiry: dt.date
    expires_ms: int
    strike: float
    right: Right


def strikes(underlying: Underlying, expiry: dt.date, today: dt.date) -> list[float]:
    """Strikes around the underlying's usual price. A monthly expiry has a coarse grid over what half a year may bring;
    every expiry gets a finer one over a month's range when it comes within 45 days. None is ever taken away: what
    someone watches stays listed until it expires."""
    grid: set[float] = set()
    if third_friday(expiry.year, expiry.month) == expiry:
        grid.update(_grid(underlying, min(2.5 * underlying.volatility * math.sqrt(0.5), 0.6), 10))
    if (expiry - today).days <= _NEAR_DAYS:
        grid.update(_grid(underlying, 3 * underlying.volatility * math.sqrt(30 / 365), 14))
    return sorted(grid)


def _grid(underlying: Underlying, reach: float, to_a_side: int) -> list[float]:
    """Strikes from `reach` (a fraction of the price) below to `reach` above, in the next usual step that needs no more
    than `to_a_side` of them on each side."""
    wanted = underlying.price * reach / to_a_side
    step = next((step for step in _STEPS if step >= wanted), _STEPS[-1])
    middle = round(underlying.price / step)
    count = min(math.ceil(reach * underlying.price / step), middle - 1)
    return [float((middle + offset) * step) for offset in range(-count, count + 1)]


def contracts(underlying: Underlying, now_ms: float) -> list[Contract]:
    """Every option on `underlying` that has not expired at `now_ms`, by root, expiry, strike, right."""
    return [
        Contract(
            symbols.format_osi(symbols.OptionName(root.symbol, expiry, right, strike)),
            root.symbol,
            expiry,
            expires_ms,
            strike,
            right,
        )
        for root in underlying.roots
        for expiry, expires_ms in _alive(root, now_ms)
        for strike in strikes(underlying, expiry, day_of(now_ms))
        for right in _RIGHTS
    ]


def facts_of(underlying: Underlying, listed: Sequence[Contract]) -> list[InstrumentFacts]:
    """The underlying's own facts, then those of its contracts in their order."""
    return [
        InstrumentFacts(
            symbol=underlying.symbol,
            feed=FEED,
            kind=underlying.kind,
            underlying=underlying.symbol,
            venue_symbol=underlying.symbol,
        ),
        *(
            InstrumentFacts(
                symbol=contract.symbol,
                feed=FEED,
                kind="option",
                underlying=underlying.symbol,
                venue_symbol=contract.symbol,
                root=contract.root,
                expiry=contract.expiry.isoformat(),
                expires_ms=contract.expires_ms,
                strike=contract.strike,
                right=contract.right,
                exercise=underlying.exercise,
                multiplier=100,
                tick=underlying.ticks.low,
            )
            for contract in listed
        ),
    ]


def _alive(root: Root, now_ms: float) -> list[tuple[dt.date, int]]:
    """Expiries whose cut-off lies ahead, each with it."""
    days = [(day, instant_ms(day, root.settles)) for day in expiries(root.series, day_of(now_ms))]
    return [(day, expires_ms) for day, expires_ms in days if expires_ms > now_ms]
