"""How long one hop of the path takes, gathered over a second. Pure; `vital_signs` asks each."""

import statistics
from typing import Final

from ..bus.vitals import Hop

# Samples of a second that are kept: enough for a median, at any rate.
SAMPLES: Final = 1_000


class Hops:
    """Milliseconds, as they come."""

    def __init__(self) -> None:
        self._samples: list[float] = []
        self._most: float | None = None

    def add(self, ms: float) -> None:
        if self._most is None or ms > self._most:
            self._most = ms
        if len(self._samples) < SAMPLES:
            self._samples.append(ms)

    def take(self) -> Hop:
        """What was gathered since the last asking, which is forgotten."""
        samples, most = self._samples, self._most
        self._samples, self._most = [], None
        if most is None:
            return Hop()
        return Hop(round(statistics.median(samples), 3), round(most, 3))
