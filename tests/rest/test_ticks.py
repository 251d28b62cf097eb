"""Stored ticks by REST: what was stored comes out of every format as it went in, in pages and at once."""

import csv
import datetime as dt
import io
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from arro3.io import read_ipc_stream

from marketdata.history import tick_queries
from marketdata.history.columns import TICK, VALUES
from marketdata.history.database import Database
from marketdata.history.outage import HistoryDownError
from marketdata.rest.ticks import COLUMNS
from marketdata.rows import seq_of
from tests.builders import SYMBOL, make_instrument
from tests.history.seeding import NOON_S, TERM, Row, gap, insert, tick

from .conftest import ApiClient, fields, problem

Rest = dict[str, Any]
NAMES = [column.name for column in COLUMNS]
NOON = "2026-01-15T12:00:00Z"
DAY = {"from": "2026-01-15T00:00:00Z", "to": "2026-01-16T00:00:00Z"}


@pytest.fixture
def instrument(history_database: Database, db: None) -> int:
    """The id of ACME's call, of which ticks are stored."""
    return int(make_instrument().pk)


def ask(api: ApiClient, symbol: str = SYMBOL, **query: Any) -> Any:
    return api.send("GET", f"instruments/{symbol}/ticks/", query_params=query)


def of_day(instrument: int, count: int = 40) -> list[Row]:
    """Ticks of all kinds: whole, with nothing known, crossed, flagged, late, and two in a microsecond."""
    rows = []
    for k in range(1, count + 1):
        changes: Rest = {"micro": k * 20_011 % 1_000_000, "bid": 1 + k / 7, "ask": 1.1 + k / 7}
        if k % 5 == 0:
            changes = dict.fromkeys(VALUES)
        if k % 7 == 0:
            changes |= {"flags": 9, "theta": -k / 3, "last_time_ms": (NOON_S - k) * 1000.0 + 0.125}
        if k % 11 == 0:
            changes |= {"lag_us": None, "venue_us": (NOON_S - 86_400 * 50) * 1_000_000 + k}
        if k % 13 == 0:
            changes |= {"lag_us": -1_500}
        rows.append(tick(k, second=NOON_S + k // 3, instrument=instrument, **changes))
    return rows


def moment(us: float) -> str:
    instant = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=round(us))
    return instant.isoformat(timespec="microseconds").replace("+00:00", "Z")


def shown(row: Row) -> Rest:
    """The row as REST is to show it, worked out from the table's own columns."""
    stored = dict(zip(TICK, row, strict=True))
    received = stored["second"] * 1_000_000 + stored["micro"]
    venue = stored["venue_us"] if stored["venue_us"] is not None else received - stored["lag_us"]
    rest = {"received_at": moment(received), "venue_at": moment(venue), "seq": stored["seq"]}
    for name in VALUES:
        if name == "last_time_ms":
            rest["last_at"] = None if stored[name] is None else moment(stored[name] * 1000)
        else:
            rest[name] = stored[name]
    return {**rest, "flags": stored["flags"] or 0}


def test_a_page_shows_every_stored_value(api: ApiClient, history_database: Database, instrument: int) -> None:
    rows = of_day(instrument)
    insert(history_database, [*rows, tick(1, instrument=instrument + 1)])
    body = ask(api, **DAY).json()
    assert body["results"] == [shown(row) for row in rows]
    assert list(body["results"][0]) == NAMES
    assert body["symbol"] == SYMBOL
    assert body["feed"] == "simulated"
    assert body["next"] is None
    assert body["gaps"] == []
    assert body["stored_through"] == rows[-1][TICK.index("seq")]


def read_csv(
    data: bytes,
    texts: Sequence[str] = ("received_at", "venue_at", "last_at"),
    wholes: Sequence[str] = ("seq", "flags"),
) -> list[Rest]:
    lines = list(csv.DictReader(io.StringIO(data.decode())))
    return [
        {
            name: None
            if cell == ""
            else cell
            if name in texts
            else int(cell)
            if name in ("seq", "flags")
            else float(cell)
            for name, cell in line.items()
        }
        for line in lines
    ]


def read_ndjson(data: bytes) -> list[Rest]:
    return [json.loads(line) for line in data.splitlines()]


def read_arrow(data: bytes) -> list[Rest]:
    table = read_ipc_stream(io.BytesIO(data)).read_all()
    columns = [column.to_pylist() for column in table.columns]
    plain = [
        [one.isoformat(timespec="microseconds")[:26] + "Z" if isinstance(one, dt.datetime) else one for one in column]
        for column in columns
    ]
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*plain, strict=True)]


READERS = {
    "csv": ("text/csv; charset=utf-8", read_csv),
    "ndjson": ("application/x-ndjson", read_ndjson),
    "arrow": ("application/vnd.apache.arrow.stream", read_arrow),
}


def whole(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else bytes(response.content)


@pytest.mark.parametrize("form", READERS)
def test_every_format_says_the_same(
    api: ApiClient, history_database: Database, instrument: int, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tick_queries, "PIECE", 16)
    monkeypatch.setattr(tick_queries, "PIECE_OF_OBJECTS", 9)
    rows = of_day(instrument)
    insert(history_database, rows, gaps=[gap()])
    content_type, read = READERS[form]
    response = ask(api, **DAY, format=form)
    assert response.status_code == 200, response.content
    assert response.streaming
    assert response.headers["Content-Type"] == content_type
    assert response.headers["Content-Disposition"] == f'attachment; filename="simulated.{SYMBOL}.ticks.{form}"'
    assert response.headers["Strikewire-Stored-Through"] == str(rows[-1][TICK.index("seq")])
    assert response.headers["Strikewire-Gaps"] == "1"
    assert read(whole(response)) == [shown(row) for row in rows]


@pytest.mark.parametrize("form", READERS)
def test_nothing_stored_is_a_table_without_rows(
    api: ApiClient, history_database: Database, instrument: int, form: str
) -> None:
    response = ask(api, format=form)
    assert response.status_code == 200
    assert READERS[form][1](whole(response)) == []
    assert "Strikewire-Stored-Through" not in response.headers
    body = ask(api).json()
    assert body["results"] == []
    assert body["stored_through"] is None
    assert ask(api, after_seq=7).json()["results"] == []


@pytest.mark.parametrize("size", [1, 7, 39, 40])
def test_pages_hold_every_row_once_also_while_more_are_stored(
    api: ApiClient, history_database: Database, instrument: int, size: int
) -> None:
    rows = of_day(instrument)
    insert(history_database, rows)
    response = ask(api, page_size=size)
    found = response.json()["results"]
    insert(history_database, [tick(41, second=NOON_S + 50, instrument=instrument)])
    while (address := response.json()["next"]) is not None:
        response = api.send("GET", address)
        assert response.status_code == 200, response.content
        found += response.json()["results"]
    assert [row["seq"] for row in found] == [row[TICK.index("seq")] for row in rows]


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 9_000_000), (20_011, 20_012), (20_012, 1_200_000), (999_999, 1_000_001), (5_000_000, 5_000_001)],
)
def test_a_range_has_its_first_microsecond_and_not_its_last(
    api: ApiClient, history_database: Database, instrument: int, start: int, stop: int
) -> None:
    rows = of_day(instrument)
    insert(history_database, rows)
    noon = NOON_S * 1_000_000
    expected = [shown(row) for row in rows if start <= row[0] * 1_000_000 + row[1] - noon < stop]
    query = {"from": moment(noon + start), "to": moment(noon + stop)}
    assert ask(api, **query).json()["results"] == expected
    assert read_csv(whole(ask(api, **query, format="csv"))) == expected
    assert read_arrow(whole(ask(api, **query, format="arrow"))) == expected


def test_times_may_have_any_offset(api: ApiClient, history_database: Database, instrument: int) -> None:
    insert(history_database, of_day(instrument))
    inside = ask(api, **{"from": "2026-01-15T07:00:05-05:00", "to": "2026-01-15T13:00:06+01:00"}).json()["results"]
    assert {row["received_at"][:19] for row in inside} == {"2026-01-15T12:00:05"}


def test_without_a_time_it_is_the_day_up_to_the_newest(
    api: ApiClient, history_database: Database, instrument: int
) -> None:
    rows = [tick(k, second=NOON_S - 86_400 + k * 8_640, instrument=instrument) for k in range(-3, 11)]
    rows = [(*row[:2], seq_of(TERM, place + 1), *row[3:]) for place, row in enumerate(rows)]
    insert(history_database, rows)
    day = [shown(row) for row in rows if row[0] > NOON_S - 86_400]
    assert ask(api).json()["results"] == day
    assert ask(api, to=moment((NOON_S + 1) * 1e6)).json()["results"] == day
    assert ask(api, **{"from": moment((NOON_S - 8_640) * 1e6)}).json()["results"] == day[-2:]


def test_after_a_seq_come_the_rows_above_it(api: ApiClient, history_database: Database, instrument: int) -> None:
    rows = of_day(instrument)
    insert(history_database, [*rows, tick(99, second=NOON_S + 99, instrument=instrument + 1)])
    for seen in (0, 1, 17, 38, 39, 40, 41):
        after = seq_of(TERM, seen) if seen else 0
        expected = [shown(row) for row in rows if row[TICK.index("seq")] > after]
        assert ask(api, after_seq=after).json()["results"] == expected
        assert read_csv(whole(ask(api, after_seq=after, format="csv"))) == expected
    first = ask(api, after_seq=seq_of(TERM, 17), page_size=3).json()
    assert [row["seq"] % 2**24 for row in first["results"]] == [18, 19, 20]
    second = api.send("GET", first["next"]).json()
    assert [row["seq"] % 2**24 for row in second["results"]] == [21, 22, 23]


def test_what_lies_too_far_back_is_refused_with_what_to_do(
    api: ApiClient, history_database: Database, instrument: int
) -> None:
    insert(history_database, [tick(k, second=NOON_S + k * 86_400, instrument=instrument) for k in range(1, 41)])
    response = ask(api, after_seq=seq_of(TERM, 3))
    assert fields(response) == [("after_seq", "too_far_back")]
    assert "`from` and `to`" in problem(response, 400)["detail"]
    assert len(ask(api, after_seq=seq_of(TERM, 9)).json()["results"]) == 31


def test_gaps_of_the_time_asked_for_are_told(api: ApiClient, history_database: Database, instrument: int) -> None:
    noon = NOON_S * 1_000_000
    inside = gap(from_us=noon + 5, to_us=noon + 2_000_000, count=12)
    after = gap(from_us=noon + 60_000_000, to_us=noon + 70_000_000, count=3, reason="spill_full")
    insert(history_database, of_day(instrument), gaps=[inside, after, gap(feed="other")])
    both = ask(api).json()["gaps"]
    assert both[0] == {
        "starts_at": "2026-01-15T12:00:00.000005Z",
        "ends_at": "2026-01-15T12:00:02.000000Z",
        "term": TERM,
        "count": 12,
        "reason": "stream_full",
    }
    assert [one["count"] for one in both] == [12, 3]
    assert [one["count"] for one in ask(api, **{"from": NOON, "to": "2026-01-15T12:00:10Z"}).json()["gaps"]] == [12]
    assert [one["count"] for one in ask(api, after_seq=seq_of(TERM, 39)).json()["gaps"]] == [3]


@pytest.mark.parametrize("history_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"from": "2026-01-15T12:00:00"}, ("from", "invalid")),
        ({"to": "2026-01-15"}, ("to", "invalid")),
        ({"from": "yesterday"}, ("from", "invalid")),
        ({"from": ""}, ("from", "invalid")),
        ({"from": "2026-02-30T12:00:00Z"}, ("from", "invalid")),
        ({"from": "2026-01-15T25:00:00Z"}, ("from", "invalid")),
        ({"from": "2026-01-15T12:00:00+99:00"}, ("from", "invalid")),
        ({"from": "2026-01-15T12:00:00 00:00"}, ("from", "invalid")),
        ({"from": "0001-01-01T00:00:00+23:00"}, ("from", "invalid")),
        ({"to": "9999-12-31T23:59:59Z"}, ("to", "invalid")),
        ({"from": "2026-01-15T12:00:00Z\x00"}, ("from", "invalid")),
        ({"from": "２026-01-15T12:00:00Z"}, ("from", "invalid")),
        ({"from": DAY["to"], "to": DAY["from"]}, ("from", "reversed")),
        ({"from": NOON, "to": NOON}, ("from", "reversed")),
        ({"to": "2000-01-01T00:00:00Z"}, ("to", "reversed")),
        ({"from": "2025-12-01T00:00:00Z", "to": NOON}, ("from", "too_long")),
        ({"from": "2025-12-01T00:00:00Z"}, ("from", "too_long")),
        ({"after_seq": "-1"}, ("after_seq", "invalid")),
        ({"after_seq": "1.5"}, ("after_seq", "invalid")),
        ({"after_seq": str(2**53)}, ("after_seq", "invalid")),
        ({"after_seq": "9" * 5_000}, ("after_seq", "invalid")),
        ({"after_seq": "٣"}, ("after_seq", "invalid")),
        ({"after_seq": "1", "from": NOON}, ("from", "conflict")),
        ({"page_size": "0"}, ("page_size", "invalid")),
        ({"page_size": "10001"}, ("page_size", "invalid")),
        ({"page_size": "1e3"}, ("page_size", "invalid")),
        ({"cursor": "x"}, ("cursor", "invalid")),
        ({"cursor": ""}, ("cursor", "invalid")),
        ({"cursor": "a:b:c" * 9_999}, ("cursor", "invalid")),
        ({"format": "xml"}, ("format", "invalid")),
        ({"format": ""}, ("format", "invalid")),
        ({"format": "csv", "page_size": "5"}, ("page_size", "not_paged")),
        ({"format": "arrow", "cursor": "5"}, ("cursor", "not_paged")),
        ({"form": "csv"}, ("form", "unknown_field")),
        ({"From": NOON}, ("From", "unknown_field")),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_name(
    api: ApiClient, history_database: Database, instrument: int, query: Rest, expected: tuple[str, str]
) -> None:
    insert(history_database, of_day(instrument, 3))
    assert fields(ask(api, **query)) == [expected]


def test_a_refusal_says_what_is_legal(api: ApiClient, history_database: Database, instrument: int) -> None:
    for query, words in (
        ({"from": "2026-01-15T12:00:00"}, "2026-01-15T14:30:00Z"),
        ({"page_size": "0"}, "from 1 to 10,000"),
        ({"format": "xml"}, "json, csv, ndjson, arrow"),
        ({"form": "csv"}, "from, to, after_seq, page_size, cursor, format"),
        ({"from": "2025-12-01T00:00:00Z", "to": NOON}, "31 days"),
    ):
        assert words in problem(ask(api, **query), 400)["detail"]
    response = api.send("GET", f"instruments/{SYMBOL}/ticks/", headers={"accept": "image/png"})
    assert "text/csv" in problem(response, 406)["detail"]


def test_a_cursor_is_good_for_its_own_question_only(
    api: ApiClient, history_database: Database, instrument: int
) -> None:
    make_instrument("OTHER", kind="stock")
    insert(history_database, of_day(instrument))
    address = ask(api, page_size=5, **DAY).json()["next"]
    cursor = parse_qs(urlsplit(address).query)["cursor"][0]
    assert ask(api, page_size=7, cursor=cursor, **DAY).status_code == 200
    assert fields(ask(api, cursor=cursor)) == [("cursor", "invalid")]
    assert fields(ask(api, cursor=cursor, **{**DAY, "to": NOON})) == [("cursor", "invalid")]
    assert fields(ask(api, "OTHER", cursor=cursor, **DAY)) == [("cursor", "invalid")]
    assert fields(ask(api, cursor=cursor[:-1], **DAY)) == [("cursor", "invalid")]
    assert fields(ask(api, cursor=f"{cursor[:5]}A{cursor[6:]}", **DAY)) == [("cursor", "invalid")]


def test_a_symbol_that_there_is_not_or_that_two_feeds_have(
    api: ApiClient, history_database: Database, instrument: int
) -> None:
    problem(ask(api, "NONE"), 404)
    assert fields(ask(api, "NONE", form="csv")) == [("form", "unknown_field")]
    make_instrument(feed="replay")
    assert fields(ask(api)) == [("symbol", "ambiguous_symbol")]
    assert ask(api, f"simulated.{SYMBOL}").status_code == 200


def test_a_database_that_is_away_is_said_so(
    api: ApiClient, history_database: Database, instrument: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object) -> None:
        raise HistoryDownError("no route")

    monkeypatch.setattr(Database, "rows", away)
    for form in ("json", "csv"):
        response = ask(api, format=form)
        assert "history database" in problem(response, 503)["detail"]
        assert response.headers["Retry-After"]


def test_only_who_is_signed_in_may_ask(history_database: Database, instrument: int) -> None:
    problem(ask(ApiClient()), 401)


def test_a_head_costs_no_export(api: ApiClient, history_database: Database, instrument: int) -> None:
    insert(history_database, of_day(instrument))
    response = api.send("HEAD", f"instruments/{SYMBOL}/ticks/", query_params={"format": "csv"})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert not response.streaming
