"""A live venue, all the way: the server on the loopback speaks Deribit's protocol from a recorded session and misbehaves; a
client of the stream ends, each time, on the venue's last ticker of every option, column by column.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from marketdata.rows import FIELDS
from tests.feeds.deribit_recording import FIXTURE, entry_of, now_ms, recording
from tests.feeds.deribit_server import STEPS, DeribitServer, Step

from .client import StreamClient, stream_client
from .stack import Process, Stack
from .test_replay_path import expected_row

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

SPEED = 20
COVER_ALL = (
    "import django; django.setup(); from marketdata.models import Coverage; Coverage.objects.create(feed='deribit')"
)
# Ours is when it was received, which the venue does not know.
NOT_THE_VENUES = ("lag_ms", "venue_time_ms")


class Scene:
    """The venue, the stack that reads it, and a client. `names` are what the client is subscribed to."""

    def __init__(self, server: DeribitServer, ingest: Process, client: StreamClient) -> None:
        self.server = server
        self.ingest = ingest
        self.client = client
        self.ids: dict[str, int] = {}

    async def subscribe(self, names: Sequence[str], source: str = "all") -> None:
        """Until all of them are known."""
        async with asyncio.timeout(30):
            while not set(names) <= self.ids.keys():
                answer = await self.client.ask("subscribe", "subscribed", source=source, symbols=names, replace=True)
                self.ids.update({facts["symbol"]: facts["id"] for facts in answer["added"].values()})
                await asyncio.sleep(0.2)

    async def play(self) -> None:
        await asyncio.wait_for(self.server.play(SPEED), 30)

    async def converges(self, names: Sequence[str] = (), limit_s: float = 30) -> None:
        """The client holds the venue's last ticker of each of `names`, by default of all that are listed."""
        names = names or list(self.server.entries)
        wanted = {name: self._expected(self.server.latest[f"ticker.{name}"]) for name in names}

        def held() -> dict[str, dict[str, Any]]:
            rows = {name: {"flags": 0, **_known(self.row(name))} for name in names}
            return {name: {column: rows[name].get(column) for column in wanted[name]} for name in names}

        # Whole rows, since two frames of a capture that plays quickly may carry the same time.
        with contextlib.suppress(AssertionError):
            await self.client.until(lambda: held() == wanted, limit_s)
        assert held() == wanted

    @staticmethod
    def _expected(data: dict[str, Any]) -> dict[str, Any]:
        row = expected_row(data["timestamp"], data)
        return {column: value for column, value in row.items() if column not in NOT_THE_VENUES}

    def row(self, name: str) -> dict[str, Any]:
        return dict(zip(FIELDS, self.client.rows.get(self.ids[name], []), strict=False))


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return {column: value for column, value in row.items() if value is not None}


def captures() -> list[Any]:
    folder = os.environ.get("STRIKEWIRE_SAMPLE_DATA")
    recorded = Path(folder) / "deribit" / "ws_capture_2021-07-22.txt" if folder else None
    skip = pytest.mark.skipif(recorded is None, reason="STRIKEWIRE_SAMPLE_DATA is not set")
    return [pytest.param(FIXTURE, id="fixture"), pytest.param(recorded, id="recorded", marks=skip)]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=captures())
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Ingest is told to ask for `.raw` channels, which the venue refuses."""
    directory = Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp"))
    try:
        async with DeribitServer(recording(request.param)) as server:
            server.heartbeat_s = 0.5
            options = {"STRIKEWIRE_DERIBIT_URL": server.url, "STRIKEWIRE_DERIBIT_INTERVAL": "raw"}
            with Stack(directory, symbols=1, user_count=1, extra=options) as stack:
                await asyncio.to_thread(stack.python, "-c", COVER_ALL)
                web = await asyncio.to_thread(stack.start_web)
                ingest = stack.start("ingest", "manage.py", "ingest_feed", "deribit")
                async with stream_client(web, stack.users[0], program=True) as client:
                    await client.message("welcome")
                    made = Scene(server, ingest, client)
                    await made.subscribe(list(server.entries))
                    yield made
                assert ingest.popen.poll() is None
                assert "Traceback" not in ingest.log.read_text()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def test_the_recorded_session_arrives_though_raw_channels_are_refused(scene: Scene) -> None:
    await scene.play()
    await scene.converges()
    asked = [params["channels"] for method, params in scene.server.calls if method == "public/subscribe"]
    assert any(channel.endswith(".raw") for channel in asked[0])
    assert "ms instead" in scene.ingest.log.read_text()


async def test_heartbeats_are_answered(scene: Scene) -> None:
    answered = scene.server.tests_answered
    await scene.client.until(lambda: scene.server.tests_answered >= answered + 3)
    assert scene.server.unanswered == 0
    await scene.play()
    await scene.converges()


async def test_after_too_many_requests_and_a_cut_it_comes_back_with_credit(scene: Scene) -> None:
    scene.server.too_many = 1
    scene.server.cut()
    await scene.play()
    await scene.converges()
    assert scene.server.too_many == 0
    assert scene.server.out_of_credit == 0
    assert "10028" in scene.ingest.log.read_text()


async def test_a_channel_that_the_answer_left_out_is_asked_for_again(scene: Scene) -> None:
    topic = f"ticker.{next(iter(scene.server.entries))}"
    scene.server.absent[topic] = 1
    scene.server.cut()
    await scene.play()
    await scene.converges()
    assert scene.server.absent[topic] == 0


async def test_a_cut_in_the_middle_of_the_stream_is_made_good(scene: Scene) -> None:
    playing = scene.server.play(SPEED / 4)
    await asyncio.sleep(0.2)
    scene.server.cut()
    await asyncio.wait_for(playing, 30)
    await scene.converges()


@pytest.mark.parametrize("step", [step for step in STEPS if step != "get_instruments"])
async def test_a_cut_at_any_step_of_the_handshake_is_made_good(scene: Scene, step: Step) -> None:
    scene.server.cuts.extend([step] * 2)  # ingest also asks for the list anew, on a connection of its own
    scene.server.cut()
    await scene.client.until(lambda: not scene.server.cuts)
    await scene.play()
    await scene.converges()


async def test_a_new_listing_comes_and_an_expired_one_goes_at_its_instant(scene: Scene) -> None:
    server = scene.server
    template = next(iter(server.latest.values()))
    known = next(iter(server.entries))
    name = known.rpartition("-")[0] + "1-C"
    await server.list_new(entry_of(name, expiration_timestamp=now_ms() + 12_000), template)
    await scene.subscribe([name], "new")
    await scene.converges([name])
    gone = await scene.client.message("subscribed", timeout=30, cause="retired")
    assert [one["id"] for one in gone["removed"]] == [scene.ids[name]]
    await server.expire(name)
    await scene.play()
    await scene.converges()


async def test_a_list_that_shrinks_to_nothing_is_kept_and_said(scene: Scene) -> None:
    server = scene.server
    entries = dict(server.entries)
    server.entries.clear()
    asked = sum(method == "public/get_instruments" for method, _ in server.calls)
    try:
        await server.say("instrument.state.option.BTC", {"state": "terminated", "instrument_name": "x", "timestamp": 1})
        await scene.client.until(
            lambda: sum(method == "public/get_instruments" for method, _ in server.calls) > asked + 1
        )
        await scene.client.until(lambda: "kept" in scene.ingest.log.read_text())
        await scene.play()
        await scene.converges(list(entries))
    finally:
        server.entries.update(entries)


async def test_a_venue_that_is_away_is_said_and_found_again(scene: Scene) -> None:
    await scene.server.stop_listening()
    await scene.client.message("status", feed="deribit", health="down")
    await scene.server.listen()
    await scene.play()
    await scene.converges()
