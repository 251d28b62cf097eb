"""Tables as CSV, NDJSON and Arrow: the same values in each, whatever they are, and nothing that a spreadsheet would run."""

import csv
import datetime as dt
import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from arro3.io import read_ipc_stream
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import NotAcceptable, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from marketdata.rest.formats import FORMATS, Column, Negotiation, Table, arrow
from marketdata.rest.formats.arrow import Arrow
from marketdata.rest.formats.csv import CSV
from marketdata.rest.formats.json_page import json_response
from marketdata.rest.formats.ndjson import NDJSON
from marketdata.rest.formats.table import Row, time_text

COLUMNS = (
    Column("at", "time", "When."),
    Column("seq", "whole", "Which."),
    Column("bid", "number", "How much."),
    Column("symbol", "text", "What."),
    Column("live", "truth", "Whether."),
)
NOON_US = 1_768_478_400_000_000
NAMES = [column.name for column in COLUMNS]

rows = st.lists(
    st.tuples(
        st.none() | st.integers(946_684_800_000_000, 4_102_444_799_999_999),
        st.none() | st.integers(-(2**53), 2**53),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
        st.none() | st.booleans(),
    ),
    max_size=20,
)


class InPieces(Table):
    """Gives its rows two at a time."""

    def chunks(self) -> Iterator[list[Row]]:
        held = list(self._rows)
        for first in range(0, len(held), 2):
            yield held[first : first + 2]


def moment(time: int | None) -> dt.datetime | None:
    return None if time is None else dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=time)


def written(form: Any, values: list[Row]) -> bytes:
    return b"".join(form().blocks(InPieces(COLUMNS, values)))


def read_csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


@settings(max_examples=40, deadline=None)
@given(rows)
def test_csv_holds_what_was_put_in(values: list[Row]) -> None:
    head, *lines = read_csv(written(CSV, values))
    assert head == NAMES
    assert len(lines) == len(values)
    for (at, seq, bid, symbol, live), line in zip(values, lines, strict=True):
        assert line[0] == ("" if at is None else time_text(at))
        assert line[1] == ("" if seq is None else str(seq))
        assert (float(line[2]) if line[2] else None) == bid
        assert line[3].removeprefix("'") == (symbol or "").removeprefix("'")
        assert line[4] == ("" if live is None else str(live).lower())


@settings(max_examples=40, deadline=None)
@given(rows)
def test_csv_without_text_holds_what_was_put_in(values: list[Row]) -> None:
    columns = (*COLUMNS[:3], COLUMNS[4])
    data = b"".join(CSV().blocks(Table(columns, [(*row[:3], row[4]) for row in values])))
    assert b"\r" not in data
    head, *lines = read_csv(data)
    assert head == ["at", "seq", "bid", "live"]
    for (at, seq, bid, _, live), line in zip(values, lines, strict=True):
        assert line[0] == ("" if at is None else time_text(at))
        assert line[1] == ("" if seq is None else str(seq))
        assert (float(line[2]) if line[2] else None) == bid
        assert line[3] == ("" if live is None else str(live).lower())


@settings(max_examples=40, deadline=None)
@given(rows)
def test_csv_never_carries_a_formula(values: list[Row]) -> None:
    for line in read_csv(written(CSV, values))[1:]:
        assert not line[3].startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_text_that_would_be_run_gets_an_apostrophe_and_a_negative_number_stays_one(text: str) -> None:
    line = read_csv(written(CSV, [(None, -3, -2.5, text, None)]))[1]
    assert line == ["", "-3", "-2.5", f"'{text}", ""]


@settings(max_examples=40, deadline=None)
@given(rows)
def test_ndjson_holds_what_was_put_in(values: list[Row]) -> None:
    *lines, end = written(NDJSON, values).split(b"\n")
    assert end == b""
    assert [json.loads(line) for line in lines] == [
        dict(zip(NAMES, (time_text(at), *others), strict=True)) for at, *others in values
    ]


@settings(max_examples=40, deadline=None)
@given(rows)
def test_json_holds_what_was_put_in(values: list[Row]) -> None:
    body = json.loads(json_response({"next": None}, COLUMNS, values).content)
    assert body == {
        "next": None,
        "results": [dict(zip(NAMES, (time_text(at), *others), strict=True)) for at, *others in values],
    }


@settings(max_examples=40, deadline=None)
@given(rows)
def test_arrow_holds_what_was_put_in(values: list[Row]) -> None:
    table = read_ipc_stream(io.BytesIO(written(Arrow, values))).read_all()
    assert [str(table.schema.field(name).type).strip() for name in NAMES] == [
        'arro3.core.DataType<Timestamp(µs, "UTC")>',
        "arro3.core.DataType<Int64>",
        "arro3.core.DataType<Float64>",
        "arro3.core.DataType<Utf8>",
        "arro3.core.DataType<Boolean>",
    ]
    found = [column.to_pylist() for column in table.columns]
    assert [list(row) for row in zip(*found, strict=True)] == [[moment(at), *others] for at, *others in values]
    assert table.schema.field("bid").metadata_str["description"] == "How much."


def test_times_have_six_digits_of_a_second() -> None:
    assert time_text(NOON_US) == "2026-01-15T12:00:00.000000Z"
    assert time_text(NOON_US + 20) == "2026-01-15T12:00:00.000020Z"
    assert time_text(NOON_US - 1) == "2026-01-15T11:59:59.999999Z"


def choose(query: str = "", **headers: str) -> str:
    request = Request(APIRequestFactory().get(f"/{query}", headers=headers))
    renderer, media_type = Negotiation().select_renderer(request, [form() for form in FORMATS])
    assert renderer.media_type == media_type
    return str(renderer.format)


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        ("*/*", "json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "json"),
        ("application/json", "json"),
        ("text/csv", "csv"),
        ("text/*", "csv"),
        ("application/x-ndjson, application/json;q=0.5", "ndjson"),
        ("text/csv;q=0.1, application/vnd.apache.arrow.stream", "arrow"),
    ],
)
def test_the_accept_header_chooses(accept: str, name: str) -> None:
    assert choose(accept=accept) == name


def test_the_parameter_goes_before_the_header() -> None:
    assert choose() == "json"
    assert choose("?format=ndjson", accept="text/csv") == "ndjson"


def test_a_format_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValidationError, match="json, csv, ndjson, arrow") as refused:
        choose("?format=xml")
    assert list(refused.value.detail) == ["format"]
    with pytest.raises(NotAcceptable, match="application/json, text/csv, application/x-ndjson"):
        choose(accept="application/xml")


def test_arrow_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "arro3", lambda: None)
    for query, headers in (("?format=arrow", {}), ("", {"accept": "application/vnd.apache.arrow.stream"})):
        with pytest.raises(NotAcceptable, match=r"requirements-arrow\.txt"):
            choose(query, **headers)
    assert choose(accept="application/vnd.apache.arrow.stream, application/json;q=0.1") == "json"
    assert issubclass(FORMATS[0], JSONRenderer)


def test_arrow_may_be_installed_while_a_server_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    arrow._loaded.cache_clear()
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "arro3.io", None)
        assert "pip install -r requirements-arrow.txt" in (Arrow.missing() or "")
    assert Arrow.missing() is None
