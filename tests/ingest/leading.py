"""A leader in the test's own loop, and what it left on its Redis."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast

import msgspec
from redis import Redis

from marketdata import rows
from marketdata.bus import keys
from marketdata.bus.beacon import Beacon
from marketdata.bus.history_stream import HistoryOptions
from marketdata.ingest.leader import Leader

from .told_feed import FEED, ToldFeed


class Leading:
    """`feed` is told what to say, `leader` runs as `task`, `redis` sees what comes of it."""

    def __init__(self, url: str, history: HistoryOptions | None = None, rows_url: str = "") -> None:
        self.feed = ToldFeed()
        self.redis = Redis.from_url(url, socket_timeout=5)
        self.leader = Leader(
            self.feed,
            url,
            lambda group: f"test__group__{group}",
            history,
            rows=rows_url,
        )
        self.task: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["asyncio.Task[None]"]:
        self.task = asyncio.create_task(self.leader.run())
        try:
            yield self.task
        finally:
            self.task.cancel()
            async with asyncio.timeout(10):
                await asyncio.gather(self.task, return_exceptions=True)
            self.redis.close()

    @property
    def term(self) -> int:
        return self.leader.numbering.term

    @property
    def accepted(self) -> int:
        return self.leader.flush.accepted

    def last_values(self) -> dict[int, tuple[int, float | None]]:
        """{instrument id: (seq, bid)} of what stands on Redis."""
        found: dict[int, tuple[int, float | None]] = {}
        for framed in cast(list[bytes], self.redis.hvals(keys.last_values(FEED))):
            instrument_id, seq = rows.header(framed)
            found[instrument_id] = (seq, rows.decode(rows.body(framed))["bid"])
        return found

    def bids(self) -> list[float | None]:
        """The bids of the last values, by instrument id."""
        return [bid for _, (_, bid) in sorted(self.last_values().items())]

    def catalogue_version(self) -> int:
        return int(self.redis.get(keys.catalogue_version()) or 0)

    def beacon(self) -> Beacon | None:
        kept = self.redis.get(keys.status(FEED))
        return None if kept is None else msgspec.json.decode(kept, type=Beacon)
