"""Option chains by REST: underlyings, expiries, strikes and smiles."""

import csv
import datetime as dt
import io
import math
import time
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries, Settings
from redis import Redis

from accounts.models import User
from marketdata import greeks
from marketdata.bus import keys
from marketdata.models import Instrument
from marketdata.rest import chain_queries
from tests.builders import make_instrument

from . import live_market
from .conftest import ApiClient, by_token, fields, problem
from .live_market import SPOT, VOLATILITY

STRIKES = [80, 90, 95, 100, 105, 110, 120]
DAY = dt.timedelta(days=1)


def at(day: str, hour: int = 21) -> dt.datetime:
    return dt.datetime.combine(dt.date.fromisoformat(day), dt.time(hour), dt.UTC)


@pytest.fixture
def acme(redis_client: Redis, db: None) -> Instrument:
    """An underlying with two expiries of its own root, 30 and 60 days from now, all quoted."""
    acme = live_market.underlying()
    live_market.quote(redis_client, acme, bid=None, ask=None, mark=SPOT, last=None)
    live_market.say(redis_client)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    for days in (60, 30):
        live_market.price(redis_client, live_market.options(acme, now + days * DAY, STRIKES))
    return acme


def names(acme: Instrument) -> list[str]:
    days = chain_queries.options_of(acme).order_by("expiry").values_list("expiry", flat=True).distinct()
    return [str(day) for day in days]


def round_trips(redis: Redis) -> int:
    """Reads of last values so far."""
    return int(redis.info("commandstats").get("cmdstat_hmget", {"calls": 0})["calls"])


def get(api: ApiClient, path: str) -> Any:
    response = api.send("GET", path)
    assert response.status_code == 200, response.content
    return response.json()


# ── Underlyings ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_has_the_underlyings_with_a_chain(api: ApiClient, acme: Instrument) -> None:
    live_market.underlying("BARE")
    live_market.options(live_market.underlying("GONE"), at("2030-01-18"), [1], active=False)
    live_market.options(live_market.underlying("HIDDEN", streaming=False), at("2030-01-18"), [1])
    first, last = names(acme)
    assert get(api, "chains/") == {
        "next": None,
        "previous": None,
        "results": [
            {
                "feed": "simulated",
                "underlying": "ACME",
                "kind": "stock",
                "currency": "USD",
                "expiries": 2,
                "options": 28,
                "first_expiry": first,
                "last_expiry": last,
            }
        ],
    }


def test_the_list_is_paged_by_feed_and_costs_three_queries(
    api: ApiClient, redis_client: Redis, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for feed in ("simulated", "replay"):
        for n in range(3):
            live_market.options(live_market.underlying(f"U{n}", feed), at("2030-01-18"), [1])
    with django_assert_num_queries(4):  # the token, the rights, the page, what it counts
        page = get(api, "chains/?page_size=4")
    assert [(one["underlying"], one["feed"]) for one in page["results"]] == [
        ("U0", "replay"),
        ("U0", "simulated"),
        ("U1", "replay"),
        ("U1", "simulated"),
    ]
    assert len(get(api, page["next"])["results"]) == 2
    assert {one["feed"] for one in get(api, "chains/?feed=replay")["results"]} == {"replay"}


def test_bad_parameters_of_the_list_are_refused(api: ApiClient) -> None:
    response = api.send("GET", "chains/?feed=nowhere")
    assert fields(response) == [("feed", "invalid_choice")]
    assert "simulated" in response.json()["detail"]
    assert fields(api.send("GET", "chains/?page_size=0")) == [("page_size", "invalid")]
    assert fields(api.send("GET", "chains/?cursor=x")) == [("cursor", "invalid")]


# ── Expiries ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_expiry_says_what_is_left_and_what_is_expected(api: ApiClient, acme: Instrument) -> None:
    shown = get(api, "chains/ACME/")
    assert (shown["feed"], shown["underlying"], shown["underlying_price"]) == ("simulated", "ACME", SPOT)
    assert shown["feed_status"]["health"] == "ok"
    one = shown["expiries"][0]
    assert one["name"] == one["expiry"] == names(acme)[0]
    assert one["root"] == "ACME"
    assert one["days_left"] == pytest.approx(30, abs=0.01)
    assert (one["strikes"], one["options"], one["forward"]) == (7, 14, SPOT)
    assert one["at_the_money_volatility"] == VOLATILITY
    assert one["expected_move"] == pytest.approx(SPOT * VOLATILITY * math.sqrt(30 / 365), rel=1e-3)
    assert [round(each["days_left"]) for each in shown["expiries"]] == [30, 60]


def test_an_expiry_says_when_and_of_which_cycle(api: ApiClient, redis_client: Redis) -> None:
    zeph = live_market.underlying("ZEPH")
    live_market.options(zeph, dt.datetime(2030, 1, 18, 14, 30, tzinfo=dt.UTC), [100], root="ZEPH")
    live_market.options(zeph, at("2030-01-18"), [100], root="ZEPHW")
    live_market.options(zeph, at("2030-01-16"), [100], root="ZEPHW")
    shown = get(api, "chains/ZEPH/")["expiries"]
    assert [(one["name"], one["root"], one["cycle"], one["expires_at"]) for one in shown] == [
        ("2030-01-16", "ZEPHW", "daily", "2030-01-16T21:00:00.000000Z"),
        ("2030-01-18.ZEPH", "ZEPH", "monthly", "2030-01-18T14:30:00.000000Z"),
        ("2030-01-18.ZEPHW", "ZEPHW", "monthly", "2030-01-18T21:00:00.000000Z"),
    ]


def test_days_left_are_of_the_feeds_clock(api: ApiClient, redis_client: Redis) -> None:
    expires_at = at("2021-03-26", 8)
    live_market.options(live_market.underlying("BTC", "replay"), expires_at, [50_000])
    ms = expires_at.timestamp() * 1000
    live_market.say(redis_client, "replay", clock_offset_ms=ms - 36 * 3_600_000 - time.time() * 1000, kind="replay")
    assert get(api, "chains/BTC/")["expiries"][0]["days_left"] == pytest.approx(1.5, abs=0.001)
    live_market.say(redis_client, "replay", clock_offset_ms=ms + 5_000 - time.time() * 1000, kind="replay")
    assert get(api, "chains/BTC/")["expiries"][0]["days_left"] == 0


def test_without_a_beacon_there_is_no_clock_and_nothing_is_guessed(
    api: ApiClient, acme: Instrument, redis_client: Redis
) -> None:
    redis_client.delete(keys.status("simulated"))
    shown = get(api, "chains/ACME/")
    assert shown["feed_status"]["health"] == "down"
    one = shown["expiries"][0]
    assert (one["days_left"], one["expected_move"], one["at_the_money_volatility"]) == (None, None, VOLATILITY)


def test_without_a_quote_there_is_no_forward(api: ApiClient, redis_client: Redis) -> None:
    live_market.say(redis_client)
    live_market.options(live_market.underlying(), at("2030-01-18"), STRIKES)
    shown = get(api, "chains/ACME/")
    one = shown["expiries"][0]
    assert (shown["underlying_price"], one["forward"], one["at_the_money_volatility"]) == (None, None, None)
    assert one["expected_move"] is None
    assert get(api, "chains/ACME/2030-01-18/smile/")["points"] == []


def test_each_expiry_has_its_own_forward(api: ApiClient, redis_client: Redis) -> None:
    acme = live_market.underlying()
    live_market.quote(redis_client, acme, mark=100.0)
    live_market.say(redis_client)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    for days, forward in ((30, 101.0), (200, 118.0)):
        live_market.price(redis_client, live_market.options(acme, now + days * DAY, STRIKES), forward=forward)
    live_market.options(acme, now + 300 * DAY, STRIKES)  # and one that nobody quotes
    shown = get(api, "chains/ACME/")["expiries"]
    assert [one["forward"] for one in shown] == [101.0, 118.0, 100.0]
    assert [one["at_the_money_volatility"] for one in shown] == [VOLATILITY, VOLATILITY, None]


def test_a_chain_of_any_length_is_four_queries_and_two_round_trips(
    api: ApiClient, redis_client: Redis, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    acme = live_market.underlying()
    live_market.say(redis_client)
    for n in range(40):
        live_market.options(acme, at("2030-01-18") + n * DAY, range(50, 150, 5))
    before = round_trips(redis_client)
    with django_assert_num_queries(6):  # token, rights, underlying, its expiries, their options; the first use
        assert len(get(api, "chains/ACME/")["expiries"]) == 40
    assert 1 <= round_trips(redis_client) - before <= 2


@pytest.mark.parametrize(
    "path", ["chains/{0}/", "chains/{0}/surface/", "chains/{0}/2030-01-18/", "chains/{0}/2030-01-18/smile/"]
)
def test_an_underlying_that_is_none_is_named(api: ApiClient, redis_client: Redis, path: str) -> None:
    for feed in ("simulated", "replay"):
        live_market.options(live_market.underlying("TWO", feed), at("2030-01-18"), [100])
    live_market.underlying("BARE")
    live_market.underlying("OFF", streaming=False)

    def refused(name: str, status: int) -> list[tuple[str, str]]:
        body = problem(api.send("GET", path.format(name)), status)
        return [(one["field"], one["code"]) for one in body["errors"]]

    assert refused("NONE", 404) == [("underlying", "unknown_symbol")]
    assert refused("nofeed.TWO", 404) == [("underlying", "unknown_symbol")]
    assert refused("x" * 500, 404) == [("underlying", "unknown_symbol")]
    assert refused("%00", 404) == [("underlying", "unknown_symbol")]
    assert refused("OFF", 404) == [("underlying", "not_streaming")]
    assert refused("TWO", 400) == [("underlying", "ambiguous_symbol")]
    assert refused("BARE", 404)[0][0] in ("underlying", "expiry")
    detail = api.send("GET", path.format("TWO")).json()["detail"]
    assert "replay.TWO" in detail
    assert "simulated.TWO" in detail
    assert get(api, path.format("replay.TWO"))["feed"] == "replay"


# ── One expiry ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_expiry_shows_calls_and_puts_by_strike(api: ApiClient, acme: Instrument) -> None:
    name = names(acme)[0]
    shown = get(api, f"chains/ACME/{name}/")
    assert (shown["currency"], shown["multiplier"], shown["exercise"]) == ("USD", 100.0, "american")
    assert (shown["expiry"]["name"], shown["expiry"]["at_the_money_volatility"]) == (name, VOLATILITY)
    assert [one["strike"] for one in shown["strikes"]] == STRIKES
    call, put = shown["strikes"][3]["call"], shown["strikes"][3]["put"]
    assert call["symbol"].endswith("C00100000")
    assert put["symbol"].endswith("P00100000")
    assert call["id"] == Instrument.objects.get(symbol=call["symbol"]).pk
    assert call["bid"] < call["mark"] < call["ask"]
    assert call["delta"] - put["delta"] == pytest.approx(1)
    assert 0 <= call["age_ms"] < 60_000


def test_a_side_that_is_not_offered_is_null(api: ApiClient, acme: Instrument) -> None:
    name = names(acme)[0]
    chain_queries.options_of(acme).filter(expiry=name, strike=80, right="C").update(streaming=False)
    first = get(api, f"chains/ACME/{name}/")["strikes"][0]
    assert first["call"] is None
    assert first["put"]["symbol"].endswith("P00080000")


def test_strikes_can_be_narrowed(api: ApiClient, acme: Instrument) -> None:
    path = f"chains/ACME/{names(acme)[0]}/"

    def strikes(query: str) -> list[float]:
        return [one["strike"] for one in get(api, f"{path}?{query}")["strikes"]]

    assert strikes("strike_from=95&strike_to=105") == [95, 100, 105]
    assert strikes("strike_from=110") == [110, 120]
    assert strikes("strike_to=80") == [80]
    assert strikes("strike_from=500") == []
    narrowed = get(api, f"{path}smile/?strike_from=105")
    assert [one["strike"] for one in narrowed["points"]] == [105, 110, 120]
    assert narrowed["expiry"]["at_the_money_volatility"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("strike_from=x", [("strike_from", "invalid")]),
        ("strike_from=nan", [("strike_from", "invalid")]),
        ("strike_to=-1", [("strike_to", "invalid")]),
        ("strike_to=1e999", [("strike_to", "invalid")]),
        ("strike_to=1_0", [("strike_to", "invalid")]),
        ("strike_from=", [("strike_from", "invalid")]),
        ("strike_from=2&strike_to=1", [("strike_from", "reversed")]),
        ("strike=1", [("strike", "unknown_field")]),
        ("format=xlsx", [("format", "invalid")]),
    ],
)
def test_bad_parameters_are_refused(
    api: ApiClient, acme: Instrument, query: str, expected: list[tuple[str, str]]
) -> None:
    for path in (f"chains/ACME/{names(acme)[0]}/", f"chains/ACME/{names(acme)[0]}/smile/"):
        assert fields(api.send("GET", f"{path}?{query}")) == expected


@pytest.mark.parametrize(
    "name", ["x", "2030-13-01", "2030-02-30", "20300118", "2030-01-18.", "2030-01-18.a-b", "0000-00-00"]
)
def test_an_expiry_that_is_no_day_is_refused(api: ApiClient, acme: Instrument, name: str) -> None:
    for path in (f"chains/ACME/{name}/", f"chains/ACME/{name}/smile/"):
        assert fields(api.send("GET", path)) == [("expiry", "invalid")]


def test_an_expiry_that_is_not_there_is_told_what_is(api: ApiClient, acme: Instrument) -> None:
    first, second = names(acme)
    for name in ("2031-01-01", f"{first}.ACMEW"):
        body = problem(api.send("GET", f"chains/ACME/{name}/"), 404)
        assert [(one["field"], one["code"]) for one in body["errors"]] == [("expiry", "unknown_expiry")]
        assert f"{first}, {second}" in body["detail"]


def test_of_two_roots_one_has_to_be_named(api: ApiClient, redis_client: Redis) -> None:
    zeph = live_market.underlying("ZEPH")
    for root, strikes in (("ZEPH", [100]), ("ZEPHW", [100, 110])):
        live_market.options(zeph, at("2030-01-18"), strikes, root=root)
    response = api.send("GET", "chains/ZEPH/2030-01-18/")
    assert fields(response) == [("expiry", "ambiguous_expiry")]
    assert "2030-01-18.ZEPH or 2030-01-18.ZEPHW" in response.json()["detail"]
    assert len(get(api, "chains/ZEPH/2030-01-18.ZEPHW/")["strikes"]) == 2
    assert len(get(api, "chains/ZEPH/2030-01-18.ZEPH/")["strikes"]) == 1


def test_a_chain_of_400_is_one_round_trip(
    api: ApiClient, redis_client: Redis, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    acme = live_market.underlying()
    expires_at = dt.datetime.now(dt.UTC) + 30 * DAY
    live_market.price(redis_client, live_market.options(acme, expires_at, range(50, 250)))
    live_market.say(redis_client)
    before = round_trips(redis_client)
    with django_assert_num_queries(6):  # token, rights, underlying, the expiry's roots, its options; the first use
        shown = get(api, f"chains/ACME/{expires_at.date()}/")
    assert len(shown["strikes"]) == 200
    assert all(one["call"]["seq"] and one["put"]["seq"] for one in shown["strikes"])
    assert round_trips(redis_client) - before == 1


def test_more_options_than_anybody_lists_are_not_read(
    api: ApiClient, acme: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_queries, "MOST_OF_EXPIRY", 10)
    path = f"chains/ACME/{names(acme)[0]}/"
    response = api.send("GET", path)
    assert fields(response) == [("expiry", "too_many")]
    assert "strike_from" in response.json()["detail"]
    assert len(get(api, f"{path}?strike_to=100")["strikes"]) == 4


def test_what_has_not_moved_is_304(api: ApiClient, acme: Instrument, redis_client: Redis) -> None:
    # The minute must not end in between.
    live_market.say(redis_client, clock_offset_ms=30_000 - time.time() * 1000 % 60_000)
    name = names(acme)[0]
    option = chain_queries.options_of(acme).get(expiry=name, strike=100, right="C")
    for path in ("chains/ACME/", "chains/ACME/surface/", f"chains/ACME/{name}/", f"chains/ACME/{name}/smile/"):
        tag = {"if-none-match": api.send("GET", path).headers["ETag"]}
        assert api.send("GET", path, headers=tag).status_code == 304
        assert api.send("GET", f"{path}?format=csv", headers=tag).status_code == 200
        live_market.quote(redis_client, option, k=int(time.time() * 1000) % 10**7, implied_volatility=0.3)
        assert api.send("GET", path, headers=tag).status_code == 200
        live_market.price(redis_client, [option])
    tag = {"if-none-match": api.send("GET", "chains/").headers["ETag"]}
    assert api.send("GET", "chains/", headers=tag).status_code == 304
    option.delete()
    assert api.send("GET", "chains/", headers=tag).status_code == 200


def test_days_left_are_told_anew_each_minute(api: ApiClient, acme: Instrument, redis_client: Redis) -> None:
    name = names(acme)[0]
    for minute, path in enumerate(
        ("chains/ACME/", "chains/ACME/surface/", f"chains/ACME/{name}/", f"chains/ACME/{name}/smile/")
    ):
        tag = {"if-none-match": api.send("GET", path).headers["ETag"]}
        live_market.say(redis_client, clock_offset_ms=60_000 * (minute + 1))
        assert api.send("GET", path, headers=tag).status_code == 200


# ── The smile ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_smile_is_of_the_out_of_the_money_side(api: ApiClient, acme: Instrument) -> None:
    name = names(acme)[0]
    shown = get(api, f"chains/ACME/{name}/smile/")
    assert shown["expiry"]["forward"] == SPOT
    points = shown["points"]
    assert [one["strike"] for one in points] == STRIKES
    assert [one["right"] for one in points] == ["P"] * 3 + ["C"] * 4
    years = shown["expiry"]["days_left"] / 365
    for one in points:
        assert one["symbol"] == f"ACME{name[2:4]}{name[5:7]}{name[8:]}{one['right']}{one['strike'] * 1000:08.0f}"
        assert one["log_moneyness"] == pytest.approx(math.log(one["strike"] / SPOT), abs=1e-8)
        assert [one[f"{side}_iv"] for side in ("bid", "mark", "ask")] == pytest.approx([0.24, 0.25, 0.26])
        delta = greeks.greeks(one["right"] == "C", SPOT, one["strike"], years, VOLATILITY).delta
        assert one["delta"] == pytest.approx(float(delta), abs=1e-3)


# ── Other formats ─────────────────────────────────────────────────────────────────────────────────────────────────────


def table(api: ApiClient, path: str) -> list[dict[str, str]]:
    response = api.send("GET", f"{path}?format=csv")
    assert response.status_code == 200, response.content
    return list(csv.DictReader(io.StringIO(response.content.decode())))


def test_chains_are_tables_too(api: ApiClient, acme: Instrument) -> None:
    name = names(acme)[0]
    expiries = table(api, "chains/ACME/")
    assert [one["name"] for one in expiries] == names(acme)
    assert expiries[0]["expected_move"]
    options = table(api, f"chains/ACME/{name}/")
    assert [(one["strike"], one["right"]) for one in options[:2]] == [("80.0", "C"), ("80.0", "P")]
    assert len(options) == 14
    assert options[1]["delta"].startswith("-0.")
    assert {one["underlying"] for one in options} == {"ACME"}
    points = table(api, f"chains/ACME/{name}/smile/")
    assert [one["right"] for one in points] == ["P"] * 3 + ["C"] * 4
    assert {one["forward"] for one in points} == {"100.0"}


@pytest.mark.parametrize("form", ["ndjson", "arrow"])
def test_every_chain_comes_in_every_format(api: ApiClient, acme: Instrument, form: str) -> None:
    name = names(acme)[0]
    for path in ("chains/ACME/", "chains/ACME/surface/", f"chains/ACME/{name}/", f"chains/ACME/{name}/smile/"):
        response = api.send("GET", f"{path}?format={form}")
        assert response.status_code == 200, response.content
        assert response.getvalue()
        assert f".{form}" in response.headers["Content-Disposition"]


# ── Failures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_redis_it_is_503_and_the_list_goes_on(owner: User, settings: Settings) -> None:
    live_market.options(live_market.underlying(), at("2030-01-18"), [100])
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    api = by_token(owner)
    for path in ("chains/ACME/", "chains/ACME/surface/", "chains/ACME/2030-01-18/", "chains/ACME/2030-01-18/smile/"):
        response = api.send("GET", path)
        assert "Redis" in problem(response, 503)["detail"]
        assert int(response.headers["Retry-After"]) > 0
    assert len(get(api, "chains/")["results"]) == 1


def test_options_without_an_instant_or_without_sense_do_no_harm(api: ApiClient, redis_client: Redis) -> None:
    live_market.underlying()
    live_market.say(redis_client)
    make_instrument("A1", expires_at=None)
    make_instrument("A2", strike=0)
    make_instrument("A3", strike=None)
    make_instrument("A4", expiry=None)
    (one,) = get(api, "chains/ACME/")["expiries"]
    assert (one["options"], one["expires_at"], one["days_left"]) == (1, None, None)
    assert len(get(api, "chains/ACME/2026-01-16/")["strikes"]) == 1
