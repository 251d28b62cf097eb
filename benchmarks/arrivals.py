"""The market that the benchmarks play: Poisson arrivals, symbols by Zipf's law, seeded, rows as wide as a real option's; or
all quotes of a second in one instant.

    python -m benchmarks.arrivals SYMBOLS RATE SEED FILE [burst]

runs the real leader on it until SIGTERM, then writes which symbol was quoted when to FILE.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
import django

django.setup()

import numpy as np  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402
from django.conf import settings  # noqa: E402

from marketdata.facts import InstrumentFacts  # noqa: E402
from marketdata.feeds.base import Batch, FeedClock, FeedKind, LocalFeed  # noqa: E402
from marketdata.ingest.leader import Leader  # noqa: E402
from marketdata.ingest.options import history_of  # noqa: E402
from marketdata.quotes import Quote  # noqa: E402
from tests.path.universe import FEED, facts_of, symbol_of  # noqa: E402

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


async def main(symbols: int, rate: float, seed: int, file: str, *burst: str) -> None:
    feed = Arrivals(symbols, rate, seed, bool(burst))
    leader = Leader(
        feed,
        settings.REDIS_URL,
        get_channel_layer()._group_channel,
        history_of(feed.kind),
    )
    work = asyncio.create_task(leader.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        np.save(file, np.array(feed.log, dtype=np.float64))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]))
