"""A token bucket: how many calls a provider takes at once and how many a second after that. A venue's client asks it
before each call, so that the provider never has to refuse one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable


class Budget:
    """`burst` calls at once, then `rate` a second. Shared by all connections that the provider counts together."""

    def __init__(
        self,
        rate: float,
        burst: int,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._now = now
        self._sleep = sleep
        self._left = self._burst
        self._at = now()
        self._full_again = self._at

    async def take(self) -> None:
        """Returns when one call may be made."""
        while True:
            now = self._now()
            self._left = min(self._burst, self._left + (now - self._at) * self._rate)
            self._at = now
            if self._left >= 1:
                self._left -= 1
                return
            await self._sleep((1 - self._left) / self._rate)

    def exhaust(self) -> None:
        """The provider says that nothing is left, whatever we counted: others may share its account of us."""
        self._left = 0.0
        self._at = self._now()
        self._full_again = self._at + self._burst / self._rate

    async def refilled(self) -> None:
        """Returns when the whole burst is there again after `exhaust`; at once where that was never called."""
        while (wait := self._full_again - self._now()) > 0:
            await self._sleep(wait)
