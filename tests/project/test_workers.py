"""`manage.py serve --workers`: several web processes on one port, that live on when one dies or all are replaced."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from marketdata.management.commands.serve import Command
from project.workers import READY, Worker, Workers
from tests.deadlines import FACTOR
from tests.path.client import open_socket
from tests.path.stack import Stack, Web

WORKERS = 2


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("workers"), user_count=2) as stack:
        yield stack


@pytest.fixture(scope="module")
def shared_web(stack: Stack) -> Web:
    return stack.start_web(workers=WORKERS)


@pytest.fixture
def web(shared_web: Web) -> Web:
    assert within(30, lambda: len(workers_of(shared_web)) == WORKERS)
    return shared_web


def workers_of(web: Web) -> list[int]:
    """The processes that the parent has started, those that it is just replacing among them."""
    children = Path(f"/proc/{web.process.pid}/task/{web.process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def answers(web: Web) -> bool:
    try:
        with urllib.request.urlopen(f"{web.url}/accounts/login/", timeout=60) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
        return False


async def closing_of(client: ClientConnection) -> dict[str, object]:
    """What is said before the socket is closed."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            said = json.loads(await client.recv())
            if said["op"] == "closing":
                closing: dict[str, object] = said
                with contextlib.suppress(ConnectionClosed):
                    await client.recv()
                assert client.close_code == closing["code"]
                return closing
    raise AssertionError(f"closed without a word: {client.close_code}")


def test_a_killed_worker_is_replaced_and_nobody_is_turned_away(web: Web) -> None:
    before = workers_of(web)
    os.kill(before[0], signal.SIGKILL)
    assert [answers(web) for _ in range(8)] == [True] * 8
    assert within(30, lambda: len(set(workers_of(web)) - set(before)) == 1 and before[1] in workers_of(web))
    assert "worker 1 ended (SIGKILL)" in web.process.log.read_text() or "worker 2 ended" in web.process.log.read_text()


async def test_a_reload_replaces_all_sends_clients_elsewhere_and_refuses_none(stack: Stack, web: Web) -> None:
    before = workers_of(web)
    async with contextlib.AsyncExitStack() as opened:
        clients = [await opened.enter_async_context(await open_socket(web, user)) for user in stack.users * 4]
        closings = [asyncio.ensure_future(closing_of(client)) for client in clients]
        web.process.signal(signal.SIGHUP)
        asked = 0
        while not set(before).isdisjoint(workers_of(web)):
            assert await asyncio.to_thread(answers, web)
            asked += 1
        async with asyncio.timeout(10):
            said = await asyncio.gather(*closings)
    assert asked > 3
    assert {closing["code"] for closing in said} == {1012}
    # Spread, so that they do not all come back at once.
    assert len({closing["reconnect_ms"] for closing in said}) > 4
    assert len(workers_of(web)) == WORKERS
    async with await open_socket(web, stack.users[0]) as again:
        assert json.loads(await again.recv())["op"] == "welcome"


def test_a_taken_port_is_told(stack: Stack, web: Web) -> None:
    taken = stack.start("taken", "manage.py", "serve", "--port", str(web.port))
    assert taken.popen.wait(60) == 2
    assert f"port {web.port} is in use" in taken.log.read_text()


def test_all_end_with_the_parent(web: Web) -> None:
    pids = workers_of(web)
    began = time.monotonic()
    web.process.signal(signal.SIGTERM)
    assert web.process.popen.wait(10 * FACTOR) == 0
    assert time.monotonic() - began < 10 * FACTOR
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.mark.slow
def test_nothing_outlives_a_killed_parent(stack: Stack) -> None:
    web = stack.start_web(workers=WORKERS)
    pids = workers_of(web)
    web.process.kill()
    assert within(5, lambda: not [pid for pid in pids if Path(f"/proc/{pid}").exists()])


async def test_one_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    serve = f"import os; os.write(int(os.environ['{READY}']), b'1'); "
    commands = iter(
        [
            [sys.executable, "-c", serve],
            ["/nowhere/python"],
            [sys.executable, "-c", serve + "import time; time.sleep(60)"],
        ]
    )
    started: list[Worker] = []
    workers = Workers("127.0.0.1", 0, 1)

    def made(number: int) -> Worker:
        started.append(Worker(number + 1, workers._listeners[number], next(commands)))
        return started[-1]

    monkeypatch.setattr(workers, "_made", made)
    running = asyncio.create_task(workers.run())
    async with asyncio.timeout(20):
        while not (len(started) == 3 and started[2].ready):
            assert not running.done()
            await asyncio.sleep(0.02)
        assert "worker 1 cannot be started: No such file or directory" in caplog.text
        workers._stopping.set()
        await running


@pytest.mark.parametrize("option", ["--workers=0", "--workers=65", "--workers=two", "--sockets=0", "--sockets=1e3"])
def test_numbers_out_of_range_are_refused_by_name(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Command().run_from_argv(["manage.py", "serve", option])
    said = capsys.readouterr().err
    assert f"argument {option.partition('=')[0]}" in said
    assert "from 1 to" in said
