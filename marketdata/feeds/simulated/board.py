"""Every instrument of the simulated market side by side: what each is worth now, and between what sides it is quoted.
`exchange` asks it; it asks the `surface` of an underlying, and only when that moved.
"""

import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ... import greeks
from ...greeks import Array
from .listings import contracts, facts_of
from .spots import Spots
from .surface import Surface, Values, rounded_down, rounded_up
from .universe import Underlying

Numbers = NDArray[np.intp]

# The share of quotes that are an underlying's own.
_UNDERLYINGS_SHARE: Final = 0.06
# What even the quietest contract keeps of the activity at the money: nobody is ever quite silent.
_LEAST_ACTIVITY: Final = 0.04


class Sides(NamedTuple):
    """Bids and asks with their implied volatilities; NaN where there is none."""

    bid: Array
    ask: Array
    bid_iv: Array
    ask_iv: Array


class Board:
    """Instruments are numbered: the underlyings first, then all contracts. What an underlying has not is NaN."""

    def __init__(self, universe: Sequence[Underlying], now_ms: float) -> None:
        listed = [contracts(one, now_ms) for one in universe]
        pairs = list(zip(universe, listed, strict=True))
        blocks = [facts_of(one, its) for one, its in pairs]
        self.facts = [block[0] for block in blocks] + [facts for block in blocks for facts in block[1:]]
        self.symbols = [facts.symbol for facts in self.facts]
        self.numbers = {symbol: number for number, symbol in enumerate(self.symbols)}
        self.underlyings = len(universe)
        self.is_index = np.array([one.kind == "index" for one in universe])
        self._universe = universe
        self._surfaces = [Surface(one, its) for one, its in pairs]

        nothing = np.full(self.underlyings, np.nan)
        bounds = self.underlyings + np.cumsum([0, *map(len, listed)])
        self._places = [slice(low, high) for low, high in itertools.pairwise(bounds.tolist())]
        self.owner = np.concatenate(
            [np.arange(self.underlyings), *(np.full(len(its), owner) for owner, its in enumerate(listed))]
        )
        self.call = np.concatenate([np.zeros(self.underlyings, dtype=bool), *(one.call for one in self._surfaces)])
        self.strike = np.concatenate([nothing, *(one.strike for one in self._surfaces)])
        self.expires_ms = np.concatenate(
            [np.full(self.underlyings, np.inf), *(one.expires_ms for one in self._surfaces)]
        )
        cent = np.full(self.underlyings, 0.01)
        self._low = np.concatenate([cent, *(np.full(len(its), one.ticks.low) for one, its in pairs)])
        self._high = np.concatenate([cent, *(np.full(len(its), one.ticks.high) for one, its in pairs)])
        # A row a field of Values: all that is known of a few instruments is then one look-up, where a look-up of a
        # few numbers costs as much as one of many.
        self.table = np.full((len(Values._fields), len(self.facts)), np.nan)
        self.values = Values(*self.table)
        self._valued_at = [-1] * self.underlyings

    def __len__(self) -> int:
        return len(self.facts)

    def value(self, owners: Numbers, spots: Spots, step: int, at_ms: float) -> None:
        """Brings the values of these underlyings and their contracts up to `step`, which is at `at_ms`."""
        for owner in set(owners.tolist()):
            if self._valued_at[owner] != step:
                self._valued_at[owner] = step
                self.value_at(owner, float(spots.price[owner]), float(spots.level[owner]), at_ms)

    def value_at(self, owner: int, price: float, level: float, at_ms: float) -> None:
        """Values one underlying and its contracts at a price, a volatility level and a time."""
        self.table[:, self._places[owner]] = self._surfaces[owner].values(price, level, at_ms)
        self.values.theoretical[owner] = price
        self.values.half_spread[owner] = 0.01 + 0.00005 * price

    def activity(self, now_ms: float) -> Array:
        """How often each instrument quotes, as shares of 1: more near the money and near expiry, none once expired."""
        first = self.underlyings
        popularity = np.array([one.popularity for one in self._universe])
        near = _LEAST_ACTIVITY + np.exp(-0.5 * self.values.moneyness[first:] ** 2)
        soon = 1 / np.sqrt(self.values.years[first:] * 365 + 2)
        weights = np.where(self.expires_ms[first:] > now_ms, near * soon * popularity[self.owner[first:]], 0)
        own = popularity / popularity.sum() * _UNDERLYINGS_SHARE
        return np.concatenate([own, weights / max(weights.sum(), 1e-12) * (1 - _UNDERLYINGS_SHARE)])

    def sides(self, numbers: Numbers, back: Array) -> Sides:
        """How these instruments are quoted. `back`, two columns of 0 to 1, says how far each side stands back from the
        value, between two fifths and all of the half spread. The value lies between the sides, so that no quotes of
        one moment can be traded against each other at a profit."""
        owner = self.owner[numbers]
        value, half = self.values.theoretical[numbers], self.values.half_spread[numbers]
        low, high = value - half * (0.4 + 0.6 * back[:, 0]), value + half * (0.4 + 0.6 * back[:, 1])
        ticks = self._low[numbers], self._high[numbers]
        bid, ask = rounded_down(low, *ticks), rounded_up(high, *ticks)
        unquoted = (numbers < self.underlyings) & self.is_index[owner]
        bid[(bid <= 0) | unquoted] = np.nan
        ask[unquoted] = np.nan
        both = np.concatenate([numbers, numbers])
        volatilities = greeks.implied_volatility(
            self.call[both],
            np.concatenate([bid, ask]),
            self.values.theoretical[self.owner[both]],
            self.strike[both],
            self.values.years[both],
        ).round(4)
        return Sides(bid, ask, volatilities[: len(numbers)], volatilities[len(numbers) :])

    def tradable(self, price: Array) -> Array:
        """A price for each instrument, at or above `price`, at which it could trade."""
        return rounded_up(price, self._low, self._high)
