"""What words of a search mean, on instruments of both kinds of name."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketdata.models import Instrument
from marketdata.rest import instrument_text
from tests.builders import make_instrument


@pytest.fixture
def listed(db: None) -> None:
    make_instrument("SPXW260220C05150000", underlying="SPX", root="SPXW", expiry=dt.date(2026, 2, 20), strike=5150.0)
    make_instrument(
        "BTC-27DEC24-515-P", underlying="BTC", root="", expiry=dt.date(2024, 12, 27), strike=515.0, right="P"
    )
    make_instrument("SPX", kind="index", underlying="SPX", root="", expiry=None, expires_at=None, strike=None, right="")
    make_instrument("CALLY", kind="stock", underlying="CALLY", root="", expiry=None, strike=None, right="")
    make_instrument("600519", kind="stock", underlying="600519", root="", expiry=None, strike=None, right="")


def found(text: str) -> set[str]:
    return set(Instrument.objects.filter(instrument_text.condition(text)).values_list("symbol", flat=True))


SPXW, BTC = "SPXW260220C05150000", "BTC-27DEC24-515-P"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {SPXW, BTC, "SPX", "CALLY", "600519"}),
        ("spx", {SPXW, "SPX"}),
        ("SPXW", {SPXW}),
        ("c", {SPXW, "CALLY"}),
        ("call", {SPXW, "CALLY"}),
        ("p", {BTC}),
        ("puts", {BTC}),
        ("515", {SPXW, BTC}),
        ("515p", {BTC}),
        ("5150c", {SPXW}),
        ("515.", {BTC}),
        ("5150.0", {SPXW}),
        ("6005", {"600519"}),
        ("20feb", {SPXW}),
        ("20FEBRUARY2026", {SPXW}),
        ("feb", {SPXW}),
        ("feb26", {SPXW}),
        ("feb25", set()),
        ("27dec24", {BTC}),
        ("2026-02-20", {SPXW}),
        ("20260220", {SPXW}),
        ("260220", {SPXW}),
        ("spx 20feb 515", {SPXW}),
        ("spx 20feb 516", set()),
        ("btc-27", {BTC}),
        ("dec24-515", {BTC}),
        ("ALLY", {"CALLY"}),
        ("nothing", set()),
    ],
)
def test_words_are_names_strikes_rights_and_days(listed: None, text: str, expected: set[str]) -> None:
    assert found(text) == expected


def test_more_than_eight_words_are_not_read(listed: None) -> None:
    assert found("spx " * 8 + "nothing") == {SPXW, "SPX"}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.one_of(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=100),
        st.text("0123456789.CPFEBJAN-% _'", max_size=40),
    )
)
def test_no_text_breaks_the_query(listed: None, text: str) -> None:
    assert len(found(text)) <= 5
    assert Instrument.objects.filter(instrument_text.exact(text)).count() <= 5
