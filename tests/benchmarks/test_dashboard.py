"""What the dashboard's benchmark says is true: the market makes the changes that it is told to, limits are told as they
are, and a short run measures every part of the real page.
"""

import json
from pathlib import Path

import pytest

from benchmarks.dashboard import __main__ as dashboard
from benchmarks.dashboard.ladder import CELLS_A_QUOTE, EXPIRIES, STRIKES, UNDERLYING
from benchmarks.dashboard.limits import LIMITS, a_minute, kept, share, table
from benchmarks.dashboard.market import Option, facts, names

LIMITED = "tab's main thread, CPU, % of a core"
TOLD = "whole browser, % of a core"


def test_a_limit_is_kept_up_to_itself() -> None:
    assert kept(LIMITED, 25)
    assert not kept(LIMITED, 25.1)
    assert kept(TOLD, 1e9)


def test_the_table_has_the_medians_and_what_came_of_the_limits() -> None:
    rounds = [{LIMITED: 10.0, TOLD: 70.0}, {LIMITED: 30.0, TOLD: 80.0}, {LIMITED: 26.0, TOLD: 90.0}]
    told = table(rounds).splitlines()
    assert told[2] == f"| {LIMITED} | 26.0 | 10.0 … 30.0 | 25 | NOT KEPT |"
    assert told[3] == f"| {TOLD} | 80.0 | 70.0 … 90.0 |  |  |"
    assert len(told) == 4
    assert table([{LIMITED: 24.0}]).endswith("| 25 | kept |")


def test_shares_and_rates_are_of_the_time_that_went_by() -> None:
    assert share(10.0, 11.5, 30.0) == pytest.approx(5.0)
    assert a_minute(1, 30) == 2


def test_the_chain_has_as_many_strikes_as_the_page_names() -> None:
    listed = facts()
    assert len(listed) == 1 + 2 * STRIKES * len(EXPIRIES)
    assert listed[0].symbol == UNDERLYING
    assert len({one.strike for one in listed[1:]}) == STRIKES


def test_a_quote_changes_exactly_the_cells_of_one_side_of_the_book() -> None:
    option = Option(names(EXPIRIES[0])[0])
    before = option.quote(1.0)
    for _ in range(200):
        option.change()
        after = option.quote(1.0)
        changed = {field for field in after.__struct_fields__ if getattr(after, field) != getattr(before, field)}
        assert changed in ({"bid", "bid_size"}, {"ask", "ask_size"})
        assert len(changed) == CELLS_A_QUOTE
        assert after.bid is not None
        assert after.ask is not None
        assert after.bid < after.ask
        before = after


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(300)
def test_a_quick_run_measures_every_figure(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    dashboard.main(["--quick", "--json", str(file)])
    (one,) = json.loads(file.read_text())["rounds"]
    assert set(one) == {limit.name for limit in LIMITS}
    # A machine that does other things too merges some; none come from nowhere.
    assert 500 < one["cells changed on the screen/s"] < 1100
    assert 0 < one[LIMITED] < 100
    assert one[LIMITED] <= one["whole renderer, % of a core"] + 5
    assert one["first live row of a list, ms"] > 0
    assert 10 < one["JavaScript of the first view, kB gzipped"] < one["JavaScript of the first view, kB as sent"]
    assert one["server's CPU, 20 tabs for 1"] > 0.2
