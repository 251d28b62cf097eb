"""`manage.py import_history PATH --feed NAME`: ticks, bars and trades from files into the history database."""

import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from project.console import Console

from ...history.database import history
from ...history.export_files import FileError
from ...history.import_run import Import, Progress, RefusedFeedError, check_feed
from ...history.outage import HistoryDownError
from ...history.progress import Bar
from ...history.set_aside import SetAside
from ...history.sources import SOURCES


class Command(BaseCommand):
    help = (
        "Reads ticks, bars and trades from files: what export_history wrote, or another source. "
        "Again, it brings nothing new."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="a folder, or one file")
        parser.add_argument("--feed", required=True, help="the feed that they are to be of")
        parser.add_argument(
            "--source", choices=sorted(SOURCES), default="strikewire", help="who wrote them [strikewire]"
        )
        parser.add_argument(
            "--force", action="store_true", help="also into a feed that this installation records by itself"
        )
        parser.add_argument(
            "--set-aside", type=Path, help="where bad rows go, a JSON line each [var/import-FEED-TIME.ndjson]"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        feed, path = options["feed"], options["path"]
        self.stdout.ending = ""
        console = Console(self.stdout)  # type: ignore[arg-type] # a TextIO but in name
        bar = Bar(console, "rows")
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        aside = SetAside(options["set_aside"] or settings.VAR_DIR / f"import-{feed}-{stamp}.ndjson")

        def tell(progress: Progress) -> None:
            bar.show(progress.done, progress.total, progress.name, progress.rows)
            if progress.is_done:
                bar.say(f"{progress.name}: {progress.rows:,} rows")

        try:
            check_feed(feed, options["force"])
            source = SOURCES[options["source"]](path)
            with aside:
                done = Import(history(), feed, aside.add, tell).run(source)
        except (FileError, RefusedFeedError, OSError) as error:
            raise CommandError(str(error)) from error
        except HistoryDownError as error:
            console.end_live()
            raise CommandError(
                f"the history database: {error}; what was read by then is in it, start it again"
            ) from error
        except KeyboardInterrupt:
            console.end_live()
            console.say("broken off; started again, it brings the rest")
            sys.exit(130)
        console.end_live()
        for name, counted in (("ticks", done.ticks), ("bars", done.bars), ("trades", done.trades)):
            if counted.read:
                console.say(f"{feed}: {counted.read:,} {name} read, {counted.new:,} of them new")
        if done.missing:
            console.say(f"{feed}: {done.missing:,} quotes of these ticks' terms are in no file: recorded as a gap")
        console.say(f"{feed}: {done.instruments_made:,} instruments new")
        if done.differing:
            names = ", ".join(done.differing[:5]) + (", …" if len(done.differing) > 5 else "")
            console.say(
                f"{feed}: {len(done.differing):,} instruments were there with other facts, and kept them: {names}"
            )
        if done.set_aside:
            console.say(f"{feed}: {done.set_aside:,} rows set aside, with line and reason: {aside.path}")
            sys.exit(1)
