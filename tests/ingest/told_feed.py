"""A feed that says what a test tells it to."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from marketdata.facts import InstrumentFacts
from marketdata.feeds.base import Batch, FeedClock, FeedKind, LocalFeed
from marketdata.quotes import Quote
from tests.builders import NOON_MS, make_facts, make_quote

FEED = "told"
SYMBOLS = [f"ACME-{number}" for number in range(1, 6)]


def quotes(*symbols: str, bid: float = 1.0) -> list[Quote]:
    return [make_quote(symbol, bid=bid, ask=bid + 1) for symbol in symbols]


class ToldFeed(LocalFeed):
    """`say` queues a batch or an error, which `batches` yields or raises; None ends the iteration. Errors in `refusals`
    are raised by `instruments` first."""

    name = FEED
    kind: FeedKind = "simulated"
    clock = FeedClock(at_ms=NOON_MS, offset_ms=0, rate=0)  # it is always noon, so that nothing ever expires

    def __init__(self, symbols: Sequence[str] = SYMBOLS) -> None:
        self.facts: list[InstrumentFacts] = [make_facts(symbol, feed=FEED) for symbol in symbols]
        self.refusals: list[Exception] = []
        self.openings = 0
        self.closings = 0
        self._said: asyncio.Queue[Batch | Exception | None] = asyncio.Queue()

    async def instruments(self) -> Sequence[InstrumentFacts]:
        if self.refusals:
            raise self.refusals.pop(0)
        return self.facts

    async def batches(self) -> AsyncIterator[Batch]:
        self.openings += 1
        try:
            while (said := await self._said.get()) is not None:
                if isinstance(said, Exception):
                    raise said
                yield said
        finally:
            self.closings += 1

    def say(self, said: Batch | Exception | None) -> None:
        self._said.put_nowait(said)

    def quote(self, *symbols: str, bid: float = 1.0) -> None:
        self.say(Batch(quotes(*symbols, bid=bid)))
