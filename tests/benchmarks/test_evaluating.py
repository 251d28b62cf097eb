"""What a round is judged by: which rows were served, and how late, from what was published and what arrived."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from benchmarks.evaluating import evaluate
from benchmarks.load import Load
from marketdata.rows import TERM
from tests.path.universe import symbol_of

IDS = {symbol_of(number): number + 100 for number in range(3)}
LOAD = Load(sockets=4, symbols=3, per_socket=2, rate=1, beat=100, seconds=10, measured=2)


def arrived(*rows: tuple[int, int, int, float], wanted: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """Rows as (watcher, symbol's number, count, ms)."""
    return {
        "watcher": np.array([row[0] for row in rows], dtype=int),
        "instrument": np.array([row[1] + 100 for row in rows], dtype=int),
        "seq": np.array([7 * TERM + row[2] for row in rows], dtype=np.int64),
        "at": np.array([row[3] for row in rows], dtype=float),
        "wanted": np.array(wanted),
        "measured": np.array(sorted({watcher for watcher, _ in wanted})),
        "totals": np.array([len(rows), len(rows), 200 * len(rows), 0]),
    }


def figures(published: Sequence[tuple[int, float]], came: dict[str, Any]) -> dict[str, float]:
    return evaluate(np.array(published, dtype=float), came, IDS, 1_000, 11_000, LOAD)


def test_a_row_is_served_by_itself_or_by_what_superseded_it() -> None:
    published = [(0, 2_000), (0, 2_040), (0, 2_080)]
    came = arrived((0, 0, 3, 2_120), wanted=[(0, 0), (2, 1)])
    found = figures(published, came)
    assert found["served, % of due"] == 100
    assert found["p50 ms"] == 80
    # Three rows in ten seconds, for one of two measured sockets, of four.
    assert found["served/s"] == pytest.approx(3 / 10 * 4 / 2)
    assert found["rows published/s"] == pytest.approx(0.3)
    assert found["bytes a shown row"] == 200


def test_an_older_row_serves_nobody() -> None:
    found = figures([(0, 2_000), (0, 3_000)], arrived((0, 0, 1, 2_010), (0, 0, 1, 3_010), wanted=[(0, 0)]))
    assert found["served, % of due"] == 50


def test_what_comes_after_beat_and_allowance_is_late() -> None:
    for at, served in ((2_150, 100), (2_151, 0)):
        found = figures([(0, 2_000)], arrived((0, 0, 1, at), wanted=[(0, 0)]))
        assert found["served, % of due"] == served
        assert found["p50 ms"] == at - 2_000


def test_who_was_told_nothing_at_all_counts_as_not_served() -> None:
    found = figures([(0, 2_000), (1, 2_000)], arrived((0, 0, 1, 2_010), wanted=[(0, 0), (0, 1), (1, 0), (1, 1)]))
    assert found["served, % of due"] == 25
    assert found["p99 ms"] > 9_000


def test_what_was_published_outside_of_the_round_does_not_count() -> None:
    found = figures([(0, 999), (0, 1_000), (0, 11_000)], arrived((0, 0, 2, 1_020), wanted=[(0, 0)]))
    assert found["served, % of due"] == 100
    assert found["p50 ms"] == 20


def test_rows_that_came_out_of_order_do_not_go_back() -> None:
    published = [(0, 2_000), (0, 2_050), (0, 2_100)]
    found = figures(published, arrived((0, 0, 2, 2_060), (0, 0, 1, 2_070), (0, 0, 3, 2_110), wanted=[(0, 0)]))
    assert (found["served, % of due"], found["p50 ms"]) == (100, 10)


def test_rows_that_came_themselves_and_rows_that_were_merged_are_told_apart() -> None:
    published = [(0, 2_000), (0, 2_040), (0, 2_080), (0, 2_120)]
    found = figures(published, arrived((0, 0, 2, 2_050), (0, 0, 4, 2_130), wanted=[(0, 0)]))
    assert (found["served, % of due"], found["merged, % of due"]) == (100, 50)


def test_an_older_row_after_a_newer_and_an_invented_one_are_seen() -> None:
    published = [(0, 2_000), (0, 2_050)]
    found = figures(published, arrived((0, 0, 2, 2_060), (0, 0, 1, 2_070), (0, 0, 5, 2_080), wanted=[(0, 0)]))
    assert (found["rows that went back"], found["rows that nobody published"]) == (1, 1)


def test_a_burst_is_over_when_the_last_view_has_its_last_row() -> None:
    published = [(0, 2_000), (0, 2_000), (1, 2_000), (0, 3_000)]
    came = arrived(
        (0, 0, 1, 2_010),
        (0, 1, 1, 2_020),
        (0, 0, 2, 2_090),
        (1, 0, 2, 2_040),
        (0, 0, 3, 3_030),
        (1, 0, 3, 3_005),
        wanted=[(0, 0), (0, 1), (1, 0)],
    )
    found = evaluate(np.array(published, dtype=float), came, IDS, 1_000, 11_000, LOAD._replace(burst=True))
    assert found["all up to date after the worst burst, ms"] == 90
    assert found["all up to date after a burst, ms"] == 60


def test_where_nothing_was_due_nothing_is_said_of_it() -> None:
    found = figures([(0, 100)], arrived(wanted=[(0, 0)]))
    assert found["rows published/s"] == 0
    assert not {"served/s", "p50 ms"} & set(found)


def test_counts_of_two_leaders_are_not_compared() -> None:
    came = arrived((0, 0, 1, 2_010), (0, 0, 2, 2_020), wanted=[(0, 0)])
    came["seq"][1] += TERM
    with pytest.raises(RuntimeError, match="leader changed"):
        figures([(0, 2_000)], came)
