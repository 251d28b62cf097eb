"""How the simulated underlyings move: prices and volatility levels on a fixed grid of time, from a seed. `exchange`
steps them along, `surface` values options at what they show.

Prices follow a random walk with small jumps that is pulled back to each underlying's usual price, so that the listed
strikes stay around it; the volatility level is a mean-reverting walk of its own that leans against the price.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from ...greeks import Array
from .universe import Underlying

STEP_MS: Final = 100
# A year's variance is spent in its trading time, of which this market, always open, has more than a real one: its
# prices move as fast as real ones do while these trade.
STEP_YEARS: Final = STEP_MS / 1000 / (252 * 6.5 * 3600)
_PULL: Final = math.log(2) / (4 * 3600 * 1000 / STEP_MS)  # half of a deviation is gone in four hours
CALM: Final = math.log(2) / (1800 * 1000 / STEP_MS)  # and half of an excited volatility in thirty minutes
LEVEL_SPREAD: Final = 0.15  # of the logarithm of volatility, in the long run
LEAN: Final = -0.6
_JUMPS_PER_STEP: Final = STEP_MS / 180_000
_JUMP: Final = 0.0006
_BLOCK: Final = 256


class Spots:
    """The state of all underlyings, in the order given. `price` and `level` (volatility over its usual one) are arrays,
    replaced at each step and never written into."""

    def __init__(self, universe: Sequence[Underlying], seed: int, session: int) -> None:
        """`session` is the ordinal of the day: each day has its own previous close and its own path."""
        self._random = np.random.default_rng([seed, session, 1])
        self._usual = np.array([one.price for one in universe], dtype=np.float64)
        self._volatility = np.array([one.volatility for one in universe])
        size = len(universe)
        day = self._volatility / math.sqrt(252)
        self.previous_close: Array = self._usual * np.exp(day * self._random.normal(size=size))
        self._deviation = np.log(self.previous_close / self._usual) + 0.6 * day * self._random.normal(size=size)
        self._log_level = LEVEL_SPREAD * self._random.normal(size=size)
        self._draws = np.empty((0, 4, size))
        self._used = 0
        self._show()

    def step(self) -> None:
        """Moves everything on by STEP_MS."""
        if self._used == len(self._draws):
            self._draws = self._random.normal(size=(_BLOCK, 4, len(self._usual)))
            self._draws[:, 2] = self._random.random(size=(_BLOCK, len(self._usual))) < _JUMPS_PER_STEP
            self._used = 0
        shock, other, jumps, jump = self._draws[self._used]
        self._used += 1
        volatility = self._volatility * self.level
        self._deviation = (
            self._deviation * (1 - _PULL)
            + volatility * math.sqrt(STEP_YEARS) * shock
            - volatility**2 * STEP_YEARS / 2
            + jumps * jump * _JUMP
        )
        leaning = LEAN * shock + math.sqrt(1 - LEAN**2) * other
        self._log_level = self._log_level * (1 - CALM) + LEVEL_SPREAD * math.sqrt(2 * CALM) * leaning
        self._show()

    def _show(self) -> None:
        self.price: Array = np.round(self._usual * np.exp(self._deviation), 2)
        self.level: Array = np.exp(self._log_level)
