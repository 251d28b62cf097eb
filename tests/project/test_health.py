"""`/healthz` and `/readyz`: answered to whoever asks, by whatever name, and by what the process stands on."""

import contextlib
import http.client
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.path.stack import Stack, Web
from tests.valkey import free_port
from tests.valkey_cluster import start_cluster


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    extra = {"STRIKEWIRE_ALLOWED_HOSTS": "desk.example.org,127.0.0.1", "STRIKEWIRE_HTTPS": "yes"}
    with Stack(tmp_path_factory.mktemp("health"), user_count=1, extra=extra) as stack:
        yield stack


@pytest.fixture(scope="module")
def web(stack: Stack) -> Web:
    return start(stack)


def start(stack: Stack) -> Web:
    """One that sends all but these two to HTTPS."""
    port = free_port()
    web = Web(stack.start(f"web-{port}", "manage.py", "serve", "--port", str(port)), "uvicorn", port)
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError):
            assert ask(web, "/healthz") == (200, "ok\n")
            return web
        assert time.monotonic() < deadline, web.process.log.read_text()
        time.sleep(0.05)


def ask(web: Web, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)
    try:
        connection.request(method, path, headers={"Host": "10.0.0.1:8000"})
        answer = connection.getresponse()
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def within(seconds: float, web: Web, expected: tuple[int, str]) -> None:
    deadline = time.monotonic() + seconds
    while (said := ask(web, "/readyz")) != expected:
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


def test_neither_the_hosts_name_nor_https_matters(web: Web) -> None:
    assert ask(web, "/healthz") == (200, "ok\n")
    within(5, web, (200, "ok\n"))
    assert ask(web, "/readyz", "HEAD") == (200, "")


def test_a_stalled_redis_is_told_and_its_return_too(stack: Stack, web: Web) -> None:
    within(5, web, (200, "ok\n"))
    stack.valkey.process.send_signal(signal.SIGSTOP)
    try:
        within(5, web, (503, "away: Redis\n"))
        assert ask(web, "/healthz") == (200, "ok\n")
    finally:
        stack.valkey.process.send_signal(signal.SIGCONT)
    within(5, web, (200, "ok\n"))


def test_a_cluster_for_rows_of_which_no_node_answers_is_told(stack: Stack, tmp_path: Path) -> None:
    cluster = start_cluster(tmp_path, masters=2)
    try:
        stack.extra["ROWS_REDIS_URL"] = cluster.url
        web = start(stack)
        within(5, web, (200, "ok\n"))
        cluster.nodes[0].kill()
        time.sleep(2)  # twice as long as it takes to ask again
        assert ask(web, "/readyz") == (200, "ok\n")
        cluster.nodes[1].process.send_signal(signal.SIGSTOP)
        within(5, web, (503, "away: the cluster for rows\n"))
        cluster.nodes[1].process.send_signal(signal.SIGCONT)
        within(5, web, (200, "ok\n"))
        web.process.stop()
    finally:
        del stack.extra["ROWS_REDIS_URL"]
        cluster.stop()


def test_a_database_that_cannot_be_opened_is_told(stack: Stack, web: Web) -> None:
    stack.extra["DATABASE_URL"] = f"sqlite:///{stack.directory}/none/none.sqlite3"
    try:
        other = start(stack)
    finally:
        del stack.extra["DATABASE_URL"]
    within(5, other, (503, "away: database\n"))
    within(5, web, (200, "ok\n"))
    other.process.stop()
