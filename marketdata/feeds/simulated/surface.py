"""What the simulated options of one underlying are worth: the smile, prices, greeks, and how wide they are quoted.
`exchange` asks it whenever the price or the volatility level moved; pure, whole arrays at a time.

The smile is the surface SSVI of J. Gatheral and A. Jacquier, "Arbitrage-free SVI volatility surfaces" (2014), equation
4.1 with φ(θ) = η / (√θ·√(1 + θ)), which has no static arbitrage for η·(1 + |ρ|) ≤ 2. There is no interest and no
dividend in this market: the forward is the spot, an American option is worth what a European one is, and every quote can
be checked from its own row alone.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from ... import greeks
from ...greeks import Array
from .listings import Contract
from .universe import Underlying

# How fast the term structure forgets today's level: half of it is gone in about two months.
_REVERSION: Final = 4.0
# Below a minute the formulas run away; nobody quotes by them then.
_LEAST_YEARS: Final = 60_000 / greeks.MS_PER_YEAR
# Where option prices change from the lower tick to the higher.
_STEP_AT: Final = 3.0


class Values(NamedTuple):
    """One underlying's options at one moment, in listing order. `half_spread` is the widest distance of a bid or ask
    from `theoretical`. Implied volatility and greeks are rounded as a venue would, and belong to each other."""

    years: Array
    theoretical: Array
    half_spread: Array
    implied_volatility: Array
    delta: Array
    gamma: Array
    theta: Array
    vega: Array
    rho: Array
    moneyness: Array


class Surface:
    """The listed options of one underlying, as arrays."""

    def __init__(self, underlying: Underlying, listed: Sequence[Contract]) -> None:
        self.underlying = underlying
        self.call = np.array([contract.right == "C" for contract in listed])
        self.strike = np.array([contract.strike for contract in listed], dtype=np.float64)
        self.expires_ms = np.array([contract.expires_ms for contract in listed], dtype=np.float64)

    def volatility(self, spot: float | Array, level: float | Array, years: Array) -> Array:
        """Implied volatilities of the strikes at `years` to expiry, rounded to four digits."""
        one = self.underlying
        long_run = one.volatility**2
        weight = -np.expm1(-_REVERSION * years) / (_REVERSION * years)
        at_the_money = (long_run + long_run * (level**2 - 1) * weight) * years
        steepness = one.wings / np.sqrt(at_the_money * (1 + at_the_money))
        tilted = steepness * np.log(self.strike / spot) + one.skew
        variance = at_the_money / 2 * (1 + one.skew * (tilted - one.skew) + np.sqrt(tilted**2 + 1 - one.skew**2))
        return np.round(np.sqrt(variance / years), 4).astype(np.float64, copy=False)

    def values(self, spot: float | Array, level: float | Array, now_ms: float | Array) -> Values:
        """All of it at a price, a volatility level (1 is the usual) and a time; at several moments where these are columns.
        Those expired are valued as if they had a minute to live."""
        years = np.maximum((self.expires_ms - now_ms) / greeks.MS_PER_YEAR, _LEAST_YEARS)
        volatility = self.volatility(spot, level, years)
        theoretical = greeks.price(self.call, spot, self.strike, years, volatility)
        found = greeks.greeks(self.call, spot, self.strike, years, volatility)
        moneyness = np.abs(np.log(self.strike / spot)) / (self.underlying.volatility * np.sqrt(years))
        intrinsic = np.maximum(np.where(self.call, spot - self.strike, self.strike - spot), 0)
        # Makers ask for more where there is more to lose: time value, distance from the money, shares to hedge with.
        half_spread = (
            self.underlying.ticks.low * 0.6
            + (theoretical - intrinsic) * (0.006 + 0.006 * np.minimum(moneyness, 4))
            + 0.0002 * spot * np.abs(found.delta) * (1 + 0.5 * np.minimum(moneyness, 4))
        )
        return Values(
            years=years,
            theoretical=theoretical,
            half_spread=half_spread,
            implied_volatility=volatility,
            delta=np.round(found.delta, 5),
            gamma=np.round(found.gamma, 7),
            theta=np.round(found.theta, 5),
            vega=np.round(found.vega, 5),
            rho=np.round(found.rho, 5),
            moneyness=moneyness,
        )


def rounded_down(price: Array, low: Array, high: Array) -> Array:
    """The highest quotable price at or below each, 0 for what lies under the first tick. `low` and `high` are the
    ticks below 3 and from there on."""
    tick = np.where(price < _STEP_AT, low, high)
    return _decimal(np.floor(price / tick + 1e-9) * tick)


def rounded_up(price: Array, low: Array, high: Array) -> Array:
    """The lowest quotable price at or above each, and at least one tick."""
    tick = np.where(price < _STEP_AT, low, high)
    return _decimal(np.maximum(np.ceil(price / tick - 1e-9), 1) * tick)


def _decimal(price: Array) -> Array:
    """3 × 0.05 is not 0.15 in binary, and a venue would send 0.15."""
    return np.round(np.maximum(price, 0), 2).astype(np.float64, copy=False)
