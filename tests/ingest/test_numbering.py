"""Numbering: every quote of a known instrument gets the next number of its own, and becomes its row once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata import rows
from marketdata.bus import keys
from marketdata.ingest.complaints import Complaints
from marketdata.ingest.numbering import Numbered, Numbering
from marketdata.quotes import CROSSED, MODEL_GREEKS, NO_ASK, NO_BID
from tests.builders import make_facts, make_quote

FEED, TERM = "simulated", 1_000
SYMBOLS = {"A": 1, "B": 2, "C": 3}


def make_numbering() -> Numbering:
    numbering = Numbering(FEED, lambda group: f"channel of {group}", Complaints(FEED))
    numbering.know([make_facts(symbol, id=number) for symbol, number in SYMBOLS.items()])
    numbering.begin(TERM)
    return numbering


@pytest.fixture
def numbering() -> Numbering:
    return make_numbering()


def seqs(framed: list[bytes]) -> list[tuple[int, int]]:
    """(instrument, count) of each row of the present term."""
    return [(instrument, seq - rows.seq_of(TERM, 0)) for instrument, seq in map(rows.header, framed)]


def of_flat(flat: list[Any]) -> list[tuple[int, str, bytes]]:
    return list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))


def complaints(numbering: Numbering) -> dict[str, int]:
    return dict(numbering._complaints.counts)


def test_each_instrument_counts_from_one_without_holes(numbering: Numbering) -> None:
    first = numbering.number([make_quote(symbol) for symbol in "AABA"])
    second = numbering.number([make_quote(symbol) for symbol in "BAC"])
    assert seqs(first.framed) == [(1, 1), (1, 2), (2, 1), (1, 3)]
    assert seqs(second.framed) == [(2, 2), (1, 4), (3, 1)]


@given(st.lists(st.lists(st.sampled_from("ABCX"), max_size=30), max_size=8))
def test_counts_have_no_holes_however_the_quotes_come(batches: list[list[str]]) -> None:
    numbering = make_numbering()
    counted: dict[int, list[int]] = {}
    for batch in batches:
        numbered = numbering.number([make_quote(symbol) for symbol in batch])
        assert len(numbered.framed) == sum(symbol != "X" for symbol in batch)
        for instrument, count in seqs(numbered.framed):
            counted.setdefault(instrument, []).append(count)
    assert all(counts == list(range(1, len(counts) + 1)) for counts in counted.values())


def test_flat_has_the_newest_of_each_and_framed_has_all(numbering: Numbering) -> None:
    quotes = [make_quote("A", bid=1.0), make_quote("B", bid=2.0), make_quote("A", bid=3.0)]
    numbered = numbering.number(quotes)
    assert [rows.decode(rows.body(row))["bid"] for row in numbered.framed] == [1.0, 2.0, 3.0]
    assert of_flat(numbered.flat) == [
        (1, f"channel of {keys.row_group(FEED, 'A')}", numbered.framed[2]),
        (2, f"channel of {keys.row_group(FEED, 'B')}", numbered.framed[1]),
    ]


def test_nothing_gives_nothing(numbering: Numbering) -> None:
    assert numbering.number([]) == Numbered([], [])


def test_an_unknown_instrument_is_complained_of_and_passed_over(numbering: Numbering) -> None:
    numbered = numbering.number([make_quote("A"), make_quote("NOBODY"), make_quote("A")])
    assert seqs(numbered.framed) == [(1, 1), (1, 2)]
    assert complaints(numbering) == {"unknown instrument": 1}


def test_an_instrument_that_is_no_longer_known_is_passed_over(numbering: Numbering) -> None:
    numbering.know([make_facts("B", id=2)])
    assert seqs(numbering.number([make_quote("A"), make_quote("B")]).framed) == [(2, 1)]


@pytest.mark.parametrize(
    ("bid", "ask", "flags"),
    [(2.0, 1.0, CROSSED), (1.0, 1.0, 0), (None, 1.0, NO_BID), (1.0, None, NO_ASK), (None, None, NO_BID | NO_ASK)],
)
def test_a_row_carries_the_flags_of_its_book(
    numbering: Numbering, bid: float | None, ask: float | None, flags: int
) -> None:
    (row,) = numbering.number([make_quote("A", bid=bid, ask=ask)]).framed
    assert rows.decode(rows.body(row))["flags"] == flags


def test_a_crossed_quote_is_published_with_its_flag_and_complained_of(numbering: Numbering) -> None:
    numbered = numbering.number([make_quote("A", bid=2.0, ask=1.0)])
    row = rows.decode(rows.body(numbered.framed[0]))
    assert (row["bid"], row["ask"], row["flags"]) == (2.0, 1.0, CROSSED)
    assert complaints(numbering) == {"crossed quote, published with its flag": 1}


def test_flags_that_the_feed_set_stay(numbering: Numbering) -> None:
    (row,) = numbering.number([make_quote("A", ask=None, flags=MODEL_GREEKS)]).framed
    assert rows.decode(rows.body(row))["flags"] == MODEL_GREEKS | NO_ASK


def test_a_new_term_counts_anew_and_is_newer(numbering: Numbering) -> None:
    (before,) = numbering.number([make_quote("A")]).framed
    numbering.begin(TERM + 1)
    (after,) = numbering.number([make_quote("A")]).framed
    assert rows.header(after) == (1, rows.seq_of(TERM + 1, 1))
    assert rows.header(after) > rows.header(before)


# ── Telling again ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_told_again_has_count_0_of_the_new_term(numbering: Numbering) -> None:
    numbering.number([make_quote("A", bid=1.0), make_quote("A", bid=2.0), make_quote("B", bid=3.0)])
    numbering.begin(TERM + 1)
    told = of_flat(numbering.told_again())
    assert [rows.header(row) for _, _, row in told] == [(i, rows.seq_of(TERM + 1, 0)) for i in (1, 2)]
    assert [rows.decode(rows.body(row))["bid"] for _, _, row in told] == [2.0, 3.0]
    assert [channel for _, channel, _ in told] == [f"channel of {keys.row_group(FEED, symbol)}" for symbol in "AB"]


def test_what_is_told_again_is_between_the_terms_rows(numbering: Numbering) -> None:
    (before,) = numbering.number([make_quote("A")]).framed
    numbering.begin(TERM + 1)
    (told,) = [row for _, _, row in of_flat(numbering.told_again())]
    (after,) = numbering.number([make_quote("A")]).framed
    assert rows.header(before) < rows.header(told) < rows.header(after)


def test_an_instrument_that_was_numbered_in_the_term_is_not_told_again(numbering: Numbering) -> None:
    numbering.number([make_quote("A"), make_quote("B")])
    numbering.begin(TERM + 1)
    numbering.number([make_quote("A")])
    assert [instrument for instrument, _, _ in of_flat(numbering.told_again())] == [2]


def test_telling_again_takes_no_number(numbering: Numbering) -> None:
    numbering.number([make_quote("A")])
    numbering.begin(TERM + 1)
    numbering.told_again()
    (row,) = numbering.number([make_quote("A")]).framed
    assert rows.header(row)[1] == rows.seq_of(TERM + 1, 1)


def test_what_is_no_longer_known_is_not_told_again(numbering: Numbering) -> None:
    numbering.number([make_quote("A"), make_quote("B")])
    numbering.know([make_facts("B", id=2)])
    numbering.begin(TERM + 1)
    assert [instrument for instrument, _, _ in of_flat(numbering.told_again())] == [2]


def test_a_flag_survives_the_telling_again(numbering: Numbering) -> None:
    numbering.number([make_quote("A", bid=2.0, ask=1.0)])
    numbering.begin(TERM + 1)
    ((_, _, row),) = of_flat(numbering.told_again())
    assert rows.decode(rows.body(row))["flags"] == CROSSED


def test_a_term_is_nearly_full_before_its_counts_run_out(numbering: Numbering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketdata.ingest.numbering.MOST", 2)
    numbering.number([make_quote("A"), make_quote("B"), make_quote("A")])
    before = numbering.is_nearly_full
    numbering.number([make_quote("A")])
    after = numbering.is_nearly_full
    numbering.begin(TERM + 1)
    assert (before, after, numbering.is_nearly_full) == (False, True, False)
