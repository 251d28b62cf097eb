"""A live venue, all the way: the server on the loopback speaks Deribit's protocol from a recorded session and misbehaves; a
client of the stream ends, each time, on the venue's last ticker of every option, column by column.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from marketdata.rows import FIELDS
from tests import given_time
from tests.feeds.deribit_recording import FIXTURE, entry_of, now_ms, recording
from tests.feeds.deribit_server import STEPS, DeribitServer, Step

from .client import StreamClient, stream_client
from .stack import Process, Stack, Web
from .story import story
from .test_replay_path import expected_row

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPEED = 20
# From a venue that behaves again to a client that holds its last tickers: a few waits of the back-off, or the refill of
# the credit, and some seconds.
RECOVERS_S = 10.0
# After a test that failed, the back-off may have grown.
SETTLES_S = 60.0
# Where news of the list or a reconnect make ingest ask for the list, it does within a second.
LISTS_WITHIN_S = 1.5
HEARTBEAT_S = 0.5
COVER_ALL = (
    "import django; django.setup(); from marketdata.models import Coverage; Coverage.objects.create(feed='deribit')"
)
# Ours is when it was received, which the venue does not know.
NOT_THE_VENUES = ("lag_ms",)


class Installation(NamedTuple):
    """What all tests of a capture share. Deadlines are multiplied by `factor`."""

    server: DeribitServer
    stack: Stack
    web: Web
    ingest: Process
    factor: float


class Scene:
    """An installation, and one test's own client of it. `names` are what the recording holds."""

    def __init__(self, installation: Installation, client: StreamClient) -> None:
        self.server = installation.server
        self.client = client
        self.factor = installation.factor
        self.names = list(self.server.entries)
        self.ids: dict[str, int] = {}
        self._ingest = installation.ingest
        self._log = installation.ingest.log
        self._log_began = len(self._log.read_text())

    @property
    def said(self) -> str:
        """What ingest said since the test began."""
        return self._log.read_text()[self._log_began :]

    async def subscribe(self, names: Sequence[str], source: str = "all") -> None:
        """Until all of them are known."""
        async with asyncio.timeout(20 * self.factor):
            while not set(names) <= self.ids.keys():
                assert self._ingest.popen.poll() is None, self._log.read_text()[-3000:]
                answer = await self.client.ask("subscribe", "subscribed", source=source, symbols=names, replace=True)
                self.ids.update({facts["symbol"]: facts["id"] for facts in answer["added"].values()})
                await asyncio.sleep(0.2)

    async def play(self) -> None:
        await asyncio.wait_for(self.server.play(SPEED), 30)

    async def until(self, found: Callable[[], Any], limit_s: float = RECOVERS_S) -> None:
        """Tells what happened when it is not so in time."""
        try:
            await self.client.until(found, limit_s * self.factor)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._story()}") from None

    async def converges(self, names: Sequence[str] = (), limit_s: float = RECOVERS_S) -> None:
        """The client holds the venue's last ticker of each of `names`, by default of all in the recording.

        Its time too: the venue stamps every ticker, so that a session played again is not taken for the one before it.
        Whole rows, since two tickers of a session that is played quickly may carry the same time.
        """
        wanted = {name: self._expected(name) for name in names or self.names}

        def held() -> dict[str, dict[str, Any]]:
            return {name: {column: self.row(name)[column] for column in row} for name, row in wanted.items()}

        await self.until(lambda: held() == wanted, limit_s)

    def _expected(self, name: str) -> dict[str, Any]:
        data = self.server.latest[f"ticker.{name}"]
        row = expected_row(data["timestamp"], data)
        return {column: value for column, value in row.items() if column not in NOT_THE_VENUES}

    def row(self, name: str) -> dict[str, Any]:
        """The client's row by column; trailing nulls, and flags of 0, are left off on the wire."""
        held = dict(zip(FIELDS, self.client.rows.get(self.ids[name], []), strict=False))
        return {**dict.fromkeys(FIELDS), **held, "flags": held.get("flags") or 0}

    def _story(self) -> str:
        return story(self.server.events, self._log.read_text(), self.client.heard)


def captures() -> list[Any]:
    """With the factor of deadlines: CI shares its cores, `scripts/test --slow` runs by itself."""
    folder = os.environ.get("STRIKEWIRE_SAMPLE_DATA")
    recorded = Path(folder) / "deribit" / "ws_capture_2021-07-22.txt" if folder else None
    skip = pytest.mark.skipif(recorded is None, reason="STRIKEWIRE_SAMPLE_DATA is not set")
    return [
        pytest.param((FIXTURE, 3.0), id="fixture"),
        pytest.param((recorded, 1.0), id="recorded", marks=[pytest.mark.slow, skip]),
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=captures())
async def installation(request: pytest.FixtureRequest) -> AsyncIterator[Installation]:
    """Ingest is told to ask for `.raw` channels, which the venue refuses."""
    capture, factor = request.param
    directory = Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp"))
    try:
        async with DeribitServer(recording(capture)) as server:
            server.heartbeat_s, server.answer_s = HEARTBEAT_S, 2 * factor
            options = {"STRIKEWIRE_DERIBIT_URL": server.url, "STRIKEWIRE_DERIBIT_INTERVAL": "raw"}
            with Stack(directory, symbols=1, user_count=1, extra=options) as stack:
                _, web = await asyncio.gather(
                    asyncio.to_thread(stack.python, "-c", COVER_ALL), asyncio.to_thread(stack.start_web)
                )
                ingest = stack.start("ingest", "manage.py", "ingest_feed", "deribit")
                yield Installation(server, stack, web, ingest, factor)
                assert ingest.popen.poll() is None
                assert "Traceback" not in ingest.log.read_text()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest_asyncio.fixture(loop_scope="module")
async def scene(installation: Installation) -> AsyncIterator[Scene]:
    """Whatever a test before did: the venue behaves, and the client, a new one, holds its last tickers."""
    assert installation.ingest.popen.poll() is None, installation.ingest.log.read_text()[-3000:]
    await installation.server.behave()
    async with stream_client(installation.web, installation.stack.users[0], program=True) as client:
        await client.message("welcome")
        made = Scene(installation, client)
        await made.subscribe(made.names)
        await made.play()
        await made.converges(limit_s=SETTLES_S)
        client.messages.clear()
        yield made


async def test_the_recorded_session_arrives_though_raw_channels_are_refused(
    scene: Scene, installation: Installation
) -> None:
    asked = [params["channels"] for method, params in scene.server.calls if method == "public/subscribe"]
    assert any(channel.endswith(".raw") for channel in asked[0])
    assert "ms instead" in installation.ingest.log.read_text()
    assert {f"ticker.{name}.100ms" for name in scene.names} <= scene.server.channels.keys()


async def test_heartbeats_are_answered(scene: Scene) -> None:
    answered, unanswered, opened = scene.server.tests_answered, scene.server.unanswered, scene.server.opened
    await scene.until(lambda: scene.server.tests_answered >= answered + 3)
    await scene.play()
    await scene.converges()
    assert (scene.server.unanswered, scene.server.opened) == (unanswered, opened)


async def test_after_too_many_requests_and_a_cut_it_comes_back_with_credit(scene: Scene) -> None:
    out_of_credit = scene.server.out_of_credit
    scene.server.too_many = 1
    scene.server.cut()
    await scene.until(lambda: scene.server.too_many == 0)
    await scene.play()
    await scene.converges()
    assert scene.server.out_of_credit == out_of_credit
    assert "10028" in scene.said


async def test_a_channel_that_the_answer_left_out_is_asked_for_again(scene: Scene) -> None:
    topic = f"ticker.{scene.names[0]}"
    scene.server.absent[topic] = 1
    scene.server.cut()
    await scene.until(lambda: scene.server.absent[topic] == 0)
    opened = scene.server.opened
    await scene.play()
    await scene.converges()
    assert scene.server.opened == opened


async def test_a_cut_in_the_middle_of_the_stream_is_made_good(scene: Scene) -> None:
    opened = scene.server.opened
    playing = scene.server.play(scene.server.length_s / 2)
    await asyncio.sleep(0.5)
    scene.server.cut()
    assert not playing.done()
    await asyncio.wait_for(playing, 30)
    await scene.converges()
    assert scene.server.opened > opened


@pytest.mark.parametrize("step", STEPS)
async def test_a_cut_at_any_step_of_the_handshake_is_made_good(scene: Scene, step: Step) -> None:
    """Of the stream's next connection: else it might be one that ingest opens only to ask for the list."""
    await scene.until(lambda: scene.server.lists_are_read(LISTS_WITHIN_S))
    scene.server.cuts.append(step)
    scene.server.cut()
    await scene.until(lambda: not scene.server.cuts)
    await scene.play()
    await scene.converges()


async def test_cuts_one_after_another_cost_no_more_each(scene: Scene) -> None:
    """Data resets the back-off: each wait is the first, of 0.75 s at most; else the fourth would be 2 s at least."""
    for _ in range(4):
        scene.server.cut()
        began = given_time.now()
        await scene.play()
        await scene.converges()
        assert given_time.now() - began < 2.5 * scene.factor
    waits = [
        float(line.rpartition("trying again in ")[2].split()[0]) for line in scene.said.splitlines() if "trying" in line
    ]
    assert len(waits) == 4
    assert max(waits) < 1.0


async def test_a_new_listing_comes_and_an_expired_one_goes_at_its_instant(scene: Scene) -> None:
    server = scene.server
    template = server.latest[f"ticker.{scene.names[0]}"]
    name = scene.names[0].rpartition("-")[0] + "1-C"
    expires_ms = now_ms() + 6_000
    await server.list_new(entry_of(name, expiration_timestamp=expires_ms), template)
    await scene.subscribe([name], "new")
    await scene.converges([name])
    gone = await scene.client.message("subscribed", timeout=6 + RECOVERS_S * scene.factor, cause="retired")
    assert [one["id"] for one in gone["removed"]] == [scene.ids[name]]
    assert 0 <= now_ms() - expires_ms < 3_000 * scene.factor
    await server.expire(name)
    await scene.play()
    await scene.converges()


async def test_a_list_that_shrinks_to_nothing_is_kept_and_said(scene: Scene) -> None:
    server = scene.server
    server.entries.clear()
    asked = sum(method == "public/get_instruments" for method, _ in server.calls)
    await server.say("instrument.state.option.BTC", {"state": "terminated", "instrument_name": "x", "timestamp": 1})
    await scene.until(lambda: sum(method == "public/get_instruments" for method, _ in server.calls) > asked + 1)
    await scene.until(lambda: "lists nothing any more" in scene.said)
    await scene.play()
    await scene.converges()
    assert not [message for message in scene.client.messages if message["op"] == "subscribed" and message["removed"]]


async def test_a_venue_that_is_away_is_said_and_found_again(scene: Scene) -> None:
    await scene.server.stop_listening()
    await scene.client.message("status", feed="deribit", health="down", timeout=3 * scene.factor)
    await scene.server.listen()
    await scene.play()
    await scene.converges()
    await scene.client.message("status", feed="deribit", health="ok", timeout=3 * scene.factor)
