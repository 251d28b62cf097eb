"""A whole installation for one test or benchmark: its own Valkey, its own database, web processes and ingest as processes
of their own, on sockets of the loopback. What it started it ends.
"""

import atexit
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from project.parent_death import die_with_parent
from tests.open_feeds import OPEN_FEEDS
from tests.valkey import RunningValkey, free_port, start_valkey

ROOT = Path(__file__).resolve().parents[2]
Server = Literal["uvicorn", "daphne"]
START_S = 90.0


# By symbols and users: a prepared database, and what was said of it.
_templates: dict[tuple[int, int], tuple[Path, dict[str, Any]]] = {}


@cache
def _template_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="sw-templates-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@dataclass
class User:
    id: int
    username: str
    session: str
    token: str
    watchlist: int


@dataclass
class Process:
    """A process of the stack; its output is in `log`."""

    popen: subprocess.Popen[str]
    log: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    def signal(self, number: int) -> None:
        if self.popen.poll() is None:
            self.popen.send_signal(number)

    def stop(self, timeout: float = 8.0) -> None:
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        self._close_pipe()

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.popen.wait(10)
        self._close_pipe()

    def _close_pipe(self) -> None:
        if self.popen.stdin is not None:
            with contextlib.suppress(OSError):  # what was not flushed has nobody to read it
                self.popen.stdin.close()

    def cpu_seconds(self) -> float:
        """User and system time, from the kernel's accounts."""
        parts = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")

    def resident_kib(self) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0


def start_process(
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str],
    cwd: Path = ROOT,
    stdin: int | None = subprocess.DEVNULL,
) -> Process:
    """One that ends with us; what it says is added to `log`."""
    with log.open("a") as output:
        popen = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
    return Process(popen, log)


@dataclass
class Stack:
    """`environment` is that of every process. `ids` maps the universe's symbols to instrument ids."""

    directory: Path
    symbols: int = 20
    user_count: int = 2
    extra: dict[str, str] = field(default_factory=dict)
    redis_port: int = 0
    redis_options: tuple[str, ...] = ()
    users: list[User] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)

    def __enter__(self) -> "Stack":
        self.directory.mkdir(parents=True, exist_ok=True)
        self.redis_port = self.redis_port or free_port()
        self.valkey: RunningValkey = self.start_redis()
        try:
            made = self._prepared()
        except BaseException:
            self.valkey.stop()
            raise
        self.users = [User(**user) for user in made["users"]]
        self.ids = made["ids"]
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes):
            process.stop()
        self.valkey.stop()

    @property
    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("STRIKEWIRE_")}
        return {
            **own,
            "STRIKEWIRE_VAR": str(self.directory / "var"),
            "STRIKEWIRE_INSTALLATION": "stack",
            "STRIKEWIRE_SECRET_KEY": "a key of the tests, of no use to anyone else at all",
            "REDIS_URL": self.valkey.url,
            "HISTORY_REDIS_URL": self.valkey.url,
            "DATABASE_URL": f"sqlite:///{self.directory / 'stack.sqlite3'}",
            "STRIKEWIRE_OPEN_FEEDS": OPEN_FEEDS,
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "PYTHONUNBUFFERED": "1",
            **self.extra,
        }

    def _prepared(self) -> dict[str, Any]:
        """What `prepare` made. A SQLite database is made once for each size, and copied from then on."""
        database = self.directory / "stack.sqlite3"
        is_own = self.environment["DATABASE_URL"] == f"sqlite:///{database}"
        key = (self.symbols, self.user_count)
        if is_own and (kept := _templates.get(key)) is not None:
            shutil.copyfile(kept[0], database)
            return kept[1]
        made: dict[str, Any] = json.loads(
            self.python("-m", "tests.path.prepare", str(self.symbols), str(self.user_count))
        )
        # Nobody has it open: what SQLite wrote ahead is in the file itself.
        if is_own and not database.with_name(f"{database.name}-wal").exists():
            template = _template_folder() / f"{self.symbols}-{self.user_count}.sqlite3"
            shutil.copyfile(database, template)
            _templates[key] = template, made
        return made

    def python(self, *arguments: str) -> str:
        """Runs one to its end and returns what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=START_S,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, name: str, *arguments: str, stdin: int | None = subprocess.DEVNULL) -> Process:
        log = self.directory / f"{name}.log"
        process = start_process((sys.executable, *arguments), log, self.environment, stdin=stdin)
        self.processes.append(process)
        return process

    def start_redis(self) -> RunningValkey:
        """The stack's Valkey, empty; at the same address each time."""
        self.valkey = start_valkey(self.directory / "valkey", *self.redis_options, port=self.redis_port)
        return self.valkey

    def start_web(self, server: Server = "uvicorn", port: int = 0, workers: int = 1) -> "Web":
        port = port or free_port()
        arguments = (
            ("manage.py", "serve", "--port", str(port), "--workers", str(workers))
            if server == "uvicorn"
            else ("manage.py", "runserver", "--noreload", f"127.0.0.1:{port}")
        )
        web = Web(self.start(f"web-{server}-{port}", *arguments), server, port, workers)
        web.wait_until_it_answers()
        return web

    def start_ingest(
        self, name: str = "ingest", *arguments: str, program: str = "tests.path.scripted_ingest"
    ) -> "Ingest":
        """The scripted feed under the real leader; takes commands on its standard input."""
        return Ingest(self.start(name, "-m", program, str(self.symbols), *arguments, stdin=subprocess.PIPE))


@dataclass
class Web:
    process: Process
    server: Server
    port: int
    workers: int = 1

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def browser_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/stream/"

    @property
    def program_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/api/stream/"

    def wait_until_it_answers(self) -> None:
        """All of it: a worker that died before it first served would end the others."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self.process.popen.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                urllib.request.urlopen(f"{self.url}/favicon.ico", timeout=10).close()
                if self.workers == 1 or f"{self.workers} processes listening" in self.process.log.read_text():
                    return
            time.sleep(0.05)
        raise RuntimeError(f"the web process did not answer:\n{self.process.log.read_text()[-3000:]}")


@dataclass
class Ingest:
    """Commands are lines; see scripted_ingest.py."""

    process: Process

    def say(self, command: str, **arguments: Any) -> None:
        assert self.process.popen.stdin is not None
        self.process.popen.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        self.process.popen.stdin.flush()

    def wait_until_it_leads(self, timeout: float = 20.0) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.log.read_text().count("lists ") > 0:
                return
            time.sleep(0.02)
        raise RuntimeError(f"ingest does not lead:\n{self.process.log.read_text()[-3000:]}")
