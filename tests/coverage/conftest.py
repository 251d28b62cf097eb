"""A leader in the test's own loop, on a feed whose list, clock and connections a test sets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import cast

import pytest
from django.conf import settings
from redis import Redis

from marketdata.bus import keys, orders
from marketdata.bus.orders import Order
from marketdata.facts import InstrumentFacts
from marketdata.feeds.base import Batch, FeedClock
from marketdata.ingest.leader import Leader
from tests.builders import NOON_MS, make_quote
from tests.coverage.board import board
from tests.ingest.told_feed import FEED, ToldFeed

WAIT_S = 10.0


class Venue(ToldFeed):
    """Lists ACME at 100 and its options. `covers` are the symbols of each telling, `reconnects` counts, `changed` is what
    it says of its list next."""

    def __init__(self) -> None:
        super().__init__([])
        self.facts = list(board(feed=FEED))
        self.covers: list[set[str]] = []
        self.reconnects = 0
        self.changed = False
        self.asked = 0

    async def instruments(self) -> Sequence[InstrumentFacts]:
        self.asked += 1
        return await super().instruments()

    async def cover(self, instruments: Sequence[InstrumentFacts]) -> None:
        self.covers.append({facts.symbol for facts in instruments})

    async def reconnect(self) -> None:
        self.reconnects += 1

    def listing_changed(self) -> bool:
        changed, self.changed = self.changed, False
        return changed

    def set_clock(self, ms: float) -> None:
        self.clock = FeedClock(at_ms=ms, offset_ms=0, rate=0)  # stands still at `ms`

    def prices(self, spot: float = 100.0) -> None:
        """A quote of everything, the stock at `spot`."""
        quotes = [make_quote(facts.symbol) for facts in self.facts if facts.kind == "option"]
        self.say(Batch([make_quote("ACME", bid=spot - 0.1, ask=spot + 0.1, last=spot), *quotes]))


class Room:
    """`feed` and its `leader`, which runs as `task`; `redis` sees what comes of it."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.feed = Venue()
        self.leader = self._made()
        self.task: asyncio.Task[None] | None = None

    def _made(self) -> Leader:
        return Leader(self.feed, settings.REDIS_URL, lambda group: f"test__group__{group}")

    @contextlib.asynccontextmanager
    async def leading(self) -> AsyncIterator["asyncio.Task[None]"]:
        """The leader, from its first beacon with quotes on."""
        self.leader = self._made()
        self.task = task = asyncio.create_task(self.leader.run())
        try:
            await self.until(lambda: self.feed.covers and self.feed.openings, "it did not begin")
            self.feed.prices()
            # The order channel is subscribed, and the rules of now are those applied.
            await self.until(lambda: self.redis.pubsub_numsub(keys.orders(FEED))[0][1], "it does not listen")
            await self.until(lambda: self.leader.numbering.latest, "no quote came")
            yield task
        finally:
            task.cancel()
            async with asyncio.timeout(WAIT_S):
                await asyncio.gather(task, return_exceptions=True)

    async def until(self, condition: Callable[[], object], otherwise: str = "it did not happen") -> None:
        async with asyncio.timeout(WAIT_S):
            while not await asyncio.to_thread(condition):
                if self.task is not None and self.task.done() and not self.task.cancelled():
                    self.task.result()
                await asyncio.sleep(0.02)

    async def settle(self) -> None:
        """Which rules are applied is known: what differs from them later is the administrator's word."""
        await self.until(lambda: self.redis.exists(keys.applied_rules(FEED)), "it did not settle")

    async def order(self, do: str = "list", **more: bool) -> None:
        heard = await asyncio.to_thread(orders.give, FEED, Order(do, by="test", **more))  # type: ignore[arg-type]
        assert heard == 1

    def valued(self) -> set[int]:
        """Ids that have a last value."""
        return {int(field) for field in cast(list[bytes], self.redis.hkeys(keys.last_values(FEED)))}


@pytest.fixture
def room(transactional_db: None, redis_client: Redis, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr("marketdata.ingest.offer.SETTLED_S", 0.3)
    monkeypatch.setattr("marketdata.ingest.offer.LOOK_EVERY_S", 0.1)
    monkeypatch.setattr("marketdata.ingest.offer.MONEY_EVERY_S", 0.2)
    monkeypatch.setattr("marketdata.ingest.offer.AFTER_EXPIRY_S", (0.1, 0.2))
    return Room(redis_client)


@pytest.fixture
def noon() -> float:
    return NOON_MS
