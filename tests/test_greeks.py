"""Prices, greeks and implied volatilities: held to each other, to finite differences, to reference values, to Deribit."""

import json
import math
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata import greeks

DAY = 1 / 365
RANDOM = np.random.default_rng(7)
SIZE = 400
CALL = RANDOM.random(SIZE) < 0.5
FORWARD = RANDOM.uniform(5, 5000, SIZE)
STRIKE = FORWARD * np.exp(RANDOM.normal(0, 0.25, SIZE))
YEARS = RANDOM.uniform(2 * DAY, 2, SIZE)
VOLATILITY = RANDOM.uniform(0.08, 1.2, SIZE)
RATE, CARRY = 0.045, 0.02
DISCOUNT = np.exp(-RATE * YEARS)
SPOT = FORWARD * np.exp(-CARRY * YEARS)


def value(spot: Any = SPOT, years: Any = YEARS, volatility: Any = VOLATILITY, rate: float = RATE) -> greeks.Array:
    """Prices with the spot, and the yield `RATE - CARRY`, standing still."""
    carry = CARRY + (rate - RATE)
    return greeks.price(CALL, spot * np.exp(carry * years), STRIKE, years, volatility, np.exp(-rate * years))


def found() -> greeks.Greeks:
    return greeks.greeks(CALL, FORWARD, STRIKE, YEARS, VOLATILITY, RATE, CARRY)


def test_put_call_parity_holds() -> None:
    calls = greeks.price(True, FORWARD, STRIKE, YEARS, VOLATILITY, DISCOUNT)
    puts = greeks.price(False, FORWARD, STRIKE, YEARS, VOLATILITY, DISCOUNT)
    np.testing.assert_allclose(calls - puts, DISCOUNT * (FORWARD - STRIKE), rtol=0, atol=1e-9)


def test_spot_delta_is_the_slope_in_the_spot() -> None:
    step = SPOT * 1e-5
    slope = (value(SPOT + step) - value(SPOT - step)) / (2 * step)
    np.testing.assert_allclose(found().spot_delta, slope, atol=1e-6)


def test_delta_is_the_slope_of_the_undiscounted_price_in_the_forward() -> None:
    step = FORWARD * 1e-5
    up, down = (greeks.price(CALL, FORWARD + s, STRIKE, YEARS, VOLATILITY) for s in (step, -step))
    np.testing.assert_allclose(found().delta, (up - down) / (2 * step), atol=1e-6)


def test_gamma_is_the_curvature_in_the_spot() -> None:
    step = SPOT * 1e-3
    curve = (value(SPOT + step) - 2 * value() + value(SPOT - step)) / step**2
    np.testing.assert_allclose(found().gamma * SPOT, curve * SPOT, rtol=2e-3, atol=1e-4)


def test_theta_is_a_calendar_days_loss() -> None:
    step = 1e-3 * DAY
    loss = (value(years=YEARS - step) - value(years=YEARS + step)) / (2 * step / DAY)
    np.testing.assert_allclose(found().theta / SPOT, loss / SPOT, rtol=1e-4, atol=1e-8)


def test_vega_is_per_point() -> None:
    gain = (value(volatility=VOLATILITY + 1e-5) - value(volatility=VOLATILITY - 1e-5)) / 2e-5 / 100
    np.testing.assert_allclose(found().vega, gain, rtol=1e-5, atol=1e-6)


def test_rho_is_per_point_with_the_forward_moving() -> None:
    gain = (value(rate=RATE + 1e-5) - value(rate=RATE - 1e-5)) / 2e-5 / 100
    np.testing.assert_allclose(found().rho, gain, rtol=1e-5, atol=1e-5)


@pytest.fixture(params=["pyvolr", "ours"])
def solver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to an implied volatility, by name."""
    if request.param == "ours":
        monkeypatch.setattr(greeks, "_pyvolr", None)
    else:
        pytest.importorskip("pyvolr")
    return str(request.param)


def test_implied_volatility_gives_back_what_made_the_price(solver: str) -> None:
    prices = greeks.price(CALL, FORWARD, STRIKE, YEARS, VOLATILITY, DISCOUNT)
    known = found().vega / FORWARD > 1e-6
    assert known.mean() > 0.85
    solved = greeks.implied_volatility(CALL, prices, FORWARD, STRIKE, YEARS, DISCOUNT)
    np.testing.assert_allclose(solved[known], VOLATILITY[known], rtol=1e-8)


def test_implied_volatility_holds_far_from_the_money(solver: str) -> None:
    strikes = 100 * np.exp(np.array([-1.5, -0.8, 0.8, 1.5]))
    call = strikes > 100
    for volatility in (0.15, 0.8, 3.0):
        prices = greeks.price(call, 100, strikes, 0.5, volatility)
        solved = greeks.implied_volatility(call, prices, 100, strikes, 0.5)
        there = prices > 1e-13
        np.testing.assert_allclose(solved[there], volatility, rtol=1e-5)
        assert np.isnan(solved[prices == 0]).all()


@pytest.mark.parametrize(
    ("call", "price", "forward", "strike", "years"),
    [
        (True, 9.9, 110, 100, 1),  # below the intrinsic value
        (True, 10, 110, 100, 1),  # at it: any small volatility would do
        (True, 110, 110, 100, 1),  # a call worth its forward
        (False, 100, 110, 100, 1),  # a put worth its strike
        (True, 0, 100, 120, 1),
        (True, -1, 100, 120, 1),
        (True, 5, 100, 100, 0),
        (True, 5, 100, 100, -1),
        (True, 5, 0, 100, 1),
        (True, 5, 100, 0, 1),
        (True, math.nan, 100, 100, 1),
        (True, 5, math.inf, 100, 1),
        (True, 5, 100, 100, math.nan),
    ],
)
def test_the_impossible_has_no_implied_volatility(
    solver: str, call: bool, price: float, forward: float, strike: float, years: float
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(greeks.implied_volatility(call, price, forward, strike, years))
        mixed = greeks.implied_volatility([call, True], [price, 5], [forward, 100], [strike, 100], [years, 1])
    assert np.isnan(mixed[0])
    assert 0 < mixed[1] < 1


@given(
    st.booleans(),
    *(st.floats(allow_nan=True, allow_infinity=True) for _ in range(5)),
)
@settings(max_examples=300, deadline=None)
def test_no_number_makes_it_warn_or_raise(
    call: bool, price: float, forward: float, strike: float, years: float, rate: float
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solved = greeks.implied_volatility(call, price, forward, strike, years)
        worth = greeks.price(call, forward, strike, years, price)
        greeks.greeks(call, forward, strike, years, price, rate)
    assert np.isnan(solved) or solved > 0
    assert np.isnan(worth) or worth >= 0


def test_both_ways_to_an_implied_volatility_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyvolr")
    prices = np.round(greeks.price(CALL, FORWARD, STRIKE, YEARS, VOLATILITY), 2)
    fast = greeks.implied_volatility(CALL, prices, FORWARD, STRIKE, YEARS)
    monkeypatch.setattr(greeks, "_pyvolr", None)
    ours = greeks.implied_volatility(CALL, prices, FORWARD, STRIKE, YEARS)
    np.testing.assert_array_equal(np.isnan(fast), np.isnan(ours))
    np.testing.assert_allclose(fast, ours, rtol=1e-7)


def test_nothing_is_left_at_expiry_but_the_intrinsic_value() -> None:
    np.testing.assert_allclose(greeks.price([True, False, True], 100, [90, 90, 100], 0, 0.3), [10, 0, 0])
    assert np.isnan(greeks.greeks(True, 100, 100, 0, 0.3).gamma)


def test_the_normal_distribution_is_right_in_the_tails() -> None:
    points = np.linspace(-37, 37, 5001)
    exact = np.array([math.erfc(-x / math.sqrt(2)) / 2 for x in points])
    np.testing.assert_allclose(greeks.normal_cdf(points), exact, rtol=1e-7, atol=0)
    np.testing.assert_allclose(greeks.normal_cdf(points), exact, rtol=0, atol=4e-16)
    assert np.isnan(greeks.normal_cdf(math.nan))


def compare_table(rows: list[dict[str, float]], price_off: float, greek_off: float, theta_off: float) -> None:
    """Rows of spot S, strike K, rate R, years t, volatility v, and what calls (C) and puts (P) are worth and do, in the
    conventions of vollib: theta per year, vega per 1.00."""
    column = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    spot, strike, rate, years, volatility = (column[name] for name in "SKRtv")
    forward = spot * np.exp(rate * years)
    for call, side, price in ((True, "C", "bs_call"), (False, "P", "bs_put")):
        worth = greeks.price(call, forward, strike, years, volatility, np.exp(-rate * years))
        np.testing.assert_allclose(worth, column[price], rtol=0, atol=price_off)
        ours = greeks.greeks(call, forward, strike, years, volatility, rate, rate)
        np.testing.assert_allclose(ours.spot_delta, column[f"{side}D"], rtol=0, atol=greek_off)
        np.testing.assert_allclose(ours.gamma, column[f"{side}G"], rtol=0, atol=greek_off)
        np.testing.assert_allclose(ours.theta * 365, column[f"{side}T"], rtol=0, atol=theta_off)
        np.testing.assert_allclose(ours.vega * 100, column[f"{side}V"], rtol=0, atol=100 * greek_off)
        np.testing.assert_allclose(ours.rho * 100, column[f"{side}R"], rtol=0, atol=100 * greek_off)


def test_it_agrees_with_vollibs_table() -> None:
    folder = os.environ.get("STRIKEWIRE_SAMPLE_DATA")
    if not folder:
        pytest.skip("STRIKEWIRE_SAMPLE_DATA is not set")
    table = json.loads((Path(folder) / "vollib" / "test_data.json").read_text())
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert len(rows) == 101
    compare_table(rows, price_off=5e-7, greek_off=5e-8, theta_off=5e-7)


def test_it_agrees_with_a_table_of_our_own() -> None:
    """The twin of vollib's: values worked out with forty digits (see `fixtures/black_scholes.json`)."""
    rows = json.loads((Path(__file__).parent / "fixtures" / "black_scholes.json").read_text())["rows"]
    assert len(rows) >= 10
    compare_table(rows, price_off=1e-9, greek_off=1e-11, theta_off=1e-9)


def test_it_is_hulls_textbook_call() -> None:
    discount = math.exp(-0.05)
    assert greeks.price(True, 42 / discount, 40, 0.5, 0.2, discount) == pytest.approx(4.76, abs=0.005)
    assert greeks.price(False, 42 / discount, 40, 0.5, 0.2, discount) == pytest.approx(0.81, abs=0.005)
