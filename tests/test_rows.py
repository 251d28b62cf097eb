"""The wire row: what goes in comes out, in the order and the form that the protocol promises."""

import json
import math
import struct
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata import rows
from marketdata.bus.lease import EPOCH_S
from marketdata.quotes import NO_ASK, Quote

from .builders import NOON_MS, make_quote

PROTOCOL_FIELDS = """id seq venue_time_ms lag_ms bid ask bid_size ask_size last last_size last_time_ms volume open_interest
mark underlying_price reference_price implied_volatility bid_iv ask_iv delta gamma theta vega rho flags"""
VALUES = Quote.__struct_fields__[3:-1]
ids = st.integers(1, rows.MAX_ID)
seqs = st.integers(0, 2**53 - 1)
times = st.floats(946_684_800_000, 4_102_444_800_000 - 1, allow_nan=False)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
quotes = st.builds(
    Quote,
    symbol=st.just("ACME"),
    received_ms=times,
    venue_time_ms=times,
    flags=st.integers(0, 31),
    **dict.fromkeys(VALUES, numbers),
)


def columns(framed: bytes) -> list[float | None]:
    values: list[float | None] = json.loads(framed[rows.HEADER.size :])
    return values


def test_the_columns_stand_in_the_order_of_the_protocol() -> None:
    assert list(rows.FIELDS) == PROTOCOL_FIELDS.split()


@given(ids, seqs, quotes)
def test_a_decoded_row_has_every_value_of_its_quote(instrument_id: int, seq: int, quote: Quote) -> None:
    row = rows.decode(rows.body(rows.encode(instrument_id, seq, quote)))
    assert (row["id"], row["seq"], row["venue_time_ms"]) == (instrument_id, seq, quote.venue_time_ms)
    assert row["lag_ms"] == round(quote.received_ms - quote.venue_time_ms, 3)
    assert {name: row[name] for name in (*VALUES, "flags")} == {
        name: getattr(quote, name) for name in (*VALUES, "flags")
    }


@given(ids, seqs, quotes)
def test_the_header_says_what_the_row_says(instrument_id: int, seq: int, quote: Quote) -> None:
    framed = rows.encode(instrument_id, seq, quote)
    assert rows.header(framed) == (instrument_id, seq) == tuple(columns(framed)[:2])


@given(ids, seqs, quotes)
def test_a_row_is_ascii_text_on_one_line(instrument_id: int, seq: int, quote: Quote) -> None:
    assert b"\n" not in rows.body(rows.encode(instrument_id, seq, quote))


@given(ids, seqs, quotes)
def test_nothing_trails_that_says_nothing(instrument_id: int, seq: int, quote: Quote) -> None:
    assert columns(rows.encode(instrument_id, seq, quote))[-1] is not None
    if quote.flags == 0:
        assert len(columns(rows.encode(instrument_id, seq, quote))) < len(rows.FIELDS)


def test_trailing_nulls_are_left_off() -> None:
    assert columns(rows.encode(7, 9, Quote("A", NOON_MS, NOON_MS, bid=1.5))) == [7, 9, NOON_MS, 0.0, 1.5]


def test_a_null_between_values_stays() -> None:
    assert columns(rows.encode(7, 9, Quote("A", NOON_MS, NOON_MS, ask=2.0)))[4:] == [None, 2.0]


def test_a_quote_without_any_value_is_a_row_of_four() -> None:
    assert columns(rows.encode(7, 9, Quote("A", NOON_MS, NOON_MS))) == [7, 9, NOON_MS, 0.0]


def test_zero_flags_are_left_off_and_read_as_zero() -> None:
    framed = rows.encode(1, 1, make_quote(rho=0.5, flags=0))
    assert len(columns(framed)) == len(rows.FIELDS) - 1
    assert rows.decode(rows.body(framed))["flags"] == 0


def test_flags_keep_the_nulls_before_them() -> None:
    framed = rows.encode(1, 1, Quote("A", NOON_MS, NOON_MS, bid=1.0, flags=NO_ASK))
    assert len(columns(framed)) == len(rows.FIELDS)
    assert rows.decode(rows.body(framed))["flags"] == NO_ASK


def test_a_zero_is_not_taken_for_unknown() -> None:
    row = rows.decode(rows.body(rows.encode(1, 1, Quote("A", NOON_MS, NOON_MS, bid=0.0, ask=0.05, rho=0.0))))
    assert (row["bid"], row["rho"]) == (0.0, 0.0)


def test_lag_may_be_negative_and_has_three_decimals() -> None:
    row = rows.decode(rows.body(rows.encode(1, 1, make_quote(received_ms=NOON_MS - 1.23456, venue_time_ms=NOON_MS))))
    assert row["lag_ms"] == -1.235


@pytest.mark.parametrize("value", [0.1, 1e-7, 2.675, 123456.789, 5e-324, 1.7976931348623157e308])
def test_a_number_is_written_in_its_shortest_form_that_reads_back(value: float) -> None:
    body = rows.body(rows.encode(1, 1, Quote("A", NOON_MS, NOON_MS, bid=value))).decode()
    text = body.removesuffix("]").rsplit(",", 1)[1]
    assert float(text) == value
    assert len(text.replace("e+", "e")) <= len(repr(value).replace("e+", "e").replace("e-0", "e-"))


def test_a_header_needs_all_its_bytes() -> None:
    with pytest.raises(struct.error):
        rows.header(rows.encode(1, 1, make_quote())[: rows.HEADER.size - 1])


@given(st.lists(st.tuples(ids, seqs), min_size=2, max_size=2))
def test_header_bytes_compare_as_the_numbers_do(pair: list[tuple[int, int]]) -> None:
    one, other = pair
    assert (one < other) == (rows.HEADER.pack(*one) < rows.HEADER.pack(*other))


@given(st.integers(1, 2**29 - 1), st.integers(0, rows.TERM - 1))
def test_a_seq_is_exact_in_a_browser_and_tells_term_and_count(term: int, count: int) -> None:
    seq = rows.seq_of(term, count)
    assert seq < 2**53
    assert int(float(seq)) == seq
    assert divmod(seq, rows.TERM) == (term, count)


@given(st.integers(1, 2**29 - 2), st.integers(0, rows.TERM - 1), st.integers(0, rows.TERM - 1))
def test_any_row_of_a_later_term_is_newer(term: int, count: int, later: int) -> None:
    assert rows.seq_of(term + 1, later) > rows.seq_of(term, count)


def test_terms_of_today_leave_room_until_2040() -> None:
    in_2040 = 2_208_988_800 - EPOCH_S
    assert rows.seq_of(in_2040, rows.TERM - 1) < 2**53
    assert math.log2(rows.seq_of(int(time.time()) - EPOCH_S, 0)) < 53


def test_columns_that_a_reader_does_not_know_are_passed_over() -> None:
    longer = msgspec.json.encode([*range(len(rows.FIELDS)), "new"])
    assert set(rows.decode(longer)) == set(rows.FIELDS)
