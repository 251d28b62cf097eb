"""`manage.py take_second_factor USER`: for who lost it and the recovery codes, where no other administrator is left."""

from argparse import ArgumentParser
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User


class Command(BaseCommand):
    help = "Takes a user's second factor away: app, passkeys and recovery codes. The password alone signs in then."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the user's name")

    def handle(self, *args: Any, user: str, **options: Any) -> None:
        found = User.objects.filter(username=user).first()
        if found is None:
            raise CommandError(f"there is no user {user!r}")
        count, _ = Authenticator.objects.filter(user=found).delete()
        if not count:
            raise CommandError(f"the user {user!r} has no second factor")
        self.stdout.write(f"{user} has no second factor any more.")
