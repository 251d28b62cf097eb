"""The volatility surface by REST: every expiry by strike, with volume and open interest of both sides."""

import csv
import datetime as dt
import io
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from redis import Redis

from marketdata.models import Instrument

from . import live_market
from .conftest import ApiClient

STRIKES = [90, 100, 110]
DAY = dt.timedelta(days=1)


@pytest.fixture
def listed(redis_client: Redis, db: None) -> list[Instrument]:
    """Options of two expiries; those of the first say what was traded and what is open: call k and put k, by strike, have a
    volume of k and 10 k, and an open interest of 100 k and 1,000 k."""
    acme = live_market.underlying()
    live_market.say(redis_client)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    near, far = (live_market.options(acme, now + days * DAY, STRIKES) for days in (30, 60))
    live_market.price(redis_client, far)
    for place, one in enumerate(near):
        k, times = place // 2 + 1, 1 if one.right == "C" else 10
        live_market.quote(
            redis_client,
            one,
            underlying_price=100.0,
            implied_volatility=0.2 + k / 100,
            delta=0.5,
            volume=k * times,
            open_interest=100 * k * times,
            flags=8,
        )
    return [*near, *far]


def get(api: ApiClient, path: str = "chains/ACME/surface/") -> Any:
    response = api.send("GET", path)
    assert response.status_code == 200, response.content
    return response.json()


def test_each_expiry_is_as_its_chain_and_its_smile_say(api: ApiClient, listed: list[Instrument]) -> None:
    shown = get(api)
    chain = get(api, "chains/ACME/")
    assert len(shown["expiries"]) == 2
    for one, told in zip(shown["expiries"], chain["expiries"], strict=True):
        # Days left and the move go on between the two.
        assert {name: one[name] for name in told if name not in ("days_left", "expected_move")} == {
            name: value for name, value in told.items() if name not in ("days_left", "expected_move")
        }
        assert one["expected_move"] == pytest.approx(told["expected_move"], rel=1e-4)
        smile = get(api, f"chains/ACME/{one['name']}/smile/")["points"]
        assert [{name: point[name] for name in smile[0]} for point in one["points"]] == smile
        assert dt.datetime.fromisoformat(one["received_at"]) <= dt.datetime.now(dt.UTC)


def test_volume_and_open_interest_are_of_both_sides(api: ApiClient, listed: list[Instrument]) -> None:
    near, far = get(api)["expiries"]
    names = ("strike", "call_volume", "put_volume", "call_open_interest", "put_open_interest", "flags")
    assert [tuple(point[name] for name in names) for point in near["points"]] == [
        (90, 1, 10, 100, 1_000, 8),
        (100, 2, 20, 200, 2_000, 8),
        (110, 3, 30, 300, 3_000, 8),
    ]
    assert {far["points"][0][name] for name in names[1:5]} == {None}
    assert {point["flags"] for point in far["points"]} == {0}


def test_a_side_that_is_not_offered_is_null(api: ApiClient, listed: list[Instrument]) -> None:
    listed[1].delete()  # the put at 90
    (point, *_), _ = (one["points"] for one in get(api)["expiries"])
    assert (point["strike"], point["right"], point["symbol"], point["mark_iv"]) == (90, "P", None, None)
    assert (point["call_volume"], point["put_volume"], point["flags"]) == (1, None, None)


def test_it_costs_as_few_queries_as_a_chain(
    api: ApiClient, listed: list[Instrument], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(6):  # token, rights, underlying, its expiries, their options; the first use
        get(api)


def test_as_a_table_it_has_a_row_a_strike(api: ApiClient, listed: list[Instrument]) -> None:
    response = api.send("GET", "chains/ACME/surface/?format=csv")
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert [float(row["strike"]) for row in rows] == [90, 100, 110] * 2
    assert {row["underlying"] for row in rows} == {"ACME"}
    assert [row["put_open_interest"] for row in rows] == ["1000", "2000", "3000", "", "", ""]
