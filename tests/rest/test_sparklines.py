"""The day of many instruments as small lines, by REST."""

import datetime as dt
import time
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries, Settings
from redis import Redis

from accounts.models import FeedUse, User
from marketdata.history import day_closes
from marketdata.history.columns import TICK
from marketdata.history.database import Database
from marketdata.models import Instrument
from tests.builders import make_instrument
from tests.history.seeding import NOON_S, Row, insert_bars, tick

from . import live_market
from .conftest import ApiClient, fields

# Deribit's day, from eight in the morning; the tests' noon is four hours into it.
OPENS_S = NOON_S - 4 * 3600
NOW_S = NOON_S + 3 * 3600


def say(redis: Redis, feed: str = "deribit", now_s: float = NOW_S) -> None:
    live_market.say(redis, feed, clock_offset_ms=(now_s - time.time()) * 1000)


def ask(api: ApiClient, *symbols: str, **extra: Any) -> Any:
    return api.send("GET", f"sparklines/?symbols={','.join(symbols)}", **extra)


def option(symbol: str = "BTC-27MAR26-50000-C") -> Instrument:
    return make_instrument(symbol, feed="deribit", underlying="BTC")


def quotes(one: Instrument) -> list[Row]:
    """Three hours of ticks, with a bid missing here and there."""
    return [
        tick(
            k,
            second=NOON_S + k * 27,
            instrument=one.pk,
            bid=None if k % 9 == 0 else 2 + k % 40 / 10,
            ask=9.0,
            last=1 + k / 100,
        )
        for k in range(1, 400)
    ]


@pytest.mark.parametrize("history_database", ["sqlite", "postgresql"], indirect=True)
def test_the_points_are_the_last_mids_of_each_quarter_of_an_hour(
    api: ApiClient, history_database: Database, redis_client: Redis
) -> None:
    one = option()
    ticks = quotes(one)
    # What was before the day, and what is of another instrument, is not of it.
    insert_bars(history_database, [*ticks, tick(1, OPENS_S - 60, one.pk), tick(1, NOON_S + 60, one.pk + 1, bid=1.0)])
    say(redis_client)
    (shown,) = ask(api, one.symbol).json()["results"]
    wanted: dict[int, tuple[int, float]] = {}
    for row in ticks:
        at = dict(zip(("second", "bid", "ask"), (row[0], _of(row, "bid"), _of(row, "ask")), strict=True))
        if at["bid"] is not None:
            minute = (int(at["second"]) - OPENS_S) // 60
            wanted[minute // 15] = minute + 1, (at["bid"] + at["ask"]) / 2
    assert (shown["minutes"], shown["values"]) == tuple(map(list, zip(*wanted.values(), strict=True)))
    assert len(shown["values"]) == 12
    assert {name: shown[name] for name in ("name", "feed", "symbol", "id", "day", "step_minutes", "price")} == {
        "name": one.symbol,
        "feed": "deribit",
        "symbol": one.symbol,
        "id": one.pk,
        "day": "2026-01-15",
        "step_minutes": 15,
        "price": "mid",
    }
    assert (shown["opens_at"], shown["closes_at"]) == ("2026-01-15T08:00:00.000000Z", "2026-01-16T08:00:00.000000Z")


def _of(row: Row, name: str) -> Any:
    return row[TICK.index(name)]


def test_what_was_never_quoted_on_both_sides_has_its_last_prices(
    api: ApiClient, history_database: Database, redis_client: Redis
) -> None:
    one, silent = option(), option("BTC-27MAR26-60000-C")
    insert_bars(
        history_database,
        [tick(k, NOON_S + k * 60, one.pk, bid=None, last=float(k)) for k in range(1, 20)],
    )
    say(redis_client)
    traded, nothing = ask(api, one.symbol, silent.symbol).json()["results"]
    assert (traded["price"], traded["values"]) == ("last", [14.0, 19.0])
    assert (nothing["price"], nothing["minutes"], nothing["values"]) == (None, [], [])
    assert nothing["day"] == "2026-01-15"


def test_without_a_feed_that_is_heard_no_day_is_told(
    api: ApiClient, history_database: Database, redis_client: Redis
) -> None:
    one = option()
    insert_bars(history_database, quotes(one))
    (shown,) = ask(api, one.symbol).json()["results"]
    assert [shown[name] for name in ("day", "opens_at", "closes_at", "step_minutes", "price")] == [None] * 5
    assert shown["values"] == []


@pytest.mark.parametrize(
    ("now", "day", "step"),
    [
        ("2026-01-15T15:00:00Z", "2026-01-15", 5),
        ("2026-01-15T14:29:59Z", "2026-01-14", 5),
        ("2026-01-18T02:00:00Z", "2026-01-16", 5),
        # A Monday without trading, before it Saturday and Sunday.
        ("2026-01-19T20:00:00Z", "2026-01-16", 5),
        ("2026-01-16T21:30:00Z", "2026-01-16", 5),
    ],
)
def test_where_it_is_closed_the_day_is_the_one_before(now: str, day: str, step: int) -> None:
    facts = Instrument(id=1, feed="lean", symbol="GOOG", kind="stock", underlying="GOOG").facts()
    found = day_closes.day_of(facts, dt.datetime.fromisoformat(now).timestamp())
    assert found is not None
    assert (found.session.day.isoformat(), found.step_minutes) == (day, step)


def test_the_answer_is_not_sent_twice_and_is_as_soon_as_there_is_more(
    api: ApiClient, history_database: Database, redis_client: Redis
) -> None:
    one = option()
    insert_bars(history_database, quotes(one))
    say(redis_client)
    first = ask(api, one.symbol)
    known = {"headers": {"if-none-match": first.headers["ETag"]}}
    assert ask(api, one.symbol, **known).status_code == 304
    insert_bars(history_database, [tick(1, NOON_S + 13_000, one.pk)])
    again = ask(api, one.symbol, **known)
    assert again.status_code == 200
    assert len(again.json()["results"][0]["values"]) == len(first.json()["results"][0]["values"]) + 1


def test_what_may_not_be_seen_is_named_and_the_others_come(
    api: ApiClient, owner: User, history_database: Database, redis_client: Redis, settings: Settings
) -> None:
    settings.OPEN_FEEDS = ["simulated"]
    closed, seen = option(), make_instrument("ACME")
    insert_bars(history_database, quotes(closed))
    say(redis_client)
    say(redis_client, "simulated")
    answer = ask(api, closed.symbol, "ACME", "NOWHERE").json()
    assert {one["symbol"]: one["code"] for one in answer["refused"]} == {
        closed.symbol: "forbidden",
        "NOWHERE": "unknown_symbol",
    }
    assert [one["id"] for one in answer["results"]] == [seen.pk]
    assert list(FeedUse.objects.values_list("feed", flat=True)) == ["simulated"]


def test_five_hundred_cost_as_many_queries_as_one(
    api: ApiClient,
    history_database: Database,
    redis_client: Redis,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Instrument.objects.bulk_create(
        Instrument(feed="deribit", symbol=f"S{n}", kind="option", underlying="BTC") for n in range(500)
    )
    insert_bars(history_database, [tick(1, NOON_S, one.pk) for one in made])
    say(redis_client)
    asked: list[str] = []
    rows = Database.rows

    def counted(database: Database, sql: str, parameters: Any = ()) -> Any:
        asked.append(sql)
        return rows(database, sql, parameters)

    monkeypatch.setattr(Database, "rows", counted)
    ask(api, "S0")  # what is looked up once is
    asked.clear()
    with django_assert_num_queries(3):
        answer = ask(api, *(one.symbol for one in made))
    assert sum(len(one["values"]) for one in answer.json()["results"]) == 500
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("", ("symbols", "required")),
        ("symbols=A,,B", ("symbols", "required")),
        ("symbols=" + ",".join(f"S{n}" for n in range(501)), ("symbols", "too_many")),
        ("symbols=ACME&interval=1m", ("interval", "unknown_field")),
    ],
)
def test_a_wrong_question_is_refused_by_name(api: ApiClient, query: str, wrong: tuple[str, str]) -> None:
    assert fields(api.send("GET", f"sparklines/?{query}")) == [wrong]
