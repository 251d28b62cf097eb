"""API tokens: made for a program, a command or the demo user, kept hashed, shown once. `identity` asks here what a token
may do, and says here that it was used.
"""

import datetime as dt
import logging
import re
from collections.abc import Collection
from typing import Final

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from .models import READ, SCOPES, ApiToken, User
from .watchlists import GoneError, Problem, RefusedError, wrong_name

logger = logging.getLogger(__name__)

DEFAULT: Final = -1
# Programs of one person; each is a way in that somebody has to remember.
PER_USER: Final = 50
MOST_DAYS: Final = 3_650
# Of a token's SHA-512, in hexadecimal: 64 bits tell the tokens of one user apart, and are of no use to anyone else.
HANDLE_LENGTH: Final = 16
# What is shown of the text, so that its owner knows it again; 224 bits stay unknown.
SHOWN_LENGTH: Final = 8
USE_COUNTS_EVERY: Final = dt.timedelta(minutes=1)
_NAMELESS: Final = "A token needs a name: what uses it, such as “backtest on the laptop”."
_HANDLE: Final = re.compile(rf"[0-9a-f]{{{HANDLE_LENGTH}}}\Z")


def issue(user: User, days: int = DEFAULT, name: str = "", scopes: Collection[str] = (READ,)) -> tuple[ApiToken, str]:
    """The stored token and its text. `days` is how long it lives, 0 for ever, by default settings.TOKEN_DAYS. What a
    person asks for goes through `make`, which checks it."""
    days = settings.TOKEN_DAYS if days == DEFAULT else days
    words = " ".join(one for one in SCOPES if one in scopes)
    record, text = ApiToken.objects.create(
        user, expiry=dt.timedelta(days=days) if days else None, name=name, scopes=words
    )
    return record, text


def make(
    user: User, name: str, days: int, scopes: Collection[str], endless: bool | None = None
) -> tuple[ApiToken, str]:
    """The same for what a person asks for; `endless` is whether it may be for ever, by default `may_last_for_ever()`.
    Raises RefusedError naming `name`, `days` or `scopes`."""
    name = name.strip()
    endless = may_last_for_ever() if endless is None else endless
    problems = [*wrong_name(name, _NAMELESS), *_wrong_days(days, endless), *_wrong_scopes(scopes)]
    if problems:
        raise RefusedError(*problems)
    with transaction.atomic():
        # Two requests at the same time shall not both find one place left.
        User.objects.select_for_update().filter(pk=user.pk).first()
        if of(user).count() >= PER_USER:
            message = f"A user may have {PER_USER} tokens, expired ones included: revoke one first."
            raise RefusedError(Problem("name", "too_many", message))
        return issue(user, days, name, scopes)


def of(user: User) -> QuerySet[ApiToken]:
    """The user's tokens, newest first."""
    return ApiToken.objects.filter(user=user).order_by("-created", "digest")


def revoke(user: User, handle: str) -> ApiToken:
    """The token is gone, and who is in by it leaves. Raises GoneError, also when it is another user's."""
    found = of(user).filter(digest__startswith=handle).first() if _HANDLE.match(handle) else None
    if found is None:
        raise GoneError
    ApiToken.objects.filter(pk=found.pk).delete()
    return found


def handle_of(token: ApiToken) -> str:
    """What names the token in an address or a list: a piece of its hash, nothing of itself."""
    return token.digest[:HANDLE_LENGTH]


def scopes_of(token: ApiToken) -> tuple[str, ...]:
    return tuple(one for one in SCOPES if one in token.scopes.split())


def may_last_for_ever() -> bool:
    """Whether users may make tokens without an end: where that is what the site gives unasked."""
    return not settings.TOKEN_DAYS


def used(token: ApiToken) -> None:
    """The token was shown just now: written once a minute at most, whichever process it was shown to. Nothing fails because
    that cannot be written."""
    now = timezone.now()
    due = now - USE_COUNTS_EVERY
    if token.last_used_at is not None and token.last_used_at > due:
        return
    try:
        # Past the signals, which would have the token's sockets looked at.
        stale = ApiToken.objects.filter(Q(last_used_at=None) | Q(last_used_at__lte=due), pk=token.pk)
        stale.update(last_used_at=now)
    except DatabaseError as error:
        logger.warning("the last use of a token could not be written: %s", error)


def _wrong_days(days: int, endless: bool) -> list[Problem]:
    if days == 0 and not endless:
        message = f"Here a token has an end: 1 to {MOST_DAYS:,} days. An administrator can make one without."
        return [Problem("days", "not_allowed", message)]
    if days != DEFAULT and not 0 <= days <= MOST_DAYS:
        return [Problem("days", "out_of_range", f"A token lives for 1 to {MOST_DAYS:,} days.")]
    return []


def _wrong_scopes(scopes: Collection[str]) -> list[Problem]:
    unknown = sorted({one for one in scopes if one not in SCOPES})
    if unknown or not scopes:
        message = f"A token has one or more of these: {', '.join(SCOPES)}."
        return [Problem("scopes", "invalid_choice" if unknown else "empty", message)]
    return []
