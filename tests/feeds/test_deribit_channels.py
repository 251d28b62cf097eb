"""Which channel carries what, and over which connection."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.feeds.deribit import channels
from marketdata.feeds.deribit.channels import Interval, Plan


@pytest.mark.parametrize(
    ("topic", "channel"),
    [
        (channels.ticker("BTC-26MAR27-90000-C"), "ticker.BTC-26MAR27-90000-C.agg2"),
        (channels.mark_prices("btc_usd"), "markprice.options.btc_usd"),
        (channels.price_index("btc_usd"), "deribit_price_index.btc_usd"),
        (channels.of_currency("BTC")[0], "trades.option.BTC.agg2"),
        (channels.of_currency("BTC")[1], "instrument.state.option.BTC"),
    ],
)
def test_only_tickers_and_trades_come_at_an_interval(topic: str, channel: str) -> None:
    assert Interval("agg2").channel_of(topic) == channel


def test_instruments_fill_one_connection_after_another() -> None:
    plan = Plan(2, 3)
    plan.cover(["a", "b", "c", "d", "e"])
    assert {number: list(share) for number, share in plan.shares.items()} == {1: ["a", "b"], 2: ["c", "d"], 3: ["e"]}
    assert plan.beyond == ()


def test_what_has_no_room_is_beyond_in_the_order_given() -> None:
    plan = Plan(2, 1)
    plan.cover(["a", "b", "c", "d"])
    assert list(plan.beyond) == ["c", "d"]
    plan.cover(["d", "c", "b", "a"])
    assert list(plan.shares[1]) == ["a", "b"]  # what has a ticker keeps it
    assert list(plan.beyond) == ["d", "c"]
    plan.cover(["d", "c", "b"])
    assert set(plan.shares[1]) == {"b", "d"}
    assert list(plan.beyond) == ["c"]


def test_a_connection_that_carries_nothing_is_given_up_but_not_the_first() -> None:
    plan = Plan(1, 3)
    plan.cover(["a", "b", "c"])
    plan.cover(["c"])
    assert {number: list(share) for number, share in plan.shares.items()} == {1: [], 3: ["c"]}
    plan.cover(["c", "d", "e"])
    assert {number: list(share) for number, share in plan.shares.items()} == {1: ["d"], 3: ["c"], 2: ["e"]}


def test_one_named_twice_is_carried_once() -> None:
    plan = Plan(2, 2)
    plan.cover(["a", "a", "b"])
    assert list(plan.shares[1]) == ["a", "b"]
    assert 2 not in plan.shares


@given(st.integers(1, 5), st.integers(1, 4), st.lists(st.sets(st.integers(0, 30)), max_size=8), st.randoms())
def test_however_coverage_changes_all_is_carried_once_and_nothing_moves(
    per_connection: int, connections: int, changes: list[set[int]], order: random.Random
) -> None:
    plan = Plan(per_connection, connections)
    where: dict[str, int] = {}
    for change in changes:
        symbols = [str(number) for number in change]
        order.shuffle(symbols)
        plan.cover(symbols)
        placed = {symbol: number for number, share in plan.shares.items() for symbol in share}
        assert sum(map(len, plan.shares.values())) == len(placed) == min(len(symbols), plan.room)
        assert sorted([*placed, *plan.beyond]) == sorted(symbols)
        assert max(map(len, plan.shares.values())) <= per_connection
        assert set(plan.shares) <= set(range(1, connections + 1))
        assert all(placed[symbol] == number for symbol, number in where.items() if symbol in symbols)
        where = placed
