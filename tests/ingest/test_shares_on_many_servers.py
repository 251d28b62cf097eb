"""Two leaders of a feed that is split, with rows on a cluster and all the rest under sentinels: the master fails over, then
a node does, and each leader tells its own share again. Real processes do the same in tests/chaos/test_many_machines.py.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from marketdata import rows
from marketdata.bus import keys
from marketdata.feeds.base import Batch
from marketdata.ingest.leader import Leader
from marketdata.models import Instrument
from marketdata.shares import Share, shares_of
from tests.builders import make_quote
from tests.bus.waiting import CONTRACT_S, within
from tests.path.split_feed import FEED, SYMBOLS, UNDERLYING_OF, UNDERLYINGS, SplitFeed
from tests.sentinels import watched_valkey
from tests.valkey_cluster import RunningCluster, start_cluster

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chaos]

LISTED_S = 15.0
Held = dict[str, tuple[int, float | None]]


class ToldFeed(SplitFeed):
    """Quotes everything once when it is told to."""

    def __init__(self) -> None:
        self._bids: asyncio.Queue[float] = asyncio.Queue()

    def quote(self, bid: float) -> None:
        self._bids.put_nowait(bid)

    async def batches(self) -> AsyncIterator[Batch]:
        while True:
            bid = await self._bids.get()
            yield Batch([make_quote(symbol, bid=bid, ask=bid + 1) for symbol in SYMBOLS])


def held(cluster: RunningCluster, symbols: dict[int, str]) -> Held:
    """(term, bid) of each symbol, as the cluster has it; not all while a node is away."""
    found: Held = {}
    with contextlib.suppress(RedisError, AssertionError):
        for underlying in UNDERLYINGS:
            name = keys.shard(FEED, underlying)
            with cluster.holding(name) as node:
                for instrument_id, framed in node.hgetall(name).items():
                    row = rows.decode(rows.body(framed))
                    found[symbols[int(instrument_id)]] = (rows.header(framed)[1] // rows.TERM, row["bid"])
    return found


async def test_each_leader_tells_its_share_again(short_path: Path) -> None:
    cluster = start_cluster(short_path / "c", 2, 1)
    tasks = []
    try:
        with watched_valkey(short_path / "w") as service:
            feeds = {share: ToldFeed() for share in shares_of(2)}
            leaders = {
                share: Leader(feed, service.url, lambda group: group, rows=cluster.url, share=share)
                for share, feed in feeds.items()
            }
            tasks = [asyncio.create_task(leader.run()) for leader in leaders.values()]

            async def all_are(bid: float, seconds: float) -> None:
                """Each is shown so, under the term of its leader."""

                symbols = {i: symbol async for i, symbol in Instrument.objects.values_list("id", "symbol")}
                deadline = time.monotonic() + seconds
                while True:
                    terms = {symbol: leaders[_share_of(symbol)].numbering.term for symbol in SYMBOLS}
                    found = await asyncio.to_thread(held, cluster, symbols)
                    if found == {symbol: (terms[symbol], bid) for symbol in SYMBOLS}:
                        return
                    assert time.monotonic() < deadline, (found, terms)
                    await asyncio.sleep(0.05)

            for leader in leaders.values():
                await within(LISTED_S, lambda leader=leader: leader.offer.covered)  # type: ignore[misc]
            for feed in feeds.values():
                feed.quote(1.0)
            await all_are(1.0, CONTRACT_S)
            former = {share: leader.numbering.term for share, leader in leaders.items()}

            service.detach(service.replicas[0])
            await asyncio.to_thread(service.fail_over)
            await within(CONTRACT_S, lambda: all(leaders[s].numbering.term > max(former.values()) for s in leaders))
            await all_are(1.0, CONTRACT_S)

            cluster.nodes[0].kill()
            for feed in feeds.values():
                feed.quote(2.0)
            cluster.take_over(0)
            await all_are(2.0, CONTRACT_S)
            assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        cluster.stop()


def _share_of(symbol: str) -> Share:
    return next(share for share in shares_of(2) if share.holds(UNDERLYING_OF[symbol]))
