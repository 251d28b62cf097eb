"""A writer and a reader of rows on a cluster, without ingest and web process: as these have them."""

import asyncio
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from redis import Redis

from marketdata import rows
from marketdata.bus import keys
from marketdata.bus.channel_layer import LoopLayer
from marketdata.bus.client import Client
from marketdata.bus.cluster import Cluster
from marketdata.bus.lease import LeaseLostError
from marketdata.bus.place import Place
from marketdata.bus.sharded_values import ShardedValues
from marketdata.bus.sharded_writer import ShardedWriter
from tests.builders import make_quote
from tests.valkey_cluster import RunningCluster

from .layers import loop_layer, make_layer

FEED = "simulated"
TERM = 7
# Their slots are in the first, the second and the last third of all, and so on three masters.
UNDERLYINGS = ("GAMMA", "ALPHA", "BETA")


def place_of(instrument_id: int) -> Place:
    underlying = UNDERLYINGS[instrument_id % len(UNDERLYINGS)]
    return Place(FEED, f"{underlying}{instrument_id:05}", underlying)


def places(ids: Iterable[int]) -> dict[int, Place]:
    return {instrument_id: place_of(instrument_id) for instrument_id in ids}


def shard_of(instrument_id: int) -> str:
    return keys.shard(FEED, place_of(instrument_id).underlying)


def row(instrument_id: int, seq: int) -> bytes:
    return rows.encode(instrument_id, seq, make_quote(place_of(instrument_id).symbol, bid=float(seq), ask=None))


def flat(seqs: dict[int, int]) -> list[Any]:
    """The rows of a flush: the seq of each instrument."""
    found: list[Any] = []
    for instrument_id, seq in seqs.items():
        place = place_of(instrument_id)
        channel = keys.shard_channel(place.feed, place.underlying, place.symbol)
        found += (instrument_id, channel, row(instrument_id, seq))
    return found


class ClusterBench:
    """`newest` is what was flushed last of each instrument. A failed node is told whole again by `make_up`."""

    def __init__(self, running: RunningCluster, redis: Redis, resynchronise: bool = True) -> None:
        self.running = running
        self.resynchronises = resynchronise
        self.newest: dict[int, int] = {}
        self.redis = redis
        self.layer = make_layer(rows=running.url, resynchronise=resynchronise)
        self.inside: LoopLayer = loop_layer(self.layer)
        self.board = self.inside.board
        self.client = Client(settings.REDIS_URL, "test")
        self.cluster = Cluster(running.url, "test")
        self.values = ShardedValues(self.cluster.client)
        self.writer = ShardedWriter(self.client, self.cluster.client, FEED)
        redis.set(keys.lease(FEED), self.token(TERM))

    @staticmethod
    def token(term: int) -> str:
        return f"{term}:owner"

    async def flush(self, seqs: dict[int, int], term: int = TERM) -> None:
        await self.writer.flush(self.token(term), term, flat(seqs))
        self.newest.update(seqs)

    async def is_refused(self, writer: ShardedWriter, instrument_id: int, term: int) -> bool:
        """Whether a flush of a leader of that term is refused by the instrument's node, which names the term that wrote
        there; the first server lets it pass, as it did before another took the lease."""
        name = keys.lease(FEED)
        await self.client.call("SET", name, self.token(term))
        try:
            await writer.flush(self.token(term), term, flat({instrument_id: rows.seq_of(term, 1)}))
        except LeaseLostError as lost:
            return lost.term == TERM
        finally:
            await self.client.call("SET", name, self.token(TERM))
        return False

    async def make_up(self) -> None:
        """Tells again all that is owed, as a leader does."""
        async with asyncio.timeout(10):
            while owed := self.writer.owed:
                known: dict[str, list[Any]] = {}
                for instrument_id, seq in self.newest.items():
                    known.setdefault(place_of(instrument_id).underlying, []).extend(flat({instrument_id: seq}))
                await self.writer.tell_whole(self.token(TERM), TERM, {one: known[one] for one in owed})
                await asyncio.sleep(0.02)

    def behind(self) -> list[int]:
        """Instruments of which the board has not what was flushed last."""
        return [i for i in self.board.watchers if self.board.seqs.get(i) != self.newest.get(i)]

    async def close(self) -> None:
        async with asyncio.timeout(5):
            await self.layer.flush()
            await self.cluster.close()
        self.client.close()
