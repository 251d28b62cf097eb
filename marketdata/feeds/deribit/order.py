"""What the times of live quotes say: which one is older than what is known, and whether two clocks disagree. `feed` asks
for every quote; a replay does not, and plays what was recorded.
"""

import logging
import math
from collections.abc import Container
from typing import Final

from ...quotes import Quote

# A time further ahead of ours than this is remembered as this: one damaged stamp must not silence an instrument.
AHEAD_MS: Final = 60_000.0
SKEW_MS: Final = 60_000.0
_SAY_EVERY_MS: Final = 60_000.0
# One late frame is no wrong clock: the least distance within so long is judged.
_WINDOW_MS: Final = 3_000.0

logger = logging.getLogger(__name__)


class Order:
    """The newest venue time of each instrument."""

    def __init__(self) -> None:
        self._newest: dict[str, float] = {}

    def is_old(self, quote: Quote) -> bool:
        """Whether the venue said something newer of this instrument before; else `quote` is the newest from now on."""
        if quote.venue_time_ms < self._newest.get(quote.symbol, 0):
            return True
        self._newest[quote.symbol] = min(quote.venue_time_ms, quote.received_ms + AHEAD_MS)
        return False

    def keep_only(self, symbols: Container[str]) -> None:
        self._newest = {symbol: at for symbol, at in self._newest.items() if symbol in symbols}


class ClockSkew:
    """Says once a minute that the venue's clock and ours are more than a minute apart."""

    def __init__(self, feed: str) -> None:
        self._feed = feed
        self._least = math.inf
        self._since_ms: float | None = None
        self._said_ms = -math.inf

    def note(self, quote: Quote) -> None:
        lag = quote.received_ms - quote.venue_time_ms
        if self._since_ms is None:
            self._since_ms = quote.received_ms
        if abs(lag) < abs(self._least):
            self._least = lag
        if quote.received_ms - self._since_ms < _WINDOW_MS:
            return
        if SKEW_MS < abs(self._least) < math.inf and quote.received_ms - self._said_ms >= _SAY_EVERY_MS:
            self._said_ms = quote.received_ms
            which = "behind" if self._least > 0 else "ahead of"
            logger.warning(
                "%s: its clock is %.0f s %s ours; quotes flow, but one of the two is wrong",
                self._feed,
                abs(self._least) / 1000,
                which,
            )
        self._least, self._since_ms = math.inf, quote.received_ms
