"""API tokens: made for a command or the demo user, kept hashed, shown once."""

import datetime as dt
from typing import Final

from django.conf import settings

from .models import ApiToken, User

DEFAULT: Final = -1


def issue(user: User, days: int = DEFAULT) -> tuple[ApiToken, str]:
    """The stored token and its text. `days` is how long it lives, 0 for ever, by default settings.TOKEN_DAYS."""
    days = settings.TOKEN_DAYS if days == DEFAULT else days
    record, text = ApiToken.objects.create(user, expiry=dt.timedelta(days=days) if days else None)
    return record, text
