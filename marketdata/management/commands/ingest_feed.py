"""`manage.py ingest_feed NAME`: reads one feed, or a share of it, and publishes it, or stands by while another process
does.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections

from ...feeds import registry
from ...feeds.base import PermanentFeedError
from ...ingest import campaign
from ...ingest.leader import DeposedError, Leader, StandAsideError
from ...ingest.options import history_of, options_of
from ...shares import MOST, Share, shares_of

EX_TEMPFAIL = 75
EX_CONFIG = 78


class Command(BaseCommand):
    help = "Reads one feed and publishes it. A second one of the same feed stands by, or leads another share of it."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("feed", choices=sorted(registry.FEEDS), help="which feed")
        parser.add_argument(
            "--shares",
            type=int,
            default=1,
            metavar="N",
            help=f"split the feed by underlying over N leaders, at most {MOST}; the same for all of its processes [1]",
        )
        parser.add_argument(
            "--share", type=int, metavar="K", help="lead only the Kth of them [any that nobody leads, one at a time]"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name, shares = options["feed"], _shares(options["shares"], options["share"])
        while True:
            try:
                leader = asyncio.run(_run(registry.build(name, options_of(name)), shares))
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
        if leader is None:
            self.stdout.write(f"{name}: stood by, and led no share")
            return
        self.stdout.write(
            f"{name}: {leader.flush.accepted} quotes accepted in {leader.flush.flushes} flushes, "
            f"{leader.flush.conflated} merged while Redis was away, "
            f"{sum(leader.complaints.counts.values())} messages remarked on"
        )


def _shares(count: int, only: int | None) -> list[Share]:
    """Those that this process may lead, one at a time."""
    if not 1 <= count <= MOST:
        raise CommandError(f"--shares is {count}; it takes 1 to {MOST}", returncode=2)
    if only is None:
        return shares_of(count)
    if not 1 <= only <= count:
        raise CommandError(f"--share is {only}; of {count} it takes 1 to {count}", returncode=2)
    return [Share(only, count)]


async def _run(feed: Any, shares: Sequence[Share]) -> Leader | None:
    """Runs the feed until SIGTERM or SIGINT. None where it never led, and might have led any of several shares."""
    leaders: list[Leader] = []

    async def lead() -> None:
        lease = await campaign.win_any(feed.name, settings.REDIS_URL, shares) if len(shares) > 1 else None
        leader = Leader(
            feed,
            settings.REDIS_URL,
            get_channel_layer()._group_channel,
            history_of(feed.kind),
            rows=settings.ROWS_REDIS_URL,
            share=shares[0],
            lease=lease,
        )
        leaders.append(leader)
        await leader.run()

    work = asyncio.create_task(lead())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        if not work.cancelled():
            raise
    return leaders[0] if leaders else None
