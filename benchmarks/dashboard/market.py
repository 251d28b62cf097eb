"""The market that the dashboard is shown: an index and chains of 200 strikes on it, which change exactly so many cells a
second as it is told, each cell in its turn, so that none changes twice before it can be painted.

    python -m benchmarks.dashboard.market

runs the real leader on it. Standard input takes lines of JSON: {"symbols": [..], "cells": 1000} quotes these in turn.
"""

import asyncio
import datetime as dt
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
import django

django.setup()

import msgspec  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402
from django.conf import settings  # noqa: E402

from marketdata.facts import InstrumentFacts  # noqa: E402
from marketdata.feeds.base import Batch, FeedClock, FeedKind, LocalFeed  # noqa: E402
from marketdata.ingest.leader import Leader  # noqa: E402
from marketdata.ingest.options import history_of  # noqa: E402
from marketdata.quotes import Quote  # noqa: E402
from marketdata.symbols import OptionName, format_osi  # noqa: E402

from ..arrivals import wide_quote  # noqa: E402
from .ladder import CELLS_A_QUOTE, EXPIRIES, FEED, FIRST_STRIKE, SPOT, STRIKES, UNDERLYING  # noqa: E402

TURN_S: Final = 0.005
# The index moves too, as it does while its options are quoted; its cells do not count.
INDEX_S: Final = 0.25


def names(expiry: dt.date) -> list[OptionName]:
    return [
        OptionName(UNDERLYING, expiry, right, float(strike))
        for strike in range(FIRST_STRIKE, FIRST_STRIKE + STRIKES)
        for right in ("C", "P")
    ]


def facts() -> list[InstrumentFacts]:
    index = InstrumentFacts(symbol=UNDERLYING, feed=FEED, kind="index", underlying=UNDERLYING)
    return [index, *(_facts_of(name, expiry) for expiry in EXPIRIES for name in names(expiry))]


def _facts_of(name: OptionName, expiry: dt.date) -> InstrumentFacts:
    instant = dt.datetime.combine(expiry, dt.time(20), dt.UTC)
    return InstrumentFacts(
        symbol=format_osi(name),
        feed=FEED,
        kind="option",
        underlying=UNDERLYING,
        root=UNDERLYING,
        expiry=expiry.isoformat(),
        expires_ms=int(instant.timestamp() * 1000),
        strike=name.strike,
        right=name.right,
        exercise="american",
        multiplier=100,
    )


class Option:
    """One contract. `change` changes the two cells of one side of its book, and the sides in turn."""

    def __init__(self, name: OptionName) -> None:
        self.symbol = format_osi(name)
        inside = (SPOT - name.strike) if name.right == "C" else (name.strike - SPOT)
        self._bid = round(max(0.0, inside) + 4.0, 2)
        self._sizes = [25.0, 40.0]
        self._moves = [0, 0]
        self._changes = 0

    def change(self) -> None:
        side = self._changes % 2
        self._changes += 1
        self._moves[side] = 1 - self._moves[side]
        self._sizes[side] = self._sizes[side] % 90 + 1

    def quote(self, now_ms: float) -> Quote:
        bid = round(self._bid + 0.01 * self._moves[0], 2)
        ask = round(self._bid + 0.05 + 0.01 * self._moves[1], 2)
        return msgspec.structs.replace(
            wide_quote(self.symbol, now_ms, self._bid),
            bid=bid,
            ask=ask,
            bid_size=self._sizes[0],
            ask_size=self._sizes[1],
            last_time_ms=1_790_000_000_000,
            reference_price=round(self._bid + 0.5, 2),
            underlying_price=SPOT,
        )


class Ladder(LocalFeed):
    name = FEED
    kind: FeedKind = "simulated"
    clock = FeedClock()

    def __init__(self) -> None:
        self._options = {option.symbol: option for expiry in EXPIRIES for option in map(Option, names(expiry))}
        self._turn: list[Option] = []
        self._rate = 0.0

    async def instruments(self) -> Sequence[InstrumentFacts]:
        return facts()

    def obey(self, symbols: Sequence[str], cells: float) -> None:
        self._turn = [self._options[symbol] for symbol in symbols]
        self._rate = cells / CELLS_A_QUOTE

    async def batches(self) -> AsyncIterator[Batch]:
        now_ms = round(time.time() * 1000, 3)
        yield Batch([_index(now_ms, 0), *(option.quote(now_ms) for option in self._options.values())])
        owed, at, next_at, moves, index_at = 0.0, time.monotonic(), 0, 0, time.monotonic()
        while True:
            await asyncio.sleep(TURN_S)
            now = time.monotonic()
            now_ms = round(time.time() * 1000, 3)
            quotes: list[Quote] = []
            if now - index_at > INDEX_S:
                index_at, moves = now, moves + 1
                quotes.append(_index(now_ms, moves))
            owed, at = owed + self._rate * (now - at), now
            while owed >= 1 and self._turn:
                option = self._turn[next_at % len(self._turn)]
                next_at, owed = next_at + 1, owed - 1
                option.change()
                quotes.append(option.quote(now_ms))
            if quotes:
                yield Batch(quotes)


def _index(now_ms: float, moves: int) -> Quote:
    price = round(SPOT + 0.01 * (moves % 20), 2)
    return Quote(
        symbol=UNDERLYING,
        received_ms=now_ms,
        venue_time_ms=now_ms - 1,
        last=price,
        last_time_ms=now_ms,
        reference_price=SPOT - 2,
    )


async def main() -> None:
    feed = Ladder()
    leader = Leader(feed, settings.REDIS_URL, get_channel_layer()._group_channel, history_of(feed.kind))
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    work = loop.create_task(leader.run())
    loop.add_signal_handler(signal.SIGTERM, work.cancel)

    async def listen() -> None:
        while line := await reader.readline():
            feed.obey(**json.loads(line))

    listening = loop.create_task(listen())
    try:
        await work
    except asyncio.CancelledError:
        pass
    finally:
        listening.cancel()


if __name__ == "__main__":
    asyncio.run(main())
