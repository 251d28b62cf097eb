"""Which cycle an expiry belongs to: daily, weekly or monthly. Pure; chains are labelled by it.

Listed American options: the monthly ones expire on the third Friday, or the day before where that is a holiday of the New
York Stock Exchange (Cboe, "Standard options expiration"). Venues around the clock settle at 08:00 UTC, and their monthly
options expire on the last Friday (Deribit, "Option specifications").
"""

import datetime as dt
from functools import cache
from typing import Any, Final, Literal

Cycle = Literal["daily", "weekly", "monthly"]

_THURSDAY: Final = 3
_FRIDAY: Final = 4
# No American option settles at this hour of the night, and all venues around the clock that we know do.
AROUND_THE_CLOCK: Final = dt.time(8)


def cycle(day: dt.date, expires_at: dt.datetime | None) -> Cycle:
    """Of the venue's day of expiry; `expires_at` is the instant, with its zone. The last Friday, or the third, is monthly,
    another Friday weekly, any other day daily."""
    if expires_at is not None and expires_at.astimezone(dt.UTC).time() == AROUND_THE_CLOCK:
        if day.weekday() != _FRIDAY:
            return "daily"
        return "monthly" if (day + dt.timedelta(weeks=1)).month != day.month else "weekly"
    if day.weekday() == _THURSDAY and _is_holiday(day + dt.timedelta(days=1)):
        day += dt.timedelta(days=1)
    if day.weekday() != _FRIDAY:
        return "daily"
    return "monthly" if 15 <= day.day <= 21 else "weekly"


def _is_holiday(day: dt.date) -> bool:
    return day in _holidays(day.year)


@cache
def _holidays(year: int) -> Any:
    # Imported when first needed: it takes a third of a second.
    from holidays import financial_holidays

    return financial_holidays("NYSE", years=year)
