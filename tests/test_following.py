"""What follows the money: which expiry, which strikes, and that neither flaps."""

import datetime as dt
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.following import DAY_MS, MARGIN, Expiry, Ladder, Standing, Wish, around, centred, chosen, standing

MONDAY = dt.date(2026, 1, 12)
NOW_MS = dt.datetime(2026, 1, 12, 15, tzinfo=dt.UTC).timestamp() * 1000


def expiry(day: str, root: str = "ACME", hour: int = 21) -> Expiry:
    date = dt.date.fromisoformat(day)
    return Expiry(date, root, dt.datetime(date.year, date.month, date.day, hour, tzinfo=dt.UTC).timestamp() * 1000)


# Tuesday, Wednesday, Friday (the third: monthly), then weekly ones, a monthly and a far one.
LISTED = [expiry(f"2026-{day}") for day in ("01-13", "01-14", "01-16", "01-23", "01-30", "02-13", "02-20", "03-20")]


@pytest.mark.parametrize(
    ("rule", "day"),
    [
        ("next", "2026-01-13"),
        ("weekly", "2026-01-16"),
        ("monthly", "2026-01-16"),
        ("30d", "2026-02-13"),
        ("60d", "2026-03-20"),
    ],
)
def test_a_rule_chooses_its_expiry(rule: str, day: str) -> None:
    found = chosen(LISTED, "ACME", rule, NOW_MS)
    assert found is not None
    assert found.day.isoformat() == day


@pytest.mark.parametrize(
    ("rule", "day"),
    [("next", "2026-01-23"), ("weekly", "2026-01-23"), ("monthly", "2026-02-20"), ("30d", "2026-02-13")],
)
def test_an_expiry_rolls_at_its_own_instant(rule: str, day: str) -> None:
    instant = expiry("2026-01-16").expires_ms
    before, after = chosen(LISTED, "ACME", rule, instant - 1), chosen(LISTED, "ACME", rule, instant)
    assert before is not None
    assert after is not None
    assert after.day.isoformat() == day
    assert before.day.isoformat() == ("2026-02-13" if rule == "30d" else "2026-01-16")


def test_nothing_is_chosen_where_nothing_is_left_or_fits() -> None:
    assert chosen([], "ACME", "next", NOW_MS) is None
    assert chosen(LISTED, "ACME", "60d", NOW_MS + 400 * DAY_MS) is None
    assert chosen(LISTED[:2], "ACME", "monthly", NOW_MS) is None


def test_around_the_clock_the_last_friday_is_the_monthly_one() -> None:
    coins = [expiry(day, "BTC", 8) for day in ("2026-01-13", "2026-01-16", "2026-01-30")]
    found = chosen(coins, "BTC", "monthly", NOW_MS)
    assert found is not None
    assert found.day.isoformat() == "2026-01-30"


def test_of_two_roots_on_a_day_the_underlyings_own_goes_first_and_the_other_after_it() -> None:
    morning, evening = expiry("2026-01-16", "SPX", 14), expiry("2026-01-16", "SPXW", 21)
    assert chosen([evening, morning], "SPX", "monthly", NOW_MS) == morning
    assert chosen([evening, morning], "SPX", "monthly", morning.expires_ms) == evening


@settings(max_examples=200, deadline=None)
@given(
    days=st.lists(st.integers(0, 90), min_size=1, max_size=12, unique=True),
    rule=st.sampled_from(["next", "weekly", "monthly", "30d", "60d"]),
    steps=st.lists(st.integers(0, 5 * DAY_MS), min_size=1, max_size=20),
)
def test_as_time_goes_on_no_expiry_comes_back(days: list[int], rule: str, steps: list[int]) -> None:
    listed = [expiry((MONDAY + dt.timedelta(days=one)).isoformat()) for one in days]
    now, last = NOW_MS, dt.date.min
    for step in steps:
        found = chosen(listed, "ACME", rule, now)
        if found is not None:
            assert found.expires_ms > now
            assert found.day >= last
            last = found.day
        now += step


STRIKES = st.lists(st.integers(1, 400), min_size=1, max_size=30, unique=True).map(
    lambda numbers: sorted(number / 2 for number in numbers)
)
SPOTS = st.floats(0.1, 250, allow_nan=False)


@settings(max_examples=300, deadline=None)
@given(strikes=STRIKES, spots=st.lists(SPOTS, min_size=1, max_size=30))
def test_the_centre_is_never_further_off_than_the_margin_and_is_the_nearest_when_it_moved(
    strikes: list[float], spots: list[float]
) -> None:
    centre: float | None = None
    for spot in spots:
        before, centre = centre, centred(strikes, spot, centre)
        assert centre in strikes
        nearest = min(abs(strike - spot) for strike in strikes)
        if centre != before:
            assert abs(centre - spot) == nearest
        else:
            place = strikes.index(centre)
            # Within the margin past the middle to the neighbour on the price's side, or there is none.
            neighbours = [
                s for s in strikes[max(0, place - 1) : place + 2] if s != centre and (s > centre) == (spot > centre)
            ]
            for other in neighbours:
                assert abs(spot - centre) <= (0.5 + MARGIN) * abs(other - centre) * (1 + 1e-9)
        assert centred(strikes, spot, centre) == centre  # asked again, it says the same


@settings(max_examples=200, deadline=None)
@given(strikes=STRIKES, place=st.integers(0, 28), ticks=st.lists(st.floats(-0.19, 0.19), min_size=2, max_size=40))
def test_a_price_that_goes_to_and_fro_across_a_middle_moves_nothing(
    strikes: list[float], place: int, ticks: list[float]
) -> None:
    if len(strikes) < 2:
        return
    low, high = strikes[place % (len(strikes) - 1) :][:2]
    middle, step = (low + high) / 2, high - low
    centre = centred(strikes, middle + ticks[0] * step, None)
    assert {centred(strikes, middle + tick * step, centre) for tick in ticks} == {centre}


def test_the_centre_moves_past_the_margin_and_not_before() -> None:
    strikes = [90.0, 100.0, 110.0, 120.0]
    assert centred(strikes, 106.9, 100) == 100
    assert centred(strikes, 107.1, 100) == 110
    assert centred(strikes, 93.1, 100) == 100
    assert centred(strikes, 92.9, 100) == 90
    assert centred(strikes, 160, 100) == 120  # over several at once
    assert centred(strikes, 105, None) == 100
    assert centred(strikes, 104, 103) == 100  # a strike that is gone holds nothing


def test_there_are_fewer_strikes_at_the_ends() -> None:
    assert list(around([1, 2, 3, 4, 5], 3, 1)) == [2, 3, 4]
    assert list(around([1, 2, 3, 4, 5], 1, 2)) == [1, 2, 3]
    assert list(around([1, 2, 3, 4, 5], 5, 0)) == [5]


LADDER = Ladder([(90, "C", 1), (90, "P", 2), (100, "C", 3), (100, "P", 4), (110, "C", 5), (120, "P", 6)])
AT = LISTED[2]


def test_what_is_held_is_by_strike_calls_first() -> None:
    found = standing(AT, LADDER, Wish("next", 1, "CP"), 101, Standing())
    assert found == Standing("following", AT.day, 100, (1, 2, 3, 4, 5))
    assert standing(AT, LADDER, Wish("next", 1, "C"), 101, Standing()).held == (1, 3, 5)
    # Of puts, 110 is no strike.
    assert standing(AT, LADDER, Wish("next", 1, "P"), 101, Standing()).held == (2, 4, 6)


def test_without_a_price_it_waits_or_stays() -> None:
    wish = Wish("next", 0, "CP")
    assert standing(AT, LADDER, wish, None, Standing()) == Standing("waiting")
    held = standing(AT, LADDER, wish, 101, Standing())
    assert standing(AT, LADDER, wish, None, held) == held
    # At the next expiry, where 100 is no strike, around the nearest.
    other = Ladder([(80, "C", 7), (98, "C", 8)])
    assert standing(LISTED[3], other, wish, None, held).held == (8,)


def test_where_nothing_fits_it_says_so_and_comes_back_without_a_price() -> None:
    wish = Wish("next", 0, "CP")
    held = standing(AT, LADDER, wish, 101, Standing())
    none = standing(None, None, wish, 101, held)
    assert (none.state, none.held, none.expiry) == ("none", (), None)
    assert standing(AT, LADDER, wish, None, none) == held
    assert standing(AT, Ladder([(90, "P", 2)]), Wish("next", 0, "C"), 101, Standing()).state == "none"


def test_a_new_expiry_is_centred_afresh() -> None:
    before = Standing("following", AT.day, 100, (3, 4))
    price = 106.0  # within the margin about 100, and nearer to 110
    assert standing(AT, LADDER, Wish("next", 0, "C"), price, before).centre == 100
    assert standing(LISTED[3], LADDER, Wish("next", 0, "C"), price, before).centre == 110


@settings(max_examples=100, deadline=None)
@given(strikes=STRIKES, spot=SPOTS, each_side=st.integers(0, 20))
def test_what_it_stands_for_it_goes_on_standing_for(strikes: list[float], spot: float, each_side: int) -> None:
    ladder = Ladder(
        (strike, right, number) for number, (strike, right) in enumerate((s, r) for s in strikes for r in "CP")
    )
    wish = Wish("next", each_side, "CP")
    found = standing(AT, ladder, wish, spot, Standing())
    assert len(found.held) <= 2 * (2 * each_side + 1)
    assert standing(AT, ladder, wish, spot, found) == found
    assert not math.isnan(found.centre or 0)
