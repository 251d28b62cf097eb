"""The market that the benchmarks play: Poisson arrivals, symbols by Zipf's law, seeded, rows as wide as a real option's; or
all quotes of a second in one instant.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import numpy as np

from marketdata.facts import InstrumentFacts
from marketdata.feeds.base import Batch, FeedClock, FeedKind, LocalFeed
from marketdata.quotes import Quote
from tests.path.universe import FEED, facts_of, symbol_of

TURN_S: Final = 0.002
ZIPF: Final = 1.0


def weights(symbols: int) -> Any:
    """The share of each symbol, the first the busiest."""
    share = 1.0 / np.arange(1, symbols + 1) ** ZIPF
    return share / share.sum()


def wide_quote(symbol: str, now_ms: float, price: float) -> Quote:
    """A quote with the columns that a venue with greeks fills: about 176 bytes as a row."""
    return Quote(
        symbol=symbol,
        received_ms=now_ms,
        venue_time_ms=now_ms - 1,
        bid=price,
        ask=round(price + 0.05, 2),
        bid_size=25,
        ask_size=40,
        last=price,
        last_size=3,
        last_time_ms=now_ms - 250,
        volume=1234,
        open_interest=5678,
        mark=round(price + 0.025, 3),
        underlying_price=512.34,
        implied_volatility=0.2345,
        bid_iv=0.2311,
        ask_iv=0.2378,
        delta=0.5123,
        gamma=0.01234,
        theta=-0.0456,
        vega=0.1234,
        rho=0.0567,
    )


class Arrivals(LocalFeed):
    """The feed. `log` is (symbol's number, ms) of every quote, in order."""

    name = FEED
    kind: FeedKind = "simulated"
    clock = FeedClock()

    def __init__(self, symbols: int, rate: float, seed: int, burst: bool = False) -> None:
        self._symbols = symbols
        self._rate = rate
        self._pause_s = 1.0 if burst else TURN_S
        self._random = np.random.default_rng(seed)
        self._names = [symbol_of(number) for number in range(symbols)]
        self.log: list[tuple[int, float]] = []

    async def instruments(self) -> Sequence[InstrumentFacts]:
        return facts_of(self._symbols)

    async def batches(self) -> AsyncIterator[Batch]:
        cumulated = np.cumsum(weights(self._symbols))
        order = self._random.permutation(self._symbols)  # busy ones spread over the sockets' choices
        yield self._batch(range(self._symbols))  # everything once, so that every snapshot is full
        at = time.monotonic()
        while True:
            await asyncio.sleep(self._pause_s)
            now = time.monotonic()
            due = self._rate * (now - at)
            count = round(due) if self._pause_s == 1.0 else self._random.poisson(due)
            at = now
            if count:
                picks = order[np.searchsorted(cumulated, self._random.random(count)).clip(max=self._symbols - 1)]
                yield self._batch(picks.tolist())

    def _batch(self, numbers: Sequence[int]) -> Batch:
        now = round(time.time() * 1000, 3)
        self.log += [(number, now) for number in numbers]
        price = round(10 + (len(self.log) % 500) / 100, 2)
        return Batch([wide_quote(self._names[number], now, price) for number in numbers])
