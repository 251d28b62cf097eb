"""`manage.py feed_doctor NAME`: whether a feed works from here, and if not, why."""

import asyncio
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ...feeds import registry
from ...feeds.base import PermanentFeedError
from ...feeds.doctor import WATCH_S, Examination, Problem, examine
from ...feeds.hints import hint_for
from ...ingest.options import options_of


class Command(BaseCommand):
    help = "Connects to a feed, lists, subscribes to three contracts, and says what it saw and what is wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("feed", choices=sorted(registry.FEEDS), help="which feed")
        parser.add_argument("--seconds", type=float, default=WATCH_S, help=f"watch for so long [{WATCH_S:g}]")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["feed"]
        try:
            found = asyncio.run(examine(registry.build(name, options_of(name)), options["seconds"]))
        except PermanentFeedError as error:
            found = Examination(problems=[Problem(str(error), hint_for(error))])
        for line in found.seen:
            self.stdout.write(f"{name}: {line}")
        for problem in found.problems:
            self.stdout.write(f"{name}: WRONG: {problem.what}")
            self.stdout.write(f"{name}:        {problem.hint}")
        if found.problems:
            sys.exit(1)
        self.stdout.write(f"{name}: nothing wrong")
