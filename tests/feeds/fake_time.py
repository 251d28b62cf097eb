"""A clock that moves when somebody sleeps, and what a feed says until a condition holds, with a limit on real time."""

import asyncio
import contextlib
from collections.abc import Callable

from marketdata.feeds.base import Batch, Feed
from marketdata.quotes import Quote

START_MS = 1_772_452_800_000.0  # 2026-03-02 12:00 UTC, a Monday


class FakeTime:
    def __init__(self, start_ms: float = START_MS) -> None:
        self.ms = start_ms
        self.naps: list[float] = []

    def now_ms(self) -> float:
        return self.ms

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.ms += seconds * 1000
        await asyncio.sleep(0)


async def read(feed: Feed, enough: Callable[[list[Batch]], bool], limit_s: float = 20) -> list[Batch]:
    """Batches up to the first at which `enough` is true of them all."""
    batches: list[Batch] = []
    async with asyncio.timeout(limit_s), contextlib.aclosing(feed.batches()) as stream:  # type: ignore[type-var]
        async for batch in stream:
            batches.append(batch)
            if enough(batches):
                break
    return batches


def quotes_of(batches: list[Batch]) -> list[Quote]:
    return [quote for batch in batches for quote in batch.quotes]
