"""Rows on a cluster, through real processes to a real socket: after a slot moved or a master was killed every instrument
shows the newest row within the contract's time, also one that quoted meanwhile and then fell silent.
"""

import signal
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.deadlines import FACTORS
from tests.path.universe import symbol_of

from .cluster_scene import BUSY, SILENT, UNDERLYINGS, ClusterScene, cluster_scene, shard_of, silent_on, stopped, until

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest.fixture(
    scope="module",
    params=FACTORS,
)
def factor(request: pytest.FixtureRequest) -> float:
    value: float = request.param
    return value


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(factor: float, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClusterScene]:
    async with cluster_scene(tmp_path_factory.mktemp("rows-cluster"), factor) as scene:
        yield scene


async def test_rows_of_underlyings_on_different_nodes_reach_a_socket(scene: ClusterScene) -> None:
    assert [scene.cluster.owner(shard_of(master)) for master in range(len(UNDERLYINGS))] == [0, 1, 2]
    assert sorted(scene.held()) == sorted((*BUSY, *SILENT))
    assert len(scene.client.rows) == len(scene.stack.ids)
    with scene.cluster.client(0) as server:
        assert server.hlen(shard_of(0)) == len(scene.stack.ids) / len(UNDERLYINGS)


async def test_every_instrument_is_right_after_its_slot_moved_under_load(scene: ClusterScene) -> None:
    former = scene.cluster.move_begins(shard_of(1), 0)
    await scene.both_hear()
    with stopped(scene.web.process, scene.without.process):
        scene.cluster.move_ends(shard_of(1), former, 0)
        scene.quote_silent(silent_on(1))
        await until(scene.silent_are_held, "what was said after it")
        await scene.wake_servers(silent_on(1))
    scene.cluster.move_ends(shard_of(1), scene.cluster.move_begins(shard_of(1), former), former)
    scene.quote_silent()
    await scene.converge(time.monotonic())


@pytest.mark.slow
async def test_every_instrument_is_right_after_slots_moved_again_and_again(scene: ClusterScene) -> None:
    for to in (0, 2, 0, 2, 1) * 4:
        former = scene.cluster.move_begins(shard_of(1), to)
        scene.quote_silent(silent_on(1))
        scene.cluster.move_ends(shard_of(1), former, to)
    await scene.converge(time.monotonic())


@pytest.mark.slow
async def test_every_instrument_is_right_on_a_node_that_joins_and_leaves(scene: ClusterScene) -> None:
    joined = scene.cluster.join()
    former = scene.cluster.move_begins(shard_of(1), joined)
    await scene.both_hear()
    with stopped(scene.web.process, scene.without.process):
        scene.cluster.move_ends(shard_of(1), former, joined)
        scene.quote_silent(silent_on(1))
        await until(scene.silent_are_held, "what was said there")
        assert scene.cluster.owner(shard_of(1)) == joined
        await scene.wake_servers(silent_on(1))
    scene.cluster.move_ends(shard_of(1), scene.cluster.move_begins(shard_of(1), former), former)
    scene.cluster.leave(joined)
    scene.quote_silent()
    await scene.converge(time.monotonic())


@pytest.mark.slow
async def test_every_instrument_is_right_after_a_master_came_back_empty(scene: ClusterScene) -> None:
    """Its replica must not take over meanwhile, as where there is none."""
    scene.cluster.ask(5, "CONFIG", "SET", "cluster-replica-no-failover", "yes")
    try:
        scene.cluster.nodes[2].kill()
        scene.quote_silent()
        scene.cluster.start_again(2)
        ended = time.monotonic()
        await until(lambda: scene.cluster.owner(shard_of(2)) == 2, "the master at its place")
        # A master that comes back waits for two seconds before it takes anything.
        await scene.converge(ended, within=4)
        assert len(scene.held()) == len(scene.stack.ids)
    finally:
        scene.cluster.ask(5, "CONFIG", "SET", "cluster-replica-no-failover", "no")


@pytest.mark.slow
async def test_every_instrument_is_right_after_the_cluster_itself_replaced_a_master(scene: ClusterScene) -> None:
    scene.cluster.nodes[1].process.send_signal(signal.SIGSTOP)
    try:
        scene.quote_silent()
        await until(lambda: scene.cluster.owner(shard_of(1)) == 4, "the cluster's own choice", 30)
        await scene.converge(time.monotonic())
    finally:
        scene.cluster.nodes[1].process.send_signal(signal.SIGCONT)
    await until(lambda: scene.cluster.is_replica(1), "the former master as a replica", 30)
    scene.quote_silent()
    await scene.converge(time.monotonic())


async def test_every_instrument_is_right_after_a_master_was_killed_and_its_replica_took_over(
    scene: ClusterScene,
) -> None:
    scene.cluster.nodes[0].kill()
    scene.quote_silent()
    others = [number for number in SILENT if number not in silent_on(0)]
    await until(lambda: not set(others) & set(scene.wrong(scene.client)), "the other nodes' rows", 6)
    assert set(silent_on(0)) == set(scene.wrong(scene.client))
    # Silence is visible, though the feed's beacons come.
    await scene.client.message("status", timeout=3 * scene.factor, health="down")
    assert scene.cluster.take_over(0) == 3
    await scene.converge(time.monotonic())
    assert scene.cluster.owner(shard_of(0)) == 3
    await scene.client.message("status", timeout=3 * scene.factor, health="ok")


async def test_every_instrument_is_right_whose_server_slept_through_a_take_over(scene: ClusterScene) -> None:
    await scene.both_hear()
    with stopped(scene.web.process, scene.without.process):
        scene.cluster.nodes[2].kill()
        scene.cluster.take_over(2)
        scene.quote_silent()
        await until(scene.silent_are_held, "what was said meanwhile")
        await scene.wake_servers(silent_on(2))


async def test_rest_reads_from_the_nodes_there_are_now(scene: ClusterScene) -> None:
    names = [symbol_of(number) for number in SILENT]
    shown = scene.rest_bids(names)
    assert shown == {symbol_of(number): scene.told[number] for number in SILENT}
