"""Every try to sign in, written down as it ended, for the administrator to look at. Never the password; and what was typed
as the name is cut. Bounded: the newest rows stay.
"""

import datetime as dt
from typing import Any, Final

from allauth.account.signals import user_logged_in
from allauth.core import context
from django.contrib.auth.models import AbstractBaseUser
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from .addresses import UNKNOWN, address_of
from .models import SignInAttempt, User

MOST: Final = 10_000
MOST_AGE: Final = dt.timedelta(days=90)
# Pruning is two queries; one row in so many pays for them, and so many more may stand than MOST.
PRUNE_EVERY: Final = 100
NAME_LENGTH: Final = 150


def record(
    request: HttpRequest, outcome: SignInAttempt.Outcome, name: str, user: AbstractBaseUser | None = None
) -> None:
    """Writes down how a try ended. `name` is what was typed, `user` whom it means, where there is one."""
    address = address_of(request)
    attempt = SignInAttempt.objects.create(
        name=name.replace("\x00", "")[:NAME_LENGTH],
        user=user if isinstance(user, User) else None,
        address=None if address == UNKNOWN else address,
        outcome=outcome,
    )
    if attempt.pk % PRUNE_EVERY == 0:
        prune()


def prune() -> None:
    """Takes away what is too old, and what is beyond MOST."""
    SignInAttempt.objects.filter(at__lt=timezone.now() - MOST_AGE).delete()
    newest = SignInAttempt.objects.order_by("-pk").values_list("pk", flat=True)
    last = next(iter(newest[MOST : MOST + 1]), None)
    if last is not None:
        SignInAttempt.objects.filter(pk__lte=last).delete()


@receiver(user_logged_in)
def signed_in(request: HttpRequest, user: AbstractBaseUser, **_: Any) -> None:
    record(request, SignInAttempt.Outcome.OK, user.get_username(), user)


def record_code(user: User) -> None:
    """A wrong second factor of `user`."""
    record(context.request, SignInAttempt.Outcome.SECOND_FACTOR, user.get_username(), user)
