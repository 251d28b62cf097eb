"""What the simulated market lists, and when it expires."""

import datetime as dt
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata import symbols
from marketdata.feeds.simulated import expiries, listings
from marketdata.feeds.simulated.universe import UNIVERSE

from .fake_time import START_MS

DAY_MS: Final = 86_400_000
MOMENTS = st.integers(1_767_225_600_000, 1_900_000_000_000)  # 2026 to 2030


@given(MOMENTS)
@settings(max_examples=25, deadline=None)
def test_on_any_day_there_are_enough_contracts_and_none_twice(now_ms: int) -> None:
    names = [one.symbol for underlying in UNIVERSE for one in listings.contracts(underlying, now_ms)]
    assert 3_000 <= len(names) <= 6_000
    assert len(set(names)) == len(names)


@given(MOMENTS)
@settings(max_examples=25, deadline=None)
def test_what_has_expired_is_not_listed(now_ms: int) -> None:
    for underlying in UNIVERSE:
        assert all(one.expires_ms > now_ms for one in listings.contracts(underlying, now_ms))


def test_what_is_listed_stays_listed_until_it_expires() -> None:
    before: dict[str, int] = {}
    for day in range(60):
        now_ms = START_MS + day * DAY_MS
        listed = {
            one.symbol: one.expires_ms for underlying in UNIVERSE for one in listings.contracts(underlying, now_ms)
        }
        assert not [name for name, expires_ms in before.items() if name not in listed and expires_ms > now_ms]
        before = listed


def test_there_are_six_underlyings_or_more_and_each_is_an_instrument() -> None:
    assert len(UNIVERSE) >= 6
    for one in UNIVERSE:
        facts = listings.facts_of(one, listings.contracts(one, START_MS))
        assert (facts[0].symbol, facts[0].kind, facts[0].underlying, facts[0].id) == (
            one.symbol,
            one.kind,
            one.symbol,
            0,
        )
        assert facts[0].kind in ("stock", "index")
        assert {fact.underlying for fact in facts} == {one.symbol}


def test_a_contracts_facts_are_what_its_symbol_says() -> None:
    for underlying in UNIVERSE:
        for fact in listings.facts_of(underlying, listings.contracts(underlying, START_MS))[1:]:
            name = symbols.parse_osi(fact.symbol)
            assert symbols.is_symbol(fact.symbol)
            assert (name.root, name.expiry.isoformat(), name.right, name.strike) == (
                fact.root,
                fact.expiry,
                fact.right,
                fact.strike,
            )


def test_one_index_has_two_roots_that_share_days_and_settle_apart() -> None:
    index = next(one for one in UNIVERSE if len(one.roots) == 2)
    days: dict[str, dict[dt.date, int]] = {}
    for one in listings.contracts(index, START_MS):
        days.setdefault(one.root, {})[one.expiry] = one.expires_ms
    morning, evening = (days[root.symbol] for root in index.roots)
    shared = morning.keys() & evening.keys()
    assert shared
    for day in shared:
        assert evening[day] - morning[day] == 6.5 * 3_600_000


def test_cut_offs_are_new_yorks_in_summer_and_winter() -> None:
    assert expiries.instant_ms(dt.date(2026, 1, 16), dt.time(16)) == 1_768_597_200_000  # 21:00 UTC
    assert expiries.instant_ms(dt.date(2026, 7, 17), dt.time(16)) == 1_784_318_400_000  # 20:00 UTC


@pytest.mark.parametrize(
    ("year", "month", "day"), [(2026, 1, 16), (2026, 5, 15), (2026, 8, 21), (2027, 1, 15), (2027, 10, 15)]
)
def test_the_third_friday_is_found(year: int, month: int, day: int) -> None:
    assert expiries.third_friday(year, month) == dt.date(year, month, day)


@given(st.dates(dt.date(2026, 1, 1), dt.date(2030, 1, 1)))
def test_expiries_are_weekdays_ahead_and_contain_the_monthly_ones(today: dt.date) -> None:
    monthly, weekly, daily = (expiries.expiries(series, today) for series in ("monthly", "weekly", "daily"))
    assert set(monthly) <= set(weekly) <= set(daily)
    assert daily[0] >= today
    assert all(day.weekday() < 5 for day in daily)
    assert all(day.weekday() == 4 for day in weekly)
    assert len(monthly) == 8


def test_a_days_session_begins_at_midnight_in_new_york() -> None:
    assert expiries.session_start_ms(START_MS) == 1_772_427_600_000  # 2026-03-02 05:00 UTC
