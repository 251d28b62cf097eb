"""Stored trades by REST: what was stored comes out of every format as it went in, in pages, at once, or the newest."""

import datetime as dt
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from marketdata.history import trade_queries
from marketdata.history.columns import TRADE
from marketdata.history.database import Database
from tests.builders import SYMBOL, make_instrument
from tests.history.seeding import NOON_S, Row, insert, trade

from .conftest import ApiClient, fields, problem
from .test_ticks import READERS, whole

DAY = {"from": "2026-01-15T00:00:00Z", "to": "2026-01-16T00:00:00Z"}


@pytest.fixture
def stored(history_database: Database, db: None) -> list[Row]:
    """Trades of ACME's call, three a second, ids falling within one instant; between them those of another."""
    instrument = int(make_instrument().pk)
    rows = [
        trade(
            f"#{k}" if k % 4 == 0 else f"T-{99 - k}",
            second=NOON_S + k // 6,
            micro=k // 3 * 250_001 % 1_000_000,
            instrument=instrument,
            price=2.4 + k / 7,
            size=float(k),
        )
        for k in range(1, 31)
    ]
    rows.sort(key=lambda row: (row[0], row[1], row[-1]))
    insert(history_database, trades=[*rows, trade("other", instrument=instrument + 1)])
    return rows


def ask(api: ApiClient, symbol: str = SYMBOL, **query: Any) -> Any:
    return api.send("GET", f"instruments/{symbol}/trades/", query_params=query)


def moment(us: int) -> str:
    instant = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=us)
    return instant.isoformat(timespec="microseconds").replace("+00:00", "Z")


def shown(row: Row) -> dict[str, Any]:
    """The row as REST is to show it, worked out from the table's own columns."""
    one = dict(zip(TRADE, row, strict=True))
    return {
        "received_at": moment(one["second"] * 1_000_000 + one["micro"]),
        "traded_at": moment(one["venue_us"]),
        "price": one["price"],
        "size": one["size"],
        "trade_id": None if one["trade_id"].startswith("#") else one["trade_id"],
    }


def test_a_page_shows_every_stored_trade_and_no_other(api: ApiClient, stored: list[Row]) -> None:
    body = ask(api, **DAY).json()
    assert body["results"] == [shown(row) for row in stored]
    assert (body["symbol"], body["feed"], body["next"]) == (SYMBOL, "simulated", None)
    # Without times: the day that ends with the newest.
    assert ask(api).json()["results"] == body["results"]


def test_pages_join_without_a_hole_or_a_double(api: ApiClient, stored: list[Row]) -> None:
    body = ask(api, **DAY, page_size=7).json()
    found = body["results"]
    while body["next"]:
        parts = urlsplit(body["next"])
        body = api.send("GET", f"{parts.path}?{parts.query}").json()
        assert 0 < len(body["results"]) <= 7
        found += body["results"]
    assert found == [shown(row) for row in stored]
    assert fields(ask(api, **DAY, cursor="x")) == [("cursor", "invalid")]


@pytest.mark.parametrize("form", READERS)
def test_every_format_says_the_same(
    api: ApiClient, stored: list[Row], form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trade_queries, "PIECE", 7)
    content_type, read = READERS[form]
    response = ask(api, **DAY, format=form)
    assert response.status_code == 200, response.content
    assert response.headers["Content-Type"] == content_type
    assert f"simulated.{SYMBOL}.trades.{form}" in response.headers["Content-Disposition"]
    texts = {"texts": ("received_at", "traded_at", "trade_id")} if form == "csv" else {}
    assert read(whole(response), **texts) == [shown(row) for row in stored]


def test_a_range_has_its_first_instant_and_not_its_last(api: ApiClient, stored: list[Row]) -> None:
    times = [row[0] * 1_000_000 + row[1] for row in stored]
    first, stop = times[9], times[20]
    found = ask(api, **{"from": moment(first), "to": moment(stop)}).json()["results"]
    assert found == [shown(row) for row, time in zip(stored, times, strict=True) if first <= time < stop]
    assert 0 < len(found) < 20


def test_the_newest_are_the_last_of_the_time_oldest_first(api: ApiClient, stored: list[Row]) -> None:
    assert ask(api, newest=5).json()["results"] == [shown(row) for row in stored[-5:]]
    text = ask(api, newest=5, format="ndjson")
    assert [json.loads(line) for line in whole(text).splitlines()] == [shown(row) for row in stored[-5:]]
    for wrong in ("0", "10001", "x"):
        assert fields(ask(api, newest=wrong)) == [("newest", "invalid")]
    assert fields(ask(api, newest=5, page_size=3)) == [("page_size", "conflict")]


def test_without_trades_there_are_none(api: ApiClient, history_database: Database, db: None) -> None:
    make_instrument()
    assert ask(api).json()["results"] == []
    problem(ask(api, symbol="NOBODY"), 404)


def test_more_than_a_month_is_refused(api: ApiClient, stored: list[Row]) -> None:
    assert fields(ask(api, **{"from": "2025-11-01T00:00:00Z"})) == [("from", "too_long")]
