"""What a quote must be, and the flags that follow from its sides."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata import quotes
from marketdata.quotes import InvalidQuoteError
from tests.builders import make_quote

NUMBERS = [name for name in quotes.Quote.__struct_fields__ if name not in ("symbol", "flags")]


def changed(name: str, value: float) -> quotes.Quote:
    return msgspec.structs.replace(make_quote(), **{name: value})


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_may_be_infinite_or_none_at_all(name: str, value: float) -> None:
    with pytest.raises(InvalidQuoteError) as caught:
        quotes.validated(changed(name, value))
    assert caught.value.field == name


@pytest.mark.parametrize("name", quotes.NOT_NEGATIVE)
def test_prices_sizes_and_volatilities_are_not_negative(name: str) -> None:
    with pytest.raises(InvalidQuoteError) as caught:
        quotes.validated(changed(name, -0.01))
    assert caught.value.field == name
    assert quotes.validated(changed(name, 0))


@pytest.mark.parametrize("name", ["delta", "theta", "rho", "reference_price"])
def test_what_may_be_negative_may(name: str) -> None:
    assert getattr(quotes.validated(changed(name, -0.5)), name) == -0.5


@pytest.mark.parametrize("name", ["received_ms", "venue_time_ms"])
@pytest.mark.parametrize("value", [0, 1_768_478_400, 1_768_478_400_000_000])
def test_a_time_in_another_unit_is_refused(name: str, value: int) -> None:
    with pytest.raises(InvalidQuoteError) as caught:
        quotes.validated(changed(name, value))
    assert caught.value.field == name


def test_a_crossed_quote_is_a_quote() -> None:
    crossed = make_quote(bid=2.6, ask=2.5)
    assert quotes.validated(crossed) is crossed
    assert quotes.book_flags(crossed.bid, crossed.ask) == quotes.CROSSED


SIDE = st.none() | st.floats(0, 1e6)


@given(SIDE, SIDE)
def test_the_flags_say_which_side_is_missing_or_crossed(bid: float | None, ask: float | None) -> None:
    flags = quotes.book_flags(bid, ask)
    assert bool(flags & quotes.NO_BID) == (bid is None)
    assert bool(flags & quotes.NO_ASK) == (ask is None)
    assert bool(flags & quotes.CROSSED) == (bid is not None and ask is not None and bid > ask)
