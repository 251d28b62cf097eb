"""One installation for all tests of the stream: a leader on the scripted feed, and a web process of each server.

Instruments are named by their number in the universe. Those of MOVING quote all the time, those of QUIET only when a test
says so, and once at the start; the others have never quoted.
"""

import contextlib
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings
from redis import Redis

from tests.path.client import StreamClient, stream_client
from tests.path.stack import Ingest, Server, Stack, User, Web
from tests.path.universe import symbol_of

from .in_process import House, make_user, running_house
from .second_feed import SecondFeed, second_feed

SYMBOLS = 2_600
MOVING = range(10)
QUIET = range(10, 20)
RATE = 100


class Floor:
    """The installation, and who is on it. `mover` is where its feed is told what to quote."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._numbers = itertools.count(1)
        self.mover = self.start_ingest()
        self.mover.say("quote", numbers=list(QUIET))

    def start_ingest(self) -> Ingest:
        self.mover = self.stack.start_ingest(f"ingest-{next(self._numbers)}")
        self.mover.wait_until_it_leads()
        self.mover.say("run", numbers=list(MOVING), rate=RATE)
        return self.mover

    def symbols(self, numbers: range) -> list[str]:
        return [symbol_of(number) for number in numbers]

    def ids(self, numbers: range) -> list[int]:
        return [self.stack.ids[symbol_of(number)] for number in numbers]

    def redis(self) -> Redis:
        return Redis.from_url(self.stack.valkey.url, socket_timeout=5)

    def quote(self, numbers: range, bid: float) -> None:
        self.mover.say("quote", numbers=list(numbers), bid=bid)

    # The cast. Each has two sockets at most in a test, save `crowd`.
    @property
    def owner(self) -> User:
        return self.stack.users[0]

    @property
    def stranger(self) -> User:
        return self.stack.users[1]

    @property
    def crowd(self) -> User:
        return self.stack.users[2]

    @property
    def leaver(self) -> User:
        """Whose token, session and activity tests take away."""
        return self.stack.users[3]


@pytest.fixture(scope="package")
def floor() -> Iterator[Floor]:
    directory = Path(tempfile.mkdtemp(prefix="sw-stream-", dir="/tmp"))
    try:
        with Stack(directory, symbols=SYMBOLS, user_count=9) as stack:
            yield Floor(stack)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="package")
def webs(floor: Floor) -> Callable[[Server], Web]:
    """The web process of a server, which runs from its first test on: ended with a parameter, it would be started anew for
    each file."""
    floor.stack.extra["STRIKEWIRE_TRUSTED_ORIGINS"] = "https://desk.example.org:8443"
    return cache(floor.stack.start_web)


@pytest.fixture(params=["uvicorn", "daphne"])
def web(webs: Callable[[Server], Web], request: pytest.FixtureRequest) -> Web:
    return webs(request.param)


@pytest.fixture
async def bystander(floor: Floor, web: Web) -> AsyncIterator[StreamClient]:
    """Another user with moving rows, who must not notice what a test does: frames keep coming, without a hole."""
    async with stream_client(web, floor.stranger) as client:
        await client.ask("subscribe", "subscribed", source="all", symbols=floor.symbols(MOVING))
        await client.until(lambda: client.frames > 2)
        yield client
        before = client.frames
        await client.until(lambda: client.frames > before + 2)
        assert client.closed is None
        # Each beat of 100 ms had a change; the machine may be slow, but a stall of the process is longer than this.
        assert client.longest_wait < 2.5


@pytest.fixture
def quiet_log(web: Web) -> Iterator[Callable[[], str]]:
    """What the web process logs during the test, which at its end holds no traceback."""
    start = web.process.log.stat().st_size

    def written() -> str:
        with web.process.log.open() as log:
            log.seek(start)
            return log.read()

    yield written
    assert "Traceback" not in written(), written()[-3000:]


@pytest.fixture
async def client(floor: Floor, web: Web) -> AsyncIterator[StreamClient]:
    """The owner's browser, welcomed."""
    async with stream_client(web, floor.owner) as client:
        await client.message("welcome")
        yield client


@contextlib.asynccontextmanager
async def program(floor: Floor, web: Web) -> AsyncIterator[StreamClient]:
    """The owner's program, welcomed."""
    async with stream_client(web, floor.owner, program=True) as client:
        await client.message("welcome")
        yield client


@pytest.fixture
async def house(transactional_db: None, redis_client: Redis) -> AsyncIterator[House]:
    async with running_house() as house:
        yield house


@pytest.fixture
async def resident(house: House) -> User:
    """The one user of the house."""
    return await make_user("resident")


@pytest.fixture
async def feed(house: House) -> AsyncIterator[SecondFeed]:
    """The one feed of the house."""
    async with second_feed(settings.REDIS_URL, settings.INSTALLATION) as feed:
        yield feed
