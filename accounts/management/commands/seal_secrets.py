"""`manage.py seal_secrets`: after a new secret key, before the former one goes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import sealing


class Command(BaseCommand):
    help = "Seals the secrets of second factors by the newest secret key, so that a former one can be taken out."

    def handle(self, *args: Any, **options: Any) -> None:
        sealed, closed = sealing.seal_anew()
        self.stdout.write(f"{sealed} secret{'' if sealed == 1 else 's'} sealed by the newest key.")
        if closed:
            raise CommandError(
                f"{closed} could not be read: put the key that they are sealed by into STRIKEWIRE_SECRET_KEY_FALLBACKS, "
                "or take those second factors away"
            )
