"""A feed that is split over several ingest processes, with web and recorder, all real: one is killed, the number of shares
changes, and history is held to what was accepted.
"""

import asyncio
import contextlib
import re
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from marketdata.rows import FIELDS, TERM
from marketdata.shares import Share, shares_of
from tests.path.client import StreamClient, open_socket
from tests.path.split_feed import FEED, SYMBOLS, UNDERLYING_OF
from tests.path.stack import Process, Stack

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(300)]

START_S = 60.0
# The contract's: it is said within three seconds, and a standby leads soon after; the first figure is for machines that
# others use too.
FACTOR = 3.0
SAID_S = 3.0 * FACTOR
TAKEOVER_S = 5.0 * FACTOR
VENUE_TIME = FIELDS.index("venue_time_ms")


class Watcher:
    """A client on everything: which terms each instrument was shown under, how long it was silent, and whether its quotes
    went back in the venue's time."""

    def __init__(self, client: StreamClient) -> None:
        self.client = client
        self.ids: dict[str, int] = {}
        self.faults: list[str] = []
        self.longest: dict[int, float] = {}
        self._seen: dict[int, tuple[int, float]] = {}
        self._at: dict[int, float] = {}
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def subscribe(self) -> None:
        told = await self.client.ask("subscribe", "subscribed", source="all", symbols=list(SYMBOLS))
        assert len(told["added"]) == len(SYMBOLS), told
        self.ids = {symbol: facts["id"] for symbol, facts in told["added"].items()}

    @property
    def terms(self) -> dict[str, int]:
        """The term of each symbol's newest row."""
        rows = self.client.rows
        return {symbol: rows[i][1] // TERM for symbol, i in self.ids.items() if i in rows}

    def shown_by(self) -> dict[int, set[str]]:
        """By term, which symbols are shown under it."""
        found: dict[int, set[str]] = {}
        for symbol, term in self.terms.items():
            found.setdefault(term, set()).add(symbol)
        return found

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.client.aclose()

    async def _watch(self) -> None:
        while True:
            now = time.monotonic()
            for i, row in self.client.rows.items():
                seq, venue_time = self._seen.get(i, (0, 0.0))
                if row[1] != seq:
                    if row[VENUE_TIME] < venue_time:
                        self.faults.append(
                            f"{i}: of {venue_time} and then of {row[VENUE_TIME]}, {seq} and then {row[1]}"
                        )
                    self._seen[i] = row[1], row[VENUE_TIME]
                    self._at[i] = now
                silence = now - self._at.setdefault(i, now)
                self.longest[i] = max(silence, self.longest.get(i, 0.0))
            await asyncio.sleep(0.005)

    async def until(self, found: Callable[[], object], what: str, seconds: float = START_S) -> float:
        began = time.monotonic()
        while not found():
            assert time.monotonic() - began < seconds, f"{what}: not within {seconds} s; {self.client.messages[-3:]}"
            await asyncio.sleep(0.01)
        return time.monotonic() - began

    def health(self) -> tuple[str, str | None]:
        """As the client was told last."""
        told = [message for message in self.client.messages if message["op"] == "status" and message["feed"] == FEED]
        return (told[-1]["health"], told[-1]["reason"]) if told else ("", None)


class Installation:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.names = 0

    def ingest(self, *arguments: str) -> Process:
        self.names += 1
        return self.stack.start(f"ingest-{self.names}", "-m", "tests.path.split_feed", *arguments)

    def leading(self, process: Process) -> Share | None:
        """Which share the process says that it leads."""
        found = re.findall(r"leading split, share (\d+)/(\d+), term", process.log.read_text())
        return Share(int(found[-1][0]), int(found[-1][1])) if found else None


@contextlib.asynccontextmanager
async def watching(stack: Stack, web: Any) -> AsyncIterator[Watcher]:
    watcher = Watcher(StreamClient(await open_socket(web, stack.users[0])))
    try:
        yield watcher
    finally:
        await watcher.aclose()


async def test_shares_are_taken_over_one_by_one_and_split_anew_without_a_row_that_goes_back(tmp_path: Path) -> None:
    extra = {
        "STRIKEWIRE_RECORD_HISTORY": "1",
        "HISTORY_DATABASE_URL": f"sqlite:///{tmp_path / 'history.sqlite3'}",
    }
    with Stack(tmp_path, symbols=5, user_count=1, extra=extra) as stack:
        house = Installation(stack)
        stack.start("recorder", "manage.py", "record_history")
        # Alike on every machine: they find a share each.
        pair = [house.ingest("--shares", "2") for _ in range(2)]
        web = stack.start_web()
        async with watching(stack, web) as watcher:
            await watcher.until(lambda: all(house.leading(one) for one in pair), "two leaders")
            by_share = {house.leading(one): one for one in pair}
            assert set(by_share) == set(shares_of(2))
            await watcher.until(lambda: all("lists " in one.log.read_text() for one in pair), "both lists")
            await asyncio.sleep(2.5)  # so long a new catalogue may take to a web process
            await watcher.subscribe()
            await watcher.until(lambda: len(watcher.terms) == len(SYMBOLS), "every instrument's row")
            assert sorted(map(sorted, watcher.shown_by().values())) == sorted(
                map(sorted, map(symbols_of, shares_of(2)))
            )

            # One is killed; the process that any share may have takes it.
            spare = house.ingest("--shares", "2")
            await watcher.until(lambda: "standing by" in spare.log.read_text(), "a standby")
            terms = watcher.terms
            first, second = Share(1, 2), Share(2, 2)
            watcher.longest.clear()
            watcher.client.messages.clear()
            by_share[first].kill()
            said = await watcher.until(lambda: watcher.health()[0] not in ("", "ok"), "said to be ill", SAID_S)
            assert (watcher.health()[1] or "share 1 of 2").startswith("share 1 of 2")
            await watcher.until(
                lambda: all(watcher.terms[s] > terms[s] for s in symbols_of(first)),
                "a new leader's rows",
                TAKEOVER_S,
            )
            print(f"said after {said:.1f} s")
            assert house.leading(spare) == first
            assert all(watcher.terms[s] == terms[s] for s in symbols_of(second))
            silent = min(watcher.longest[watcher.ids[s]] for s in symbols_of(first))
            disturbed = max(watcher.longest[watcher.ids[s]] for s in symbols_of(second))
            print(f"its own were silent for {silent:.1f} s, the others' for {disturbed:.2f} s at most")
            assert disturbed < silent / 2
            await watcher.until(lambda: watcher.health()[0] == "ok", "said to be well", TAKEOVER_S)

            # Without a standby the feed is down, and says which part of it.
            by_share[first] = spare
            by_share[second].kill()
            await watcher.until(lambda: watcher.health()[0] == "down", "said to be down", SAID_S)
            assert (watcher.health()[1] or "").startswith("share 2 of 2")

            # Three in the place of two: they wait until the last of the two has gone.
            three = [house.ingest("--shares", "3", "--share", str(number)) for number in (1, 2, 3)]
            await watcher.until(lambda: all("split it in 2" in one.log.read_text() for one in three), "three that wait")
            await asyncio.sleep(3)
            assert not any(house.leading(one) for one in three)
            terms = watcher.terms
            spare.signal(signal.SIGTERM)
            await watcher.until(lambda: all(watcher.terms[s] > terms[s] for s in SYMBOLS), "three leaders", TAKEOVER_S)
            assert [house.leading(one) for one in three] == shares_of(3)
            assert sorted(map(sorted, watcher.shown_by().values())) == sorted(
                map(sorted, map(symbols_of, shares_of(3)))
            )
            await watcher.until(lambda: watcher.health() == ("ok", None), "said to be well", TAKEOVER_S)
            await asyncio.sleep(1)
            assert not watcher.faults, watcher.faults[:5]
            assert not watcher.client.faults, watcher.client.faults[:5]
        for one in three:
            one.stop()
            assert "0 messages remarked on" in one.log.read_text()
        proof = stack.python("manage.py", "verify_history", FEED)
        assert " 0 missing and not, 0 stored twice" in proof, proof
        led = {term for log in tmp_path.glob("ingest-*.log") for term in re.findall(r" term (\d+)", log.read_text())}
        assert proof.count("\nsplit ") == len(led) == 6


def symbols_of(share: Share) -> list[str]:
    return [symbol for symbol in SYMBOLS if share.holds(UNDERLYING_OF[symbol])]
