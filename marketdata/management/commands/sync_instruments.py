"""`manage.py sync_instruments NAME`: asks a feed for its list and brings it into the database by hand, with a summary. A
leader that runs is told, and publishes what came of it.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import redis
from django.core.management.base import BaseCommand, CommandParser

from ...admin.live import live
from ...bus import orders
from ...bus.orders import Order
from ...facts import InstrumentFacts
from ...feeds import registry
from ...feeds.base import Feed, FeedError
from ...ingest import covering, listing
from ...ingest.coverage import Release
from ...ingest.options import options_of
from ...models import Instrument

# A venue that has not sent its list by then will not.
LIST_S: Final = 120.0
EX_UNAVAILABLE: Final = 69


class Command(BaseCommand):
    help = "Asks a feed for its list of instruments and brings it into the database."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("feed", choices=sorted(registry.FEEDS), help="which feed")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["feed"]
        try:
            feed = registry.build(name, options_of(name))
            listed = asyncio.run(_listed(feed))
            known = [instrument.facts() for instrument in Instrument.objects.filter(feed=name, active=True)]
            now = live(name, known)
            feed_ms = now.now_ms if now.vitals is not None else feed.clock.now(time.time() * 1000)
            renewal = covering.renew(name, listed, feed_ms, now.spots, now.held, Release.NOTHING)
        except (FeedError, listing.UnusableFactsError, TimeoutError) as error:
            self.stderr.write(f"{name}: {str(error) or f'no list within {LIST_S:g} s'}")
            sys.exit(EX_UNAVAILABLE)
        self.stdout.write(
            f"{name}: {len(listed)} listed, {renewal.created} new, {renewal.changed} changed, {renewal.retired} retired, "
            f"{renewal.vanished} vanished and kept; {len(renewal.selection.covered)} of {len(renewal.instruments)} covered"
        )
        try:
            heard = orders.give(name, Order("list", by="sync_instruments"))
        except redis.RedisError:
            heard = 0
        self.stdout.write(
            "the running ingest was told" if heard else "no ingest of it runs; the next one publishes this"
        )


async def _listed(feed: Feed) -> Sequence[InstrumentFacts]:
    async with asyncio.timeout(LIST_S):
        return await feed.instruments()
