"""A whole installation on servers that fail over: ingest with its ledger, a recorder, a web process and a socket, all of
which know the sentinels alone. Half of the universe quotes all the time; the other half is silent, but for what a test has
it say: nothing later can repair what is lost of that.
"""

import contextlib
import http.client
import json
import re
import signal
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from marketdata.bus.blocking import open_client
from marketdata.history import verify
from marketdata.history.database import Database
from marketdata.rows import body
from tests.history.ledger_scene import Scene
from tests.path.client import StreamClient
from tests.path.stack import Stack, Web
from tests.path.universe import FEED, symbol_of
from tests.sentinels import WatchedValkey, until, watched_valkey

SYMBOLS: Final = 60
BUSY: Final = list(range(0, SYMBOLS, 2))
SILENT: Final = list(range(1, SYMBOLS, 2))
CONTRACT_S: Final = 2.0


@dataclass
class Failover:
    """`service` carries everything, but for the history stream where `history` is another. `path` is what ingest, recorder
    and database are judged by."""

    service: WatchedValkey
    history: WatchedValkey
    stack: Stack
    path: Scene
    web: Web

    @property
    def silent_ids(self) -> set[int]:
        return {self.stack.ids[symbol_of(number)] for number in SILENT}

    def run(self, rate: int) -> None:
        self.path.ingest.say("run", numbers=BUSY, rate=rate)

    def quote_silent(self) -> None:
        self.path.ingest.say("quote", numbers=SILENT)

    async def join(self, client: StreamClient) -> None:
        symbols = [symbol_of(number) for number in range(SYMBOLS)]
        told = await client.ask("subscribe", "subscribed", source="all", symbols=symbols)
        assert len(told["added"]) == SYMBOLS, told
        await client.message("snapshot", more=False)

    async def newer(self, client: StreamClient, than: dict[int, int], timeout: float) -> dict[int, list[Any]]:
        """The rows of the silent half, once each is newer."""
        await client.until(lambda: all(client.rows[i][1] > seq for i, seq in than.items()), timeout)
        return {i: client.rows[i] for i in than}

    def last_values(self) -> dict[int, list[Any]]:
        with open_client(self.service.url, socket_timeout=2) as client:
            return {int(i): json.loads(body(framed)) for i, framed in client.hgetall(f"stack:last:{FEED}").items()}

    def rest_recorders(self) -> None:
        """Nothing is stored until all `settle`s."""
        for recorder in self.path.recorders:
            recorder.signal(signal.SIGSTOP)

    def settle(self) -> None:
        """What was accepted is stored."""
        for recorder in self.path.recorders:
            recorder.signal(signal.SIGCONT)
        self.path.valkey = self.history.now()
        self.path.settle()

    def verify(self) -> verify.Report:
        """What `manage.py verify_history` goes by."""
        names = {number: verify.Named(FEED, symbol) for symbol, number in self.stack.ids.items()}
        return verify.verify(self.path.database, names)

    def leaders(self) -> str:
        """What the ingest processes logged."""
        return "\n".join(path.read_text() for path in sorted(self.stack.directory.glob("ingest-*.log")))

    # ── Whoever asks by HTTP ──────────────────────────────────────────────────────────────────────────────────────────

    def rest(self, path: str, method: str = "GET") -> tuple[int, dict[str, Any]]:
        """Status and body, as a program with a token sees them."""
        headers = {"Authorization": f"Bearer {self.stack.users[0].token}"}
        status, text, _ = self._http(method, path, headers)
        return status, json.loads(text)

    def sign_in(self) -> int:
        """The status of a sign-in with a wrong password: 200 shows the form again, 503 says that nothing is counted."""
        _, page, cookies = self._http("GET", "/accounts/login/", {})
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token is not None, page[:500]
        form = {"csrfmiddlewaretoken": token[1], "login": "user0", "password": "wrong"}
        headers = {
            "Cookie": cookies.partition(";")[0],
            "Content-Type": "application/x-www-form-urlencoded",
            "Referer": self.web.url,
        }
        return self._http("POST", "/accounts/login/", headers, urllib.parse.urlencode(form))[0]

    def _http(self, method: str, path: str, headers: dict[str, str], text: str | None = None) -> tuple[int, str, str]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=10)) as connection:
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.getheader("Set-Cookie") or ""


@contextlib.contextmanager
def open_failover(
    directory: Path,
    replicas: int = 1,
    own_history: bool = False,
    standby: bool = False,
    ingest_program: str = "tests.path.scripted_ingest",
) -> Iterator[Failover]:
    """`directory` has a short path. With `own_history` the stream is on a second service."""
    with contextlib.ExitStack() as exits:
        service = exits.enter_context(watched_valkey(directory / "w", replicas))
        history = exits.enter_context(watched_valkey(directory / "h", replicas)) if own_history else service
        database = f"sqlite:///{directory / 'history.sqlite3'}"
        extra = {
            "REDIS_URL": service.url,
            "HISTORY_REDIS_URL": history.url,
            "HISTORY_DATABASE_URL": database,
            "STRIKEWIRE_RECORD_HISTORY": "1",
            "STRIKEWIRE_HISTORY_MOST_GB": "0",
        }
        stack = exits.enter_context(Stack(directory, symbols=SYMBOLS, user_count=1, extra=extra))
        nobody: Any = None
        path = Scene(stack, "sqlite", history.master, 0, None, Database(database), nobody, nobody, [])
        exits.callback(path.database.close)
        path.ingest_program = ingest_program
        path.start_recorder()
        path.ingest = path.start_ingest()
        web = stack.start_web()
        path.ingest.wait_until_it_leads()
        if standby:
            path.standby = path.start_ingest()
            until(lambda: "standing by" in path.standby.process.log.read_text(), "a standby")
        scene = Failover(service, history, stack, path, web)
        scene.quote_silent()
        path.ingest.say("quote", numbers=BUSY)
        until(lambda: len(scene.last_values()) == SYMBOLS, "the first quotes")
        yield scene


def within(deadline: float) -> float:
    """Seconds that are left until then (monotonic)."""
    return max(0.0, deadline - time.monotonic())
