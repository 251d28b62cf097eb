"""A feed that is read as ingest reads it, and what came of it: for tests of the live client without ingest."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from marketdata.facts import InstrumentFacts
from marketdata.feeds.base import Rejected, TemporaryFeedError
from marketdata.feeds.deribit.feed import DeribitFeed, build
from marketdata.quotes import Quote, Trade

from .deribit_server import DeribitServer

RETRY_S = 0.05


class Reading:
    """`newest` quote of each symbol; `errors` are what ended the iterator, each followed by another try. A quote older than
    the one before it is a fault."""

    def __init__(self, feed: DeribitFeed) -> None:
        self.feed = feed
        self.newest: dict[str, Quote] = {}
        self.quotes: list[Quote] = []
        self.trades: list[Trade] = []
        self.rejected: list[Rejected] = []
        self.errors: list[TemporaryFeedError] = []
        self.faults: list[str] = []
        self.task = asyncio.create_task(self._read())

    async def until(self, found: Callable[[], Any], limit_s: float = 10) -> None:
        deadline = time.monotonic() + limit_s
        while not found():
            if self.task.done():
                self.task.result()
            assert time.monotonic() < deadline, (self.errors, self.rejected[-5:], self.feed.connections())
            await asyncio.sleep(0.01)

    async def converges(self, server: DeribitServer, names: Sequence[str], limit_s: float = 15) -> None:
        """Returns when the newest quote of each of `names` is the venue's last ticker of it."""

        def right() -> bool:
            return all(self._is_right(server.latest[f"ticker.{name}"]) for name in names)

        await self.until(right, limit_s)

    def _is_right(self, data: dict[str, Any]) -> bool:
        quote = self.newest.get(data["instrument_name"])
        return quote is not None and (quote.venue_time_ms, quote.mark, quote.open_interest) == (
            data["timestamp"],
            data["mark_price"],
            data["open_interest"],
        )

    async def _read(self) -> None:
        while True:
            try:
                async with contextlib.aclosing(self.feed.batches()) as batches:  # type: ignore[type-var]
                    async for batch in batches:
                        for quote in batch.quotes:
                            before = self.newest.get(quote.symbol)
                            if before is not None and quote.venue_time_ms < before.venue_time_ms:
                                self.faults.append(f"{quote} after {before}")
                            self.newest[quote.symbol] = quote
                        self.quotes += batch.quotes
                        self.trades += batch.trades
                        self.rejected += batch.rejected
            except TemporaryFeedError as error:
                self.errors.append(error)
                await asyncio.sleep(RETRY_S)


def feed_of(server: DeribitServer, **options: Any) -> DeribitFeed:
    return build({"url": server.url, **options})


async def listed_by(feed: DeribitFeed) -> Sequence[InstrumentFacts]:
    """The first listing, tried again as ingest does."""
    async with asyncio.timeout(15):
        while True:
            try:
                return await feed.instruments()
            except TemporaryFeedError:
                await asyncio.sleep(RETRY_S)


@contextlib.asynccontextmanager
async def reading(server: DeribitServer, **options: Any) -> AsyncIterator[Reading]:
    """A feed on `server` that covers all it lists, and is read."""
    feed = feed_of(server, **options)
    await feed.cover(await listed_by(feed))
    made = Reading(feed)
    try:
        yield made
    finally:
        made.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await made.task
    assert not made.faults
