"""How much each user may use: the most generous of what their groups say, and where those say nothing, the site's settings.
`access.rights_of` reads it with what they may see.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from django.conf import settings

# A smaller number is the more generous here; everywhere else a larger one is.
FASTEST: Final = "fastest_interval_ms"


class Limits(msgspec.Struct, frozen=True):
    """Of one user. `symbols` are those of a connection; beats are not faster than `fastest_interval_ms`, ms."""

    connections: int
    symbols: int
    messages_per_10_s: int
    fastest_interval_ms: int
    requests_per_minute: int


FIELDS: Final = Limits.__struct_fields__


def of_site() -> Limits:
    """Where no group says otherwise."""
    return Limits(
        settings.STREAM_CONNECTIONS_PER_USER,
        settings.STREAM_SYMBOLS_PER_CONNECTION,
        settings.STREAM_MESSAGES_PER_10_S,
        0,
        settings.REST_REQUESTS_PER_MINUTE,
    )


def most_generous(said: Iterable[tuple[Any, ...]]) -> Limits:
    """Of what groups say, each by FIELDS with None for what it says nothing of."""
    changes: dict[str, int] = {}
    for row in set(said):
        for name, value in zip(FIELDS, row, strict=True):
            if value is None:
                continue
            better = min if name == FASTEST else max
            changes[name] = better(changes.get(name, value), value)
    return msgspec.structs.replace(of_site(), **changes) if changes else of_site()
