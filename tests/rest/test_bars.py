"""Bars by REST: those of the stored ticks, in pages and at once, in every format."""

import datetime as dt
import io
from typing import Any

import pytest
from arro3.io import read_ipc_stream

from marketdata.history import bar_queries
from marketdata.history.database import Database
from marketdata.models import Instrument
from marketdata.rest import bars
from tests.builders import make_instrument
from tests.history.seeding import NOON_S, Row, insert_bars, tick, trade

from .conftest import ApiClient, fields, problem
from .test_ticks import read_csv, read_ndjson, whole

Rest = dict[str, Any]
SYMBOL = "BTC-27MAR26-50000-C"
NAMES = [column.name for column in bars.COLUMNS]
HOURS = {"from": "2026-01-15T12:00:00Z", "to": "2026-01-15T15:00:00Z"}
TEXTS = ("starts_at", "ends_at", "day")


@pytest.fixture
def instrument(history_database: Database, db: None) -> Instrument:
    """A contract of a market that never closes, with three hours of ticks, minutes without any among them, and trades."""
    made = make_instrument(SYMBOL, feed="deribit", underlying="BTC")
    ticks: list[Row] = []
    for k in range(1, 400):
        second = NOON_S + k * 27
        if second // 60 % 7 == 0:
            continue
        bid = None if k % 9 == 0 else 2 + k % 40 / 10
        ticks.append(tick(k, second=second, instrument=made.pk, bid=bid, last=1 + k / 100, implied_volatility=k / 1000))
    trades = [trade(str(k), second=NOON_S + k * 500, instrument=made.pk, size=k / 2) for k in range(20)]
    insert_bars(history_database, ticks, trades)
    return made


def ask(api: ApiClient, symbol: str = SYMBOL, **query: Any) -> Any:
    return api.send("GET", f"instruments/{symbol}/bars/", query_params=query)


def moment(second: int) -> str:
    return dt.datetime.fromtimestamp(second, dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def expected(
    database: Database, instrument: Instrument, interval: Any, start: int = 0, stop: int = 3 * 3600
) -> list[Rest]:
    found = bar_queries.bars(database, instrument.facts(), interval, NOON_S + start, NOON_S + stop, 1_000)
    assert found.next_start is None
    return [
        {
            "starts_at": moment(bar.starts_s),
            "ends_at": moment(bar.ends_s),
            "day": None if bar.day is None else bar.day.isoformat(),
            **{name: getattr(bar, name) for name in NAMES[3:]},
        }
        for bar in found.bars
    ]


@pytest.mark.parametrize("interval", bar_queries.INTERVALS)
def test_a_page_has_every_field_of_every_bar(
    api: ApiClient, history_database: Database, instrument: Instrument, interval: str
) -> None:
    body = ask(api, interval=interval, **HOURS).json()
    wanted = expected(history_database, instrument, interval)
    assert body["results"] == wanted
    # A day begins before these hours.
    assert len(wanted) == {"1m": 157, "5m": 36, "15m": 12, "1h": 3, "1d": 0}[interval]
    assert (body["symbol"], body["feed"], body["interval"], body["next"]) == (SYMBOL, "deribit", interval, None)


def test_a_day_is_the_exchange_s(api: ApiClient, history_database: Database, instrument: Instrument) -> None:
    (bar,) = ask(api, interval="1d", **{"from": "2026-01-15T08:00:00Z", "to": "2026-01-15T09:00:00Z"}).json()["results"]
    assert (bar["starts_at"], bar["ends_at"], bar["day"]) == (
        "2026-01-15T08:00:00.000000Z",
        "2026-01-16T08:00:00.000000Z",
        "2026-01-15",
    )
    assert bar["volume"] == sum(range(20)) / 2


@pytest.mark.parametrize("form", ["csv", "ndjson", "arrow"])
def test_every_format_says_the_same(
    api: ApiClient, history_database: Database, instrument: Instrument, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bars, "_PIECE", 17)
    response = ask(api, format=form, **HOURS)
    assert response.streaming
    assert response.headers["Content-Disposition"] == f'attachment; filename="deribit.{SYMBOL}.bars.1m.{form}"'
    wanted = expected(history_database, instrument, "1m")
    data = whole(response)
    if form == "csv":
        assert read_csv(data, (*TEXTS,), ("ticks",)) == wanted
    elif form == "ndjson":
        assert read_ndjson(data) == wanted
    else:
        table = read_ipc_stream(io.BytesIO(data)).read_all()
        for column in table.columns[3:]:
            assert column.to_pylist() == [bar[NAMES[table.columns.index(column)]] for bar in wanted]


@pytest.mark.parametrize("size", [1, 50, 156, 157])
def test_pages_hold_every_bar_once(
    api: ApiClient, history_database: Database, instrument: Instrument, size: int
) -> None:
    response = ask(api, page_size=size, **HOURS)
    found = response.json()["results"]
    while (address := response.json()["next"]) is not None and len(found) < 12 * size:
        assert len(response.json()["results"]) <= size
        response = api.send("GET", address)
        found += response.json()["results"]
    assert found == expected(history_database, instrument, "1m")[: len(found)]
    assert len(found) == min(157, 12 * size)


def test_only_one_price_on_request(api: ApiClient, history_database: Database, instrument: Instrument) -> None:
    both = ask(api, **HOURS).json()["results"][0]
    for price, other in (("mid", "last"), ("last", "mid")):
        found = ask(api, price=price, **HOURS).json()["results"][0]
        assert found == {name: value for name, value in both.items() if not name.startswith(f"{other}_")}
        head = whole(ask(api, price=price, format="csv", **HOURS)).decode().splitlines()[0]
        assert head.split(",") == list(found)


def test_without_a_time_they_go_up_to_the_newest(
    api: ApiClient, history_database: Database, instrument: Instrument
) -> None:
    wanted = expected(history_database, instrument, "1m")
    assert ask(api).json()["results"] == wanted
    assert ask(api, **{"from": "2026-01-15T14:00:00Z"}).json()["results"] == [
        bar for bar in wanted if bar["starts_at"] >= "2026-01-15T14"
    ]


def test_what_begins_within_a_second_begins_after_it(
    api: ApiClient, history_database: Database, instrument: Instrument
) -> None:
    whole_hour = {"from": "2026-01-15T12:02:00Z", "to": "2026-01-15T12:04:00Z"}
    assert [bar["starts_at"][14:16] for bar in ask(api, **whole_hour).json()["results"]] == ["02", "03"]
    later = {"from": "2026-01-15T12:02:00.000001Z", "to": "2026-01-15T12:04:00.000001Z"}
    assert [bar["starts_at"][14:16] for bar in ask(api, **later).json()["results"]] == ["03", "04"]


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"interval": "2m"}, ("interval", "invalid_choice")),
        ({"interval": ""}, ("interval", "invalid_choice")),
        ({"price": "bid"}, ("price", "invalid_choice")),
        ({"from": "2026-01-15T12:00:00"}, ("from", "invalid")),
        ({"from": HOURS["to"], "to": HOURS["from"]}, ("from", "reversed")),
        ({"from": "2024-01-15T12:00:00Z", "to": HOURS["to"]}, ("from", "too_long")),
        ({"interval": "1d", "from": "2001-01-15T12:00:00Z"}, ("from", "too_long")),
        ({"page_size": "10001"}, ("page_size", "invalid")),
        ({"cursor": "eyJ"}, ("cursor", "invalid")),
        ({"format": "parquet"}, ("format", "invalid")),
        ({"format": "csv", "page_size": "1"}, ("page_size", "not_paged")),
        ({"after_seq": "1"}, ("after_seq", "unknown_field")),
    ],
)
@pytest.mark.parametrize("history_database", ["sqlite"], indirect=True)
def test_what_cannot_be_asked_is_refused_by_its_name(
    api: ApiClient, history_database: Database, instrument: Instrument, query: Rest, wrong: tuple[str, str]
) -> None:
    assert fields(ask(api, **query)) == [wrong]


@pytest.mark.parametrize("history_database", ["sqlite"], indirect=True)
def test_a_refusal_says_what_is_legal(api: ApiClient, history_database: Database, instrument: Instrument) -> None:
    assert "1m, 5m, 15m, 1h, 1d" in problem(ask(api, interval="2m"), 400)["detail"]
    assert "mid, last" in problem(ask(api, price="bid"), 400)["detail"]
    problem(ask(api, "NONE"), 404)
    first = ask(api, page_size=1, **HOURS).json()["next"]
    assert fields(api.send("GET", first.replace("1m", "5m") + "&interval=5m")) == [("cursor", "invalid")]
