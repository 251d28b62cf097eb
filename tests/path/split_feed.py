"""A feed of several underlyings, for tests of a feed that is split: everything quotes all the time, and everybody says
everything, so that ingest has to pass over what is not its own. As a program it is `manage.py ingest_feed split …`.

    python -m tests.path.split_feed [--shares N] [--share K]
"""

import asyncio
import itertools
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from marketdata.facts import InstrumentFacts
from marketdata.feeds.base import Batch, FeedClock, FeedKind, LocalFeed
from marketdata.quotes import Quote

FEED: Final = "split"
# Of two shares each has three, of three shares each has two.
UNDERLYINGS: Final = ("ACME", "FROBZ", "GIZMO", "NIMBU", "QUARQ", "ZEPH")
EACH: Final = 4
EXPIRES_MS: Final = 1_895_000_400_000
TURN_S: Final = 0.03


def facts_of() -> list[InstrumentFacts]:
    """Each underlying with its contracts."""
    return [facts for underlying in UNDERLYINGS for facts in _board(underlying)]


def _board(underlying: str) -> list[InstrumentFacts]:
    return [
        InstrumentFacts(symbol=underlying, feed=FEED, kind="stock", underlying=underlying, venue_symbol=underlying),
        *(
            InstrumentFacts(
                symbol=f"{underlying}300118C{strike:08d}",
                feed=FEED,
                kind="option",
                underlying=underlying,
                venue_symbol=f"{underlying}300118C{strike:08d}",
                root=underlying,
                expiry="2030-01-18",
                expires_ms=EXPIRES_MS,
                strike=strike / 1000,
                right="C",
                exercise="american",
                multiplier=100,
            )
            for strike in range(100_000, 100_000 + EACH * 5_000, 5_000)
        ),
    ]


SYMBOLS: Final = tuple(facts.symbol for facts in facts_of())
UNDERLYING_OF: Final = {facts.symbol: facts.underlying for facts in facts_of()}


class SplitFeed(LocalFeed):
    """Each instrument once a turn. The bid is how many quotes of it there were in this process."""

    name = FEED
    kind: FeedKind = "simulated"
    clock = FeedClock()

    async def instruments(self) -> Sequence[InstrumentFacts]:
        return facts_of()

    async def batches(self) -> AsyncIterator[Batch]:
        for turn in itertools.count(1):
            now = round(time.time() * 1000, 3)
            yield Batch([Quote(symbol, now, now, bid=turn, ask=turn + 1) for symbol in SYMBOLS])
            await asyncio.sleep(TURN_S)


def build(options: Any) -> SplitFeed:
    return SplitFeed()


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import execute_from_command_line

    from marketdata.feeds import registry

    registry.FEEDS[FEED] = "tests.path.split_feed"
    settings.FEEDS[FEED] = {}
    execute_from_command_line(["manage.py", "ingest_feed", FEED, *sys.argv[1:]])


if __name__ == "__main__":
    main()
