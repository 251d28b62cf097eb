"""One leader at a time: who lost the lease publishes nothing more, who stands by takes over, and clients are told."""

import asyncio
import signal
import time

import msgspec
import pytest

from marketdata.bus.beacon import Beacon
from tests.path.stack import Ingest
from tests.path.universe import FEED

from .scene import BEACONS, CONTRACT_S, LEASE, SILENT, TERM, Scene

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.timeout(180),
    pytest.mark.usefixtures("calm"),
]

TAKEOVER_S = 3.0
DEPOSED = 75


async def test_a_stopped_leader_is_replaced_and_publishes_nothing_when_it_goes_on(scene: Scene) -> None:
    await scene.have_standby()
    term, old = scene.witness.term, scene.lead_by_standby()
    old.process.signal(signal.SIGSTOP)
    # Read when it goes on, and never to be seen: by then another leads.
    old.say("quote", numbers=list(SILENT), bid=6.66)
    scene.quote_silent()
    scene.run()
    await scene.converge("leader stopped and replaced", await scene.new_term(term))

    led = await scene.holder()
    old.process.signal(signal.SIGCONT)
    await assert_it_is_deposed(old)
    await scene.converge("deposed leader continued", time.monotonic())
    assert await scene.holder() == led


async def test_a_leader_whose_lease_is_taken_while_it_quotes_publishes_nothing_from_then_on(scene: Scene) -> None:
    await scene.have_standby()
    term, old = scene.witness.term, scene.lead_by_standby()
    beacon = Beacon(feed=FEED, kind="simulated", term=term + 1, n=1, flushes=0, health="ok")
    # All at one moment: from that beacon on, the witness takes any row of the former term for a fault.
    await scene.redis("MULTI")
    await scene.redis("SET", TERM, term + 1)
    await scene.redis("SET", LEASE, f"{term + 1}:thief", "PX", 2_500)
    await scene.redis("PUBLISH", BEACONS, msgspec.json.encode(beacon))
    await scene.redis("EXEC")
    await assert_it_is_deposed(old)
    scene.quote_silent()
    scene.run()
    await scene.converge("leader robbed and replaced", await scene.new_term(term + 1))


async def test_a_standby_takes_over_from_a_killed_leader_and_clients_are_told(scene: Scene) -> None:
    await scene.have_standby()
    watcher = scene.fleet.members[0].client
    watcher.messages.clear()
    term, old = scene.witness.term, scene.lead_by_standby()
    old.process.kill()
    killed = time.monotonic()
    # Until the new leader's feed speaks it is taking over, so this cannot be missed between two beacons.
    limit = TAKEOVER_S * scene.factor
    await watcher.message("status", limit + CONTRACT_S * scene.factor, health="taking_over")
    took = await scene.new_term(term) - killed
    print(f"a standby led {took * 1000:.0f} ms after the leader's end")
    assert took <= limit
    scene.quote_silent()
    scene.run()
    await watcher.message("status", CONTRACT_S * scene.factor, health="ok")


async def assert_it_is_deposed(ingest: Ingest) -> None:
    status = await asyncio.to_thread(ingest.process.popen.wait, 10)
    log = ingest.process.log.read_text()
    assert status == DEPOSED, log[-2000:]
    assert "is led by" in log
