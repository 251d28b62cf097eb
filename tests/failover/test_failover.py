"""A master that is killed under load: everybody finds the next one, nothing that was shown is lost, and history has all of
it, also what the next one had not been given.
"""

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from marketdata.rows import TERM
from tests.deadlines import FACTOR
from tests.path.client import StreamClient, stream_client
from tests.sentinels import SERVICE, ask

from .scene import CONTRACT_S, SYMBOLS, Failover, open_failover, within

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]

factors = pytest.mark.parametrize(
    "factor",
    [pytest.param(FACTOR, id="shared-machine"), pytest.param(1.0, id="contract", marks=pytest.mark.slow)],
)


async def quote_what_only_the_master_has(scene: Failover, client: StreamClient) -> dict[int, list[Any]]:
    """The silent half's newest rows: accepted and shown, and never given to the server that takes over, nor stored before
    that."""
    before = {i: client.rows[i][1] for i in scene.silent_ids}
    scene.rest_recorders()
    for server in {id(one): one for one in (scene.service, scene.history)}.values():
        for replica in server.replicas:
            server.detach(replica)
    await asyncio.sleep(0.2)
    scene.quote_silent()
    return await scene.newer(client, before, 10)


def hold_to_the_ledger(scene: Failover, least: int = 2 * SYMBOLS) -> None:
    scene.settle()
    outcome = scene.path.outcome()
    outcome.check()
    assert len(outcome.accepted) > least
    assert not outcome.missing, len(outcome.missing)
    assert not outcome.gaps, outcome.gaps
    report = scene.verify()
    assert (report.ok, report.lost) == (True, [])
    assert report.ticks == len(outcome.stored)


async def assert_all_is_shown(
    scene: Failover, client: StreamClient, shown: dict[int, list[Any]], within_s: float
) -> None:
    """Every socket, old and new, has the newest of what was published before; under a later number."""
    rows = await scene.newer(client, {i: row[1] for i, row in shown.items()}, within_s)
    took = time.monotonic() - scene.service.failed_over
    print(f"every instrument was right {took * 1000:.0f} ms after the failover")
    assert {i: row[2:] for i, row in rows.items()} == {i: row[2:] for i, row in shown.items()}
    assert {row[1] % TERM for row in rows.values()} == {0}
    assert {i: row for i, row in scene.last_values().items() if i in rows} == rows
    async with stream_client(scene.web, scene.stack.users[0]) as late:
        await scene.join(late)
        assert {i: late.rows[i] for i in rows} == rows


@factors
async def test_nothing_is_lost_with_a_killed_master(factor: float, short_path: Path) -> None:
    with open_failover(short_path) as scene:
        async with stream_client(scene.web, scene.stack.users[0]) as client:
            await scene.join(client)
            scene.run(500)
            shown = await quote_what_only_the_master_has(scene, client)
            await asyncio.to_thread(scene.service.fail_over)
            deadline = scene.service.failed_over + CONTRACT_S * factor
            await assert_all_is_shown(scene, client, shown, within(deadline))
            # The busy half goes on as well.
            busy = {i: row[1] for i, row in client.rows.items() if i not in shown}
            await scene.newer(client, busy, within(deadline) + CONTRACT_S * factor)
            assert scene.rest("/api/v1/me/")[0] == 200
            status, quotes = scene.rest(f"/api/v1/quotes/?symbols={client.facts[min(shown)]['symbol']}")
            assert status == 200, quotes
            assert scene.rest("/api/v1/stream/tickets/", "POST")[0] in (200, 201)
            assert scene.sign_in() == 200
            scene.run(0)
        hold_to_the_ledger(scene)


@pytest.mark.slow
async def test_nothing_is_lost_in_one_failover_after_another(short_path: Path) -> None:
    """At 2,000 quotes a second. Who was master comes back as a replica, and is the next in turn."""
    with open_failover(short_path, replicas=2) as scene:
        async with stream_client(scene.web, scene.stack.users[0]) as client:
            await scene.join(client)
            scene.run(2_000)
            for _ in range(3):
                await asyncio.sleep(1)
                before = {i: client.rows[i][1] for i in client.facts}
                former = await asyncio.to_thread(scene.service.now)
                await asyncio.to_thread(scene.service.fail_over)
                scene.quote_silent()
                await scene.newer(client, before, CONTRACT_S * FACTOR)
                scene.service.start_again(former)
                await asyncio.to_thread(scene.service.wait_for_replica, former)
            scene.run(0)
            await asyncio.sleep(1)
            assert client.rows == scene.last_values()
        hold_to_the_ledger(scene)


@pytest.mark.slow
async def test_a_master_that_stands_still_is_left(short_path: Path) -> None:
    """Nobody closes its connections, and what it goes on with afterwards is of no use to anybody."""
    with open_failover(short_path) as scene:
        async with stream_client(scene.web, scene.stack.users[0]) as client:
            await scene.join(client)
            scene.run(500)
            shown = await quote_what_only_the_master_has(scene, client)
            former = await asyncio.to_thread(scene.service.now)
            former.process.send_signal(signal.SIGSTOP)
            try:
                await asyncio.to_thread(scene.service.wait_for_failover, former)
                await assert_all_is_shown(scene, client, shown, CONTRACT_S * FACTOR)
            finally:
                former.process.send_signal(signal.SIGCONT)
            await asyncio.sleep(1)
            assert "READONLY" not in scene.leaders()
            scene.run(0)
        hold_to_the_ledger(scene)


@pytest.mark.slow
async def test_nothing_is_lost_in_a_failover_that_is_ordered(short_path: Path) -> None:
    """The former master lives on, and takes what nobody will read until it is left."""
    with open_failover(short_path) as scene:
        async with stream_client(scene.web, scene.stack.users[0]) as client:
            await scene.join(client)
            scene.run(1_000)
            before = {i: client.rows[i][1] for i in client.facts}
            former = await asyncio.to_thread(scene.service.now)
            ask(scene.service.sentinels[0].url, "SENTINEL", "FAILOVER", SERVICE)
            await asyncio.to_thread(scene.service.wait_for_failover, former)
            scene.quote_silent()
            shown = await scene.newer(client, {i: before[i] for i in scene.silent_ids}, CONTRACT_S * FACTOR)
            await client.until(
                lambda: (
                    {i: row[2:] for i, row in scene.last_values().items() if i in shown}
                    == {i: client.rows[i][2:] for i in shown}
                ),
                CONTRACT_S * FACTOR,
            )
            assert {i: client.rows[i][2:] for i in shown} == {i: row[2:] for i, row in shown.items()}
            await scene.newer(client, {i: client.rows[i][1] for i in before.keys() - shown.keys()}, 10)
            assert ask(former.url, "ROLE")[0] == b"master"
            scene.run(0)
        hold_to_the_ledger(scene)


@pytest.mark.slow
async def test_a_standby_lets_the_leader_tell_what_the_new_master_was_not_given(short_path: Path) -> None:
    with open_failover(short_path, standby=True) as scene:
        async with stream_client(scene.web, scene.stack.users[0]) as client:
            await scene.join(client)
            scene.run(500)
            shown = await quote_what_only_the_master_has(scene, client)
            await asyncio.to_thread(scene.service.fail_over)
            await assert_all_is_shown(scene, client, shown, CONTRACT_S * FACTOR)
            assert scene.path.standby.process.log.read_text().count("leading") == 0
            scene.run(0)
        hold_to_the_ledger(scene)


@pytest.mark.slow
async def test_a_history_server_of_its_own_may_fail_over_while_the_feed_is_silent(short_path: Path) -> None:
    """No append fails then: that another server is there is seen by the connection that ended."""
    with open_failover(short_path, own_history=True) as scene:
        async with stream_client(scene.web, scene.stack.users[0]) as client:
            await scene.join(client)
            scene.path.recorders.pop(0).stop()
            for replica in scene.history.replicas:
                scene.history.detach(replica)
            before = {i: client.rows[i][1] for i in scene.silent_ids}
            scene.quote_silent()
            await scene.newer(client, before, 10)
            await asyncio.to_thread(scene.history.fail_over)
            scene.path.start_recorder()
        hold_to_the_ledger(scene, 60)


# ── Controls ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
async def test_who_was_told_the_masters_own_address_stays_with_it(short_path: Path) -> None:
    with open_failover(short_path) as scene:
        scene.stack.extra["REDIS_URL"] = scene.service.master.url
        fixed = scene.stack.start_web()
        user = scene.stack.users[0]
        async with stream_client(scene.web, user) as client, stream_client(fixed, user) as control:
            await scene.join(client)
            await scene.join(control)
            before = {i: client.rows[i][1] for i in scene.silent_ids}
            assert {i: control.rows[i][1] for i in before} == before
            await asyncio.to_thread(scene.service.fail_over)
            scene.quote_silent()
            await scene.newer(client, before, CONTRACT_S * FACTOR)
            await asyncio.sleep(CONTRACT_S * FACTOR)
            assert {i: control.rows[i][1] for i in before} == before
            await control.message("status", 10, health="down")


@pytest.mark.slow
async def test_who_does_not_notice_another_master_loses_what_that_one_was_not_given(short_path: Path) -> None:
    with open_failover(short_path, ingest_program="tests.failover.unaware") as scene:
        async with stream_client(scene.web, scene.stack.users[0]) as client:
            await scene.join(client)
            scene.run(500)
            shown = await quote_what_only_the_master_has(scene, client)
            await asyncio.to_thread(scene.service.fail_over)
            await asyncio.sleep(CONTRACT_S * FACTOR)
            older = scene.last_values()
            assert all(older[i][1] < row[1] for i, row in shown.items())
            scene.run(0)
            await asyncio.sleep(0.5)
            scene.quote_silent()  # so that the hole is none at an end
            await scene.newer(client, {i: row[1] for i, row in shown.items()}, 10)
        scene.settle()
        outcome = scene.path.outcome()
        assert len(outcome.missing) >= len(shown)
        assert sum(one.missing for one in scene.verify().lost) >= len(shown)
