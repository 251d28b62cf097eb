"""The real leader on a feed that quotes what it is told, line by line on standard input. Each line is a JSON object:

{"do": "quote", "numbers": [0, 1], "bid": 5.5}      quotes these instruments of the universe once
{"do": "run", "numbers": [..], "rate": 1000}        quotes random ones of these at this rate (0 stops)
{"do": "fail", "permanent": false}                  the feed raises

    python -m tests.path.scripted_ingest SYMBOLS [LEDGER]

With a ledger (`ledger.py`), it notes there what it hands to each flush and which were acknowledged, and its quotes are of
all kinds, but for those whose bid is told: one-sided, crossed, with a session volume. With UNIVERSE_SHARES in the
environment it leads one of so many shares of the feed, whichever is free.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
import django

django.setup()

from channels.layers import get_channel_layer  # noqa: E402
from django.conf import settings  # noqa: E402

from marketdata.facts import InstrumentFacts  # noqa: E402
from marketdata.feeds.base import Batch, FeedClock, FeedKind, LocalFeed, TemporaryFeedError  # noqa: E402
from marketdata.ingest import campaign  # noqa: E402
from marketdata.ingest.leader import DeposedError, Leader  # noqa: E402
from marketdata.ingest.options import history_of  # noqa: E402
from marketdata.quotes import Quote  # noqa: E402
from marketdata.shares import shares_of  # noqa: E402
from tests.path.ledger import Ledger  # noqa: E402
from tests.path.universe import FEED, facts_of, symbol_of  # noqa: E402

TURN_S = 0.005


class ScriptedFeed(LocalFeed):
    name = FEED
    kind: FeedKind = "simulated"
    clock = FeedClock()

    def __init__(self, symbols: int, varied: bool = False) -> None:
        self._symbols = symbols
        self._varied = varied
        self._volumes = [0.0] * symbols
        self._queue: asyncio.Queue[Batch | Exception] = asyncio.Queue()
        self._numbers: list[int] = []
        self._rate = 0.0
        self._random = random.Random(7)

    async def instruments(self) -> Sequence[InstrumentFacts]:
        return facts_of(self._symbols)

    async def batches(self) -> AsyncIterator[Batch]:
        while True:
            item = await self._queue.get()
            if isinstance(item, Exception):
                raise item
            yield item

    def obey(self, command: dict[str, Any]) -> None:
        match command["do"]:
            case "quote":
                self._put(command["numbers"], command.get("bid"))
            case "run":
                self._numbers, self._rate = command["numbers"], command["rate"]
            case "fail":
                self._queue.put_nowait(TemporaryFeedError("told to fail"))
            case other:
                raise ValueError(other)

    async def run(self) -> None:
        owed, at = 0.0, time.monotonic()
        while True:
            await asyncio.sleep(TURN_S)
            now = time.monotonic()
            owed, at = owed + self._rate * (now - at), now
            if owed >= 1 and self._numbers:
                self._put(self._random.choices(self._numbers, k=int(owed)), None)
            owed %= 1

    def _put(self, numbers: Sequence[int], bid: float | None) -> None:
        now = time.time() * 1000
        quotes = [_quote(n, now, bid or round(self._random.uniform(1, 9), 2)) for n in numbers]
        if self._varied and bid is None:
            quotes = [self._vary(number, quote) for number, quote in zip(numbers, quotes, strict=True)]
        self._queue.put_nowait(Batch(quotes))

    def _vary(self, number: int, quote: Quote) -> Quote:
        self._volumes[number] += self._random.randrange(3)
        chance, volume = self._random.random(), self._volumes[number]
        if chance < 0.05:
            return msgspec.structs.replace(quote, bid=None, volume=volume, last=None)
        if chance < 0.1:
            return msgspec.structs.replace(quote, ask=quote.bid, bid=quote.ask, implied_volatility=None)
        return msgspec.structs.replace(quote, volume=volume)


def _quote(number: int, now: float, bid: float) -> Quote:
    return Quote(
        symbol=symbol_of(number),
        received_ms=round(now, 3),
        venue_time_ms=round(now - 1, 3),
        bid=bid,
        ask=round(bid + 0.1, 2),
        bid_size=10,
        ask_size=12,
        last=bid,
        implied_volatility=0.2345,
        delta=0.5123,
        gamma=0.0123,
        theta=-0.0456,
        vega=0.1234,
    )


async def main(symbols: int, ledger: Ledger | None = None) -> None:
    feed = ScriptedFeed(symbols, varied=ledger is not None)
    shares = shares_of(int(os.environ.get("UNIVERSE_SHARES", "1")))
    lease = await campaign.win_any(FEED, settings.REDIS_URL, shares) if len(shares) > 1 else None
    leader = Leader(
        feed,
        settings.REDIS_URL,
        get_channel_layer()._group_channel,
        history_of(feed.kind),
        rows=settings.ROWS_REDIS_URL,
        lease=lease,
    )
    if ledger is not None:
        ledger.follow(leader.flush)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 22)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    work = loop.create_task(leader.run())
    quoting = loop.create_task(feed.run())
    loop.add_signal_handler(signal.SIGTERM, work.cancel)

    async def listen() -> None:
        while line := await reader.readline():
            feed.obey(json.loads(line))

    listening = loop.create_task(listen())
    try:
        await work
    except asyncio.CancelledError:
        pass
    finally:
        for task in (quoting, listening):
            task.cancel()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]), Ledger(Path(sys.argv[2])) if len(sys.argv) > 2 else None))
    except DeposedError as error:
        print(error, file=sys.stderr)
        sys.exit(75)
