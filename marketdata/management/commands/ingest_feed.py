"""`manage.py ingest_feed NAME`: reads one feed and publishes it, or stands by while another process does."""

import asyncio
import signal
import sys
import time
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections

from ...feeds import registry
from ...feeds.base import PermanentFeedError
from ...ingest.leader import DeposedError, Leader, StandAsideError
from ...ingest.options import history_of, options_of

EX_TEMPFAIL = 75
EX_CONFIG = 78


class Command(BaseCommand):
    help = "Reads one feed and publishes it. A second one of the same feed stands by."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("feed", choices=sorted(registry.FEEDS), help="which feed")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["feed"]
        while True:
            try:
                leader = asyncio.run(_run(registry.build(name, options_of(name))))
                break
            except PermanentFeedError as error:
                self.stderr.write(f"{name}: {error}")
                sys.exit(EX_CONFIG)
            except DeposedError as error:
                self.stderr.write(str(error))
                sys.exit(EX_TEMPFAIL)
            except StandAsideError as error:
                self.stderr.write(str(error))
                time.sleep(error.pause_s)
                close_old_connections()
        self.stdout.write(
            f"{name}: {leader.flush.accepted} quotes accepted in {leader.flush.flushes} flushes, "
            f"{leader.flush.conflated} merged while Redis was away, "
            f"{sum(leader.complaints.counts.values())} messages remarked on"
        )


async def _run(feed: Any) -> Leader:
    """Runs the feed until SIGTERM or SIGINT."""
    layer = get_channel_layer()
    leader = Leader(
        feed,
        settings.REDIS_URL,
        layer._group_channel,
        history_of(feed.kind),
    )
    work = asyncio.create_task(leader.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        if not work.cancelled():
            raise
    return leader
