"""The feed `simulated`: an invented options market that never closes, for trying the whole path without a provider.
`exchange` says what happens and when; this keeps its time and hands the quotes over, like any venue's client.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

import numpy as np

from ...facts import InstrumentFacts
from ..base import Batch, FeedClock, FeedKind, LocalFeed, PermanentFeedError
from .exchange import OPENING_MS, Exchange
from .universe import UNIVERSE

_OPENING_BATCH: Final = 250
_LARGEST_BATCH: Final = 1000
# Further behind than this, the rest is let go: after a machine's sleep, or at a rate that it cannot make.
_FURTHEST_BEHIND_MS: Final = 1000


def wall_ms() -> float:
    return time.time() * 1000


def build(options: dict[str, Any]) -> "Market":
    """From `quotes_per_second` (500) and `seed` (1). Raises PermanentFeedError."""
    rate, seed = options.get("quotes_per_second", 500), options.get("seed", 1)
    if not isinstance(rate, int | float) or not 0 < rate <= 1_000_000:
        raise PermanentFeedError(
            f"simulated: {rate!r} quotes a second; STRIKEWIRE_SIMULATED_QUOTES_PER_SECOND takes 1 to 1000000"
        )
    if not isinstance(seed, int) or seed < 0:
        raise PermanentFeedError(
            f"simulated: the seed is {seed!r}; STRIKEWIRE_SIMULATED_SEED takes whole numbers from 0"
        )
    return Market(float(rate), seed)


class Market(LocalFeed):
    """Lists what is alive when it is asked for its instruments, and nothing new later: a contract falls silent when it
    expires, and the next asking lists that day's. Its clock is the real one."""

    name = "simulated"
    kind: FeedKind = "simulated"

    def __init__(
        self,
        quotes_per_second: float,
        seed: int,
        *,
        now_ms: Callable[[], float] = wall_ms,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._now_ms = now_ms
        self._sleep = sleep
        # How long quotes are gathered: a wake-up costs as much as a hundred quotes in one batch do.
        self._gather_s = 0.0 if quotes_per_second <= 100 else 0.015
        self._rate = quotes_per_second
        self._seed = seed
        self._exchange: Exchange | None = None

    @property
    def clock(self) -> FeedClock:
        return FeedClock()

    async def instruments(self) -> Sequence[InstrumentFacts]:
        self._exchange = self._opened()
        return self._exchange.board.facts

    async def batches(self) -> AsyncIterator[Batch]:
        exchange = self._exchange or self._opened()
        exchange.skip_to(self._now_ms() + OPENING_MS)  # nothing was missed between the asking and the reading
        numbers = np.arange(len(exchange.board))
        parts = np.array_split(numbers, -(-len(numbers) // _OPENING_BATCH))
        for part in parts:
            now = self._now_ms()
            yield Batch(exchange.open(part, now, now))
            await self._sleep(OPENING_MS / 1000 / len(parts))
        while True:
            now = self._now_ms()
            if now - exchange.next_ms > _FURTHEST_BEHIND_MS:
                exchange.skip_to(now)
            quotes, trades = exchange.until(now, now, _LARGEST_BATCH)
            if quotes:
                yield Batch(quotes, trades)
            if len(quotes) < _LARGEST_BATCH:
                await self._sleep(max((exchange.next_ms - self._now_ms()) / 1000, self._gather_s))
            else:
                await self._sleep(0)

    def _opened(self) -> Exchange:
        return Exchange(UNIVERSE, self._seed, self._rate, self._now_ms())
