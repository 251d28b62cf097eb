"""`manage.py up`: everything on this machine, in one terminal. `scripts/run` ends here."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from project.console import Console
from project.errors import StartError
from project.up import Up
from project.up_arguments import parse


class Command(BaseCommand):
    help = "Start Strikewire on this machine: servers, feed and page. Ctrl-C stops everything."

    def run_from_argv(self, argv: list[str]) -> None:
        # Our own parser, the same that `scripts/run` asks before it installs anything: Django's would add its options.
        options = parse(argv[2:], os.environ.get("STRIKEWIRE_PROGRAM") or f"{Path(argv[0]).name} {argv[1]}")
        self.handle(options=options)

    def handle(self, *args: Any, **values: Any) -> None:
        up = Up(values["options"], Console(sys.stdout))
        try:
            up.check()
            status = asyncio.run(up.run())
        except StartError as error:
            sys.stderr.write(f"error: {error}\n")
            status = error.status
        except KeyboardInterrupt:  # before the handlers stood
            status = 130
        sys.exit(status)
