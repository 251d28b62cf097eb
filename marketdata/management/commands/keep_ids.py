"""`manage.py keep_ids`: for a database that was brought back from a copy, beside a history that went on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...history import given_ids
from ...history.database import history
from ...history.outage import HistoryDownError


class Command(BaseCommand):
    help = "After the database was brought back from a copy: ids of instruments that history knows are not given again."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            highest = given_ids.keep(history())
        except HistoryDownError as error:
            raise CommandError(f"the history database does not answer: {error}") from error
        if highest is None:
            self.stdout.write("nothing to do: the database gives no id that history knows")
        else:
            self.stdout.write(f"from now on ids begin above {highest}, the highest that history knows")
