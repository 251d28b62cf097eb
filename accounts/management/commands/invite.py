"""`manage.py invite [--email ADDRESS] [--group NAME]… [--days N]`: an invitation's link, alone on standard output."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from accounts import invitations

_LOCAL: Final = "http://localhost:8000"


def _days(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= invitations.MOST_DAYS:
        raise ArgumentTypeError(f"{text!r} is not a number of days from 1 to {invitations.MOST_DAYS}")
    return int(text)


def _email(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError:
        raise ArgumentTypeError(f"{text!r} is not an email address") from None
    return text


def _site(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ArgumentTypeError(f"{text!r} is not a site's address, such as https://desk.example.org")
    return text.rstrip("/")


def own_site() -> str:
    """Where this site is reached, as far as the settings say so."""
    named = [
        one for one in settings.ALLOWED_HOSTS if one not in ("localhost", "127.0.0.1", "[::1]") and one[0] not in "*."
    ]
    return f"https://{named[0]}" if settings.HTTPS and named else _LOCAL


class Command(BaseCommand):
    help = "Makes an invitation to sign up and prints its link, this once: only its hash is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", type=_email, help="the only address that the account may have")
        parser.add_argument(
            "--group",
            action="append",
            default=[],
            dest="groups",
            help="a group that the account will belong to; may be given more than once",
        )
        parser.add_argument(
            "--days", type=_days, default=invitations.DEFAULT_DAYS, help="how long it is good (%(default)s)"
        )
        parser.add_argument("--site", type=_site, default=own_site(), help="where the site is reached (%(default)s)")

    def handle(self, *args: Any, email: str | None, groups: list[str], days: int, site: str, **options: Any) -> None:
        found = list(Group.objects.filter(name__in=groups))
        if missing := sorted(set(groups) - {group.name for group in found}):
            there = ", ".join(Group.objects.order_by("name").values_list("name", flat=True)[:20]) or "none"
            raise CommandError(f"there is no group {missing[0]!r}; there are: {there}")
        invitation, key = invitations.make(email=email or "", days=days, groups=found)
        until = f"{invitation.expires_at:%Y-%m-%d %H:%M} UTC"
        self.stderr.write(f"An invitation for {email or 'anybody'}, good until {until}. It is not shown again.")
        if settings.SIGN_UP == "closed":
            self.stderr.write("It opens nothing while STRIKEWIRE_SIGN_UP is closed.")
        self.stdout.write(f"{site}{invitations.path_of(key)}")
