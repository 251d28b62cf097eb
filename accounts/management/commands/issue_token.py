"""`manage.py issue_token USER [--name TEXT] [--days N] [--scope WORD]…`: an API token, alone on standard output."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts import tokens
from accounts.models import READ, SCOPES, User
from accounts.watchlists import RefusedError


def _days(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > tokens.MOST_DAYS:
        raise ArgumentTypeError(f"{text!r} is not a number of days from 0 (never expires) to {tokens.MOST_DAYS}")
    return int(text)


class Command(BaseCommand):
    help = "Makes an API token for a user and prints it, this once: only its hash is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the user's name")
        parser.add_argument(
            "--name", default="issued by command", help="what the token is called in its owner's list (%(default)s)"
        )
        parser.add_argument(
            "--days",
            type=_days,
            default=settings.TOKEN_DAYS,
            help="how long it lives; 0 for ever (default: %(default)s, by STRIKEWIRE_TOKEN_DAYS)",
        )
        parser.add_argument(
            "--scope",
            action="append",
            choices=SCOPES,
            dest="scopes",
            help="what it may do: read all that its user may see, or change the user's watchlists; may be given "
            f"more than once (default: {READ})",
        )

    def handle(self, *args: Any, user: str, name: str, days: int, scopes: list[str] | None, **options: Any) -> None:
        found = User.objects.filter(username=user).first()
        if found is None:
            raise CommandError(f"there is no user {user!r}")
        if not found.is_active:
            raise CommandError(f"the user {user!r} is inactive, and no token of theirs would be accepted")
        try:
            record, text = tokens.make(found, name, days, scopes or [READ], endless=True)
        except RefusedError as error:
            raise CommandError(str(error)) from error
        until = f"expires {record.expiry:%Y-%m-%d %H:%M} UTC" if record.expiry else "never expires"
        words = " and ".join(tokens.scopes_of(record))
        self.stderr.write(f"A token for {user}, to {words}; it {until}. It is not shown again.")
        self.stdout.write(text)
