"""What every scenario plays on: a whole installation under load, a fleet of clients, and the yardstick of the contract.

Half of the universe (the even numbers) quotes all the time. The other half is silent, but for what a scenario has it say
during an interruption: nothing later can repair what a client missed of it.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import hiredis
import msgspec

from marketdata import rows
from marketdata.bus.client import Client
from marketdata.bus.connection import RedisDownError
from tests.path.client import stream_client
from tests.path.stack import Ingest, Stack, Web
from tests.path.universe import FEED, symbol_of

from .fleet import Fleet, Member
from .history_check import HistoryCheck
from .witness import Witness

SYMBOLS: Final = 500
BUSY: Final = range(0, SYMBOLS, 2)
SILENT: Final = range(1, SYMBOLS, 2)
QUOTES_A_SECOND: Final = 2_000
# The delivery contract's limit from the end of an interruption; a takeover may take what a lease lives and a little.
CONTRACT_S: Final = 2.0
TAKEOVER_S: Final = 3.0
# Silent instruments that are given the same bid, so that rows mixed up between instruments are found out.
ALIKE: Final = 10
# The installation's id, as the stack sets it, and the names that follow from it. Written out: a name that changed by
# accident would part web processes from ingest during an upgrade.
PREFIX: Final = "stack"
LAST_VALUES: Final = f"{PREFIX}:last:{FEED}"
LEASE: Final = f"{PREFIX}:lease:{FEED}"
TERM: Final = f"{PREFIX}:term:{FEED}"
BEACONS: Final = f"{PREFIX}:beacons"
HISTORY: Final = f"{PREFIX}:history"
SUBSCRIBER: Final = f"{PREFIX}-web-subscriber"


def row_channel(number: int) -> str:
    return f"{PREFIX}__group__q.{FEED}.{symbol_of(number)}"


async def until(found: Callable[[], Awaitable[Any]], what: str, timeout: float = 20.0, every: float = 0.02) -> Any:
    """The first truthy value of `found()`. A Redis that does not answer counts as not yet."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            if value := await found():
                return value
        except (RedisDownError, hiredis.ReplyError):
            pass
        assert time.monotonic() < deadline, f"{what}: not within {timeout:g} s"
        await asyncio.sleep(every)


@dataclass
class Scene:
    """`told` is what the feed was last made to say of each silent instrument: its bid, by instrument id. `factor` is what
    a deadline is multiplied by on a machine that others use too."""

    stack: Stack
    webs: list[Web]
    leader: Ingest
    fleet: Fleet
    witness: Witness
    factor: float
    client: Client
    history: HistoryCheck
    standby: Ingest | None = None
    told: dict[int, float] = field(default_factory=dict)
    _bids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1_000))
    _names: "itertools.count[int]" = field(default_factory=lambda: itertools.count(2))

    # ── What the feed says ────────────────────────────────────────────────────────────────────────────────────────────

    def run(self, rate: int = QUOTES_A_SECOND) -> None:
        """The busy half quotes at this rate; 0 is silence."""
        self.leader.say("run", numbers=list(BUSY), rate=rate)

    def quote_silent(self, ingest: Ingest | None = None, numbers: Sequence[int] = SILENT) -> None:
        """Each of these quotes twice, and then says no more: the second one is what everybody has to see."""
        for _ in range(2):
            for start in range(0, len(numbers), ALIKE):
                group = numbers[start : start + ALIKE]
                bid = next(self._bids) / 100
                (ingest or self.leader).say("quote", numbers=list(group), bid=bid)
                self.told.update({self.id_of(number): bid for number in group})

    def id_of(self, number: int) -> int:
        return self.stack.ids[symbol_of(number)]

    def new_ingest(self) -> Ingest:
        """Another ingest of the feed, which stands by while one leads."""
        return self.stack.start_ingest(f"ingest-{next(self._names)}")

    async def have_standby(self) -> Ingest:
        """A second ingest, of which it is certain that it stands by."""
        standby = self.standby = self.standby or self.new_ingest()

        async def stands_by() -> bool:
            assert_it_lives(standby)
            return "standing by" in standby.process.log.read_text()

        await until(stands_by, "a standby", 20.0 * self.factor)
        return standby

    def lead_by_standby(self) -> Ingest:
        """From now on the standby is whom the feed's words go to; returns who was until now."""
        assert self.standby is not None
        former, self.leader, self.standby = self.leader, self.standby, None
        return former

    def have_leader(self) -> None:
        """A scenario that failed may have left none; the next one shall tell of itself and not of that."""
        if self.leader.process.popen.poll() is not None:
            self.leader, self.standby = self.standby or self.new_ingest(), None
            self.leader.say("quote", numbers=list(BUSY))
            self.quote_silent()

    def have_no_standby(self) -> None:
        if self.standby is not None:
            self.standby.process.kill()
            self.standby = None

    async def new_term(self, term: int) -> float:
        """When the first beacon or row of a later term than this was heard (monotonic)."""

        async def begun() -> float | None:
            assert_it_lives(self.leader)
            return self.witness.began[self.witness.term] if self.witness.term > term else None

        began: float = await until(begun, "a new leader's first words", 20.0 * self.factor)
        return began

    # ── What Redis holds ──────────────────────────────────────────────────────────────────────────────────────────────

    async def redis(self, *command: Any) -> Any:
        return await self.client.call(*command)

    async def last_values(self) -> dict[int, bytes]:
        """Framed rows by instrument id; empty while Redis is away."""
        try:
            found: dict[bytes, bytes] = await self.redis("HGETALL", LAST_VALUES)
        except (RedisDownError, hiredis.ReplyError):
            return {}
        return {int(instrument_id): framed for instrument_id, framed in found.items()}

    async def silent_half_is_stored(self) -> bool:
        """Whether the last values hold what the feed was told to say."""
        held = await self.last_values()
        return all(i in held and _bid(held[i]) == bid for i, bid in self.told.items())

    async def holder(self) -> bytes:
        """Who leads: `term:owner`, or nothing."""
        return await self.redis("GET", LEASE) or b""

    async def owner(self) -> bytes:
        """Which process leads, whatever the term."""
        return (await self.holder()).partition(b":")[2]

    async def breaks(self) -> dict[str, int]:
        """How often each web process lost its subscription, as each reports itself."""
        found = {}
        for process in await self.redis("SMEMBERS", f"{PREFIX}:webs"):
            report = await self.redis("GET", f"{PREFIX}:web:{process.decode()}")
            if report is not None:
                found[process.decode()] = msgspec.json.decode(report)["breaks"]
        return found

    async def subscribers(self) -> set[int]:
        """Ids of the web processes' subscriber connections."""
        lines = (await self.redis("CLIENT", "LIST", "TYPE", "pubsub")).decode().splitlines()
        clients = [dict(part.partition("=")[::2] for part in line.split()) for line in lines]
        return {int(client["id"]) for client in clients if client["name"] == SUBSCRIBER}

    # ── What clients hold ─────────────────────────────────────────────────────────────────────────────────────────────

    async def converge(self, what: str, ended: float, within: float = CONTRACT_S) -> float:
        """Waits until every client holds the newest row of all that it subscribed to; returns how long after `ended`
        (monotonic) that was. The deadline is the contract's, times the factor.

        Where the machine is shared, what this process itself was kept from running is added, up to as much again: then the
        judge was late, and those whom it judges were kept waiting with it."""
        floor: dict[int, int] = {}
        limit = within * self.factor
        patience = limit if self.factor > 1 else 0.0
        while True:
            held = await self.last_values()
            behind = await self._behind(held, floor, self.fleet.members)
            took = time.monotonic() - ended
            if not behind:
                print(f"{what}: every client was right {took * 1000:.0f} ms after the end")
                assert took <= limit, f"{what}: only after {took:.2f} s"
                return took
            assert took < limit, f"{what}: {len(behind)} wrong after {took:.2f} s, such as {behind[:5]}"
            slept_at = time.monotonic()
            await asyncio.sleep(0.02)
            kept = min(max(0.0, time.monotonic() - slept_at - 0.1), patience)
            patience -= kept
            limit += kept

    async def _behind(self, held: dict[int, bytes], floor: dict[int, int], members: Iterable[Member]) -> list[str]:
        """What is not as it has to be. `floor` keeps the seqs of the busy half when they were first all there: these go on
        rising, so a client is right that has reached them."""
        missing = [f"Redis has no row of {i}" for i in self.stack.ids.values() if i not in held]
        if missing:
            return missing
        untold = [
            f"Redis has {_bid(held[i])} of {i}, told was {bid}" for i, bid in self.told.items() if _bid(held[i]) != bid
        ]
        if untold:
            return untold
        if not floor:
            floor.update({i: rows.header(framed)[1] for i, framed in held.items() if i not in self.told})
        exact = {i: msgspec.json.decode(rows.body(held[i])) for i in self.told}
        return [
            f"{member.web.port} has {member.client.rows.get(i)}"
            for member in members
            for i in member.ids
            if (member.client.rows.get(i) != exact[i] if i in exact else _seq(member, i) < floor[i])
        ]

    async def compare_at_rest(self) -> None:
        """The feed falls silent; then every client, and one that comes only now, holds exactly the last values."""
        self.run(0)

        async def silent() -> bool:
            heard = self.witness.rows
            await asyncio.sleep(0.25)
            return heard == self.witness.rows

        await until(silent, "the feed's silence")
        deadline = time.monotonic() + CONTRACT_S * self.factor

        async def differing() -> list[str]:
            held = {i: msgspec.json.decode(rows.body(framed)) for i, framed in (await self.last_values()).items()}
            return [
                f"{member.client.rows.get(i)} where Redis has {held.get(i)}"
                for member in self.fleet.members
                for i in member.ids
                if member.client.rows.get(i) != held.get(i)
            ]

        while differences := await differing():
            assert time.monotonic() < deadline, f"{len(differences)} differ, such as {differences[:3]}"
            await asyncio.sleep(0.05)
        held = {i: msgspec.json.decode(rows.body(framed)) for i, framed in (await self.last_values()).items()}
        assert len(held) == SYMBOLS
        for web in self.webs:
            async with stream_client(web, self.stack.users[0]) as late:
                symbols = [symbol_of(number) for number in range(SYMBOLS)]
                await late.ask("subscribe", "subscribed", source="late", symbols=symbols)
                await late.message("snapshot", more=False)
                assert late.rows == held
        self.run()

    async def stale(self, fleet: Fleet) -> list[str]:
        """The silent instruments of which a client of `fleet` does not hold the newest row."""
        held = await self.last_values()
        exact = {i: msgspec.json.decode(rows.body(held[i])) for i in self.told}
        return [
            f"{member.client.rows.get(i)} where Redis has {exact[i]}"
            for member in fleet.members
            for i in member.ids & exact.keys()
            if member.client.rows.get(i) != exact[i]
        ]

    # ── What is always true ───────────────────────────────────────────────────────────────────────────────────────────

    async def check(self) -> None:
        """Nobody saw anything go back, neither a client nor who listens to Redis, and history has no holes."""
        assert not self.fleet.faults, self.fleet.faults[:10]
        assert not self.witness.faults, self.witness.faults[:10]
        await self.history.read()
        assert self.history.rows > 0
        assert not self.history.faults, self.history.faults[:10]


def assert_it_lives(ingest: Ingest) -> None:
    assert ingest.process.popen.poll() is None, ingest.process.log.read_text()[-2000:]


def _bid(framed: bytes) -> float | None:
    return rows.decode(rows.body(framed))["bid"]


def _seq(member: Member, instrument_id: int) -> int:
    row = member.client.rows.get(instrument_id)
    return row[1] if row is not None else 0
