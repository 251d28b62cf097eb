"""`manage.py ingest_feed` as an operator runs it: a process, its exit code, and one clear line."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from django.conf import settings
from django.core.management import CommandError
from redis import Redis

from marketdata.bus import keys
from marketdata.bus.beacon import Beacon
from marketdata.management.commands.ingest_feed import Command
from tests.deadlines import FACTOR
from tests.valkey import RunningValkey

FEED = "simulated"
START_S = 60.0
STOP_S = 5.0 * FACTOR

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated SQLite of the processes' own."""
    url = f"sqlite:///{tmp_path_factory.mktemp('command') / 'test.sqlite3'}"
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": url},
        check=True,
        timeout=120,
    )
    return url


@pytest.fixture
def start(database: str, server: RunningValkey) -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "manage.py", "ingest_feed", *arguments],
            cwd=settings.BASE_DIR,
            env={
                **os.environ,
                "DATABASE_URL": database,
                "REDIS_URL": server.url,
                "HISTORY_REDIS_URL": server.url,
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


@pytest.fixture
def admin(server: RunningValkey) -> Iterator[Redis]:
    with Redis.from_url(server.url, socket_timeout=5) as admin:
        yield admin


def wait_for(condition: Callable[[], object], process: "subprocess.Popen[str]", seconds: float = START_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate(timeout=5)
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_politely_with_its_counts(start: Start, admin: Redis, number: signal.Signals) -> None:
    process = start(FEED)
    wait_for(lambda: admin.hlen(keys.last_values(FEED)), process)
    process.send_signal(number)
    began = time.monotonic()
    out, error = process.communicate(timeout=STOP_S)
    assert time.monotonic() - began < STOP_S
    assert (process.returncode, "Traceback" in error) == (0, False)
    words = out.split()
    assert words[0] == "simulated:"
    assert words[2:5] == ["quotes", "accepted", "in"]
    assert int(words[1]) > 0
    assert not admin.exists(keys.lease(FEED))


def test_a_standby_ends_as_politely(start: Start, admin: Redis) -> None:
    admin.set(keys.lease(FEED), "1:another")
    process = start(FEED)
    wait_for(lambda: "cmdstat_eval" in admin.info("commandstats"), process)  # it has asked for the lease
    process.terminate()
    out, error = process.communicate(timeout=STOP_S)
    assert admin.get(keys.lease(FEED)) == b"1:another"
    assert "Traceback" not in error
    assert process.returncode == 0
    assert out.startswith("simulated: 0 quotes accepted in 0 flushes")


def test_a_deposed_leader_says_so_and_exits_75(start: Start, admin: Redis) -> None:
    process = start(FEED)
    wait_for(lambda: admin.hlen(keys.last_values(FEED)), process)
    admin.incrby(keys.term(FEED), 5)
    admin.set(keys.lease(FEED), "999999999:another")
    _, error = process.communicate(timeout=2 * STOP_S)
    assert process.returncode == 75
    assert "simulated is led by 999999999:another now" in error.splitlines()[-1]
    assert "Traceback" not in error


def test_a_missing_file_is_said_in_a_line_and_exits_78(start: Start, tmp_path: Path) -> None:
    process = start("replay", STRIKEWIRE_REPLAY_FILE=str(tmp_path / "no such file"))
    _, error = process.communicate(timeout=START_S)
    assert process.returncode == 78
    assert error.splitlines()[-1].startswith("replay: ")
    assert "no such file" in error.splitlines()[-1]
    assert "Traceback" not in error


def test_a_feed_that_there_is_not_is_refused_and_the_others_are_named(start: Start) -> None:
    process = start("no-such-feed")
    _, error = process.communicate(timeout=START_S)
    assert process.returncode == 2
    assert "invalid choice: 'no-such-feed'" in error
    assert FEED in error


@pytest.mark.parametrize(
    ("shares", "share", "said"),
    [
        (0, None, "--shares is 0; it takes 1 to 64"),
        (65, None, "--shares is 65; it takes 1 to 64"),
        (3, 4, "--share is 4; of 3 it takes 1 to 3"),
        (1, 2, "--share is 2; of 1 it takes 1 to 1"),
    ],
)
def test_a_share_that_there_is_not_is_refused(shares: int, share: int | None, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        Command().handle(feed=FEED, shares=shares, share=share)


def test_a_killed_leader_is_followed_by_its_standby(start: Start, admin: Redis) -> None:
    leader = start(FEED)
    wait_for(lambda: admin.hlen(keys.last_values(FEED)), leader)
    wait_for(lambda: told_term(admin) > 0, leader)
    former = told_term(admin)
    standby = start(FEED)
    time.sleep(2)
    leader.kill()
    wait_for(lambda: told_term(admin) > former, standby)


def told_term(admin: Redis) -> int:
    """The term of the newest beacon; 0 where there is none."""
    beacon = admin.get(keys.status(FEED))
    return msgspec.json.decode(beacon, type=Beacon).term if beacon else 0
