"""Children that die, refuse, and are stopped."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from project.child import Child, ended_how
from project.errors import EX_CONFIG, StartError
from project.supervisor import Backoff, Supervisor
from tests.deadlines import FACTOR

from .fake_parts import DEAF, STEADY, alive, child


class Said(list[str]):
    """What the operator was told."""

    def __contains__(self, part: object) -> bool:
        return any(str(part) in line for line in self)


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
async def supervisor(said: Said) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(said.append, lambda: Backoff(first=0.01, longest=0.02))
    yield supervisor
    supervisor.kill()
    await asyncio.wait_for(supervisor.stop(), 10)


async def until_it_is_up(part: Child) -> None:
    async with asyncio.timeout(10):
        while not part.log.last_lines(1):
            await asyncio.sleep(0.01)


def test_the_wait_doubles_up_to_the_longest() -> None:
    backoff = Backoff(first=0.25, longest=10)
    assert [backoff.wait_after(1) for _ in range(8)] == [0.25, 0.5, 1, 2, 4, 8, 10, 10]


def test_a_long_life_brings_the_wait_back_to_the_first() -> None:
    backoff = Backoff(first=0.25, settled=30)
    for _ in range(5):
        backoff.wait_after(1)
    assert backoff.wait_after(30) == 0.25
    assert backoff.wait_after(1) == 0.5


@pytest.mark.parametrize(
    ("status", "words"), [(3, "exit status 3"), (0, "exit status 0"), (-9, "SIGKILL"), (-99, "signal 99")]
)
def test_an_end_is_said_in_words(status: int, words: str) -> None:
    assert ended_how(status) == words


async def test_a_child_that_dies_is_started_again_and_that_is_said(
    supervisor: Supervisor, said: Said, tmp_path: Path
) -> None:
    await supervisor.start([child(tmp_path, "print('the last word', flush=True)", "raise SystemExit(3)")])
    async with asyncio.timeout(10):
        while sum("exit status 3" in line for line in said) < 3:
            await asyncio.sleep(0.01)
    assert "the last word" in said


async def test_a_killed_child_is_started_again(supervisor: Supervisor, said: Said, tmp_path: Path) -> None:
    part = child(tmp_path, *STEADY)
    await supervisor.start([part])
    await until_it_is_up(part)
    first = part.pid
    part.kill()
    async with asyncio.timeout(10):
        while not (part.running and part.pid != first):
            await asyncio.sleep(0.01)
    assert "SIGKILL" in said


async def test_a_child_with_a_permanent_error_is_not_started_again(
    supervisor: Supervisor, said: Said, tmp_path: Path
) -> None:
    lines = ("import sys", "print('no such key', file=sys.stderr, flush=True)", f"raise SystemExit({EX_CONFIG})")
    await supervisor.start([child(tmp_path, *lines)])
    error = await asyncio.wait_for(supervisor.failure(), 10)
    assert str(error) == "part: no such key"
    assert error.status == EX_CONFIG
    await asyncio.sleep(0.1)
    assert said == []
    assert not supervisor.children[0].running


async def test_a_program_that_is_not_there_is_one_error(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="part cannot be started: No such file"):
        await supervisor.start([Child("part", ["/nowhere/program"], tmp_path / "part.log")])


async def test_stopping_is_polite_and_the_servers_go_last(supervisor: Supervisor, said: Said, tmp_path: Path) -> None:
    order = tmp_path / "order"
    parts = []
    for name in ("server", "web"):
        lines = (
            "import signal, sys, time",
            "def stop(*_):",
            f"    open({str(order)!r}, 'a').write('{name} ')",
            "    sys.exit(0)",
            "signal.signal(signal.SIGTERM, stop)",
            "print('up', flush=True)",
            "time.sleep(60)",
        )
        parts.append(child(tmp_path, *lines, name=name))
        await supervisor.start(parts[-1:])
        await until_it_is_up(parts[-1])
    await asyncio.wait_for(supervisor.stop(), 5)
    assert order.read_text().split() == ["web", "server"]
    assert said == []


async def test_a_child_that_hears_nothing_is_gone_within_five_seconds(supervisor: Supervisor, tmp_path: Path) -> None:
    server, part = child(tmp_path, *DEAF, name="server"), child(tmp_path, *DEAF)
    await supervisor.start([server])
    await supervisor.start([part])
    await until_it_is_up(server)
    await until_it_is_up(part)
    pids = [server.pid, part.pid]
    began = time.monotonic()
    await asyncio.wait_for(supervisor.stop(), 10 * FACTOR)
    assert time.monotonic() - began < 5 * FACTOR
    assert not any(pid and alive(pid) for pid in pids)


async def test_stopping_while_a_child_waits_for_its_next_start_does_not_wait(said: Said, tmp_path: Path) -> None:
    supervisor = Supervisor(said.append, lambda: Backoff(first=60, longest=60))
    await supervisor.start([child(tmp_path, "raise SystemExit(1)")])
    async with asyncio.timeout(10):
        while not said:
            await asyncio.sleep(0.01)
    await asyncio.wait_for(supervisor.stop(), 2)


async def test_killing_reaches_what_a_child_has_started(supervisor: Supervisor, tmp_path: Path) -> None:
    part = child(
        tmp_path,
        "import subprocess, time",
        "print(subprocess.Popen(['sleep', '60']).pid, flush=True)",
        "time.sleep(60)",
    )
    await supervisor.start([part])
    await until_it_is_up(part)
    grandchild = int(part.log.last_lines(1)[0])
    supervisor.kill()
    async with asyncio.timeout(5):
        while alive(grandchild):
            await asyncio.sleep(0.01)


async def test_warnings_of_a_child_are_passed_on_and_its_information_is_not(
    supervisor: Supervisor, said: Said, tmp_path: Path
) -> None:
    part = child(
        tmp_path,
        "import time",
        "print('2026-01-01 00:00:00,000 INFO a: all is well')",
        "print('2026-01-01 00:00:00,000 WARNING a: beware')",
        "for n in range(9): print('2026-01-01 00:00:00,000 ERROR a: broken', n)",
        "print('up', flush=True)",
        "time.sleep(60)",
    )
    await supervisor.start([part])
    await until_it_is_up(part)
    supervisor.show_warnings()
    assert said[0] == "part: 2026-01-01 00:00:00,000 WARNING a: beware"
    assert "all is well" not in said
    assert len(said) == 6
    assert said[-1].startswith("part: 5 more in ")
    supervisor.show_warnings()
    assert len(said) == 6


async def test_ctrl_c_in_the_terminal_does_not_reach_a_child_first(supervisor: Supervisor, tmp_path: Path) -> None:
    part = child(tmp_path, *STEADY)
    await supervisor.start([part])
    assert part.pid is not None
    assert os.getpgid(part.pid) == part.pid != os.getpgid(0)
