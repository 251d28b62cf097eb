"""Sessions: the hours of exchanges, over holidays, half days and the changes of clocks."""

import datetime as dt
from typing import Any

import pytest

from marketdata.facts import InstrumentFacts
from marketdata.feeds.deribit.feed import DeribitFeed
from marketdata.feeds.registry import FEEDS, TRADING_DAYS
from marketdata.feeds.replay.venues import VENUES
from marketdata.feeds.simulated.market import Market
from marketdata.history.sessions import Session, calendar, sessions

DAY = dt.date


def facts(feed: str, **changes: Any) -> InstrumentFacts:
    return InstrumentFacts(**{"symbol": "X", "feed": feed, "kind": "option", "underlying": "ACME", **changes})


def utc(*parts: int) -> int:
    return round(dt.datetime(*parts, tzinfo=dt.UTC).timestamp())  # type: ignore[arg-type,misc]


def hours(session: Session) -> float:
    return (session.closes_s - session.opens_s) / 3600


def test_a_market_that_never_closes_has_one_session_a_day() -> None:
    found = sessions(facts("deribit"), DAY(2026, 11, 21), DAY(2026, 11, 23))
    assert found == [
        Session(DAY(2026, 11, 21), utc(2026, 11, 21, 8), utc(2026, 11, 22, 8)),
        Session(DAY(2026, 11, 22), utc(2026, 11, 22, 8), utc(2026, 11, 23, 8)),
        Session(DAY(2026, 11, 23), utc(2026, 11, 23, 8), utc(2026, 11, 24, 8)),
    ]


def test_a_feed_of_which_nothing_is_known_has_days_of_utc() -> None:
    one = Session(DAY(2026, 3, 8), utc(2026, 3, 8), utc(2026, 3, 9))
    assert sessions(facts("somewhere"), one.day, one.day) == [one]


def test_days_are_as_long_as_the_clocks_make_them() -> None:
    at = {
        day: sessions(facts("simulated"), day, day)[0] for day in (DAY(2026, 3, 8), DAY(2026, 7, 1), DAY(2026, 11, 1))
    }
    assert [hours(session) for session in at.values()] == [23, 24, 25]
    assert at[DAY(2026, 7, 1)].opens_s == utc(2026, 7, 1, 4)


def test_every_feed_has_the_trading_days_that_it_says_itself() -> None:
    ends = {"deribit": {DeribitFeed.session_end}, "simulated": {Market.session_end}}
    ends["replay"] = {venue.session_end for venue in VENUES.values()}
    assert ends.keys() == FEEDS.keys()
    for feed, found in ends.items():
        assert found == {TRADING_DAYS[feed]}, feed


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (DAY(2026, 7, 1), utc(2026, 7, 1, 13, 30), utc(2026, 7, 1, 20)),
        (DAY(2026, 11, 23), utc(2026, 11, 23, 14, 30), utc(2026, 11, 23, 21)),
        (DAY(2026, 11, 27), utc(2026, 11, 27, 14, 30), utc(2026, 11, 27, 18)),
        (DAY(2024, 7, 3), utc(2024, 7, 3, 13, 30), utc(2024, 7, 3, 17)),
        (DAY(2013, 11, 29), utc(2013, 11, 29, 14, 30), utc(2013, 11, 29, 18)),
    ],
)
def test_american_options_trade_by_new_yorks_clock(day: dt.date, opens: int, closes: int) -> None:
    assert sessions(facts("lean"), day, day) == [Session(day, opens, closes)]
    late = facts("lean", underlying="SPX")
    assert sessions(late, day, day) == [Session(day, opens, closes + 900)]
    # The fund itself is a share: it stops with the others.
    assert sessions(facts("lean", underlying="SPY", kind="stock"), day, day) == [Session(day, opens, closes)]


@pytest.mark.parametrize(
    "day", [DAY(2026, 11, 26), DAY(2026, 4, 3), DAY(2025, 1, 9), DAY(2026, 7, 3), DAY(2026, 11, 21), DAY(2026, 11, 22)]
)
def test_nothing_trades_on_holidays_and_weekends(day: dt.date) -> None:
    assert sessions(facts("lean"), day, day) == []


@pytest.mark.parametrize(("year", "count"), [(2013, 252), (2024, 252), (2025, 250), (2026, 251)])
def test_a_year_has_so_many_sessions(year: int, count: int) -> None:
    assert len(sessions(facts("lean"), DAY(year, 1, 1), DAY(year, 12, 31))) == count


@pytest.mark.parametrize("feed", ["deribit", "simulated", "lean", "somewhere"])
def test_an_instant_lies_in_the_session_that_holds_it(feed: str) -> None:
    """Asked forwards and in leaps, over a change of clocks, a holiday and a half day."""
    listed = sessions(facts(feed), DAY(2026, 10, 28), DAY(2026, 11, 30))
    asked = calendar(facts(feed))
    seconds = list(range(utc(2026, 10, 29), utc(2026, 11, 29), 1_799))
    for second in seconds + seconds[::-97]:
        expected = [session for session in listed if session.opens_s <= second < session.closes_s]
        assert asked.at(second) == (expected[0] if expected else None)


@pytest.mark.parametrize("feed", ["deribit", "simulated", "lean"])
def test_a_session_holds_its_first_second_and_not_its_last(feed: str) -> None:
    asked = calendar(facts(feed))
    for session in sessions(facts(feed), DAY(2026, 11, 23), DAY(2026, 11, 27)):
        assert asked.at(session.opens_s) == asked.at(session.closes_s - 1) == session
        assert asked.at(session.closes_s) != session


def test_an_american_day_begins_before_its_session() -> None:
    asked = calendar(facts("lean"))
    assert asked.day_begins(utc(2026, 11, 23, 13)) == asked.day_begins(utc(2026, 11, 23, 22)) == utc(2026, 11, 23, 5)
    assert calendar(facts("deribit")).day_begins(utc(2026, 11, 23, 7)) == utc(2026, 11, 22, 8)
