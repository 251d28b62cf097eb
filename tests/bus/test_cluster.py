"""Rows and last values on a real cluster of three masters, from the writer's side and the reader's."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings
from redis import Redis

from marketdata import rows
from marketdata.bus import keys, newest, topology
from marketdata.bus.cluster import Cluster
from marketdata.bus.cluster_client import Command
from marketdata.bus.last_values import PartlyReadError
from marketdata.bus.lease import LeaseLostError
from marketdata.bus.sharded_values import ShardedValues
from marketdata.bus.sharded_writer import ShardedWriter
from marketdata.bus.topology import slot_of
from tests import given_time
from tests.valkey_cluster import RunningCluster, start_cluster

from .cluster_bench import FEED, TERM, UNDERLYINGS, ClusterBench, flat, place_of, places, row, shard_of
from .layers import loop_layer, make_layer
from .waiting import CONTRACT_S, within

ANNE = "anne"
IDS = range(12)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    running = start_cluster(tmp_path_factory.mktemp("cluster"))
    yield running
    running.stop()


@pytest.fixture
async def bench(
    running: RunningCluster, redis_client: Redis, request: pytest.FixtureRequest
) -> AsyncIterator[ClusterBench]:
    """On an empty cluster. A test may say by its parameter that nothing is read again."""
    for index in range(running.masters):
        running.ask(index, "FLUSHALL")
    bench = ClusterBench(running, redis_client, resynchronise=getattr(request, "param", True))
    yield bench
    await bench.close()


def kept(running: RunningCluster, instrument_id: int) -> Any:
    """The framed row that its node has."""
    with running.holding(shard_of(instrument_id)) as client:
        return client.hget(shard_of(instrument_id), str(instrument_id))


# ── Writing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_rows_of_each_underlying_are_on_the_node_of_its_slot_and_reach_who_watches(bench: ClusterBench) -> None:
    assert [bench.running.owner(keys.shard(FEED, underlying)) for underlying in UNDERLYINGS] == [0, 1, 2]
    await bench.board.join(ANNE, places(IDS))
    await bench.flush({i: 10 + i for i in IDS})
    await within(10, lambda: not bench.behind())
    assert [kept(bench.running, i) for i in IDS] == [row(i, 10 + i) for i in IDS]
    assert not bench.redis.exists(keys.last_values(FEED))


async def test_a_leader_that_was_replaced_is_refused_on_every_node(bench: ClusterBench) -> None:
    await bench.flush({i: rows.seq_of(TERM, 1) for i in range(3)})
    for instrument_id in range(3):
        assert await bench.is_refused(bench.writer, instrument_id, TERM - 1)
        assert kept(bench.running, instrument_id) == row(instrument_id, rows.seq_of(TERM, 1))
    bench.redis.set(keys.lease(FEED), bench.token(TERM + 1))
    with pytest.raises(LeaseLostError):
        await bench.flush({i: rows.seq_of(TERM, 2) for i in range(3)})
    assert [kept(bench.running, i) for i in range(3)] == [row(i, rows.seq_of(TERM, 1)) for i in range(3)]


async def test_what_comes_late_over_a_former_connection_changes_nothing(bench: ClusterBench) -> None:
    late = Cluster(bench.running.url, "late")
    former = ShardedWriter(bench.client, late.client, FEED)
    try:
        await bench.flush({1: 5})
        await bench.flush({1: 6})
        await former.flush(bench.token(TERM), TERM, flat({1: 4}))  # the first flush of its own count
    finally:
        await late.close()
    assert kept(bench.running, 1) == row(1, 6)


async def test_history_and_the_lease_stay_on_the_first_server(bench: ClusterBench) -> None:
    await bench.writer.flush(bench.token(TERM), TERM, flat({1: 5}), 1, b"rows")
    assert bench.redis.xlen(keys.history_stream()) == 1
    await bench.writer.beacon(bench.token(TERM), b"{}")
    assert bench.redis.get(keys.status(FEED)) == b"{}"


async def test_a_node_that_hangs_holds_up_no_other_and_is_told_all_when_it_goes_on(bench: ClusterBench) -> None:
    await bench.board.join(ANNE, places(IDS))
    await bench.flush(dict.fromkeys(IDS, 5))
    stopped = bench.running.nodes[1].process
    stopped.send_signal(19)
    try:
        began = given_time.now()
        await bench.flush(dict.fromkeys(IDS, 6))
        assert given_time.now() - began < 3 * 0.5
        worst = 0.0
        for seq in range(7, 27):  # for longer than a try to connect takes
            flushed = given_time.now()
            await bench.flush(dict.fromkeys(IDS, seq))
            worst = max(worst, given_time.now() - flushed)
            await asyncio.sleep(0.12)
        assert worst < 0.4
        assert bench.writer.owed == {"ALPHA"}
        healthy = [i for i in IDS if place_of(i).underlying != "ALPHA"]
        await within(CONTRACT_S, lambda: all(bench.board.seqs[i] == 26 for i in healthy))
        # And what they have can be read, where that is enough.
        found = await bench.values.all(FEED)
        assert sorted(found) == sorted(row(i, 26) for i in healthy)
        with pytest.raises(PartlyReadError) as raised:
            await bench.values.rows(places(IDS))
        assert sorted(raised.value.ids) == sorted(set(IDS) - set(healthy))
    finally:
        stopped.send_signal(18)
    await bench.make_up()
    await within(CONTRACT_S, lambda: not bench.behind())
    assert [kept(bench.running, i) for i in IDS] == [row(i, 26) for i in IDS]


async def test_a_node_that_came_back_empty_is_told_all_of_its_underlyings_and_no_others(bench: ClusterBench) -> None:
    await bench.flush(dict.fromkeys(IDS, 5))
    assert bench.writer.owed == frozenset()
    bench.running.ask(1, "FLUSHALL")
    bench.running.ask(1, "CLIENT", "KILL", "TYPE", "normal")
    await within(CONTRACT_S, lambda: bench.writer.owed == {place_of(1).underlying})
    await bench.make_up()
    assert [kept(bench.running, i) for i in IDS] == [row(i, 5) for i in IDS]


# ── Reading ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_two_thousand_cold_symbols_are_joined_at_once(bench: ClusterBench) -> None:
    many = range(2_000)
    await bench.flush(dict.fromkeys(many, 5))
    await bench.board.join("warm", places([2_001]))
    began = given_time.now()
    await bench.board.join(ANNE, places(many))
    took = given_time.now() - began
    assert len(bench.board.latest) == 2_000
    assert took < 3 * 0.2
    await bench.flush(dict.fromkeys(many, 6))
    await within(CONTRACT_S, lambda: all(bench.board.seqs[i] == 6 for i in many))


async def test_what_was_left_is_subscribed_nowhere(bench: ClusterBench) -> None:
    await bench.board.join(ANNE, places(IDS))
    bench.board.leave(ANNE, IDS)

    def subscribed() -> list[Any]:
        return [name for index in range(3) for name in bench.running.ask(index, "PUBSUB", "SHARDCHANNELS")]

    await within(10, lambda: not subscribed())


async def test_rest_and_the_next_leader_read_the_same(bench: ClusterBench, settings: Settings) -> None:
    await bench.flush({i: 10 + i for i in IDS})
    settings.ROWS_REDIS_URL = bench.running.url
    asked = {FEED: {one: [i for i in IDS if place_of(i).underlying == one] for one in UNDERLYINGS}}
    found = await asyncio.to_thread(newest.read, asked)
    assert {i: found.rows[i]["bid"] for i in IDS} == {i: 10.0 + i for i in IDS}
    assert found.beacons == {FEED: None}
    with Redis.from_url(django_settings.REDIS_URL) as client:
        assert await asyncio.to_thread(newest.rows, client, asked) == found.rows
    assert await bench.values.rows(places(IDS)) == found.rows
    assert sorted(await bench.values.all(FEED)) == sorted(row(i, 10 + i) for i in IDS)
    assert await bench.values.all("simulate") == []
    assert await bench.values.keep_only(FEED, {1, 2}) == len(IDS) - 2
    assert sorted(await bench.values.rows(places(IDS))) == [1, 2]


# ── Slots that move ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_while_a_slot_is_on_its_way_rows_are_written_read_and_heard(bench: ClusterBench) -> None:
    await bench.board.join(ANNE, places(IDS))
    await bench.flush(dict.fromkeys((*IDS, 13), 5))
    key = shard_of(1)
    former = bench.running.move_begins(key, 2)
    try:
        await bench.flush(dict.fromkeys(IDS, 6))
        await within(CONTRACT_S, lambda: not bench.behind())
        await bench.make_up()
        await bench.board.join("bert", places([13]))
        assert bench.board.seqs[13] == 5
        assert (await bench.values.rows(places([1])))[1]["bid"] == 6.0
    finally:
        bench.running.move_ends(key, former, 2)
    assert bench.running.owner(key) == 2
    try:
        await bench.flush(dict.fromkeys(IDS, 7))
        await bench.make_up()
        await within(CONTRACT_S, lambda: not bench.behind() and bench.inside.row_subscriber.is_connected)
    finally:
        bench.running.move_ends(key, bench.running.move_begins(key, former), former)


@pytest.mark.parametrize("bench", [True, False], indirect=True)
async def test_what_was_said_while_a_slot_moved_is_read_again(
    bench: ClusterBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written past all who listen, as if it had been said just before they were subscribed again. That the slot has
    gone, its former node says."""
    monkeypatch.setattr(topology, "EVERY_S", 60)
    await bench.flush(dict.fromkeys(IDS, 5))
    await bench.board.join(ANNE, places(IDS))
    key = shard_of(1)
    former = bench.running.move_begins(key, 2)
    try:
        command = Command(slot_of(key), "HSET", key, 1, row(1, 6))
        await bench.cluster.client.execute([command])
        assert command.asked
        bench.newest[1] = 6
        bench.running.move_ends(key, former, 2)
        if bench.resynchronises:
            await within(CONTRACT_S, lambda: not bench.behind())
        else:
            await asyncio.sleep(CONTRACT_S / 3)
            assert bench.behind() == [1]
            assert bench.inside.row_subscriber.is_connected
    finally:
        bench.running.move_ends(key, bench.running.move_begins(key, former), former)


def test_a_slot_is_that_of_the_name_in_braces() -> None:
    assert slot_of(keys.shard(FEED, "ALPHA")) == slot_of(keys.shard_channel(FEED, "ALPHA", "ALPHA00001"))
    assert slot_of(keys.shard(FEED, "ALPHA")) != slot_of(keys.shard(FEED, "BETA"))


def test_the_pattern_of_a_feeds_shards_takes_nothing_for_a_wildcard(settings: Settings) -> None:
    settings.INSTALLATION = "a*b[c]"
    assert keys.shards("x") == r"a\*b\[c\]:last:{x.*}"


async def test_a_user_with_rights_to_the_installations_own_names_is_enough(
    bench: ClusterBench, settings: Settings
) -> None:
    names = f"{django_settings.INSTALLATION}:*"
    rights = ("on", ">p@ss", f"~{names}", f"&{names}", "+@all", "-@dangerous")
    for index in range(bench.running.masters):
        bench.running.ask(index, "ACL", "SETUSER", "desk", "reset", *rights)
    nodes = bench.running.url.partition("://")[2]
    settings.ROWS_REDIS_URL = f"redis+cluster://desk:p%40ss@{nodes}"
    cluster = Cluster(settings.ROWS_REDIS_URL, "desk")
    writer, values = ShardedWriter(bench.client, cluster.client, FEED), ShardedValues(cluster.client)
    layer = make_layer(rows=settings.ROWS_REDIS_URL)
    board = loop_layer(layer).board
    try:
        await board.join(ANNE, places(IDS))
        await writer.flush(bench.token(TERM), TERM, flat(dict.fromkeys(IDS, 5)))
        await within(CONTRACT_S, lambda: all(board.seqs.get(i) == 5 for i in IDS))
        found = await asyncio.to_thread(newest.read, {FEED: {UNDERLYINGS[1]: [1]}})
        assert found.rows[1]["bid"] == 5.0
        assert await values.keep_only(FEED, {1}) == len(IDS) - 1
    finally:
        await layer.flush()
        await cluster.close()
