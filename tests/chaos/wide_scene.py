"""All that many machines are for, in one installation: a feed split over two leaders with a standby for both, rows on a
cluster of three masters with a replica each, the rest on a service that sentinels watch, history on PostgreSQL with two
recorders; and two web processes, of which one never reads last values again, with a client each on all instruments.

The even ones quote all the time. The odd ones are silent, but for what a scenario has them say.
"""

import asyncio
import contextlib
import itertools
import re
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from redis.exceptions import RedisError

from marketdata import rows
from marketdata.history import verify
from marketdata.history.database import Database
from marketdata.shares import Share, shares_of
from tests.history.ledger_scene import Scene
from tests.path.client import StreamClient, open_socket
from tests.path.stack import Ingest, Stack, Web
from tests.path.universe import FEED, symbol_of
from tests.postgresql import start_postgresql
from tests.sentinels import WatchedValkey, watched_valkey
from tests.valkey_cluster import RunningCluster, start_cluster

SYMBOLS: Final = 60
BUSY: Final = range(0, SYMBOLS, 2)
SILENT: Final = range(1, SYMBOLS, 2)
QUOTES_A_SECOND: Final = 300
CONTRACT_S: Final = 2.0
SHARES: Final = 2
# Each share has some on more than one node, and the first two nodes have some of each share.
UNDERLYINGS: Final = ("DELTA", "ALPHA", "RHO", "THETA", "GAMMA")
_BID: Final = rows.FIELDS.index("bid")


def shard_of(underlying: str) -> str:
    """The hash of an underlying."""
    return f"stack:last:{{{FEED}.{underlying}}}"


@dataclass
class WideScene:
    """`told` is the last bid of each silent instrument, by its number; `ingests` are all that were started."""

    service: WatchedValkey
    cluster: RunningCluster
    stack: Stack
    path: Scene
    web: Web
    without: Web
    ingests: list[Ingest]
    factor: float
    client: StreamClient = field(init=False)
    control: StreamClient = field(init=False)
    told: dict[int, float] = field(default_factory=dict)
    _bids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1_000))

    # ── Leaders ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def leading(self) -> dict[Share, Ingest]:
        """Who of those that live leads which share, by what they say."""
        found: dict[Share, Ingest] = {}
        for ingest in self.ingests:
            log = ingest.process.log.read_text()
            if ingest.process.popen.poll() is None and "lists " in log:
                number, of = re.findall(r"leading scripted, share (\d+)/(\d+), term", log)[-1]
                found[Share(int(number), int(of))] = ingest
        return found

    async def start_standby(self) -> None:
        standby = self.path.start_ingest()
        self.ingests.append(standby)
        await until(lambda: "standing by" in standby.process.log.read_text(), "a standby")

    async def all_lead(self, timeout: float = 30.0) -> None:
        """Waits until every share has a leader, and has them quote."""
        await until(lambda: len(self.leading()) == SHARES, "a leader for each share", timeout)
        assert set(self.leading()) == set(shares_of(SHARES))
        self.run(QUOTES_A_SECOND)

    def run(self, rate: int) -> None:
        for ingest in self.leading().values():
            ingest.say("run", numbers=list(BUSY), rate=rate)

    def quote_silent(self) -> None:
        """Each leader says these of its share, twice, and then no more."""
        for _ in range(2):
            for number in SILENT:
                self.told[number] = next(self._bids) / 100
                for ingest in self.leading().values():
                    ingest.say("quote", numbers=[number], bid=self.told[number])

    # ── What is held and shown ────────────────────────────────────────────────────────────────────────────────────────

    def held(self) -> dict[int, tuple[int, float | None]]:
        """(seq, bid) of each number, as the cluster has it; without those whose node is away."""
        by_id = {self.stack.ids[symbol_of(number)]: number for number in range(SYMBOLS)}
        found: dict[int, tuple[int, float | None]] = {}
        for underlying in UNDERLYINGS:
            with contextlib.suppress(RedisError), self.cluster.holding(shard_of(underlying)) as server:
                for instrument_id, framed in server.hgetall(shard_of(underlying)).items():
                    row = rows.decode(rows.body(framed))
                    found[by_id[int(instrument_id)]] = (rows.header(framed)[1], row["bid"])
        return found

    def silent_are_held(self) -> bool:
        held = self.held()
        return all(number in held and held[number][1] == bid for number, bid in self.told.items())

    def _shown(self, client: StreamClient, number: int) -> tuple[int, float | None]:
        row = client.rows.get(self.stack.ids[symbol_of(number)])
        return (0, None) if row is None else (row[1], row[_BID])

    def wrong(self, client: StreamClient) -> list[int]:
        """Silent instruments of which the client does not show what was said last."""
        return [number for number, bid in self.told.items() if self._shown(client, number)[1] != bid]

    async def converge(self, ended: float, within: float = CONTRACT_S) -> None:
        """Waits until the client shows the newest row of every instrument, `within` of `ended` (monotonic)."""
        await until(self.silent_are_held, "what was said last in the cluster", 10.0 * self.factor)
        floor = self.held()
        limit = within * self.factor
        while behind := [
            number for number in range(SYMBOLS) if number not in floor or self._is_behind(number, floor[number][0])
        ] + self.wrong(self.client):
            took = time.monotonic() - ended
            assert took < limit, f"{len(behind)} wrong after {took:.2f} s, such as {behind[:5]}"
            await asyncio.sleep(0.02)
        print(f"right {(time.monotonic() - ended) * 1000:.0f} ms after the end")
        assert not self.client.faults, self.client.faults[:10]

    def _is_behind(self, number: int, seq: int) -> bool:
        return self._shown(self.client, number)[0] < seq

    # ── History ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def settle(self) -> None:
        """What was accepted is stored."""
        self.run(0)
        self.path.valkey = self.service.now()
        self.path.ingest = next(iter(self.leading().values()))
        self.path.settle()

    def verify(self) -> verify.Report:
        """What `manage.py verify_history` goes by."""
        names = {number: verify.Named(FEED, symbol) for symbol, number in self.stack.ids.items()}
        return verify.verify(self.path.database, names)


async def until(true: Callable[[], object], what: str, timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {timeout:g} s"
        await asyncio.sleep(0.02)


async def _joined(stack: Stack, web: Web, symbols: Collection[str]) -> StreamClient:
    client = StreamClient(await open_socket(web, stack.users[0]))
    told = await client.ask("subscribe", "subscribed", source="all", symbols=list(symbols))
    assert len(told["added"]) == len(symbols), told
    return client


@contextlib.asynccontextmanager
async def wide_scene(directory: Path, factor: float) -> AsyncIterator[WideScene]:
    """`directory` has a short path. All that is in it has quoted, and the busy half goes on."""
    with contextlib.ExitStack() as exits:
        service = exits.enter_context(watched_valkey(directory / "w", replicas=2))
        cluster = start_cluster(directory / "c", 3, 1, "--cluster-node-timeout", "2000")
        exits.callback(cluster.stop)
        postgresql = start_postgresql(directory / "pg")
        exits.callback(postgresql.stop)
        extra = {
            "REDIS_URL": service.url,
            "HISTORY_REDIS_URL": service.url,
            "ROWS_REDIS_URL": cluster.url,
            "HISTORY_DATABASE_URL": postgresql.url,
            "STRIKEWIRE_RECORD_HISTORY": "1",
            "STRIKEWIRE_HISTORY_MOST_GB": "0",
            "UNIVERSE_UNDERLYINGS": ",".join(UNDERLYINGS),
            "UNIVERSE_SHARES": str(SHARES),
        }
        stack = exits.enter_context(Stack(directory, symbols=SYMBOLS, user_count=1, extra=extra))
        nobody: Any = None
        path = Scene(stack, "postgresql", service.master, 0, postgresql, Database(postgresql.url), nobody, nobody, [])
        exits.callback(path.database.close)
        for _ in range(2):
            path.start_recorder()
        ingests = [path.start_ingest() for _ in range(SHARES)]
        web = stack.start_web()
        extra["STRIKEWIRE_RESYNCHRONISE"] = "0"
        without = stack.start_web()
        del extra["STRIKEWIRE_RESYNCHRONISE"]
        scene = WideScene(service, cluster, stack, path, web, without, ingests, factor)
        await scene.all_lead(60)
        symbols = [symbol_of(number) for number in range(SYMBOLS)]
        async with contextlib.AsyncExitStack() as sockets:
            scene.client, scene.control = [await _joined(stack, one, symbols) for one in (web, without)]
            for client in (scene.client, scene.control):
                sockets.push_async_callback(client.aclose)
            for ingest in ingests:
                ingest.say("quote", numbers=list(BUSY))
            scene.quote_silent()
            await scene.converge(time.monotonic(), within=10)
            await until(lambda: not scene.wrong(scene.control), "the control's first rows")
            yield scene
