"""What another format would save: the forms that are compared hold the same."""

import math

import msgspec
import numpy as np
import pytest

from benchmarks.formats import ROW, compare, fixed, named
from marketdata import rows
from marketdata.quotes import Quote

QUOTE = Quote("ACME", 1_000.25, 1_000.0, bid=0.1, ask=12.35, last_time_ms=999.5, delta=0.25, vega=0.125, flags=8)


def test_each_form_says_what_the_row_says() -> None:
    row = msgspec.json.decode(rows.body(rows.encode(7, rows.seq_of(3, 9), QUOTE)))
    told = rows.decode(msgspec.json.encode(row))
    assert {**told, **msgspec.json.decode(named(row))} == told
    (one,) = np.frombuffer(fixed(row), ROW)
    for field, value in told.items():
        read = one[field].item()
        assert math.isnan(read) if value is None else read == value, field


def test_the_fixed_form_has_nothing_for_what_a_row_leaves_off() -> None:
    (one,) = np.frombuffer(fixed([7, 1, 5.0, 0.0, 2.5]), ROW)
    assert (one["id"], one["bid"], one["flags"]) == (7, 2.5, 0)
    assert math.isnan(one["ask"])


def test_sizes_and_costs_are_of_the_rows_that_are_given() -> None:
    short, long = (rows.body(rows.encode(7, 1, Quote("A", 1.0, 1.0, bid=bid))) for bid in (1.5, 1.0625))
    figures = compare([short, long] * 30)
    assert figures["bytes: the stream's arrays"] == pytest.approx((len(short) + len(long)) / 2)
    assert figures["bytes: fixed width"] == 156
    assert figures["bytes: objects with names"] > figures["bytes: the stream's arrays"]
    assert all(figure >= 0 for figure in figures.values())
