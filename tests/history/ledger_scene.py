"""A whole path of history that can be broken anywhere: ingest with its ledger, the stream on a Valkey of its own,
recorders, and a database of either kind; and what the database is held to when all is over.
"""

import contextlib
import json
import math
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from marketdata.history import bars
from marketdata.history.columns import BAR, TICK
from marketdata.history.database import Database
from marketdata.history.entries import ticks_of
from marketdata.rows import TERM
from tests.path import ledger
from tests.path.stack import ROOT, Ingest, Process, Stack
from tests.path.universe import FEED
from tests.postgresql import RunningPostgreSQL, start_again, start_postgresql
from tests.valkey import RunningValkey, free_port, start_valkey

Key = tuple[int, int]  # instrument, seq

# How long things may take at most. Those of the project itself are short (a recorder takes over what another left after ten
# seconds, a leader's lease lasts three), but the machine is others' too.
START_S: Final = 60.0
SETTLE_S: Final = 150.0


def until(found: Callable[[], object], timeout: float = START_S) -> None:
    deadline = time.monotonic() + timeout
    while not found():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


@dataclass
class Scene:
    """Everything is started by `open_scene`. Whoever breaks something mends it again."""

    stack: Stack
    vendor: str
    valkey: RunningValkey
    valkey_port: int
    postgresql: RunningPostgreSQL | None
    database: Database
    ingest: Ingest
    standby: Ingest
    recorders: list[Process]
    recorder_program: tuple[str, ...] = ("manage.py", "record_history")
    ingest_program: str = "tests.path.scripted_ingest"
    rate: int = 0
    told: list[str] = field(default_factory=list)
    _ledgers: list[Path] = field(default_factory=list)
    _names: int = 0
    _stops: int = 0

    # ── Starting ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def start_ingest(self) -> Ingest:
        """One more, which leads, or stands by while another does."""
        self._names += 1
        path = self.stack.directory / f"ledger-{self._names}"
        self._ledgers.append(path)
        return self.stack.start_ingest(f"ingest-{self._names}", str(path), program=self.ingest_program)

    def start_recorder(self) -> Process:
        self._names += 1
        process = self.stack.start(f"recorder-{self._names}", *self.recorder_program)
        self.recorders.append(process)
        return process

    def run(self, rate: int) -> None:
        self.rate = rate
        self.ingest.say("run", numbers=list(range(self.stack.symbols)), rate=rate)

    def _written(self) -> list[Path]:
        """The ledgers; an ingest that was killed before it ran has none."""
        return [path for path in self._ledgers if path.exists()]

    # ── Breaking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def recorder_away(self) -> Iterator[None]:
        self.recorders.pop(0).kill()
        yield
        self.start_recorder()

    @contextlib.contextmanager
    def ingest_away(self) -> Iterator[None]:
        """Its standby leads as soon as the lease of the killed one has ended; it quotes from now on."""
        self.ingest.process.kill()
        self.ingest = self.standby
        self.run(self.rate)
        yield
        # Or else a third could win the lease, and would not know what to quote.
        self.ingest.wait_until_it_leads(START_S)
        self.standby = self.start_ingest()

    @contextlib.contextmanager
    def valkey_away(self) -> Iterator[None]:
        self.valkey.kill()
        yield
        self.valkey = start_history_valkey(self.stack.directory / "history", self.valkey_port)

    @contextlib.contextmanager
    def database_away(self) -> Iterator[None]:
        """PostgreSQL is stopped, every other time without a good-bye; SQLite's file is locked."""
        if self.postgresql is not None:
            self._stops += 1
            if self._stops % 2:
                self.postgresql.process.send_signal(signal.SIGQUIT)  # as after a crash, it recovers from its log
                self.postgresql.process.wait(10)
            self.postgresql.stop()
            yield
            self.postgresql = start_again(self.stack.directory / "pg")
            return
        assert self.database.path is not None
        with contextlib.closing(sqlite3.connect(self.database.path, timeout=20, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")

    def havoc(self, seconds: float, rounds: int, seed: int) -> None:
        """Each of the four goes away at `rounds` moments within these seconds, and comes back; several may be away at
        once."""
        draw = random.Random(seed)
        part = seconds / rounds  # those of a kind are apart: what is away cannot be killed
        steps: list[tuple[float, str, contextlib.AbstractContextManager[None], bool]] = []
        for name, longest in (("recorder", 1.0), ("database", 3.0), ("valkey", 2.0), ("ingest", 0.5)):
            for number in range(rounds):
                at, away = part * (number + draw.uniform(0.05, 0.5)), draw.uniform(0.1, min(longest, part / 3))
                absence = getattr(self, f"{name}_away")()
                steps += [(at, name, absence, True), (at + away, name, absence, False)]
        began = time.monotonic()
        # In this thread: the kernel ends what a thread started with it.
        for at, name, absence, goes in sorted(steps, key=lambda step: step[0]):
            time.sleep(max(0.0, began + at - time.monotonic()))
            self.told.append(f"{time.monotonic() - began:.1f} s: {name} {'goes' if goes else 'comes'}")
            if goes:
                absence.__enter__()
            else:
                absence.__exit__(None, None, None)
        time.sleep(max(0.0, began + seconds - time.monotonic()))

    # ── Coming to rest ────────────────────────────────────────────────────────────────────────────────────────────────

    def settle(self, timeout: float = SETTLE_S) -> None:
        """Returns when nothing comes any more and nothing is on its way."""
        self.ingest.wait_until_it_leads(START_S)
        self.run(0)
        deadline, quiet = time.monotonic() + timeout, 0
        while quiet < 4:
            assert time.monotonic() < deadline, f"it does not come to rest: {self.on_its_way()}\n{self.logs()}"
            quiet = quiet + 1 if not any(self.on_its_way().values()) else 0
            time.sleep(0.25)

    def logs(self) -> str:
        """What the recorders that live said last."""
        return "\n".join(f"{one.log.name}:\n{one.log.read_text()[-1500:]}" for one in self.recorders)

    def on_its_way(self) -> dict[str, Any]:
        """What is in the stream, in journals, and gaps that are not in the database."""
        try:
            with Redis.from_url(self.valkey.url, socket_timeout=5) as client:
                waits = {"stream": client.xlen("stack:history"), "gaps": client.hlen("stack:history:gaps")}
        except RedisError as error:
            return {"redis": str(error)}
        spilled = list((self.stack.directory / "var" / "spill").glob("*.journal"))
        ledger_grows = any(time.time() - path.stat().st_mtime < 1 for path in self._written())
        return {**waits, "spilled": len(spilled), "quoting": ledger_grows}

    def verify(self) -> tuple[int, dict[str, Any]]:
        """What `manage.py verify_history` says, and with which status it ended."""
        done = subprocess.run(
            [sys.executable, "manage.py", "verify_history", FEED, "--json"],
            cwd=ROOT,
            env=self.stack.environment,
            capture_output=True,
            text=True,
            timeout=SETTLE_S,
            check=False,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    # ── What is there ─────────────────────────────────────────────────────────────────────────────────────────────────

    def outcome(self) -> "Outcome":
        offered: dict[Key, tuple[Any, ...]] = {}
        accepted: set[Key] = set()
        for noted in ledger.read(self._written()):
            rows, wrong = ticks_of(noted.rows)
            assert not wrong
            for row in rows:
                key = row[3], row[2]
                assert offered.setdefault(key, row) == row, "a number was given to two quotes"
                if noted.accepted:
                    accepted.add(key)
        stored: dict[Key, tuple[Any, ...]] = {}
        doubles = 0
        for chunk in self.database.chunks(f"SELECT {', '.join(TICK)} FROM history_tick"):
            for row in chunk:
                doubles += (row[3], row[2]) in stored
                stored[row[3], row[2]] = row
        return Outcome(
            offered,
            accepted,
            stored,
            doubles,
            self.database.rows("SELECT term, from_us, to_us, count, reason FROM history_gap WHERE feed = %s", (FEED,)),
            {
                (row[0], row[1]): bars.Bar(*row)
                for row in self.database.rows(f"SELECT {', '.join(BAR)} FROM history_bar")
            },
        )


@dataclass
class Outcome:
    """The ledger's side and the database's. `offered` and `stored` are rows of `columns.TICK` by instrument and seq."""

    offered: dict[Key, tuple[Any, ...]]
    accepted: set[Key]
    stored: dict[Key, tuple[Any, ...]]
    doubles: int
    gaps: list[tuple[Any, ...]]
    bars: dict[bars.Key, bars.Bar]

    @property
    def missing(self) -> set[Key]:
        return self.accepted - self.stored.keys()

    def check(self) -> None:
        """All that is always true."""
        assert self.doubles == 0
        assert not self.stored.keys() - self.offered.keys(), "stored, and never handed to history"
        wrong = [(row, self.offered[key]) for key, row in self.stored.items() if row != self.offered[key]]
        assert not wrong, wrong[:3]
        self._check_gaps()
        made = bars.of_ticks(self.offered[key] for key in sorted(self.stored))
        assert made.keys() == self.bars.keys()
        different = [(bar, self.bars[key]) for key, bar in made.items() if not _same(bar, self.bars[key])]
        assert not different, different[:3]

    def _check_gaps(self) -> None:
        """Each missing quote lies in a gap of its term, and they count at least what is missing."""
        missing: defaultdict[int, list[int]] = defaultdict(list)
        for key in self.missing:
            row = self.offered[key]
            missing[key[1] // TERM].append(row[0] * 1_000_000 + row[1])
        for term, times in missing.items():
            recorded = [gap for gap in self.gaps if gap[0] == term]
            outside = [at for at in times if not any(gap[1] <= at <= gap[2] for gap in recorded)]
            assert not outside, f"term {term}: {len(outside)} of {len(times)} missing quotes in no gap of {recorded}"
            assert len(times) <= sum(gap[3] for gap in recorded), f"term {term}: {len(times)} missing, {recorded}"


def _same(one: bars.Bar, other: bars.Bar) -> bool:
    """Sums of differences, joined in other parts: the last bits may differ."""
    if one.volume_gain is not None and other.volume_gain is not None:
        if not math.isclose(one.volume_gain, other.volume_gain, abs_tol=1e-9):
            return False
        other = msgspec.structs.replace(other, volume_gain=one.volume_gain)
    return one == other


def start_history_valkey(directory: Path, port: int) -> RunningValkey:
    """On its append-only file, as `up` runs it."""
    return start_valkey(directory, "--appendonly", "yes", "--appendfsync", "everysec", port=port)


@contextlib.contextmanager
def open_scene(
    directory: Path,
    vendor: str,
    symbols: int = 50,
    recorders: int = 2,
    ingest_program: str = "tests.path.scripted_ingest",
    **extra: str,
) -> Iterator[Scene]:
    """`directory` has a short path. On SQLite the recorders after the first stand by."""
    postgresql = start_postgresql(directory / "pg") if vendor == "postgresql" else None
    url = postgresql.url if postgresql else f"sqlite:///{directory / 'history.sqlite3'}"
    port = free_port()
    valkey = start_history_valkey(directory / "history", port)
    environment = {
        "HISTORY_REDIS_URL": valkey.url,
        "HISTORY_DATABASE_URL": url,
        "STRIKEWIRE_RECORD_HISTORY": "1",
        "STRIKEWIRE_HISTORY_MOST_GB": "0",
        **extra,
    }
    scene: Scene | None = None
    try:
        with Stack(directory, symbols=symbols, user_count=1, extra=environment) as stack:
            nobody: Any = None
            scene = Scene(stack, vendor, valkey, port, postgresql, Database(url), nobody, nobody, [])
            scene.ingest_program = ingest_program
            for _ in range(recorders):
                scene.start_recorder()
            scene.ingest = scene.start_ingest()
            scene.ingest.wait_until_it_leads(START_S)
            scene.standby = scene.start_ingest()
            until(lambda: "standing by" in scene.standby.process.log.read_text(), START_S)
            yield scene
    finally:
        if scene is not None:
            scene.database.close()
            valkey, postgresql = scene.valkey, scene.postgresql
        valkey.stop()
        if postgresql is not None:
            postgresql.stop()
