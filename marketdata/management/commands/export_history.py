"""`manage.py export_history FEED`: a feed's stored ticks, bars or trades as files."""

import datetime as dt
import signal
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from project.console import Console

from ...history.database import history
from ...history.export import NothingToExportError, Order, Progress, export
from ...history.export_columns import WHATS
from ...history.export_files import FORMATS, FileError
from ...history.outage import HistoryDownError
from ...history.progress import Bar


class Command(BaseCommand):
    help = (
        "Writes stored ticks, bars or trades to files, one for each underlying and UTC day. Started again, it goes on."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("feed", help="whose")
        parser.add_argument("--what", choices=WHATS, default="ticks", help="[ticks]")
        parser.add_argument("--format", choices=FORMATS, default="parquet", help="[parquet]")
        parser.add_argument("--folder", type=Path, required=True, help="where to")
        parser.add_argument(
            "--underlying", action="append", default=[], help="only on this one; may be said again [all]"
        )
        parser.add_argument("--from", dest="first", type=_day, help="first day, UTC, YYYY-MM-DD [the first there is]")
        parser.add_argument("--to", dest="last", type=_day, help="last day, itself included [the last there is]")

    def handle(self, *args: Any, **options: Any) -> None:
        days = {name: options[name] for name in ("first", "last") if options[name] is not None}
        order = Order(
            options["feed"],
            options["what"],
            options["format"],
            options["folder"],
            tuple(options["underlying"]),
            **days,
        )
        if order.first > order.last:
            raise CommandError(f"--from {order.first} is after --to {order.last}")
        self.stdout.ending = ""
        console = Console(self.stdout)  # type: ignore[arg-type] # a TextIO but in name
        bar = Bar(console, order.what)

        def tell(progress: Progress) -> None:
            bar.show(progress.done, progress.total, progress.path.name, progress.rows)
            if progress.is_done and progress.rows:
                bar.say(f"{progress.path}: {progress.rows:,} {order.what}")

        # Ended politely too, it leaves no half file.
        former = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            done = export(history(), order, dt.datetime.now(dt.UTC), tell)
        except (FileError, NothingToExportError, HistoryDownError) as error:
            console.end_live()
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            console.end_live()
            console.say("broken off; started again, it goes on with the next file")
            sys.exit(130)
        finally:
            signal.signal(signal.SIGTERM, former)
        console.end_live()
        kept = f"; {done.kept} were there already" if done.kept else ""
        console.say(f"{order.feed}: {done.rows:,} {order.what} in {done.made} new files under {order.folder}{kept}")


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is no day: YYYY-MM-DD") from error
