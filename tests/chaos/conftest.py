"""The scene that all scenarios share: starting one takes longer than most of them."""

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from marketdata.bus.client import Client
from tests.deadlines import FACTORS
from tests.path.stack import Stack

from .fleet import Fleet, open_fleet
from .history_check import HistoryCheck
from .scene import BEACONS, HISTORY, SYMBOLS, Scene, row_channel, until
from .witness import Witness

SOCKETS = 200
EACH = 50
WEBS = 2


@pytest.fixture(
    scope="package",
    params=FACTORS,
)
def factor(request: pytest.FixtureRequest) -> float:
    value: float = request.param
    return value


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def scene(factor: float, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """Two web processes, one leader, 200 sockets on 50 of 500 instruments each, and quotes that come all the time."""
    extra = {"STRIKEWIRE_CONNECTIONS_PER_USER": "64", "STRIKEWIRE_RECORD_HISTORY": "1"}
    directory = tmp_path_factory.mktemp("chaos")
    with Stack(directory, symbols=SYMBOLS, user_count=4, extra=extra) as stack:
        leader = stack.start_ingest()
        webs = [stack.start_web() for _ in range(WEBS)]
        leader.wait_until_it_leads()
        fleet = await open_fleet(stack, webs, SOCKETS, EACH)
        witness = Witness(stack.redis_port, [row_channel(number) for number in range(SYMBOLS)], BEACONS)
        client = Client(stack.valkey.url, "test")
        scene = Scene(stack, webs, leader, fleet, witness, factor, client, HistoryCheck(client, HISTORY))
        try:
            scene.quote_silent()
            scene.run()
            await until(scene.silent_half_is_stored, "the first quotes")
            yield scene
        finally:
            await fleet.aclose()
            await witness.aclose()
            client.close()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def control(scene: Scene) -> AsyncIterator[Fleet]:
    """Clients of one more web process, which never reads last values again: it goes through the same interruptions, and
    shows what the reading is for."""
    scene.stack.extra["STRIKEWIRE_RESYNCHRONISE"] = "0"
    try:
        web = scene.stack.start_web()
    finally:
        del scene.stack.extra["STRIKEWIRE_RESYNCHRONISE"]
    fleet = await open_fleet(scene.stack, [web], 20, EACH)
    try:
        yield fleet
    finally:
        await fleet.aclose()


@pytest_asyncio.fixture(loop_scope="package")
async def calm(scene: Scene) -> AsyncIterator[None]:
    """A scenario starts with all clients right and the feed running, and ends with all that is always true."""
    scene.have_leader()
    scene.run()
    await scene.converge("before", time.monotonic(), within=10)
    yield
    await scene.compare_at_rest()
    await scene.check()
