"""Names of options, read and written."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata import symbols
from marketdata.symbols import InvalidSymbolError, OptionName

DAYS = st.dates(dt.date(2000, 1, 1), dt.date(2099, 12, 31))
OSI_NAMES = st.builds(
    OptionName,
    root=st.from_regex(r"[A-Z][A-Z0-9.]{0,5}", fullmatch=True),
    expiry=DAYS,
    right=st.sampled_from(("C", "P")),
    strike=st.integers(1, 99_999_999).map(lambda thousandths: thousandths / 1000),
)
DERIBIT_NAMES = st.builds(
    OptionName,
    root=st.from_regex(r"[A-Z]{2,5}(_USDC)?", fullmatch=True),
    expiry=DAYS,
    right=st.sampled_from(("C", "P")),
    strike=st.integers(1, 10**9).map(lambda small: small / 10_000),
)


@given(OSI_NAMES)
def test_an_osi_name_is_read_as_it_was_written(name: OptionName) -> None:
    assert symbols.parse_osi(symbols.format_osi(name)) == name


@given(OSI_NAMES)
def test_padding_makes_no_difference(name: OptionName) -> None:
    text = symbols.format_osi(name)
    padded = name.root.ljust(6) + text[len(name.root) :]
    assert len(padded) == 21
    assert symbols.parse_osi(padded) == name


@given(OSI_NAMES | DERIBIT_NAMES)
def test_every_name_written_may_name_a_group(name: OptionName) -> None:
    text = symbols.format_deribit(name) if "_" in name.root else symbols.format_osi(name._replace(strike=1.5))
    assert symbols.is_symbol(text)


@given(DERIBIT_NAMES)
def test_a_deribit_name_is_read_as_it_was_written(name: OptionName) -> None:
    assert symbols.parse_deribit(symbols.format_deribit(name)) == name


def test_the_days_of_deribit_may_have_one_digit_and_strikes_a_point() -> None:
    assert symbols.parse_deribit("BTC-9MAR26-70000-C") == OptionName("BTC", dt.date(2026, 3, 9), "C", 70000)
    assert symbols.parse_deribit("XRP_USDC-30JUN23-0d625-P") == OptionName("XRP_USDC", dt.date(2023, 6, 30), "P", 0.625)


@pytest.mark.parametrize("strike", [0, -1, 100_000, 1.23456, float("nan"), float("inf")])
def test_a_strike_that_osi_cannot_write_is_refused(strike: float) -> None:
    with pytest.raises(InvalidSymbolError):
        symbols.format_osi(OptionName("ACME", dt.date(2026, 1, 16), "C", strike))


@given(st.text(max_size=40))
def test_garbage_raises_the_one_error(text: str) -> None:
    for parse in (symbols.parse_osi, symbols.parse_deribit):
        try:
            parse(text)
        except InvalidSymbolError:
            continue


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ACME",
        "ACME261316C00100000",  # no thirteenth month
        "ACME260230C00100000",
        "ACME260116X00100000",
        "ACME260116C0010000",
        "ACMEACME260116C00100000",
        "ACME260116C00100000\n",
        "ACME26011٦C00100000",
    ],
)
def test_what_is_not_osi_is_refused(text: str) -> None:
    with pytest.raises(InvalidSymbolError):
        symbols.parse_osi(text)


@pytest.mark.parametrize(
    "text", ["BTC-PERPETUAL", "BTC-30FEB26-1-C", "BTC-1FOO26-1-C", "BTC-1MAR26-1-X", "BTC-1MAR26--C"]
)
def test_what_is_no_deribit_option_is_refused(text: str) -> None:
    with pytest.raises(InvalidSymbolError):
        symbols.parse_deribit(text)


@pytest.mark.parametrize("text", ["", "A B", "é", "A/B", "A" * 65, "A\n"])
def test_what_cannot_name_a_group_is_no_symbol(text: str) -> None:
    assert not symbols.is_symbol(text)
