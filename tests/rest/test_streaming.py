"""Long answers over real servers: all of them arrives, the server stays small, a slow reader holds nothing in the database,
and what breaks off is seen to.
"""

import contextlib
import csv
import http.client
import io
import json
import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from arro3.io import read_ipc_stream

from marketdata.history.columns import TICK
from marketdata.history.database import Database
from marketdata.rows import seq_of
from tests.history.seeding import NOON_S, TERM
from tests.path.stack import Server, Stack, Web
from tests.path.universe import symbol_of

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

ROWS = 250_000
WAIT_S = 30.0
GROWTH_KIB = 50 * 1024
FORMATS = ("csv", "ndjson", "arrow")


class Place:
    """An installation with one instrument of many ticks, on one server and one database."""

    def __init__(self, stack: Stack, web: Web, database: Database) -> None:
        self.stack = stack
        self.web = web
        self.database = database

    @contextlib.contextmanager
    def asked(self, form: str) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=WAIT_S)
        # Little on the way, so that a reader that stops is felt soon.
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        headers = {"Authorization": f"Bearer {self.stack.users[0].token}"}
        connection.request("GET", f"/api/v1/instruments/{symbol_of(0)}/ticks/?format={form}", headers=headers)
        response = connection.getresponse()
        try:
            yield response
        finally:
            response.close()
            connection.close()

    def seqs(self, form: str) -> list[int]:
        with self.asked(form) as response:
            assert response.status == 200, response.read(2_000)
            return seqs_of(form, response.read())

    def is_asked_nothing(self) -> bool:
        """Whether the database runs no query of a reader and holds no transaction of one."""
        if self.database.vendor == "sqlite":
            return True
        with psycopg.connect(self.database.url) as connection:
            busy = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name LIKE '%readers' AND (state <> 'idle' OR backend_xmin IS NOT NULL)"
            ).fetchone()
        return busy == (0,)


def seqs_of(form: str, data: bytes) -> list[int]:
    if form == "csv":
        lines = csv.reader(io.StringIO(data.decode()))
        place = next(lines).index("seq")
        return [int(line[place]) for line in lines]
    if form == "ndjson":
        return [json.loads(line)["seq"] for line in data.splitlines()]
    column: Any = read_ipc_stream(io.BytesIO(data)).read_all().column("seq").to_pylist()
    return list(column)


def fill(database: Database, instrument: int) -> None:
    """Some hours of ticks, made by the database itself."""
    values = {
        **dict.fromkeys(TICK, "NULL"),
        "second": f"{NOON_S} + n / 50",
        "micro": "(n % 50) * 20000",
        "seq": f"{seq_of(TERM, 0)} + n",
        "instrument": str(instrument),
        "lag_us": "2000",
        **{
            name: f"{place} + (n * 2654435761 % 1000003) / 8.0"
            for place, name in enumerate(TICK[5:-3])
            if name != "last"
        },
    }
    connection = database.connect()
    numbers = (
        f"generate_series(1, {ROWS}) AS n"
        if database.vendor == "postgresql"
        else f"(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {ROWS}) SELECT n FROM c)"
    )
    connection.execute(
        f"INSERT INTO history_tick ({', '.join(values)}) SELECT {', '.join(values.values())} FROM {numbers}"
    )
    connection.commit()
    connection.close()


@pytest.fixture(
    scope="module",
    params=[
        ("uvicorn", "postgresql"),
        pytest.param(("daphne", "postgresql"), marks=pytest.mark.slow),
        pytest.param(("uvicorn", "sqlite"), marks=pytest.mark.slow),
    ],
    ids="-".join,
)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    server: Server
    server, vendor = request.param
    directory = Path(tempfile.mkdtemp(prefix="sw-table-", dir="/tmp"))
    url = f"sqlite:///{directory / 'history.sqlite3'}"
    admin = ""
    if vendor == "postgresql":
        admin = request.getfixturevalue("postgres")
        name = f"history_{secrets.token_hex(6)}"
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = urlunsplit(urlsplit(admin)._replace(path=f"/{name}"))
    try:
        with Stack(directory, symbols=3, user_count=1, extra={"HISTORY_DATABASE_URL": url}) as stack:
            database = Database(url)
            fill(database, stack.ids[symbol_of(0)])
            yield Place(stack, stack.start_web(server), database)
            database.close()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        if admin:
            with psycopg.connect(admin, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def eventually(claim: Any) -> None:
    deadline = time.monotonic() + WAIT_S
    while not claim():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.1)


@pytest.mark.parametrize("form", FORMATS)
def test_all_of_it_arrives_in_order_and_the_server_stays_small(place: Place, form: str) -> None:
    with place.asked(form) as response:  # what is loaded once is no growth
        response.read(1_000)
    before = place.web.process.resident_kib()
    most, done = [before], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            most.append(place.web.process.resident_kib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        found = place.seqs(form)
    finally:
        done.set()
        watcher.join()
    first = seq_of(TERM, 1)
    assert found == list(range(first, first + ROWS))
    assert max(most) - before < GROWTH_KIB, f"it grew by {(max(most) - before) / 1024:.0f} MB"


@pytest.mark.parametrize("form", ["csv", "arrow"])
def test_a_reader_that_stops_stops_the_making(place: Place, form: str) -> None:
    before = place.web.process.resident_kib()
    with place.asked(form) as response:
        data = response.read(200_000)
        time.sleep(1.0)
        eventually(place.is_asked_nothing)
        spent = place.web.process.cpu_seconds()
        time.sleep(2.0)
        # Beating hearts of the process, and no more.
        assert place.web.process.cpu_seconds() - spent < 0.5
        assert place.web.process.resident_kib() - before < GROWTH_KIB
        assert place.is_asked_nothing()
        data += response.read()
    assert len(data) > 20_000_000  # or there was little to be held back
    assert len(seqs_of(form, data)) == ROWS


def test_clients_that_go_away_leave_nothing_behind(place: Place) -> None:
    for _ in range(20):
        with place.asked("csv") as response:
            assert response.status == 200, response.read(2_000)
            response.read(1_000)
    eventually(place.is_asked_nothing)
    spent = place.web.process.cpu_seconds()
    time.sleep(1.0)
    assert place.web.process.cpu_seconds() - spent < 0.3
    assert len(place.seqs("csv")) == ROWS


def test_more_readers_at_once_than_there_may_be_are_told_to_wait(place: Place) -> None:
    with contextlib.ExitStack() as readers:
        statuses = []
        for _ in range(20):
            response = readers.enter_context(place.asked("csv"))
            statuses.append(response.status)
            if response.status == 200:
                response.read(1_000)
            else:
                assert response.headers["Retry-After"]
                assert json.loads(response.read())["status"] == 503
        assert statuses == [200] * 16 + [503] * 4
    eventually(lambda: _status(place) == 200)


def _status(place: Place) -> int:
    with place.asked("csv") as response:
        return response.status


def test_an_answer_that_cannot_be_finished_is_cut(place: Place) -> None:
    connection = place.database.connect()
    with place.asked("csv") as response:
        response.read(200_000)
        connection.execute("ALTER TABLE history_tick RENAME TO history_tick_away")
        connection.commit()
        try:
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                response.read()
        finally:
            connection.execute("ALTER TABLE history_tick_away RENAME TO history_tick")
            connection.commit()
            connection.close()
    time.sleep(1.5)  # Daphne looks after its applications every second
    assert len(place.seqs("csv")) == ROWS
