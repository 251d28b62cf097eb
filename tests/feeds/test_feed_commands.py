"""`capture_feed` and `feed_doctor` as commands: what they print, what they leave behind, and with which status they end."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from django.core.management import call_command

from marketdata.feeds.replay.capture import Message
from marketdata.feeds.replay.formats import recognised

from .deribit_recording import board
from .deribit_server import DeribitServer

ROOT = Path(__file__).resolve().parents[2]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[DeribitServer]:
    async with DeribitServer(board(5)) as made:
        await made.play(1000)
        yield made


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An installation of the test's own, with its database."""
    return {
        **os.environ,
        "STRIKEWIRE_VAR": str(tmp_path / "var"),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'commands.sqlite3'}",
    }


async def run(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Status and output of `manage.py ARGUMENTS`."""

    def wait() -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout

    return await asyncio.to_thread(wait)


async def test_the_doctor_ends_with_0_where_nothing_is_wrong(
    server: DeribitServer, environment: dict[str, str]
) -> None:
    environment["STRIKEWIRE_DERIBIT_URL"] = server.url
    await run(environment, "migrate", "-v0")
    status, said = await run(environment, "feed_doctor", "deribit", "--seconds", "2")
    assert status == 0, said
    assert said.splitlines()[-1] == "deribit: nothing wrong"
    await server.stop_listening()
    status, said = await run(environment, "feed_doctor", "deribit", "--seconds", "1")
    await server.listen()
    assert status == 1
    assert "deribit: WRONG: its list could not be had" in said
    assert "Nothing listens there" in said


async def test_a_recording_ends_with_its_time_and_says_what_it_has(
    server: DeribitServer, environment: dict[str, str], tmp_path: Path
) -> None:
    environment["STRIKEWIRE_DERIBIT_URL"] = server.url
    server.heartbeat_s = 0.2
    await run(environment, "migrate", "-v0")
    file = tmp_path / "a.jsonl.gz"
    status, said = await run(environment, "capture_feed", "deribit", "--file", str(file), "--minutes", "0.03")
    assert status == 0, said
    assert f"recording deribit to {file}" in said
    found = [one for one in recognised(file).records() if isinstance(one, Message)]
    assert f"{len(found)} messages" in said
    assert sum('"ticker.' in message.text for message in found) == 5
    status, said = await run(environment, "capture_feed", "deribit", "--file", str(file))
    assert (status, f"{file} cannot be written: File exists" in said) == (1, True)


async def test_a_recording_that_is_stopped_is_whole(
    server: DeribitServer, environment: dict[str, str], tmp_path: Path
) -> None:
    environment["STRIKEWIRE_DERIBIT_URL"] = server.url
    await run(environment, "migrate", "-v0")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "manage.py", "capture_feed", "deribit", cwd=ROOT, env=environment
    )
    try:
        async with asyncio.timeout(30):
            while len(server.channels) < 5:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    (file,) = (tmp_path / "var" / "captures").glob("deribit-*.jsonl.gz")
    records = list(recognised(file).records())
    assert sum(isinstance(one, Message) and '"ticker.' in one.text for one in records) == 5


@pytest.mark.django_db(transaction=True)
def test_the_simulated_feed_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("capture_feed", "simulated")
    assert ended.value.code == 78
    assert "simulated has no messages of a provider" in capsys.readouterr().err


@pytest.mark.django_db(transaction=True)
def test_the_doctor_names_a_setting_that_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("feed_doctor", "replay")
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert "STRIKEWIRE_REPLAY_FILE" in said
    assert "change the setting" in said
