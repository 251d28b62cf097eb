"""Redis has forgotten which terms there were, and the next leader's clock is behind the former's: whoever remembers a
higher term names it, and the leader takes one above it.
"""

from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from marketdata import rows
from marketdata.bus import keys
from marketdata.bus import lease as lease_module
from marketdata.bus.history_stream import HistoryOptions
from tests.bus.waiting import CONTRACT_S, within
from tests.valkey import RunningValkey, start_valkey
from tests.valkey_cluster import start_cluster

from .leading import Leading
from .told_feed import FEED, SYMBOLS

pytestmark = pytest.mark.django_db(transaction=True)

LISTED_S = 10.0
BEHIND_S = 100_000


@pytest.fixture
def clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Terms are seconds since then."""
    return lambda: monkeypatch.setattr(lease_module, "EPOCH_S", lease_module.EPOCH_S + BEHIND_S)


async def test_a_node_of_the_rows_cluster_remembers(
    server: RunningValkey, tmp_path: Path, clock_goes_back: Any
) -> None:
    cluster = start_cluster(tmp_path, masters=1)
    try:
        term = await _led_and_forgotten(Leading(server.url, rows_url=cluster.url), server)
        clock_goes_back()
        second = Leading(server.url, rows_url=cluster.url)
        async with second.running():
            await within(LISTED_S, lambda: second.beacon() is not None)
            assert second.term < term
            second.feed.quote(*SYMBOLS, bid=3.5)
            await within(CONTRACT_S, lambda: _shown(cluster.ports[0]) == [(term + 1, 3.5)] * len(SYMBOLS))
            assert second.term == term + 1
    finally:
        cluster.stop()


async def _led_and_forgotten(first: Leading, server: RunningValkey) -> int:
    """The term in which `first` led, of which `server` knows nothing any more."""
    async with first.running():
        first.feed.quote(*SYMBOLS, bid=2.5)
        await within(LISTED_S, lambda: first.accepted == len(SYMBOLS))
        term = first.term
    with Redis.from_url(server.url) as redis:
        redis.flushall()
    return term


def _shown(port: int) -> list[tuple[int, float | None]]:
    """(term, bid) of what stands there."""
    with Redis(port=port, socket_timeout=5) as node:
        found: list[bytes] = node.hvals(keys.shard(FEED, "ACME"))
    return [(rows.header(framed)[1] // rows.TERM, rows.decode(rows.body(framed))["bid"]) for framed in found]


async def test_a_history_server_of_its_own_remembers(
    server: RunningValkey, short_path: Path, tmp_path: Path, clock_goes_back: Any
) -> None:
    history = start_valkey(short_path / "history")
    options = HistoryOptions(history.url, tmp_path)
    try:
        term = await _led_and_forgotten(Leading(server.url, options), server)
        clock_goes_back()
        second = Leading(server.url, options)
        async with second.running():
            await within(LISTED_S, lambda: second.beacon() is not None)
            second.feed.quote(*SYMBOLS, bid=3.5)
            await within(CONTRACT_S, lambda: second.bids() == [3.5] * len(SYMBOLS))
            assert second.term == term + 1
            await within(CONTRACT_S, lambda: _stored(history) == [term, term + 1])
    finally:
        history.stop()


def _stored(history: RunningValkey) -> list[int]:
    """The terms of the batches that the recorder would find."""
    with Redis.from_url(history.url) as redis:
        return [int(fields[b"term"]) for _, fields in redis.xrange(keys.history_stream()) if b"rows" in fields]
