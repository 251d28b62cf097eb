"""A site of several web hosts behind both proxies, with a feed that quotes, and the desks of those who look at it.

Half of the universe (the even numbers) quotes all the time. The other half is silent, but for what a test has it say while
clients are away: only what they are told when they are back can make that good.
"""

import asyncio
import itertools
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.path.stack import Ingest, Stack
from tests.path.universe import symbol_of

from .desk import Desk
from .proxies import Proxy
from .web_host import WebHost

SYMBOLS: Final = 60
BUSY: Final = range(0, SYMBOLS, 2)
SILENT: Final = range(1, SYMBOLS, 2)
QUOTES_A_SECOND: Final = 300
# The delivery contract's limit from the end of an interruption.
CONTRACT_S: Final = 2.0
# HAProxy asks each second and believes the second answer; nginx finds out by who is refused.
NOTICED_S: Final = 3.0
# Who is sent away is told to be back within 5 s.
AWAY_S: Final = 6.0


@dataclass
class Site:
    stack: Stack
    hosts: list[WebHost]
    proxies: list[Proxy]
    ingest: Ingest
    factor: float
    desks: list[Desk] = field(default_factory=list)
    told: dict[int, float] = field(default_factory=dict)
    told_at: float = 0.0
    _bids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1_000))

    def proxy(self, kind: str) -> Proxy:
        return next(one for one in self.proxies if one.kind == kind)

    # ── What the feed says ────────────────────────────────────────────────────────────────────────────────────────────

    def quote_silent(self) -> None:
        """Each of them once, and then no more."""
        for number in SILENT:
            bid = next(self._bids) / 100
            self.ingest.say("quote", numbers=[number], bid=bid)
            self.told[self.stack.ids[symbol_of(number)]] = bid
        self.told_at = time.monotonic()

    # ── Desks ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def open_desks(self, each: int) -> None:
        """So many through each proxy, by http and by https in turn."""
        symbols = [symbol_of(number) for number in range(SYMBOLS)]
        for index, proxy in itertools.product(range(each), self.proxies):
            user = self.stack.users[index % 2]
            self.desks.append(Desk(proxy, ("https", "http")[index % 2], user, symbols))
        await self.until(lambda: all(desk.is_open for desk in self.desks), 30, "all desks open")

    async def until(self, holds: Callable[[], Any], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
            await asyncio.sleep(0.01)

    def stale(self, desk: Desk) -> list[int]:
        """The silent instruments of which it does not show the newest row."""
        return [i for i, bid in self.told.items() if i not in desk.rows or desk.rows[i][4] != bid]

    async def converge(self, what: str, desks: Collection[Desk] | None = None, within: float = CONTRACT_S) -> float:
        """Every desk shows the newest row of every instrument within the contract's time from its own reconnection, or from
        when the feed spoke where the desk was there. To be called then: the longest of these times is returned."""
        waiting = set(self.desks if desks is None else desks)
        longest, limit = 0.0, within * self.factor
        while waiting:
            now = time.monotonic()
            for desk in list(waiting):
                since = max(desk.connected_at, self.told_at)
                if desk.is_open and not self.stale(desk):
                    longest = max(longest, now - since)
                    waiting.discard(desk)
                elif desk.is_open:
                    assert now - since < limit, (
                        f"{what}: {len(self.stale(desk))} stale on {desk} after {now - since:.1f} s"
                    )
                else:
                    assert now - self.told_at < AWAY_S * self.factor, f"{what}: still away, {desk.refused[-3:]}"
            await asyncio.sleep(0.01)
        print(f"{what}: the last was right {longest * 1000:.0f} ms after its return")
        return longest

    def check(self) -> None:
        """What is always true: no row went back, within a connection or from one to the next."""
        faults = [fault for desk in self.desks for fault in desk.faults]
        faults += [fault for desk in self.desks if desk.client is not None for fault in desk.client.faults]
        assert not faults, faults[:10]

    # ── What it knows ─────────────────────────────────────────────────────────────────────────────────────────────────

    def database(self, question: str, *values: Any) -> list[Any]:
        connection = sqlite3.connect(self.stack.directory / "stack.sqlite3", timeout=10)
        try:
            with connection:
                return connection.execute(question, values).fetchall()
        finally:
            connection.close()


def total(hosts: Iterable[WebHost]) -> int:
    return sum(host.connections() for host in hosts)
