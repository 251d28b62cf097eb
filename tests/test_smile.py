"""The smile of an expiry and what follows from it."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata import smile
from marketdata.smile import Point, Strike


def row(**columns: Any) -> dict[str, Any]:
    return {"venue_time_ms": 1.0, **columns}


def point(strike: float, volatility: float | None, at: float = 100.0, **changes: Any) -> Point:
    plain = Point(strike, math.log(strike / at), "C", None, None, volatility, None)
    return plain._replace(**changes)


def test_each_strike_is_seen_from_its_out_of_the_money_side() -> None:
    call, put = (
        row(delta=0.5, implied_volatility=0.2),
        row(delta=-0.5, implied_volatility=0.3, bid_iv=0.29, ask_iv=0.31),
    )
    found = smile.smile([Strike(90, call, put), Strike(100, call, put), Strike(110, call, put)], 100)
    assert [(one.strike, one.right, one.delta, one.mark_iv) for one in found] == [
        (90, "P", -0.5, 0.3),
        (100, "C", 0.5, 0.2),
        (110, "C", 0.5, 0.2),
    ]
    assert (found[0].bid_iv, found[0].ask_iv) == (0.29, 0.31)
    assert found[0].log_moneyness == pytest.approx(math.log(0.9))
    assert found[1].log_moneyness == 0


def test_a_side_that_has_not_quoted_is_unknown_and_not_taken_from_the_other() -> None:
    (found,) = smile.smile([Strike(90, row(delta=0.9, implied_volatility=0.2), None)], 100)
    assert (found.right, found.delta, found.mark_iv) == ("P", None, None)


def test_the_forward_is_what_the_newest_row_refers_to() -> None:
    rows: list[smile.Columns | None] = [
        {"venue_time_ms": 1.0, "underlying_price": 99.0},
        {"venue_time_ms": 3.0, "underlying_price": 101.0},
        {"venue_time_ms": 4.0, "underlying_price": None},
        None,
        {"venue_time_ms": 2.0, "underlying_price": 100.0},
    ]
    assert smile.forward(rows) == 101.0
    assert smile.forward([None, {"venue_time_ms": 1.0}]) is None


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([point(100, 0.2), point(110, 0.4)], 0.2),
        ([point(90, 0.3), point(100, None), point(110, 0.2)], None),  # worked out below
        ([point(90, 0.3)], None),
        ([point(110, 0.3)], None),
        ([], None),
        ([point(99, None), point(101, None)], None),
        ([point(100, None, bid_iv=0.2, ask_iv=0.3)], 0.25),
        ([point(100, None, bid_iv=0.2)], None),
        ([point(100, 0.0, bid_iv=0.0, ask_iv=0.3)], None),
    ],
)
def test_volatility_at_the_money(points: list[Point], expected: float | None) -> None:
    if len(points) == 3:
        weight = math.log(100 / 90) / math.log(110 / 90)
        expected = 0.3 + weight * (0.2 - 0.3)
    found = smile.at_the_money_volatility(points)
    assert found == (None if expected is None else pytest.approx(expected))


@given(
    st.lists(st.tuples(st.floats(50, 200), st.floats(0.01, 3)), max_size=20, unique_by=lambda one: one[0]),
    st.floats(60, 190),
)
def test_volatility_at_the_money_lies_between_those_of_its_neighbours(
    known: list[tuple[float, float]], at: float
) -> None:
    found = smile.at_the_money_volatility([point(strike, volatility, at) for strike, volatility in known])
    below = [volatility for strike, volatility in sorted(known) if strike <= at][-1:]
    above = [volatility for strike, volatility in sorted(known) if strike >= at][:1]
    if below and above:
        assert found is not None
        assert min(below + above) - 1e-9 <= found <= max(below + above) + 1e-9
    else:
        assert found is None


def test_the_expected_move_is_one_standard_deviation() -> None:
    assert smile.expected_move(100, 0.2, 0.25) == pytest.approx(10)
    assert smile.expected_move(100, 0.2, 0) == 0
    assert smile.expected_move(100, 0.2, -1) == 0
