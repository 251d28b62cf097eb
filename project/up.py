"""`manage.py up`: builds one machine's parts in order, hands each what it needs, and shows that they live. This is the
composition root; the supervisor below it knows nothing of Strikewire.
"""

import asyncio
import contextlib
import itertools
import os
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from marketdata.first_line import first_line

from .addresses import own_addresses
from .background import in_background
from .child import Child
from .console import Console
from .embedded.binary import find_server
from .embedded.server import EmbeddedServer
from .errors import StartError
from .listening import listen
from .live_figures import FiguresReader, LiveFigures
from .supervisor import Supervisor
from .up_arguments import EVERY_ADDRESS, UpOptions
from .var_folder import VarFolder

if TYPE_CHECKING:
    from accounts.demo import DemoAccess

SERVER_START_SECONDS: Final = 20.0
# Reading back a large append-only file may take a while; until then it answers LOADING.
LOADING_SECONDS: Final = 300.0
IMPATIENCE_SECONDS: Final = 15.0
# By then it is no start that is slow: a page that fails logs each of our questions.
IMPATIENT_PAUSE_SECONDS: Final = 2.0
LIVE_SECONDS_TERMINAL: Final = 1
LIVE_SECONDS_FILE: Final = 10
# Ingest logs each of its attempts. That the feed is down, and why, is said once, by `_tell_feed`.
_ATTEMPT: Final = re.compile(r" WARNING marketdata\.ingest\.leader: .*; trying again in [\d.]+ s$")


class Up:
    """One installation on one machine. `commands` replaces the children's commands, by name, in tests."""

    def __init__(
        self, options: UpOptions, console: Console, commands: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.options = options
        self.console = console
        self.folder = VarFolder(settings.VAR_DIR)
        self.supervisor = Supervisor(console.say)
        self.port = options.port
        self.commands = commands
        self._servers: list[EmbeddedServer] = []
        self._stop = asyncio.Event()
        self._down_for: str | None = None

    # ── The order ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def check(self) -> None:
        """What can be refused before anything is started. Raises StartError."""
        manifests = (settings.FRONTEND_BUILD / "manifest.json", settings.FRONTEND_BUILD / ".vite" / "manifest.json")
        if not any(path.is_file() for path in manifests):
            raise StartError("the front end is not built: start with scripts/run, or `npm run build` in frontend/")
        with listen(self.options.host, self.options.port) as probe:
            self.port = probe.getsockname()[1]
        self.folder.prepare()
        self.folder.lock()

    async def run(self) -> int:
        """Everything, until a signal or a permanent failure. Returns the exit status; leaves no process behind."""
        self._handle_signals()
        life = asyncio.create_task(self._live())
        stop = asyncio.create_task(self._stop.wait())
        failure = asyncio.create_task(self.supervisor.failure())
        status = 0
        try:
            await asyncio.wait((life, stop, failure), return_when=asyncio.FIRST_COMPLETED)
            if failure.done():
                raise failure.result()
            if life.done():
                life.result()
        except StartError as error:
            self.console.end_live()
            print(f"error: {error}", file=sys.stderr, flush=True)
            status = error.status
        finally:
            await _cancel(life, stop, failure)
            self.console.end_live()
            if self._stop.is_set():
                self.console.say("stopping")
            await self.supervisor.stop()
            for server in self._servers:
                server.clear_away()
            self.folder.release()
        return status

    async def _live(self) -> None:
        await asyncio.gather(self._start_servers(), in_background(_migrate))
        access, _ = await asyncio.gather(in_background(self._demo_access), self.supervisor.start(self._children()))
        async with FiguresReader(settings.REDIS_URL, settings.INSTALLATION, self.options.feed) as figures:
            await self._until_ready(figures)
            self._introduce(access)
            await asyncio.gather(self._show(figures), self._fill_watchlist(access is not None))

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_IGN:  # nohup, or a shell's background job
                continue
            loop.add_signal_handler(number, self._signalled)

    def _signalled(self) -> None:
        if self._stop.is_set():  # the second time
            self.supervisor.kill()
        self._stop.set()

    # ── The parts ─────────────────────────────────────────────────────────────────────────────────────────────────────
    async def _start_servers(self) -> None:
        """The Valkeys whose URLs are ours; where the operator named servers of their own, those are theirs to start."""
        servers = self._servers = []
        if settings.REDIS_URL == settings.EMBEDDED_REDIS:
            servers.append(EmbeddedServer("redis", settings.REDIS_URL, self.folder.path / "redis"))
        if settings.HISTORY_REDIS_URL == settings.EMBEDDED_HISTORY_REDIS:
            folder = self.folder.path / "history"
            servers.append(EmbeddedServer("history", settings.HISTORY_REDIS_URL, folder, append_only=True))
        program = find_server() if servers else Path()
        for server in servers:
            server.prepare()
        children = [self._child(server.name, server.command(program)) for server in servers]
        by_name = {server.name: server for server in servers}
        await self.supervisor.start(children, lambda child: server_answers(by_name[child.name], child))

    def _children(self) -> list[Child]:
        commands = self.commands
        if commands is None:
            manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
            commands = {
                "ingest": [*manage, "ingest_feed", self.options.feed],
                **({"recorder": [*manage, "record_history"]} if settings.RECORD_HISTORY else {}),
                "web": [*manage, "serve", "--host", self.options.host, "--port", str(self.port)],
            }
        environment = {"PYTHONUNBUFFERED": "1"}
        if self.options.replay_file is not None:
            environment["STRIKEWIRE_REPLAY_FILE"] = str(self.options.replay_file)
            environment["STRIKEWIRE_REPLAY_SPEED"] = repr(self.options.replay_speed)
        if self.options.public and "STRIKEWIRE_ALLOWED_HOSTS" not in os.environ:
            environment["STRIKEWIRE_ALLOWED_HOSTS"] = ",".join([*settings.ALLOWED_HOSTS, *own_addresses()])
        return [self._child(name, command, environment) for name, command in commands.items()]

    def _child(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Child:
        return Child(name, command, self.folder.logs / f"{name}.log", environment)

    def _demo_access(self) -> "DemoAccess | None":
        from django.db import DatabaseError

        from accounts import demo

        try:
            if self.options.public:
                demo.withdraw()
                return None
            return demo.prepare()
        except DatabaseError as error:  # a file that can be read and not written passes the migrations
            raise StartError(f"the database cannot be used: {first_line(error)}") from error

    # ── What the operator sees ────────────────────────────────────────────────────────────────────────────────────────
    async def _until_ready(self, figures: FiguresReader) -> None:
        """Until the page answers and ingest leads; says what is still missing when that takes long."""
        host = "127.0.0.1" if self.options.host == EVERY_ADDRESS else self.options.host
        impatient = time.monotonic() + IMPATIENCE_SECONDS
        pause = 0.1
        while True:
            page = await page_answers(host, self.port)
            leads = (await figures.read()).leads
            if page and leads:
                return
            self._show_warnings()
            if time.monotonic() > impatient:
                missing = [name for name, there in (("the page", page), ("the feed", leads)) if not there]
                self.console.say(f"still waiting for {' and '.join(missing)}; their logs are in {self.folder.logs}")
                impatient = time.monotonic() + IMPATIENCE_SECONDS
                pause = IMPATIENT_PAUSE_SECONDS
            await asyncio.sleep(pause)

    def _introduce(self, access: "DemoAccess | None") -> None:
        host = "127.0.0.1" if self.options.host in (EVERY_ADDRESS, "localhost") else self.options.host
        shown = f"[{host}]" if ":" in host else host
        say = self.console.say
        say(f"url: http://{shown}:{self.port}/")
        if access is not None:
            say(f"user: {access.username}")
            say(f"password: {access.password}")
            say(f"token: {access.token}")
        else:
            if self.options.host == EVERY_ADDRESS:
                for address in own_addresses():
                    say(f"also: http://{address}:{self.port}/")
            say("The demo user is off. Make an administrator with: .venv/bin/python manage.py createsuperuser")
        say("Ctrl-C stops everything.")

    async def _show(self, figures: FiguresReader) -> None:
        seconds = LIVE_SECONDS_TERMINAL if self.console.is_terminal else LIVE_SECONDS_FILE
        for second in itertools.count(1):
            await asyncio.sleep(1)
            self._show_warnings()
            now = await figures.read()
            self._tell_feed(now)
            if second == 1 or second % seconds == 0:
                self.console.live(now.line())

    def _show_warnings(self) -> None:
        self.supervisor.show_warnings(lambda line: _ATTEMPT.search(line) is not None)

    def _tell_feed(self, now: LiveFigures) -> None:
        """Says once that the feed is down, and why; again where the reason became another; and that it is back."""
        if now.health == "down" and now.reason and now.reason != self._down_for:
            self._down_for = now.reason
            self.console.say(f"feed {now.feed} is down: {now.reason}")
            self.console.say(
                "  It is tried again by itself, and the page says so too. "
                f"To look closer: .venv/bin/python manage.py feed_doctor {now.feed}"
            )
        elif now.health == "ok" and self._down_for is not None:
            self._down_for = None
            self.console.say(f"feed {now.feed} is back")

    async def _fill_watchlist(self, wanted: bool) -> None:
        """The example appears once the feed has listed its instruments; without it everything else still works."""
        complained = False
        while wanted:
            try:
                if await in_background(self._watchlist_filled):
                    return
            except Exception as error:
                if not complained:
                    self.console.say(f"the example watchlist cannot be made yet: {type(error).__name__}: {error}")
                complained = True
            await asyncio.sleep(1)

    def _watchlist_filled(self) -> bool:
        from accounts import demo

        return demo.fill_watchlist(self.options.feed)


def _migrate() -> None:
    from django.core.management import call_command
    from django.db import DatabaseError

    try:
        call_command("migrate", verbosity=0, interactive=False)
        _keep_ids()
    except DatabaseError as error:
        raise StartError(f"the database cannot be used: {first_line(error)}") from error


def _keep_ids() -> None:
    """For a database that is new, or of an older copy, beside a history that is not."""
    import psycopg

    from marketdata.history import given_ids
    from marketdata.history.database import history
    from marketdata.history.outage import HistoryDownError
    from marketdata.history.schema import NewerSchemaError

    # Where history does not answer, is of a later version or a broken file, its recorder says so; the rest can start.
    with contextlib.suppress(HistoryDownError, NewerSchemaError, sqlite3.DatabaseError, psycopg.Error):
        given_ids.keep(history())


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel, and again until it took: a library that is just connecting may take the first for its own time-out."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.1)
    await asyncio.gather(*tasks, return_exceptions=True)


async def server_answers(server: EmbeddedServer, child: Child) -> None:
    """Wait until `server` takes commands. Raises StartError when its process ends instead, or takes too long."""
    started = time.monotonic()
    ended = asyncio.create_task(child.wait())
    try:
        while not await server.answers():
            if ended.done():
                raise server.why_it_ended(child.log.last_lines(5), child.log.path)
            waited = time.monotonic() - started
            if waited > (LOADING_SECONDS if server.append_only else SERVER_START_SECONDS):
                raise StartError(f"{server.name}: no answer after {waited:.0f} s; its log is {child.log.path}")
            await asyncio.wait({ended}, timeout=0.02)
    finally:
        ended.cancel()


async def page_answers(host: str, port: int) -> bool:
    """Whether GET / has an answer that is not a server's error."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                words = (await reader.readline()).split()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError):
        return False
    return len(words) > 1 and words[0].startswith(b"HTTP/") and words[1] < b"500"
