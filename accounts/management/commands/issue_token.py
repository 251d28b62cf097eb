"""`manage.py issue_token USER [--days N]`: an API token, alone on standard output."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts import tokens
from accounts.models import User


def _days(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 3650:
        raise ArgumentTypeError(f"{text!r} is not a number of days from 0 (never expires) to 3650")
    return int(text)


class Command(BaseCommand):
    help = "Makes an API token for a user and prints it, this once: only its hash is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the user's name")
        parser.add_argument(
            "--days",
            type=_days,
            default=settings.TOKEN_DAYS,
            help="how long it lives; 0 for ever (default: %(default)s, by STRIKEWIRE_TOKEN_DAYS)",
        )

    def handle(self, *args: Any, user: str, days: int, **options: Any) -> None:
        found = User.objects.filter(username=user).first()
        if found is None:
            raise CommandError(f"there is no user {user!r}")
        if not found.is_active:
            raise CommandError(f"the user {user!r} is inactive, and no token of theirs would be accepted")
        record, text = tokens.issue(found, days)
        until = f"expires {record.expiry:%Y-%m-%d %H:%M} UTC" if record.expiry else "never expires"
        self.stderr.write(f"A token for {user}; it {until}. It is not shown again.")
        self.stdout.write(text)
