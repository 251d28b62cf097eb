"""After any interruption every client shows the newest published row within the contract's time, also of an instrument that
quoted during the interruption and then fell silent.
"""

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from marketdata.ingest.campaign import STANDBY_S
from tests.path.stack import Web

from .fleet import Fleet
from .scene import CONTRACT_S, SILENT, SYMBOLS, Scene, until

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.timeout(180),
    pytest.mark.usefixtures("calm"),
]

STALL_S = 4.0
# What a stalled process's kernel buffers hold is some MB: the load that fills them while it stands still.
FLOOD_A_SECOND = 12_000
DEFAULT_LIMIT = "33554432 8388608 60"


@contextmanager
def stopped(webs: Sequence[Web]) -> Iterator[None]:
    for web in webs:
        web.process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for web in webs:
            web.process.signal(signal.SIGCONT)


async def test_every_client_is_right_after_redis_was_killed_and_came_back_empty(scene: Scene) -> None:
    await scene.have_standby()
    term, leader = scene.witness.term, await scene.owner()
    scene.stack.valkey.kill()
    scene.history.forgotten()
    await asyncio.sleep(1)
    scene.quote_silent()
    await asyncio.sleep(1)
    scene.stack.start_redis()
    await scene.converge("Redis killed and restarted", time.monotonic())
    assert scene.witness.term > term
    assert await scene.owner() == leader


async def test_every_client_is_right_after_redis_stood_still_for_longer_than_a_lease(scene: Scene) -> None:
    scene.have_no_standby()  # which would rightly take over, and has heard none of these quotes
    term = scene.witness.term
    os.kill(scene.stack.valkey.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(STALL_S / 2)
        scene.quote_silent()
        await asyncio.sleep(STALL_S / 2)
    finally:
        os.kill(scene.stack.valkey.pid, signal.SIGCONT)
    await scene.converge("Redis stalled", time.monotonic())
    assert scene.witness.term > term


async def test_every_client_is_right_after_redis_was_flushed(scene: Scene) -> None:
    term = scene.witness.term
    scene.quote_silent()
    await until(scene.silent_half_is_stored, "the quotes before")
    await scene.redis("FLUSHALL")
    ended = time.monotonic()
    scene.history.forgotten()
    scene.quote_silent(numbers=SILENT[::2])
    await scene.converge("Redis flushed", ended)
    assert scene.witness.term > term


async def test_a_standby_lets_the_leader_of_a_redis_that_was_flushed_tell_all_it_knows_again(scene: Scene) -> None:
    await scene.have_standby()
    leader = await scene.owner()
    scene.run(0)
    scene.quote_silent()
    await until(scene.silent_half_is_stored, "the last quotes")
    # At rest neither of the two has reason to hurry: which one finds out first is chance, so several times.
    for _ in range(4):
        await scene.redis("FLUSHALL")
        ended = time.monotonic()
        scene.history.forgotten()
        await scene.converge("Redis flushed at rest", ended)
        assert await scene.owner() == leader
        # A standby that saw nobody lead between two of these would take them for one that lasts, and help.
        await asyncio.sleep(2 * STANDBY_S)


async def test_every_client_is_right_after_its_server_stalled_and_was_cut_by_its_output_limit(
    scene: Scene, control: Fleet
) -> None:
    webs = [*scene.webs, control.members[0].web]
    before, cut = await breaks_of(scene, len(webs)), await scene.subscribers()
    assert len(cut) == len(webs)
    began = time.monotonic()

    async def all_are_cut() -> bool:
        return not cut & await scene.subscribers()

    await limit_output(scene, "1048576 262144 1")
    try:
        with stopped(webs):
            scene.run(FLOOD_A_SECOND)
            await until(all_are_cut, "the stalled subscribers cut by Redis")
            scene.run()
            scene.quote_silent()
            await until(scene.silent_half_is_stored, "the quotes of the stall")
            await asyncio.sleep(STALL_S - (time.monotonic() - began))
        ended = time.monotonic()
        await scene.converge("stalled subscriber cut", ended)
    finally:
        await limit_output(scene, DEFAULT_LIMIT)
    await assert_each_broke(scene, before)
    await assert_the_control_stays_stale(scene, control, ended)


async def test_every_client_is_right_after_its_server_lost_its_subscription_unnoticed(
    scene: Scene, control: Fleet
) -> None:
    webs = [*scene.webs, control.members[0].web]
    before = await breaks_of(scene, len(webs))
    with stopped(webs):
        await scene.redis("CLIENT", "KILL", "TYPE", "pubsub")
        scene.quote_silent()
        await until(scene.silent_half_is_stored, "the quotes of the cut")
    ended = time.monotonic()
    await scene.converge("subscription killed while stalled", ended)
    await assert_each_broke(scene, before)
    await assert_the_control_stays_stale(scene, control, ended)


async def test_every_client_is_right_after_subscriptions_were_killed_again_and_again(scene: Scene) -> None:
    before = await breaks_of(scene, len(scene.webs))
    for part in range(10):
        await scene.redis("CLIENT", "KILL", "TYPE", "pubsub")
        scene.quote_silent(numbers=SILENT[part::10])
        await asyncio.sleep(0.1)
    await scene.redis("CLIENT", "KILL", "TYPE", "pubsub")
    await scene.converge("subscriptions killed", time.monotonic())
    await assert_each_broke(scene, before)


async def test_every_client_is_right_after_ingest_was_killed_and_restarted(scene: Scene) -> None:
    scene.have_no_standby()
    term = scene.witness.term
    scene.leader.process.kill()
    scene.leader = scene.new_ingest()
    scene.quote_silent()
    scene.run()
    await scene.converge("ingest killed and restarted", await scene.new_term(term))


async def limit_output(scene: Scene, limit: str) -> None:
    """`limit` is Redis's own: hard bytes, soft bytes, seconds over the soft ones."""
    await scene.redis("CONFIG", "SET", "client-output-buffer-limit", f"pubsub {limit}")


async def breaks_of(scene: Scene, webs: int) -> dict[str, int]:
    """How often each of at least so many web processes has lost its subscription; they say so each second."""

    async def reports() -> dict[str, int] | None:
        found = await scene.breaks()
        return found if len(found) >= webs else None

    found: dict[str, int] = await until(reports, "every web process's report", 5.0 * scene.factor)
    return found


async def assert_each_broke(scene: Scene, before: dict[str, int]) -> None:
    """Every web process says that it lost its subscription: the interruption was one."""

    async def broke() -> bool:
        now = await scene.breaks()
        return all(now.get(process, 0) > count for process, count in before.items())

    await until(broke, "every web process's own report of the break", 5.0 * scene.factor)


async def assert_the_control_stays_stale(scene: Scene, control: Fleet, ended: float) -> None:
    """Without reading again, clients do not get over it: they see what is published after the break and nothing else."""
    await asyncio.sleep(ended + 1.5 * CONTRACT_S * scene.factor - time.monotonic())
    silent = {scene.id_of(number) for number in SILENT}
    stale = await scene.stale(control)
    assert len(stale) == sum(len(member.ids & silent) for member in control.members)
    assert not control.faults, control.faults[:10]
    # They are alive, and it is only those quotes that they miss.
    seqs = {i: row[1] for member in control.members for i, row in member.client.rows.items() if i not in silent}
    assert len(seqs) == SYMBOLS - len(silent)
    newest = {i: scene.witness.seqs[i] for i in seqs}
    scene.run(0)
    await until(lambda: reached(control, newest), "the control's busy half", CONTRACT_S * scene.factor)
    scene.run()


async def reached(fleet: Fleet, seqs: dict[int, int]) -> bool:
    return all(member.client.rows[i][1] >= seqs[i] for member in fleet.members for i in member.ids & seqs.keys())
