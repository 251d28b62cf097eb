"""`manage.py record_history`: moves what ingest accepted from the history stream into the history database."""

import signal
import sys
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ...history.database import history
from ...history.recording import record
from ...history.schema import NewerSchemaError

EX_CONFIG = 78


class Command(BaseCommand):
    help = "Stores history. Any number may run on PostgreSQL; on SQLite a second one stands by."
    requires_migrations_checks = True

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            state = record(history(), settings, stop)
        except NewerSchemaError as error:
            self.stderr.write(str(error))
            sys.exit(EX_CONFIG)
        self.stdout.write(f"{state.total:,} rows stored, {state.gaps:,} missing as recorded gaps")
