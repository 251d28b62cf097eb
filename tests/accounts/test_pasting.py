"""Pasting: how symbols are written elsewhere, and what becomes of each."""

import datetime as dt
import time

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts import pasting, sections, watchlists
from accounts.access import Access
from accounts.models import User, Watchlist
from accounts.pasting import Result
from accounts.watchlists import RefusedError
from marketdata.models import Instrument
from tests.builders import SYMBOL, make_instrument

NAMED = "SPY260116C00500000"


@pytest.fixture
def tech(owner: User) -> Watchlist:
    return watchlists.create(owner, "Tech")


def outcomes(results: list[Result]) -> list[tuple[str, str | None]]:
    return [(one.outcome, one.code) for one in results]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A,B;C D\tE\r\nF\n\n,;G", list("ABCDEFG")),
        ("", []),
        (" ,;\n ", []),
        ("SPY   260116C00500000 QQQ", ["SPY   260116C00500000", "QQQ"]),
        (
            "AAPL SPY   260116C00500000,SPXW  260116P05000000",
            ["AAPL", "SPY   260116C00500000", "SPXW  260116P05000000"],
        ),
        ("simulated.SPY   260116c00500000", ["simulated.SPY   260116c00500000"]),
        ("SPY\n260116C00500000", ["SPY", "260116C00500000"]),
        ("\"SPY\" 'QQQ'", ["SPY", "QQQ"]),
    ],
)
def test_a_text_comes_apart(text: str, found: list[str]) -> None:
    assert pasting.parts(text) == found


@pytest.mark.parametrize(
    "written",
    [
        NAMED,
        NAMED.lower(),
        "SPY   260116C00500000",
        "spy 260116c00500000",
        ".SPY260116C500",
        ".spy260116c500.0",
        "OPRA:SPY260116C500.0",
        "opra:SPY260116C500",
        "O:SPY260116C00500000",
        f"simulated.{NAMED}",
        f"SIMULATED.{NAMED.lower()}",
        "simulated.SPY   260116C00500000",
    ],
)
def test_an_option_is_known_however_it_is_written(tech: Watchlist, written: str) -> None:
    made = make_instrument(NAMED)
    make_instrument("SPY260116C05000000")
    (result,) = pasting.paste(tech, [written])
    assert (result.outcome, result.symbol, result.instrument) == ("taken", NAMED, made.pk)


@pytest.mark.parametrize("written", ["BRK.B", "brk.b", "NYSE:BRK.B", "simulated.BRK.B", "simulated.brk.b"])
def test_a_symbol_with_a_dot_is_no_feed(tech: Watchlist, written: str) -> None:
    make_instrument("BRK.B", kind="stock")
    assert outcomes(pasting.paste(tech, [written])) == [("taken", None)]


def test_what_stands_there_goes_before_another_spelling(tech: Watchlist) -> None:
    small = make_instrument("abc")
    make_instrument("ABC")
    (result,) = pasting.paste(tech, ["abc"])
    assert result.instrument == small.pk


def test_each_is_told_what_became_of_it_in_order(owner: User, tech: Watchlist) -> None:
    for symbol in ("A1", "B2", "C3", "TWO", "SECRET"):
        make_instrument(symbol)
    make_instrument("TWO", feed="replay")
    make_instrument("SECRET", feed="private")
    make_instrument("ONLY", feed="private")
    make_instrument("OLD", active=False)
    make_instrument("HIDDEN", streaming=False)
    make_instrument("GONE", kind="stock", active=False, expiry=None, expires_at=None)
    watchlists.add(tech, "A1")
    results = pasting.paste(
        tech,
        [
            "B2",
            "A1",
            "b2",
            "NONE",
            "TWO",
            "OLD",
            "HIDDEN",
            "GONE",
            "ONLY",
            "SECRET",
            "replay.TWO",
            "x" * 900,
            "'; drop",
            "C3",
        ],
        Access(feeds=frozenset({"simulated", "replay"})),
    )
    assert outcomes(results) == [
        ("taken", None),
        ("already_there", "already_there"),
        ("already_there", "already_there"),
        ("refused", "unknown_symbol"),
        ("refused", "ambiguous_symbol"),
        ("refused", "expired"),
        ("refused", "not_streaming"),
        ("refused", "not_streaming"),
        ("refused", "forbidden"),
        ("taken", None),  # of the two, one may be seen
        ("taken", None),
        ("refused", "unknown_symbol"),
        ("refused", "unknown_symbol"),
        ("taken", None),
    ]
    assert results[4].choices == ("replay.TWO", "simulated.TWO")
    assert "2026-01-16" in str(results[5].message)
    assert len(results[11].text) == pasting.SHOWN
    assert all(one.message for one in results if one.code)
    held = [entry.instrument for entry in tech.entries.select_related("instrument")]
    assert [str(one) for one in held] == [
        "simulated.A1",
        "simulated.B2",
        "simulated.SECRET",
        "replay.TWO",
        "simulated.C3",
    ]
    assert Watchlist.objects.get(pk=tech.pk).version == 3


def test_a_dry_run_reports_the_same_and_takes_nothing(tech: Watchlist) -> None:
    make_instrument("A1")
    asked = ["A1", "a1", "NONE"]
    dry = pasting.paste(tech, asked, dry_run=True)
    assert not tech.entries.exists()
    assert Watchlist.objects.get(pk=tech.pk).version == 1
    assert pasting.paste(tech, asked) == dry
    assert outcomes(dry) == [("taken", None), ("already_there", "already_there"), ("refused", "unknown_symbol")]


def test_where_nothing_is_taken_nothing_is_edited(tech: Watchlist) -> None:
    assert pasting.paste(tech, []) == []
    pasting.paste(tech, ["NONE"])
    assert Watchlist.objects.get(pk=tech.pk).version == 1


def test_a_full_list_takes_what_there_is_room_for(tech: Watchlist) -> None:
    Instrument.objects.bulk_create(
        Instrument(feed="simulated", symbol=f"S{n}", kind="stock", underlying=f"S{n}") for n in range(502)
    )
    sections.make(tech, "One of the 500")
    results = pasting.paste(tech, [f"S{n}" for n in range(502)])
    assert outcomes(results) == [*[("taken", None)] * 499, *[("refused", "too_many")] * 3]
    assert tech.entries.count() == 499
    assert outcomes(pasting.paste(tech, ["S0", "S501"]))[0] == ("already_there", "already_there")


def test_bounds_are_refused_by_name(tech: Watchlist) -> None:
    with pytest.raises(RefusedError) as error:
        pasting.parts("x" * (pasting.TEXT_BYTES + 1))
    assert error.value.problems[0][:2] == ("text", "max_length")
    with pytest.raises(RefusedError):
        pasting.parts("é" * (pasting.TEXT_BYTES // 2 + 1))
    with pytest.raises(RefusedError) as error:
        pasting.parts("A " * (pasting.SYMBOLS + 1))
    assert error.value.problems[0][:2] == ("text", "too_many")
    with pytest.raises(RefusedError) as error:
        pasting.paste(tech, ["A"] * (pasting.SYMBOLS + 1))
    assert error.value.problems[0][:2] == ("symbols", "too_many")


def test_ten_thousand_symbols_take_a_second_and_a_bounded_number_of_queries(
    tech: Watchlist, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    day = dt.date(2026, 1, 16)
    Instrument.objects.bulk_create(
        (
            Instrument(feed="simulated", symbol=f"SPY260116C{n:08d}", kind="option", underlying="SPY", expiry=day)
            for n in range(1_000, 3_000)
        ),
        batch_size=500,
    )
    asked = [f"spy   260116c{n:08d}" for n in range(10_000)]
    began = time.process_time()
    with django_assert_max_num_queries(20):
        results = pasting.paste(tech, asked)
    assert time.process_time() - began < 1.0
    assert [one.outcome for one in results].count("taken") == 500
    assert sum(one.code == "unknown_symbol" for one in results) == 8_000
    with django_assert_max_num_queries(20):  # of what has the most spellings
        again = pasting.paste(tech, [f"simulated.spy260116c{n:08d}" for n in range(10_000)])
    assert [one.symbol for one in again] == [one.symbol for one in results]


def test_garbage_is_only_unknown(tech: Watchlist) -> None:
    make_instrument(SYMBOL)
    garbage = [
        ".",
        ":",
        "..",
        "::",
        "a:b:c.d",
        "999999C1",
        "SPY999999C500",
        "SPY260116C0",
        "SPY260116C999999.999",
        "🙂",
        "\x00",
    ]
    assert {one.code for one in pasting.paste(tech, garbage)} == {"unknown_symbol"}
