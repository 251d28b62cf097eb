"""A split feed, rows on a cluster, the rest under sentinels and history on PostgreSQL, together: a leader, a node and a
master are killed one after the other and then all at once. Every instrument is right within the contract's time, and every
accepted quote is stored.
"""

import asyncio
import signal
import time
from pathlib import Path

import pytest

from marketdata.shares import Share

from .cluster_scene import stopped
from .wide_scene import CONTRACT_S, SILENT, SYMBOLS, UNDERLYINGS, WideScene, shard_of, until, wide_scene

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(400)]

TAKEOVER_S = 5.0


async def test_every_client_is_right_and_nothing_is_lost_whatever_is_killed(short_path: Path) -> None:
    async with wide_scene(short_path, factor=1.0) as scene:
        await kill_a_leader(scene)
        await kill_a_node(scene)
        await kill_the_master(scene)
        await kill_one_of_each_while_web_processes_sleep(scene)
        assert not scene.control.faults, scene.control.faults[:10]
        await asyncio.to_thread(scene.settle)
        outcome = scene.path.outcome()
        outcome.check()
        assert len(outcome.accepted) > 10 * SYMBOLS
        assert not outcome.missing, len(outcome.missing)
        report = scene.verify()
        assert (report.ok, report.lost) == (True, [])
        assert report.ticks == len(outcome.stored)


async def kill_a_leader(scene: WideScene) -> None:
    """The standby has its share; who leads the other goes on in its term."""
    await scene.start_standby()
    by_share = scene.leading()
    other = by_share[Share(2, 2)]
    terms = other.process.log.read_text().count("leading ")
    by_share[Share(1, 2)].process.kill()
    began = time.monotonic()
    await scene.all_lead(TAKEOVER_S)
    print(f"a standby led {time.monotonic() - began:.1f} s after its leader was killed")
    assert scene.leading()[Share(2, 2)] is other
    assert other.process.log.read_text().count("leading ") == terms
    scene.quote_silent()
    await scene.converge(time.monotonic())


async def kill_a_node(scene: WideScene) -> None:
    """It has underlyings of both shares."""
    scene.cluster.nodes[0].kill()
    scene.quote_silent()
    assert scene.cluster.take_over(0) == 3
    await scene.converge(time.monotonic())
    assert scene.cluster.owner(shard_of("DELTA")) == scene.cluster.owner(shard_of("RHO")) == 3


async def kill_the_master(scene: WideScene) -> None:
    """The next one was not given what was accepted last: neither the stream's newest batches nor who leads."""
    for replica in scene.service.replicas:
        scene.service.detach(replica)
    await asyncio.sleep(0.2)
    scene.quote_silent()
    await until(lambda: not scene.wrong(scene.client), "what only the master was given")
    await asyncio.to_thread(scene.service.fail_over)
    scene.quote_silent()
    await scene.converge(scene.service.failed_over)
    assert set(scene.leading()) == {Share(1, 2), Share(2, 2)}


async def kill_one_of_each_while_web_processes_sleep(scene: WideScene) -> None:
    await scene.start_standby()
    former = await asyncio.to_thread(scene.service.now)
    with stopped(scene.web.process, scene.without.process):
        scene.leading()[Share(2, 2)].process.kill()
        # What it had accepted is given to the replicas: who dies together with the master takes its last with it.
        await asyncio.sleep(0.2)
        scene.cluster.nodes[1].kill()
        former.kill()
        assert scene.cluster.take_over(1) == 4
        await asyncio.to_thread(scene.service.wait_for_failover, former)
        await scene.all_lead()
        scene.quote_silent()
        await until(scene.silent_are_held, "what was said after it")
        # Asleep too, since a leader that tells all again would help who reads nothing again.
        with stopped(*(ingest.process for ingest in scene.leading().values())):
            for web in (scene.web, scene.without):
                web.process.signal(signal.SIGCONT)
            await scene.converge(time.monotonic())
            await asyncio.sleep(0.5)
            # What the other nodes published waited in its connections to them.
            lost = [n for n in SILENT if scene.cluster.owner(shard_of(UNDERLYINGS[n % len(UNDERLYINGS)])) == 4]
            assert lost
            assert sorted(scene.wrong(scene.control)) == lost
    await scene.all_lead()
    scene.quote_silent()
    await until(lambda: not scene.wrong(scene.control), "what was said afterwards", 3 * CONTRACT_S)
    await scene.converge(time.monotonic())
