"""Daily, weekly and monthly expiries."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from marketdata.expiry_cycle import Cycle, cycle

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-01-16", "monthly"),
        ("2026-01-09", "weekly"),
        ("2026-01-23", "weekly"),
        ("2026-01-15", "daily"),
        ("2026-01-14", "daily"),
        ("2025-04-17", "monthly"),  # before Good Friday, a third Friday
        ("2026-04-02", "weekly"),  # before Good Friday, a first one
        ("2026-06-18", "monthly"),  # before Juneteenth
        ("2026-12-24", "weekly"),  # before Christmas
        ("2025-04-10", "daily"),
    ],
)
def test_american_options(day: str, expected: Cycle) -> None:
    date = dt.date.fromisoformat(day)
    for hour in (dt.time(9, 30), dt.time(16), dt.time(16, 15)):
        assert cycle(date, dt.datetime.combine(date, hour, NEW_YORK)) == expected
    assert cycle(date, None) == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2024-12-27", "monthly"),
        ("2024-12-20", "weekly"),
        ("2024-12-19", "daily"),
        ("2026-01-30", "monthly"),
        ("2026-01-16", "weekly"),
        ("2026-04-02", "daily"),
    ],
)
def test_options_of_venues_around_the_clock(day: str, expected: Cycle) -> None:
    date = dt.date.fromisoformat(day)
    assert cycle(date, dt.datetime.combine(date, dt.time(8), dt.UTC)) == expected
