"""Times in query parameters: RFC 3339 with an offset, between 2000 and 2100. What is naive is refused: nobody could say
which instant it means.
"""

import datetime as dt
import re
from typing import Final, NamedTuple

from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from .formats.table import time_text

_RFC_3339: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})\Z", re.ASCII
)
_LEGAL: Final = (
    "It takes a time of the years 2000 to 2099 as in RFC 3339, with its offset: 2026-01-15T14:30:00Z, or "
    "2026-01-15T09:30:00.250-05:00 (in an address, a + is written %2B)."
)
# The same for the schema, which knows no bounds of a time.
SCHEMA: Final[dict[str, str]] = {"type": "string", "format": "date-time", "pattern": r"^20\d{2}-"}
EARLIEST_US: Final = 946_684_800_000_000
LATEST_US: Final = 4_102_444_800_000_000
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)


class Span(NamedTuple):
    """From `start_us` on and before `stop_us`, microseconds since 1970."""

    start_us: int
    stop_us: int


def microseconds(text: str) -> int | None:
    """A time since 1970; None where the text is none that can be meant. Beyond microseconds, digits are cut off."""
    match = _RFC_3339.match(text)
    if match is None:
        return None
    day, clock, fraction, offset = match.groups()
    try:
        instant = dt.datetime.fromisoformat(f"{day}T{clock}{offset.upper()}")
    except ValueError:
        return None
    micro = int((fraction or "0").ljust(6, "0")[:6])
    try:
        found = (instant - _EPOCH) // _MICROSECOND + micro
    except OverflowError:  # the year 1, with an offset
        return None
    return found if EARLIEST_US <= found < LATEST_US else None


def given(request: Request, name: str) -> int | None:
    """The time that the parameter holds; None where it is not given. Raises ValidationError naming it."""
    text = request.query_params.get(name)
    if text is None:
        return None
    found = microseconds(text)
    if found is None:
        raise refused(name, _LEGAL, "invalid")
    return found


def span(request: Request, newest_us: int, default_us: int, most_us: int) -> Span:
    """What `from` and `to` ask for. Without `to`, up to `newest_us` and including it; without `from`, the last `default_us`
    before. Raises ValidationError naming the one that is wrong, also where they are more than `most_us` apart."""
    start, stop = given(request, "from"), given(request, "to")
    if stop is None:
        stop = max(newest_us, start if start is not None else 0) + 1
        until = f"{time_text(newest_us)}, which `to` is unless told"
    else:
        until = "`to`"
    if start is None:
        start = max(EARLIEST_US, stop - default_us)
        if start >= stop:
            raise refused("to", "Nothing lies before it.", "reversed")
    if start >= stop:
        raise refused("from", "It is not before `to`, and `to` itself is left out: nothing lies between.", "reversed")
    if stop - start > most_us:
        days = f"{most_us // 86_400_000_000:,} days"
        raise refused("from", f"It is more than {days} before {until}: ask in parts of at most {days}.", "too_long")
    return Span(start, stop)


def refused(name: str, message: str, code: str) -> ValidationError:
    return ValidationError({name: [ErrorDetail(message, code)]})
