"""`manage.py prune_history`: takes away what is older than the settings say, or too much. A running recorder does the same
by itself.
"""

import datetime as dt
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...history.database import history
from ...history.outage import HistoryDownError
from ...history.pruning import GB, Limits, prune


class Command(BaseCommand):
    help = "Takes away ticks, trades and bars beyond STRIKEWIRE_HISTORY_TICK_DAYS, _BAR_DAYS and _MOST_GB."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and leave it")

    def handle(self, *args: Any, **options: Any) -> None:
        limits = Limits.of(settings)
        ticks, bars, most = (value or "without end" for value in limits)
        self.stdout.write(
            f"kept: ticks {ticks}{' days' if limits.tick_days else ''}, bars {bars}{' days' if limits.bar_days else ''}, "
            f"size {f'{limits.most_bytes / GB:g} GB' if limits.most_bytes else most}"
        )
        try:
            pruned = prune(history(), time.time(), settings, dry_run=options["dry_run"])
        except HistoryDownError as error:
            raise CommandError(f"the history database does not answer: {error}") from error
        if pruned.is_elsewhere:
            raise CommandError("a recorder, or this command elsewhere, prunes at this moment: try again in a minute")
        would = "would go (about)" if options["dry_run"] else "went"
        self.stdout.write(f"{pruned.ticks:,} ticks, {pruned.trades:,} trades and {pruned.bars:,} bars {would}")
        if pruned.up_to is not None:
            until = dt.datetime.fromtimestamp(pruned.up_to, dt.UTC)
            self.stdout.write(f"for the size, what was received up to {until:%Y-%m-%d %H:%M:%S} UTC")
        over = f", {pruned.over / GB:.3f} GB over the limit" if pruned.over else ""
        self.stdout.write(f"{pruned.size / GB:.3f} GB in use{over}")
