"""Plays the benchmarks' market to the peers, which have no ingest: the same quotes, the same rows.

    python -m benchmarks.peers.publisher (rows | socket.io | channels) SYMBOLS RATE SEED FILE [burst]

`rows` publishes each row's JSON on a channel of its symbol, all of a turn in one round trip; `socket.io` the same as
Socket.IO's own emitter does; `channels` by `group_send` to the symbol's group, as the tutorial of Channels does. Until
SIGTERM; then it writes which symbol was quoted when to FILE.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from redis.asyncio import Redis

from marketdata import rows
from marketdata.quotes import Quote
from tests.path.universe import symbol_of

from ..arrivals import Arrivals
from .stock_layer import stock_layer

Publish = Callable[[Sequence[tuple[str, str]]], Awaitable[None]]
PIECE: Final = 500
_pack: Final = msgspec.msgpack.encode


def by_rows(redis: Any) -> Publish:
    async def publish(batch: Sequence[tuple[str, str]]) -> None:
        pipeline = redis.pipeline(transaction=False)
        for symbol, row in batch:
            pipeline.publish(f"option:{symbol}", row)
        await pipeline.execute()

    return publish


def by_socket_io(redis: Any) -> Publish:
    """As @socket.io/redis-emitter has it: the adapter's channel of the room, and (uid, packet, options) in MessagePack."""

    async def publish(batch: Sequence[tuple[str, str]]) -> None:
        pipeline = redis.pipeline(transaction=False)
        for symbol, row in batch:
            packet = {"type": 2, "data": ["ticks", msgspec.json.decode(row)], "nsp": "/"}
            message = ["emitter", packet, {"rooms": [symbol], "flags": {}, "except": []}]
            pipeline.publish(f"socket.io#/#{symbol}#", _pack(message))
        await pipeline.execute()

    return publish


def by_channels(redis: Any) -> Publish:
    layer = stock_layer()

    async def publish(batch: Sequence[tuple[str, str]]) -> None:
        for symbol, row in batch:
            await layer.group_send(f"option.{symbol}", {"type": "quote", "row": msgspec.json.decode(row)})

    return publish


HOW: Final = {"rows": by_rows, "socket.io": by_socket_io, "channels": by_channels}


async def _play(feed: Arrivals, publish: Publish, row_of: Callable[[Quote], tuple[str, str]]) -> None:
    """In pieces: a publisher that a layer makes slow has thousands to tell at once, and must still end when it is told."""
    batches = feed.batches()
    first = await anext(batches)  # every symbol once
    await publish([row_of(quote) for quote in first.quotes])
    print("ready", flush=True)
    async for batch in batches:
        for start in range(0, len(batch.quotes), PIECE):
            await publish([row_of(quote) for quote in batch.quotes[start : start + PIECE]])


async def main(how: str, symbols: int, rate: float, seed: int, file: str, *burst: str) -> None:
    feed = Arrivals(symbols, rate, seed, bool(burst))
    numbers = {symbol_of(number): number + 1 for number in range(symbols)}
    counts: defaultdict[str, int] = defaultdict(int)

    def row_of(quote: Quote) -> tuple[str, str]:
        counts[quote.symbol] += 1
        return quote.symbol, rows.body(rows.encode(numbers[quote.symbol], counts[quote.symbol], quote)).decode()

    redis = Redis.from_url(os.environ["REDIS_URL"])
    publish = HOW[how](redis)

    playing = asyncio.ensure_future(_play(feed, publish, row_of))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await playing
    np.save(file, np.array(feed.log[: sum(counts.values())], dtype=np.float64))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:]))
