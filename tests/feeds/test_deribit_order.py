"""What live times say: old quotes, and clocks that disagree."""

import pytest

from marketdata.feeds.deribit.order import ClockSkew, Order
from tests.builders import NOON_MS, make_quote


def test_a_quote_older_than_the_last_is_old_and_one_of_the_same_time_is_not() -> None:
    order = Order()
    assert not order.is_old(make_quote(venue_time_ms=NOON_MS))
    assert not order.is_old(make_quote(venue_time_ms=NOON_MS))
    assert order.is_old(make_quote(venue_time_ms=NOON_MS - 1))
    assert not order.is_old(make_quote("OTHER", venue_time_ms=NOON_MS - 1))
    assert not order.is_old(make_quote(venue_time_ms=NOON_MS + 1))


def test_a_stamp_of_another_century_does_not_silence_an_instrument() -> None:
    order = Order()
    order.is_old(make_quote(venue_time_ms=4e12))
    later = NOON_MS + 60_010
    assert not order.is_old(make_quote(venue_time_ms=later, received_ms=later))


def test_where_our_clock_is_minutes_behind_quotes_still_pass() -> None:
    order = Order()
    for step in range(5):
        at = NOON_MS + step
        assert not order.is_old(make_quote(venue_time_ms=at + 300_000, received_ms=at))


def test_what_is_not_covered_any_more_is_forgotten() -> None:
    order = Order()
    order.is_old(make_quote("A", venue_time_ms=NOON_MS))
    order.is_old(make_quote("B", venue_time_ms=NOON_MS))
    order.keep_only({"B"})
    assert not order.is_old(make_quote("A", venue_time_ms=NOON_MS - 5))
    assert order.is_old(make_quote("B", venue_time_ms=NOON_MS - 5))


def said(skew: ClockSkew, caplog: pytest.LogCaptureFixture, lag_ms: float, minutes: float, odd: float = 0) -> int:
    """How often it speaks while quotes come each second with this lag, and each tenth with `odd` instead."""
    for second in range(round(minutes * 60)):
        at = NOON_MS + second * 1000
        lag = odd if odd and second % 10 == 0 else lag_ms
        skew.note(make_quote(received_ms=at, venue_time_ms=at - lag))
    return len(caplog.records)


@pytest.mark.parametrize(("lag_ms", "words"), [(120_000, "120 s behind ours"), (-90_000, "90 s ahead of ours")])
def test_clocks_far_apart_are_said_once_a_minute(caplog: pytest.LogCaptureFixture, lag_ms: float, words: str) -> None:
    assert said(ClockSkew("toy"), caplog, lag_ms, minutes=3.5) in (3, 4)
    assert all(words in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("lag_ms", [0, 50_000, -59_000])
def test_clocks_less_than_a_minute_apart_are_nothing(caplog: pytest.LogCaptureFixture, lag_ms: float) -> None:
    assert said(ClockSkew("toy"), caplog, lag_ms, minutes=3) == 0


def test_single_late_quotes_are_no_wrong_clock(caplog: pytest.LogCaptureFixture) -> None:
    assert said(ClockSkew("toy"), caplog, 20, minutes=3, odd=3_600_000) == 0
