"""Instruments by REST: filters, search, pages, refusals."""

import datetime as dt
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from marketdata.models import Instrument
from marketdata.symbols import OptionName, format_osi
from tests.builders import make_instrument

from .conftest import ApiClient, fields, problem

JANUARY, FEBRUARY = dt.date(2026, 1, 16), dt.date(2026, 2, 20)


def chain(underlying: str, strikes: list[float], **changes: Any) -> list[Instrument]:
    """Calls and puts of January and February, beside the underlying itself."""
    stock = Instrument(feed="simulated", symbol=underlying, kind="stock", underlying=underlying, **changes)
    options = [
        Instrument(
            feed="simulated",
            symbol=format_osi(OptionName(underlying, day, right, strike)),
            kind="option",
            underlying=underlying,
            root=underlying,
            expiry=day,
            expires_at=dt.datetime(day.year, day.month, day.day, 21, tzinfo=dt.UTC),
            strike=strike,
            right=right,
            exercise="american",
            multiplier=100,
            **changes,
        )
        for day in (FEBRUARY, JANUARY)
        for strike in strikes
        for right in ("P", "C")
    ]
    return Instrument.objects.bulk_create([*options, stock])


@pytest.fixture
def market(db: None) -> None:
    chain("ACME", [510, 515, 520.5])
    chain("ZETA", [51, 515])


def found(api: ApiClient, query: str) -> list[str]:
    response = api.send("GET", f"instruments/?{query}")
    assert response.status_code == 200, response.content
    return [one["symbol"] for one in response.json()["results"]]


def test_an_option_shows_its_facts(api: ApiClient) -> None:
    made = make_instrument()
    assert api.send("GET", "instruments/").json()["results"] == [
        {
            "id": made.pk,
            "symbol": "ACME260116C00100000",
            "feed": "simulated",
            "kind": "option",
            "underlying": "ACME",
            "root": "ACME",
            "expiry": "2026-01-16",
            "expires_ms": 1_768_597_200_000,
            "expires_at": "2026-01-16T21:00:00.000000Z",
            "strike": 100.0,
            "right": "C",
            "currency": "USD",
            "tick": 0.01,
            "multiplier": 100.0,
            "exercise": "american",
            "active": True,
            "streaming": True,
        }
    ]


def test_what_an_underlying_lacks_is_null(api: ApiClient) -> None:
    make_instrument("ACME", kind="stock", expiry=None, expires_at=None, strike=None, right="", exercise="", root="")
    (shown,) = api.send("GET", "instruments/").json()["results"]
    for field in ("root", "expiry", "expires_ms", "expires_at", "strike", "right", "exercise"):
        assert shown[field] is None


def test_an_underlying_comes_before_its_options_and_these_by_expiry_strike_right(api: ApiClient, market: None) -> None:
    assert found(api, "underlying=ACME&page_size=6") == [
        "ACME",
        "ACME260116C00510000",
        "ACME260116P00510000",
        "ACME260116C00515000",
        "ACME260116P00515000",
        "ACME260116C00520500",
    ]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 13 + 9),
        ("underlying=ACME", 13),
        ("underlying=acme", 0),
        ("kind=stock", 2),
        ("kind=option&underlying=ZETA", 8),
        ("expiry=2026-01-16", 6 + 4),
        ("expiry=2026-01-16.ACME", 6),
        ("expiry=2026-01-17", 0),
        ("expiry_from=2026-02-01", 6 + 4),
        ("expiry_to=2026-02-01", 6 + 4),
        ("expiry_from=2026-01-16&expiry_to=2026-02-20", 20),
        ("right=C", 6 + 4),
        ("strike_from=515", 8 + 4),
        ("strike_from=515&strike_to=515", 4 + 4),
        ("strike_to=51", 4),
        ("feed=simulated", 22),
        ("feed=replay", 0),
        ("right=P&expiry=2026-02-20&strike_from=510.5&underlying=ACME", 2),
    ],
)
def test_filters_narrow_together(api: ApiClient, market: None, query: str, count: int) -> None:
    assert len(found(api, query)) == count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ACME 515 C", ["ACME260116C00515000", "ACME260220C00515000"]),
        ("acme 20feb 515c", ["ACME260220C00515000"]),
        ("515 put zeta", ["ZETA260116P00515000", "ZETA260220P00515000"]),
        ("acme feb26 520.5 calls", ["ACME260220C00520500"]),
        ("acme 2026-02-20 510", ["ACME260220C00510000", "ACME260220P00510000"]),
        ("ACME260220P00515000", ["ACME260220P00515000"]),
        ("acme260220p0051", ["ACME260220P00510000", "ACME260220P00515000"]),
        ("ACME xyz", []),
        ("%", []),
        ("_", []),
        ("acme 1e5", []),
        ("acme 99feb", []),
    ],
)
def test_words_narrow_as_a_person_means_them(api: ApiClient, market: None, text: str, expected: list[str]) -> None:
    assert found(api, f"text={text.replace(' ', '+').replace('%', '%25')}") == expected


def test_the_first_digits_of_a_strike_find_it_and_the_whole_strike_comes_first(api: ApiClient, market: None) -> None:
    strikes = [symbol[:4] + symbol[-8:] for symbol in found(api, "text=51&right=C&expiry=2026-01-16")]
    assert strikes == ["ZETA00051000", "ACME00510000", "ACME00515000", "ZETA00515000"]


def test_a_name_typed_whole_comes_first(api: ApiClient, market: None) -> None:
    chain("AACME", [510])
    assert found(api, "text=acme")[0] == "ACME"
    assert "AACME" in found(api, "text=acme")


def test_a_venue_name_is_found_by_its_beginning(api: ApiClient) -> None:
    make_instrument("BTC-27DEC24-50000-C", underlying="BTC", expiry=dt.date(2024, 12, 27), strike=50_000.0)
    for text in ("btc", "BTC-27", "btc 27dec24", "btc 50000 c", "27dec24-50000"):
        assert found(api, f"text={text.replace(' ', '+')}") == ["BTC-27DEC24-50000-C"]


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "00",
        "9" * 50,
        "1" * 9,
        ".",
        "..",
        "5.",
        "0.0001",
        "feb",
        "31feb",
        "00feb",
        "feb0000",
        "a " * 50,
        "é ñ",
        "' \" \\",
    ],
)
def test_no_text_breaks_the_search(api: ApiClient, market: None, text: str) -> None:
    assert api.send("GET", f"instruments/?{urlencode({'text': text})}").status_code == 200


def test_retired_instruments_are_not_listed_and_withheld_ones_say_so(api: ApiClient) -> None:
    make_instrument("OLD", active=False)
    make_instrument("HIDDEN", streaming=False)
    (shown,) = api.send("GET", "instruments/").json()["results"]
    assert (shown["symbol"], shown["streaming"]) == ("HIDDEN", False)


def test_retired_ones_are_listed_where_asked_for(api: ApiClient, market: None) -> None:
    """Whoever wants the history of a chain wants that of what has expired too."""
    make_instrument("ACME251219C00510000", active=False, expiry="2025-12-19")
    make_instrument("AWAY", covered=False)
    assert found(api, "status=retired") == found(api, "status=retired&underlying=ACME") == ["ACME251219C00510000"]
    assert found(api, "status=listed") == found(api, "")
    every = found(api, "status=all")
    assert sorted(every) == sorted([*found(api, ""), "ACME251219C00510000", "AWAY"])
    (shown,) = api.send("GET", "instruments/?status=retired").json()["results"]
    assert (shown["active"], shown["streaming"]) == (False, False)
    assert api.send("GET", "instruments/ACME251219C00510000/").json() == shown
    pages, address = [], "instruments/?status=all&page_size=5"
    while address:
        page = api.send("GET", address).json()
        pages += [one["symbol"] for one in page["results"]]
        address = page["next"]
    assert pages == every


def test_an_imported_feed_can_be_asked_for(api: ApiClient) -> None:
    make_instrument("GOOG", feed="lean", kind="stock", active=False, covered=False)
    assert found(api, "feed=lean&status=all") == ["GOOG"]
    assert found(api, "feed=lean") == []


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("kind=bond", "kind", ["index", "stock", "crypto", "future", "option"]),
        ("right=X", "right", ["C, P"]),
        ("feed=bloomberg", "feed", ["simulated", "replay", "imported"]),
        ("status=old", "status", ["listed, retired, all"]),
        ("status=", "status", ["empty"]),
        ("expiry=tomorrow", "expiry", ["YYYY-MM-DD"]),
        ("expiry=2026-02-30", "expiry", ["YYYY-MM-DD"]),
        ("expiry=2026-02-20.A'B", "expiry", ["YYYY-MM-DD.ROOT"]),
        ("expiry_from=20/02/2026", "expiry_from", ["YYYY-MM-DD"]),
        ("expiry_to=2026-13-01", "expiry_to", ["YYYY-MM-DD"]),
        ("strike_from=x", "strike_from", ["number"]),
        ("strike_to=nan", "strike_to", ["number"]),
        ("strike_to=Infinity", "strike_to", ["number"]),
        ("page_size=0", "page_size", ["1", "500"]),
        ("page_size=501", "page_size", ["500"]),
        ("page_size=ten", "page_size", ["500"]),
        ("page_size=", "page_size", ["500"]),
        ("cursor=x", "cursor", ["cursor"]),
        ("cursor=", "cursor", ["cursor"]),
        ("strike=500", "strike", ["strike_from", "page_size", "text"]),
        ("format=csv", "format", ["underlying"]),
        ("text=" + "x" * 101, "text", ["100"]),
        ("text=a%00b", "text", ["ull"]),
        ("underlying=a%00b", "underlying", ["ull"]),
    ],
)
def test_a_bad_parameter_is_named_with_what_is_legal(api: ApiClient, query: str, field: str, words: list[str]) -> None:
    (error,) = problem(api.send("GET", f"instruments/?{query}"), 400)["errors"]
    assert error["field"] == field
    for word in words:
        assert word in error["message"]


@pytest.mark.parametrize(
    "query",
    [
        "strike_from=1e400",
        "strike_to=-1e400",
        "strike_from=1e999999999",
        "strike_from=" + "9" * 2000,
        "strike_from=5_1_5",
        "strike_from=%EF%BC%95",
        "expiry_from=0001-01-01",
        "expiry_to=9999-12-31",
        "expiry=0000-01-01",
        "expiry=2026-01-16.",
        "expiry=%D9%A2%D9%A0%D9%A2%D9%A6-01-16",
        "kind=option&kind=bond",
        "underlying=" + "x" * 5000,
        "text=%F0%9F%92%A9",
        "text=%ED%A0%80",
        "page_size=%D9%A1",
        "page_size=1&page_size=2",
        "cursor=" + "x" * 5000,
        "%00=1",
        "x" * 3000 + "=1",
        "&&&=",
        "text",
    ],
)
def test_no_parameter_breaks_the_list(api: ApiClient, market: None, query: str) -> None:
    response = api.send("GET", f"instruments/?{query}")
    if response.status_code != 200:
        problem(response, 400)


def test_all_bad_parameters_are_named_at_once(api: ApiClient) -> None:
    assert {field for field, _ in fields(api.send("GET", "instruments/?kind=x&right=y&nothing=1"))} == {
        "kind",
        "right",
        "nothing",
    }


@pytest.mark.parametrize("query", ["", "text=515", "kind=option"])
@pytest.mark.parametrize("size", [1, 3, 7, 21])
def test_pages_hold_everything_once_forth_and_back(api: ApiClient, market: None, query: str, size: int) -> None:
    everything = found(api, query)
    pages = [api.send("GET", f"instruments/?{query}&page_size={size}".replace("?&", "?")).json()]
    while pages[-1]["next"]:
        assert len(pages) <= len(everything)
        pages.append(api.send("GET", pages[-1]["next"]).json())
    assert [one["symbol"] for page in pages for one in page["results"]] == everything
    back = [pages[-1]]
    while back[-1]["previous"]:
        assert len(back) <= len(everything)
        back.append(api.send("GET", back[-1]["previous"]).json())
    assert [one["symbol"] for page in back[::-1] for one in page["results"]] == everything


def test_a_row_that_goes_between_two_pages_shifts_nothing(api: ApiClient, market: None) -> None:
    everything = found(api, "")
    first = api.send("GET", "instruments/?page_size=5").json()
    Instrument.objects.filter(symbol__in=everything[:3]).update(active=False)
    second = api.send("GET", first["next"]).json()
    assert [one["symbol"] for one in second["results"]] == everything[5:10]


def test_a_cursor_of_another_list_is_refused(api: ApiClient, market: None) -> None:
    for name in ("one", "two"):
        api.send("POST", "watchlists/", {"name": name})
    other = api.send("GET", "watchlists/?page_size=1").json()["next"].split("cursor=")[1].split("&")[0]
    assert fields(api.send("GET", f"instruments/?cursor={other}")) == [("cursor", "invalid")]


def test_a_page_costs_two_queries_whatever_its_size(
    api: ApiClient, market: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for size in (1, 20):
        with django_assert_num_queries(3):  # the token, the rights, the instruments
            api.send("GET", f"instruments/?text=acme+515&page_size={size}")


def test_a_page_reads_no_more_rows_than_it_needs(api: ApiClient, market: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        api.send("GET", "instruments/?page_size=5")
    assert "LIMIT 6" in queries[-1]["sql"]


def test_one_instrument_is_found_by_either_name(
    api: ApiClient, market: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(3):
        bare = api.send("GET", "instruments/ACME260116C00515000/").json()
    assert bare["strike"] == 515
    assert api.send("GET", "instruments/simulated.ACME260116C00515000/").json() == bare


def test_a_symbol_on_two_feeds_needs_its_feed(api: ApiClient) -> None:
    make_instrument("ACME")
    make_instrument("ACME", feed="replay")
    (error,) = problem(api.send("GET", "instruments/ACME/"), 400)["errors"]
    assert (error["field"], error["code"]) == ("symbol", "ambiguous_symbol")
    assert "replay.ACME or simulated.ACME" in error["message"]
    assert api.send("GET", "instruments/replay.ACME/").json()["feed"] == "replay"


def test_a_symbol_that_two_feeds_had_needs_its_feed(api: ApiClient) -> None:
    for feed in ("lean", "replay"):
        make_instrument("ACME", feed=feed, active=False)
    (error,) = problem(api.send("GET", "instruments/ACME/"), 400)["errors"]
    assert (error["field"], error["code"]) == ("symbol", "ambiguous_symbol")
    assert "lean.ACME or replay.ACME" in error["message"]


def test_where_one_feed_offers_it_no_feed_is_needed(api: ApiClient) -> None:
    make_instrument("ACME", feed="replay", streaming=False)
    make_instrument("ACME")
    assert api.send("GET", "instruments/ACME/").json()["feed"] == "simulated"


def test_a_symbol_with_dots_is_found(api: ApiClient) -> None:
    make_instrument("BRK.B")
    assert api.send("GET", "instruments/BRK.B/").json()["symbol"] == "BRK.B"
    assert api.send("GET", "instruments/simulated.BRK.B/").json()["symbol"] == "BRK.B"


def test_a_retired_instrument_can_still_be_looked_at(api: ApiClient) -> None:
    make_instrument("OLD", active=False, streaming=False)
    assert api.send("GET", "instruments/OLD/").json()["streaming"] is False


@pytest.mark.parametrize("name", ["NONE", "simulated.NONE", "%00", "x" * 2000, "a%20b", "%C3%A9", ".", "a."])
def test_an_unknown_instrument_is_not_there(api: ApiClient, name: str) -> None:
    problem(api.send("GET", f"instruments/{name}/"), 404)
