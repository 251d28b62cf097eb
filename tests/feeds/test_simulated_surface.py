"""What the simulated options are worth: no arbitrage, sensible spreads, ticks."""

import numpy as np
import pytest

from marketdata import greeks
from marketdata.feeds.simulated.listings import contracts
from marketdata.feeds.simulated.spots import Spots
from marketdata.feeds.simulated.surface import Surface, rounded_down, rounded_up
from marketdata.feeds.simulated.universe import UNIVERSE, Underlying

from .fake_time import START_MS

LEVELS = (0.6, 1.0, 1.8)


@pytest.fixture(params=UNIVERSE, ids=lambda one: one.symbol)
def underlying(request: pytest.FixtureRequest) -> Underlying:
    found: Underlying = request.param
    return found


@pytest.fixture
def surface(underlying: Underlying) -> Surface:
    return Surface(underlying, contracts(underlying, START_MS))


@pytest.mark.parametrize("level", LEVELS)
def test_a_strikes_call_and_put_have_one_volatility_and_parity(
    surface: Surface, underlying: Underlying, level: float
) -> None:
    values = surface.values(underlying.price, level, START_MS)
    calls, puts = surface.call, ~surface.call
    np.testing.assert_array_equal(values.implied_volatility[calls], values.implied_volatility[puts])
    parity = values.theoretical[calls] - values.theoretical[puts]
    np.testing.assert_allclose(parity, underlying.price - surface.strike[calls], atol=1e-9)


@pytest.mark.parametrize("level", LEVELS)
def test_prices_are_convex_in_the_strike_and_rise_with_time(
    surface: Surface, underlying: Underlying, level: float
) -> None:
    """Butterflies and calendars cost no less than nothing, but for the four digits of the volatility."""
    values = surface.values(underlying.price, level, START_MS)
    slack = 1e-4 * underlying.price * np.sqrt(values.years.max()) * 0.4
    for expires_ms in np.unique(surface.expires_ms):
        mine = surface.call & (surface.expires_ms == expires_ms)
        strike, price = surface.strike[mine], values.theoretical[mine]
        slope = np.diff(price) / np.diff(strike)
        assert (slope <= slack / np.diff(strike).min()).all()
        assert (slope >= -1 - slack / np.diff(strike).min()).all()
        assert (np.diff(slope) >= -2 * slack / np.diff(strike).min()).all()
    for strike_ in np.unique(surface.strike):
        mine = surface.call & (surface.strike == strike_)
        order = np.argsort(surface.expires_ms[mine])
        assert (np.diff(values.theoretical[mine][order]) >= -slack).all()


def test_the_smile_leans_and_the_term_structure_goes_to_its_usual_level(
    surface: Surface, underlying: Underlying
) -> None:
    one_date = surface.call & (surface.expires_ms == np.unique(surface.expires_ms)[3])
    smile = surface.values(underlying.price, 1, START_MS).implied_volatility[one_date]
    assert smile.max() > smile.min() * 1.05
    if underlying.skew < 0:
        assert smile[0] > smile[-1]

    def at_the_money(level: float, expires_ms: float) -> float:
        nearest = np.where(surface.expires_ms == expires_ms, np.abs(surface.strike - underlying.price), np.inf).argmin()
        values = surface.values(float(surface.strike[nearest]), level, START_MS)
        return float(values.implied_volatility[nearest]) / underlying.volatility

    for level in (0.6, 1.8):
        first = at_the_money(level, surface.expires_ms.min())
        last = at_the_money(level, surface.expires_ms.max())
        assert first == pytest.approx(level, rel=0.05)
        assert abs(last - 1) < 0.5 * abs(first - 1)


def test_greeks_are_those_of_the_published_volatility(surface: Surface, underlying: Underlying) -> None:
    values = surface.values(underlying.price, 1.1, START_MS)
    years = greeks.years_between(START_MS, surface.expires_ms)
    ours = greeks.greeks(surface.call, underlying.price, surface.strike, years, values.implied_volatility)
    np.testing.assert_allclose(values.delta, ours.delta, atol=5.1e-6)
    np.testing.assert_allclose(values.gamma, ours.gamma, atol=5.1e-8)
    for name in ("theta", "vega", "rho"):
        np.testing.assert_allclose(getattr(values, name), getattr(ours, name), atol=5.1e-6)


def test_spreads_widen_away_from_the_money_and_with_time_value(surface: Surface, underlying: Underlying) -> None:
    values = surface.values(underlying.price, 1, START_MS)
    last = surface.call & (surface.expires_ms == surface.expires_ms.max())
    out = last & (surface.strike >= underlying.price)
    relative = (values.half_spread / values.theoretical)[out]
    assert (np.diff(relative) > 0).all()
    middle = surface.call & (surface.strike == surface.strike[np.abs(surface.strike - underlying.price).argmin()])
    order = np.argsort(surface.expires_ms[middle])
    assert (np.diff(values.half_spread[middle][order]) > -1e-9).all()


def test_nothing_breaks_in_the_last_minutes_or_after(surface: Surface, underlying: Underlying) -> None:
    first = surface.expires_ms.min()
    for now_ms in (first - 60_000, first - 1, first, first + 3_600_000):
        values = surface.values(underlying.price * 1.01, 1, now_ms)
        for column in values:
            assert np.isfinite(column).all()


@pytest.mark.parametrize(
    ("price", "low", "high", "down", "up"),
    [
        (2.337, 0.01, 0.05, 2.33, 2.34),
        (3.337, 0.01, 0.05, 3.30, 3.35),
        (0.15, 0.05, 0.10, 0.15, 0.15),
        (3.3, 0.05, 0.10, 3.3, 3.3),
        (0.004, 0.01, 0.01, 0.0, 0.01),
        (-0.2, 0.05, 0.10, 0.0, 0.05),
        (2.99, 0.05, 0.10, 2.95, 3.0),
        (512.34, 0.05, 0.10, 512.3, 512.4),
    ],
)
def test_prices_are_on_the_tick_as_decimals(price: float, low: float, high: float, down: float, up: float) -> None:
    ticks = np.array([low]), np.array([high])
    assert rounded_down(np.array([price]), *ticks).tolist() == [down]
    assert rounded_up(np.array([price]), *ticks).tolist() == [up]


def test_spots_are_the_same_for_the_same_seed_and_day_and_others_for_others() -> None:
    def walk(seed: int, day: int) -> list[float]:
        spots = Spots(UNIVERSE, seed, day)
        for _ in range(600):
            spots.step()
        found: list[float] = spots.price.tolist()
        return found

    assert walk(1, 5) == walk(1, 5)
    assert walk(1, 5) != walk(2, 5)
    assert walk(1, 5) != walk(1, 6)


def test_spots_move_but_stay_among_their_strikes() -> None:
    spots = Spots(UNIVERSE, 3, 5)
    usual = np.array([one.price for one in UNIVERSE])
    volatility = np.array([one.volatility for one in UNIVERSE])
    seen = []
    for step in range(72_000):  # two hours
        spots.step()
        if step % 600 == 0:
            seen.append(spots.price)
    moved = np.log(np.array(seen) / usual)
    assert (np.abs(moved) < 0.5 * volatility).all()
    assert (moved.std(axis=0) > 0.001 * volatility).all()
    assert (spots.level > 0.4).all()
    assert (spots.level < 2.5).all()
