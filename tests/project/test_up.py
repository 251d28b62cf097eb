"""`up` from its first line to its last process, with stand-ins for feed and page."""

import re
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.deadlines import FACTOR

from .fake_parts import alive, run_to_end, wait_until
from .running_up import ROOT, WHOLE, WITH_STAND_INS, RunningUp, environment
from .up_program import PASSWORD, TOKEN


@pytest.fixture
def up(short_path: Path) -> Iterator[RunningUp]:
    running = RunningUp(short_path)
    yield running
    running.end()


def test_it_prints_how_to_get_in_and_sigterm_leaves_nothing(up: RunningUp, short_path: Path) -> None:
    up.wait_for("quotes/s")
    url, user, password, token, how = up.lines[:5]
    assert re.fullmatch(r"url: http://127\.0\.0\.1:\d+/", url)
    assert (user, password, token) == ("user: demo", f"password: {PASSWORD}", f"token: {TOKEN}")
    assert "Ctrl-C" in how
    assert up.lines[5] == "feed simulated (ok)   512 quotes/s   3 sockets   lag 2 ms"

    family = up.family()
    assert len(family) == 4  # two servers, the feed, the page
    for log in (short_path / "var" / "log").iterdir():
        assert PASSWORD not in log.read_text()
        assert TOKEN not in log.read_text()
        assert log.stat().st_mode & 0o077 == 0

    began = time.monotonic()
    up.process.terminate()
    assert up.process.wait(10 * FACTOR) == 0
    assert time.monotonic() - began < 5 * FACTOR
    assert not [pid for pid in family if alive(pid)]
    assert not (short_path / "var" / "run" / "redis.sock").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has parent-death signals")
def test_kill_9_leaves_nothing_and_the_next_start_works(up: RunningUp, short_path: Path) -> None:
    up.wait_for("url: ")
    family = up.family()
    up.process.kill()
    wait_until(lambda: not any(map(alive, family)), 5)
    again = RunningUp(short_path)
    try:
        again.wait_for("url: ")
    finally:
        again.end()


def test_a_killed_child_and_a_killed_server_come_back(up: RunningUp) -> None:
    up.wait_for("url: ")
    for child in psutil.Process(up.process.pid).children():
        child.kill()
    for name in ("redis", "history", "ingest", "web"):
        up.wait_for(f"{name} ended (SIGKILL), starts again in 0.25 s")
    wait_until(lambda: len(up.family()) == 4)


def test_a_second_up_in_the_folder_is_refused(up: RunningUp, short_path: Path) -> None:
    up.wait_for("url: ")
    second = run_to_end([*WITH_STAND_INS, "--port", "0"], cwd=ROOT, env=environment(short_path))
    assert second.returncode == 1
    assert second.stderr == (
        f"error: Strikewire is already up in {short_path}/var (process {up.process.pid}): stop it first\n"
    )
    assert len(up.family()) == 4


def test_two_interrupts_end_it_at_once(up: RunningUp) -> None:
    up.wait_for("url: ")
    family = up.family()
    up.process.send_signal(signal.SIGINT)
    up.process.send_signal(signal.SIGINT)
    up.process.wait(3)
    assert not [pid for pid in family if alive(pid)]


def test_a_permanent_error_of_a_child_stops_everything(short_path: Path) -> None:
    ended = run_to_end([*WITH_STAND_INS, "--port", "0", "--permanent"], cwd=ROOT, env=environment(short_path))
    assert ended.returncode == 78
    assert ended.stderr == "error: ingest: there is no key for this feed\n"
    assert "url:" not in ended.stdout


def test_a_public_one_prints_no_way_in(short_path: Path) -> None:
    up = RunningUp(short_path, "--public")
    try:
        up.wait_for("url: ")
        up.wait_for("createsuperuser")
        assert not any(secret in line for line in up.lines for secret in (PASSWORD, TOKEN, "password:", "token:"))
    finally:
        up.end()


def test_a_deep_folder_with_odd_characters_works(short_path: Path) -> None:
    """Too deep for a Unix socket, whose path the kernel cuts at 107 bytes."""
    deep = short_path / "it's 100% odd #1" / ("d" * 90)
    deep.mkdir(parents=True)
    before = set(Path("/tmp").glob("strikewire-????????????"))
    up = RunningUp(deep)
    try:
        up.wait_for("url: ")
        assert not (deep / "var" / "run").exists()
        assert (deep / "var" / "strikewire.sqlite3").exists()
        up.process.terminate()
        assert up.process.wait(10) == 0
        assert set(Path("/tmp").glob("strikewire-????????????")) <= before
    finally:
        up.end()


def test_a_port_in_use_is_one_line(short_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        ended = run_to_end([*WITH_STAND_INS, "--port", str(port)], cwd=ROOT, env=environment(short_path))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"error: port {port} is in use: give another with --port\n"


def test_a_database_that_cannot_be_used_is_one_line(short_path: Path) -> None:
    values = {**environment(short_path), "DATABASE_URL": "sqlite:////nowhere/at/all.sqlite3"}
    ended = run_to_end([*WITH_STAND_INS, "--port", "0"], cwd=ROOT, env=values)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "error: the database cannot be used: unable to open database file\n"


@pytest.mark.slow
def test_a_broken_file_of_history_keeps_nobody_from_the_rest(short_path: Path) -> None:
    (short_path / "var").mkdir()
    (short_path / "var" / "history.sqlite3").write_bytes(b"no database" * 1000)
    running = RunningUp(short_path, command=WHOLE)
    try:
        running.wait_for("url: http://")
    finally:
        running.end()


@pytest.mark.slow
def test_a_database_that_takes_no_writing_is_one_line(short_path: Path) -> None:
    values = environment(short_path)
    run_to_end([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=values)
    with sqlite3.connect(short_path / "var" / "strikewire.sqlite3") as database:
        # As a file that may only be read, which does not stop a superuser's tests.
        database.execute("CREATE TRIGGER t BEFORE INSERT ON accounts_user BEGIN SELECT RAISE(FAIL, 'read-only'); END")
    ended = run_to_end([*WHOLE, "--port", "0"], cwd=ROOT, env=values)
    assert ended.returncode == 1
    assert ended.stderr == "error: the database cannot be used: read-only\n"
