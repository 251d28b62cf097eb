"""A whole installation whose rows are on a cluster of three masters, each with a replica: ingest, a web process, and one
more that never reads last values again, with a client each on all instruments.

The even ones quote all the time. The odd ones are silent, but for what a scenario has them say during an interruption.
"""

import asyncio
import itertools
import json
import signal
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from redis.exceptions import RedisError

from marketdata import rows
from tests.path.client import StreamClient, open_socket
from tests.path.stack import Ingest, Process, Stack, Web
from tests.path.universe import FEED, symbol_of
from tests.valkey_cluster import RunningCluster, start_cluster

SYMBOLS: Final = 60
BUSY: Final = range(0, SYMBOLS, 2)
SILENT: Final = range(1, SYMBOLS, 2)
QUOTES_A_SECOND: Final = 500
CONTRACT_S: Final = 2.0
# In the first, the second and the last third of the slots, and so on the three masters.
UNDERLYINGS: Final = ("DELTA", "ALPHA", "GAMMA")
_BID: Final = rows.FIELDS.index("bid")


def shard_of(master: int) -> str:
    """The hash of the underlying that is on this master at first. Written out: a name that changed by accident would part
    web processes from ingest during an upgrade."""
    return f"stack:last:{{{FEED}.{UNDERLYINGS[master]}}}"


def silent_on(master: int) -> list[int]:
    return [number for number in SILENT if number % len(UNDERLYINGS) == master]


@dataclass
class ClusterScene:
    """`told` is the last bid of each silent instrument, by its number."""

    stack: Stack
    cluster: RunningCluster
    ingest: Ingest
    web: Web
    without: Web
    client: StreamClient
    control: StreamClient
    factor: float
    told: dict[int, float] = field(default_factory=dict)
    _bids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1_000))

    def run(self) -> None:
        self.ingest.say("run", numbers=list(BUSY), rate=QUOTES_A_SECOND)

    def quote_silent(self, numbers: Collection[int] = SILENT) -> None:
        """Each of these quotes twice, and then says no more."""
        for _ in range(2):
            for number in numbers:
                self.told[number] = next(self._bids) / 100
                self.ingest.say("quote", numbers=[number], bid=self.told[number])

    def held(self) -> dict[int, tuple[int, float | None]]:
        """(seq, bid) of each number, as the cluster has it; without those whose node is away."""
        by_id = {self.stack.ids[symbol_of(number)]: number for number in range(SYMBOLS)}
        found: dict[int, tuple[int, float | None]] = {}
        for master in range(len(UNDERLYINGS)):
            try:
                with self.cluster.holding(shard_of(master)) as server:
                    for instrument_id, framed in server.hgetall(shard_of(master)).items():
                        row = rows.decode(rows.body(framed))
                        found[by_id[int(instrument_id)]] = (rows.header(framed)[1], row["bid"])
            except RedisError:
                continue
        return found

    def silent_are_held(self) -> bool:
        held = self.held()
        return all(number in held and held[number][1] == bid for number, bid in self.told.items())

    def shown(self, client: StreamClient, number: int) -> tuple[int, float | None]:
        row = client.rows.get(self.stack.ids[symbol_of(number)])
        return (0, None) if row is None else (row[1], row[_BID])

    def wrong(self, client: StreamClient) -> list[int]:
        """Silent instruments of which the client does not show what was said last."""
        return [number for number, bid in self.told.items() if self.shown(client, number)[1] != bid]

    def rest_bids(self, symbols: Collection[str]) -> dict[str, float | None]:
        """What REST shows."""
        request = urllib.request.Request(
            f"{self.web.url}/api/v1/quotes/?symbols={','.join(symbols)}",
            headers={"Authorization": f"Bearer {self.stack.users[0].token}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return {one["symbol"]: one["bid"] for one in json.load(answer)["results"]}

    async def converge(self, ended: float, within: float = CONTRACT_S) -> float:
        """Waits until the client shows the newest row of every instrument; returns how long after `ended` that was."""
        await until(self.silent_are_held, "what was said last in the cluster", 10.0 * self.factor)
        floor = self.held()
        limit = within * self.factor
        while behind := [
            number
            for number in range(SYMBOLS)
            if number not in floor or self.shown(self.client, number)[0] < floor[number][0]
        ] + self.wrong(self.client):
            took = time.monotonic() - ended
            assert took < limit, f"{len(behind)} wrong after {took:.2f} s, such as {behind[:5]}"
            await asyncio.sleep(0.02)
        took = time.monotonic() - ended
        print(f"right {took * 1000:.0f} ms after the end")
        assert not self.client.faults, self.client.faults[:10]
        assert self.ingest.process.popen.poll() is None, self.ingest.process.log.read_text()[-2000:]
        return took

    async def both_hear(self) -> None:
        """Both listen on every node, also on one that is new to them: what they miss later was missed asleep."""
        self.quote_silent()
        await until(lambda: not self.wrong(self.client), "what was said to the client", CONTRACT_S * 3)
        deadline = time.monotonic() + 20
        while self.wrong(self.control):
            # The control gets over what it missed for what is said afterwards, and for nothing else.
            assert time.monotonic() < deadline, self.wrong(self.control)
            self.quote_silent()
            await asyncio.sleep(0.5)

    async def wake_servers(self, numbers: Collection[int]) -> None:
        """Lets web processes go on that slept while these silent instruments quoted, with ingest asleep meanwhile: it tells
        a node that is new to it all that it knows, and so may help who reads nothing again.

        The client has to become right; the other one, who reads nothing again, gets over it for what is said afterwards,
        and for nothing else."""
        with stopped(self.ingest.process):
            for web in (self.web, self.without):
                web.process.signal(signal.SIGCONT)
            await self.converge(time.monotonic())
            others = set(self.told).difference(numbers)
            await until(lambda: not others.intersection(self.wrong(self.control)), "the control's other rows")
            await asyncio.sleep(0.5)
            wrong = sorted(self.wrong(self.control))
            assert wrong == sorted(numbers), (wrong, sorted(numbers))
            assert not self.control.faults, self.control.faults[:10]
        self.quote_silent(numbers)
        await until(lambda: not self.wrong(self.control), "what was said afterwards", CONTRACT_S * self.factor)


@contextmanager
def stopped(*processes: Process) -> Iterator[None]:
    for process in processes:
        process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.signal(signal.SIGCONT)


async def until(true: Callable[[], object], what: str, timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {timeout:g} s"
        await asyncio.sleep(0.02)


async def _joined(stack: Stack, web: Web) -> StreamClient:
    client = StreamClient(await open_socket(web, stack.users[0]))
    symbols = [symbol_of(number) for number in range(SYMBOLS)]
    told = await client.ask("subscribe", "subscribed", source="all", symbols=symbols)
    assert len(told["added"]) == SYMBOLS, told
    return client


@asynccontextmanager
async def cluster_scene(directory: Path, factor: float) -> AsyncIterator[ClusterScene]:
    """All that is in it has quoted, and the busy half goes on."""
    cluster = start_cluster(directory / "cluster", 3, 1, "--cluster-node-timeout", "2000")
    extra = {"ROWS_REDIS_URL": cluster.url, "UNIVERSE_UNDERLYINGS": ",".join(UNDERLYINGS)}
    try:
        with Stack(directory, symbols=SYMBOLS, user_count=1, extra=extra) as stack:
            ingest = stack.start_ingest()
            web = stack.start_web()
            extra["STRIKEWIRE_RESYNCHRONISE"] = "0"
            without = stack.start_web()
            ingest.wait_until_it_leads()
            clients = [await _joined(stack, one) for one in (web, without)]
            try:
                scene = ClusterScene(stack, cluster, ingest, web, without, clients[0], clients[1], factor)
                ingest.say("quote", numbers=list(BUSY))
                scene.quote_silent()
                scene.run()
                await scene.converge(time.monotonic(), within=10)
                await until(lambda: not scene.wrong(scene.control), "the control's first rows")
                yield scene
            finally:
                await asyncio.gather(*(client.aclose() for client in clients))
    finally:
        cluster.stop()
