"""Keys that let in whoever has them: of a ticket, an invitation, a shared watchlist. 256 random bits, as base64."""

import re
import secrets
from typing import Final

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def make() -> str:
    return secrets.token_urlsafe(32)


def is_key(text: str) -> bool:
    """Whether it can be one: what cannot is refused without asking anybody."""
    return _KEY.match(text) is not None
