"""A clock for limits in tests, which counts the time that the machine gave: while nothing on it ran, what has a limit could
not come either. A pause of what is tested alone counts whole.
"""

import threading
from functools import cache
from time import monotonic, sleep  # themselves: tests put others into the module
from typing import Final

_LOOK_S: Final = 0.05
# Between two looks, and what is above it was not given.
_LONGEST_S: Final = 0.25


class _Clock:
    """Looked at by a thread of its own, which runs whenever the machine lets this process run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given, self._at = 0.0, monotonic()
        threading.Thread(target=self._look, daemon=True, name="given time").start()

    def now(self) -> float:
        with self._lock:
            now = monotonic()
            self._given += min(now - self._at, _LONGEST_S)
            self._at = now
            return self._given

    def _look(self) -> None:
        while True:
            sleep(_LOOK_S)
            self.now()


@cache
def _clock() -> _Clock:
    return _Clock()


def now() -> float:
    """Seconds given since the first look; never more than have passed."""
    return _clock().now()


class Interval:
    """From now on."""

    def __init__(self) -> None:
        self._given, self._real = now(), monotonic()

    def lost_s(self) -> float:
        """How much of it the machine did not give: what has to happen in real time may have gone wrong by that."""
        given = now() - self._given
        return monotonic() - self._real - given
