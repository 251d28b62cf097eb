"""Live quotes by REST."""

import csv
import io
import time
from typing import Any

import msgspec
import pytest
from pytest_django import DjangoAssertNumQueries, Settings
from redis import Redis

from accounts.models import User
from marketdata.bus import keys
from marketdata.models import Instrument
from marketdata.rest import live
from marketdata.rows import seq_of
from tests.builders import NOON_MS, make_instrument

from . import live_market
from .conftest import ApiClient, by_token, fields, problem


def ask(api: ApiClient, *symbols: str, query: str = "", **extra: Any) -> Any:
    return api.send("GET", f"quotes/?symbols={','.join(symbols)}{query}", **extra)


def results(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def make_many(count: int) -> list[Instrument]:
    return Instrument.objects.bulk_create(
        Instrument(feed="simulated", symbol=f"S{n}", kind="stock", underlying=f"S{n}") for n in range(count)
    )


def test_a_quote_shows_every_column_by_its_name(api: ApiClient, redis_client: Redis) -> None:
    made = make_instrument()
    times = {"venue_time_ms": NOON_MS, "received_ms": NOON_MS + 2.125, "last_time_ms": NOON_MS - 1000}
    live_market.quote(redis_client, made, k=3, **times, rho=-0.5, flags=8)
    # A replay, a minute later on its own clock.
    live_market.say(redis_client, kind="replay", clock_offset_ms=NOON_MS + 60_000 - time.time() * 1000)
    (shown,) = results(ask(api, made.symbol))
    assert 59_990 < shown.pop("age_ms") < 90_000
    assert shown == {
        **dict.fromkeys(name for name in live.NAMES if name != "age_ms"),
        "name": made.symbol,
        "feed": "simulated",
        "symbol": made.symbol,
        "id": made.pk,
        "currency": "USD",
        "seq": seq_of(live_market.TERM, 3),
        "venue_at": "2026-01-15T12:00:00.000000Z",
        "received_at": "2026-01-15T12:00:00.002125Z",
        "bid": 2.4,
        "ask": 2.5,
        "bid_size": 10.0,
        "ask_size": 12.0,
        "last": 2.45,
        "last_at": "2026-01-15T11:59:59.000000Z",
        "implied_volatility": 0.25,
        "delta": 0.5,
        "rho": -0.5,
        "flags": 8,
    }


def test_quotes_come_in_the_order_asked_for_and_each_once(api: ApiClient, redis_client: Redis) -> None:
    make_many(3)
    assert [one["name"] for one in results(ask(api, "S2", "S0", "S2", "simulated.S1"))] == ["S2", "S0", "simulated.S1"]


def test_what_is_not_offered_is_named_and_the_rest_comes(api: ApiClient, redis_client: Redis) -> None:
    made = make_instrument("A")
    live_market.quote(redis_client, made)
    make_instrument("OLD", active=False)
    make_instrument("OFF", streaming=False)
    make_instrument("FAR", covered=False)
    for feed in ("simulated", "replay"):
        make_instrument("TWO", feed=feed)
    response = ask(api, "NONE", "A", "OLD", "OFF", "FAR", "TWO", "replay.TWO", "%27; drop", "x" * 300)
    assert [one["name"] for one in results(response)] == ["A", "replay.TWO"]
    refused = response.json()["refused"]
    assert [(one["symbol"], one["code"]) for one in refused] == [
        ("NONE", "unknown_symbol"),
        ("OLD", "not_streaming"),
        ("OFF", "not_streaming"),
        ("FAR", "not_streaming"),
        ("TWO", "ambiguous_symbol"),
        ("'; drop", "unknown_symbol"),
        ("x" * 100, "unknown_symbol"),
    ]
    assert "replay.TWO or simulated.TWO" in refused[4]["message"]


def test_an_instrument_that_has_not_quoted_is_all_null(api: ApiClient, redis_client: Redis) -> None:
    make_instrument("A")
    (shown,) = results(ask(api, "A"))
    assert {shown[name] for name in live.NAMES} == {None}


def test_what_a_foreign_hand_wrote_is_no_quote(api: ApiClient, redis_client: Redis) -> None:
    for value in (b"", b"x", b"\0" * 12 + b"{}", b"\0" * 12 + b"[]", b"\0" * 12 + b"[1,2]"):
        made = make_instrument(f"A{len(value)}{value[-1:].hex()}")
        redis_client.hset(keys.last_values("simulated"), str(made.pk), value)
        (shown,) = results(ask(api, made.symbol))
        assert shown["seq"] is None


def test_each_feed_says_how_it_is(api: ApiClient, redis_client: Redis) -> None:
    for feed in ("simulated", "replay", "deribit"):
        live_market.quote(redis_client, make_instrument(f"A-{feed}", feed=feed))
    live_market.say(redis_client, "simulated")
    live_market.say(redis_client, "replay", health="stale", reason="silent", kind="replay")
    response = ask(api, "A-simulated", "A-replay", "A-deribit")
    feeds = {one["feed"]: one for one in response.json()["feeds"]}
    assert [(feeds[name]["kind"], feeds[name]["health"]) for name in ("simulated", "replay", "deribit")] == [
        ("simulated", "ok"),
        ("replay", "stale"),
        (None, "down"),
    ]
    assert feeds["replay"]["reason"] == "silent"
    assert feeds["deribit"]["time"] is None
    assert [one["age_ms"] is None for one in results(response)] == [False, False, True]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [("symbols", "required")]),
        ("symbols=", [("symbols", "required")]),
        ("symbols=A,,B", [("symbols", "required")]),
        ("symbols=A,", [("symbols", "required")]),
        ("symbols=A&symbols=B", [("symbols", "repeated")]),
        ("symbols=A&symbol=B", [("symbol", "unknown_field")]),
        ("symbols=A&format=xml", [("format", "invalid")]),
        ("symbols=" + ",".join(f"S{n}" for n in range(501)), [("symbols", "too_many")]),
    ],
)
def test_a_bad_parameter_is_refused_by_name(
    api: ApiClient, redis_client: Redis, query: str, expected: list[tuple[str, str]]
) -> None:
    make_instrument("A")
    assert fields(api.send("GET", f"quotes/?{query}")) == expected


def test_500_quotes_are_two_queries_and_one_round_trip(
    api: ApiClient,
    redis_client: Redis,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = make_many(500)
    for one in made:
        live_market.quote(redis_client, one)
    live_market.say(redis_client)
    symbols = [one.symbol for one in made]
    before = redis_client.info("commandstats")
    with django_assert_num_queries(4):  # the token, the rights, the instruments, the first use of the feed
        found = results(ask(api, *symbols))
    after = redis_client.info("commandstats")
    assert [one["symbol"] for one in found] == symbols
    assert all(one["bid"] == 2.4 for one in found)
    counts = {name: after[name]["calls"] - before.get(name, {"calls": 0})["calls"] for name in after}
    assert counts["cmdstat_hmget"] == 1


def test_what_has_not_moved_is_304_and_what_has_is_not(api: ApiClient, redis_client: Redis) -> None:
    made = make_instrument()
    live_market.quote(redis_client, made)
    live_market.say(redis_client)
    tag = ask(api, made.symbol).headers["ETag"]

    def status(query: str = "", symbol: str = made.symbol) -> int:
        return int(ask(api, symbol, query=query, headers={"if-none-match": tag}).status_code)

    assert status() == 304
    assert status("&format=csv") == 200
    assert status(symbol=f"simulated.{made.symbol}") == 200
    live_market.say(redis_client, n=2)
    assert status() == 304
    live_market.say(redis_client, n=3, health="stale")
    assert status() == 200
    live_market.say(redis_client, n=4)
    assert status() == 304
    live_market.quote(redis_client, made, k=2)
    assert status() == 200


def test_as_a_table_each_name_is_a_row_also_a_refused_one(api: ApiClient, redis_client: Redis) -> None:
    made = make_instrument("A")
    live_market.quote(redis_client, made, theta=-0.5)
    make_instrument("B")
    response = ask(api, "A", "=1%2B1", "B", query="&format=csv")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert [(one["name"], one["seq"] != "", one["bid"], one["refused"]) for one in rows] == [
        ("A", True, "2.4", ""),
        ("'=1+1", False, "", "unknown_symbol"),
        ("B", False, "", ""),
    ]
    assert rows[0]["theta"] == "-0.5"
    assert rows[0]["venue_at"].endswith("Z")


def test_ndjson_and_arrow_hold_the_same(api: ApiClient, redis_client: Redis) -> None:
    arro3 = pytest.importorskip("arro3.io")
    made = make_instrument("A")
    live_market.quote(redis_client, made)
    (shown,) = results(ask(api, "A"))
    (line,) = msgspec.json.Decoder().decode_lines(ask(api, "A", query="&format=ndjson").content)
    assert line == {**shown, "refused": None, "age_ms": line["age_ms"]}
    response = ask(api, "A", headers={"accept": "application/vnd.apache.arrow.stream"})
    table = arro3.read_ipc_stream(io.BytesIO(response.getvalue())).read_all()
    assert table.column_names == list(line)
    assert table["bid"][0].as_py() == 2.4


def test_without_redis_it_is_503_and_says_when_to_come_back(owner: User, settings: Settings) -> None:
    make_instrument("A")
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    response = ask(by_token(owner), "A")
    assert "Redis" in problem(response, 503)["detail"]
    assert int(response.headers["Retry-After"]) > 0


def test_where_nothing_is_offered_redis_is_not_asked(owner: User, settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    response = ask(by_token(owner), "NONE")
    assert results(response) == []
    assert len(response.json()["refused"]) == 1
