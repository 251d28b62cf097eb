"""On which days the simulated options expire: real calendar days, without holidays. `listings` asks it."""

import datetime as dt
from collections.abc import Iterator
from typing import Final, Literal
from zoneinfo import ZoneInfo

NEW_YORK: Final = ZoneInfo("America/New_York")
# The session lasts a day: the market never closes, so that there is something to see at any hour.
SESSION_END: Final = dt.time(tzinfo=NEW_YORK)
_FRIDAY: Final = 4


def instant_ms(day: dt.date, time: dt.time) -> int:
    """That time of day in New York, ms since 1970."""
    return round(dt.datetime.combine(day, time, NEW_YORK).timestamp() * 1000)


def day_of(now_ms: float) -> dt.date:
    """The day in New York."""
    return dt.datetime.fromtimestamp(now_ms / 1000, NEW_YORK).date()


def session_start_ms(now_ms: float) -> int:
    """When the simulated session began that `now_ms` lies in. It lasts a day, from midnight."""
    return instant_ms(day_of(now_ms), dt.time())


def third_friday(year: int, month: int) -> dt.date:
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(_FRIDAY - first.weekday()) % 7 + 14)


def expiries(series: Literal["weekly", "monthly", "daily"], today: dt.date) -> list[dt.date]:
    """The expiries of a series that are listed on `today`, in order, today's own included.

    Monthly: the next four third Fridays, and four quarterly ones after them. Weekly: the next six Fridays besides.
    Daily: the next ten weekdays besides.
    """
    months = _third_fridays(today)
    days = {next(months) for _ in range(4)}
    last = max(days)
    quarters = (day for day in months if day > last and day.month % 3 == 0)
    days |= {next(quarters) for _ in range(4)}
    if series != "monthly":
        friday = today + dt.timedelta(days=(_FRIDAY - today.weekday()) % 7)
        days |= {friday + dt.timedelta(weeks=week) for week in range(6)}
    if series == "daily":
        ahead = (today + dt.timedelta(days=day) for day in range(14))
        days |= {day for day in ahead if day.weekday() <= _FRIDAY}
    return sorted(days)


def _third_fridays(today: dt.date) -> Iterator[dt.date]:
    year, month = today.year, today.month
    while True:
        day = third_friday(year, month)
        if day >= today:
            yield day
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
