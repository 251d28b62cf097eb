"""A second feed of the installation, with no leader: a test publishes its catalogue and its rows straight to Redis, as a
leader would.
"""

import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
from django.test import override_settings

from marketdata.bus import catalogue_store, keys
from marketdata.bus.beacon import Beacon
from marketdata.bus.client import Client
from marketdata.facts import InstrumentFacts
from marketdata.rows import encode, seq_of
from tests.builders import make_facts, make_quote

FIRST_ID = 1_000_000
TERM = 7


def option(number: int, day: str = "2026-01-16", root: str = "SPX", **changes: Any) -> InstrumentFacts:
    """A call of the second feed on SPX, with an id of its own."""
    symbol = changes.pop("symbol", f"{root}{day[2:4]}{day[5:7]}{day[8:]}C{number:08d}")
    facts = {"underlying": "SPX", "root": root, "expiry": day, "strike": float(number), "id": FIRST_ID + number}
    return make_facts(symbol, **{"feed": "second", **facts, **changes})


def index(symbol: str = "SPX", number: int = 0, **changes: Any) -> InstrumentFacts:
    facts = {"underlying": symbol, "root": None, "expiry": None, "expires_ms": None, "strike": None, "right": None}
    more = {"feed": "second", "kind": "index", "exercise": None, "multiplier": 1, "id": FIRST_ID + number}
    return make_facts(symbol, **{**facts, **more, **changes})


class SecondFeed:
    def __init__(self, client: Client, installation: str, name: str) -> None:
        self._client = client
        self._installation = installation
        self._counts: dict[int, int] = {}
        self._beacons = 0
        self.name = name

    async def lists(self, *facts: InstrumentFacts) -> int:
        """Makes the feed's catalogue exactly this; the version."""
        with override_settings(INSTALLATION=self._installation):
            return await catalogue_store.publish(self._client, self.name, facts)

    async def quotes(self, instruments: Iterable[InstrumentFacts], bid: float = 1.5, **changes: Any) -> None:
        """One newer row of each, as the last value and to its group."""
        with override_settings(INSTALLATION=self._installation):
            for facts in instruments:
                count = self._counts[facts.id] = self._counts.get(facts.id, 0) + 1
                quote = make_quote(facts.symbol, bid=bid, ask=bid + 0.1, **changes)
                row = encode(facts.id, seq_of(TERM, count), quote)
                await self._client.call("HSET", keys.last_values(self.name), facts.id, row)
                group = f"{self._installation}__group__{keys.row_group(self.name, facts.symbol)}"
                await self._client.call("PUBLISH", group, row)

    async def says(self, health: Any = "ok", **changes: Any) -> None:
        """One beacon."""
        self._beacons += 1
        beacon = Beacon(feed=self.name, kind="replay", term=TERM, n=self._beacons, flushes=1, health=health, **changes)
        with override_settings(INSTALLATION=self._installation):
            await self._client.call("PUBLISH", keys.beacons(), msgspec.json.encode(beacon))


@contextlib.asynccontextmanager
async def second_feed(redis_url: str, installation: str, name: str = "second") -> AsyncIterator[SecondFeed]:
    """The feed; at the end it lists nothing any more."""
    client = Client(redis_url, "second-feed")
    feed = SecondFeed(client, installation, name)
    try:
        yield feed
        await feed.lists()
    finally:
        client.close()
