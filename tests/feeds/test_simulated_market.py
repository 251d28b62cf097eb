"""The simulated market as a feed: what it says, how often, and that it says the same again."""

import asyncio
import math
import re
import resource
import time
from typing import Any

import numpy as np
import pytest

from marketdata import greeks
from marketdata.facts import InstrumentFacts
from marketdata.feeds import registry
from marketdata.feeds.base import Batch, FeedClock, PermanentFeedError
from marketdata.feeds.simulated.exchange import OPENING_MS, Exchange
from marketdata.feeds.simulated.market import Market
from marketdata.feeds.simulated.universe import UNIVERSE
from marketdata.quotes import Quote, Trade, book_flags, validated

from .fake_time import START_MS, FakeTime, quotes_of, read


def market(rate: float = 500, seed: int = 1, clock: FakeTime | None = None) -> Market:
    time_ = clock or FakeTime()
    return Market(rate, seed, now_ms=time_.now_ms, sleep=time_.sleep)


async def played(seconds: float, rate: float = 500, seed: int = 1) -> tuple[dict[str, InstrumentFacts], list[Batch]]:
    """Facts, and the batches of so many seconds after the opening."""
    clock = FakeTime()
    feed = market(rate, seed, clock)
    facts = {one.symbol: one for one in await feed.instruments()}
    end = START_MS + OPENING_MS + seconds * 1000
    return facts, await read(feed, lambda _: clock.ms >= end)


def after_opening(batches: list[Batch]) -> list[Quote]:
    return [one for one in quotes_of(batches) if one.venue_time_ms >= START_MS + OPENING_MS]


async def test_everything_is_quoted_once_within_about_a_second() -> None:
    clock = FakeTime()
    feed = market(1, clock=clock)
    symbols = [one.symbol for one in await feed.instruments()]
    batches = await read(feed, lambda so_far: len(quotes_of(so_far)) >= len(symbols))
    assert [one.symbol for one in quotes_of(batches)] == symbols
    assert 0.8 * OPENING_MS <= clock.ms - START_MS <= 1.5 * OPENING_MS
    assert max(len(batch.quotes) for batch in batches) <= 300


async def test_the_same_seed_and_clock_say_the_same() -> None:
    (_, first), (_, again), (_, other) = await played(5), await played(5), await played(5, seed=2)
    assert quotes_of(first) == quotes_of(again)
    assert [batch.trades for batch in first] == [batch.trades for batch in again]
    assert quotes_of(first) != quotes_of(other)


def test_it_does_not_matter_how_often_it_is_asked() -> None:
    def all_of(step_ms: float) -> tuple[list[Quote], list[Trade]]:
        exchange = Exchange(UNIVERSE, 4, 2_000, START_MS)
        quotes: list[Quote] = []
        trades: list[Trade] = []
        for step in range(1, round(4000 / step_ms) + 1):
            made, done = exchange.until(START_MS + step * step_ms, START_MS, 10_000)
            quotes += made
            trades += done
        return quotes, trades

    assert all_of(4000) == all_of(7.8125)
    assert len(all_of(4000)[0]) > 5_000


async def test_every_quote_is_a_quote_of_a_listed_instrument_on_its_tick() -> None:
    facts, batches = await played(10, rate=2_000)
    for one in quotes_of(batches):
        validated(one)
        assert 0 <= one.received_ms - one.venue_time_ms < 100
        fact = facts[one.symbol]
        if fact.kind == "index":
            assert (one.bid, one.ask, one.volume) == (None, None, None)
            assert one.last == one.mark
            continue
        assert one.ask is not None
        assert one.ask_size is not None
        assert (one.bid is None) == (one.bid_size is None)
        assert book_flags(one.bid, one.ask) in (0, 2)
        for price in (one.bid, one.ask):
            if price is not None:
                assert abs(price / fact.tick - round(price / fact.tick)) < 1e-6
                assert price == round(price, 2)
                assert price > 0
        assert one.mark is not None
        assert (one.bid or 0) <= one.mark + 5e-5 <= one.ask + 1e-4


async def test_deep_out_of_the_money_there_may_be_no_bid() -> None:
    facts, batches = await played(0.1)
    without = [one for one in quotes_of(batches) if one.bid is None and facts[one.symbol].kind == "option"]
    assert 0.02 < len(without) / len(facts) < 0.4
    assert all(one.bid_size is None and one.bid_iv is None and one.ask is not None for one in without)
    assert all((one.mark or 0) < 0.2 for one in without)


async def test_put_call_parity_holds_within_the_spread() -> None:
    facts, batches = await played(0.1)
    quotes = {one.symbol: one for one in quotes_of(batches)}
    checked = 0
    for symbol, one in quotes.items():
        fact = facts[symbol]
        if fact.right != "C":
            continue
        call, put = one, quotes[re.sub(r"C(\d{8})\Z", r"P\1", symbol)]
        if call.underlying_price != put.underlying_price:
            continue  # not of one moment
        assert call.underlying_price is not None
        assert fact.strike is not None
        assert call.ask is not None
        assert put.ask is not None
        worth = call.underlying_price - fact.strike
        assert (call.bid or 0) - put.ask <= worth + 1e-9
        assert call.ask - (put.bid or 0) >= worth - 1e-9
        checked += 1
    assert checked > 1_500


async def test_implied_volatilities_and_greeks_are_those_of_the_row() -> None:
    facts, batches = await played(5, rate=2_000)
    options = [one for one in after_opening(batches) if facts[one.symbol].kind == "option"]
    assert len(options) > 5_000

    def column(name: str) -> greeks.Array:
        return np.array([np.nan if (value := getattr(one, name)) is None else value for one in options], dtype=float)

    call = np.array([facts[one.symbol].right == "C" for one in options])
    strike = np.array([facts[one.symbol].strike for one in options], dtype=float)
    expires_ms = np.array([facts[one.symbol].expires_ms for one in options], dtype=float)
    years = greeks.years_between(column("venue_time_ms"), expires_ms)
    spot, volatility = column("underlying_price"), column("implied_volatility")
    np.testing.assert_allclose(
        greeks.price(call, spot, strike, years, volatility), column("mark"), rtol=1e-5, atol=2e-4
    )
    ours = greeks.greeks(call, spot, strike, years, volatility)
    for name in ("delta", "gamma", "theta", "vega", "rho"):
        np.testing.assert_allclose(column(name), getattr(ours, name), rtol=2e-4, atol=2e-4, err_msg=name)
    for side in ("bid", "ask"):
        solved = greeks.implied_volatility(call, column(side), spot, strike, years)
        told = column(f"{side}_iv")
        firm = (ours.vega > 0.001) & ~np.isnan(told) & ~np.isnan(solved)
        assert firm.mean() > 0.5
        np.testing.assert_allclose(told[firm], solved[firm], rtol=1e-3, atol=2e-4)
    with np.errstate(invalid="ignore"):
        assert not (column("bid_iv") > volatility + 2e-4).any()
        assert not (column("ask_iv") < volatility - 2e-4).any()


async def test_last_trades_and_volumes_follow_the_trades() -> None:
    facts, batches = await played(10, rate=2_000)
    volume: dict[str, float | None] = {}
    trades = 0
    for batch in batches:
        done: dict[str, list[Trade]] = {}
        for trade in batch.trades:
            assert facts[trade.symbol].kind != "index"
            done.setdefault(trade.symbol, []).append(trade)
        trades += len(batch.trades)
        last = {one.symbol: one for one in batch.quotes}
        for symbol, one in last.items():
            if symbol in volume and one.volume is not None:
                grown = one.volume - (volume[symbol] or 0)
                assert grown == sum(trade.size for trade in done.get(symbol, []))
            if symbol in done:
                final = done[symbol][-1]
                assert (one.last, one.last_size, one.last_time_ms) == (final.price, final.size, final.venue_time_ms)
            volume[symbol] = one.volume
    assert trades > 200


async def test_the_near_and_the_soon_quote_more() -> None:
    facts, batches = await played(20, rate=2_000)
    near, far, soon, late = 0, 0, 0, 0
    listed = [one for one in facts.values() if one.kind == "option"]
    price = {one.symbol: one.price for one in UNIVERSE}

    def is_near(one: InstrumentFacts) -> bool:
        assert one.strike is not None
        return abs(one.strike / price[one.underlying] - 1) < 0.05

    month_ms = START_MS + 30 * 86_400_000
    for one in after_opening(batches):
        fact = facts[one.symbol]
        if fact.kind == "option":
            near, far = near + is_near(fact), far + (not is_near(fact))
            soon, late = soon + ((fact.expires_ms or 0) < month_ms), late + ((fact.expires_ms or 0) >= month_ms)
    nears = sum(is_near(one) for one in listed)
    soons = sum((one.expires_ms or 0) < month_ms for one in listed)
    assert near / nears > 1.5 * far / (len(listed) - nears)
    assert soon / soons > 1.2 * late / (len(listed) - soons)
    own = [one for one in after_opening(batches) if facts[one.symbol].kind != "option"]
    assert {one.symbol for one in own} == {one.symbol for one in UNIVERSE}


@pytest.mark.parametrize("rate", [1, 20, 500, 5_000, 50_000])
async def test_the_rate_is_the_asked_one(rate: int) -> None:
    seconds = max(2.0, min(60, 2_000 / rate))
    _, batches = await played(seconds, rate)
    count = len(after_opening(batches))
    assert abs(count - rate * seconds) < 4 * math.sqrt(rate * seconds) + 0.03 * rate * seconds
    gaps = np.diff([one.venue_time_ms for one in after_opening(batches)])
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.25)  # a Poisson stream


async def test_at_a_low_rate_each_quote_goes_out_at_once_and_at_a_high_one_in_batches() -> None:
    _, slow = await played(30, 20)
    assert max(len(batch.quotes) for batch in slow[20:]) == 1
    _, fast = await played(1, 50_000)
    sizes = [len(batch.quotes) for batch in fast[20:]]
    assert 200 < np.median(sizes) <= 1_000


async def test_after_a_sleep_it_goes_on_from_now() -> None:
    clock = FakeTime()
    feed = market(500, clock=clock)
    late = START_MS + 3 * 3_600_000

    def slept(batches: list[Batch]) -> bool:
        if START_MS + 5_000 < clock.ms < late:
            clock.ms = late
        return clock.ms > late + 5_000

    batches = await read(feed, slept)
    after = [one for one in quotes_of(batches) if one.received_ms >= late]
    assert len(after) < 4_000
    assert min(one.venue_time_ms for one in after) > late - 1_001


async def test_who_reads_hours_after_asking_begins_with_the_opening_and_not_with_the_past() -> None:
    clock = FakeTime()
    feed = market(500, clock=clock)
    symbols = [one.symbol for one in await feed.instruments()]
    clock.ms += 3 * 3_600_000
    began = clock.ms
    batches = await read(feed, lambda _: clock.ms > began + 3_000)
    count = len(symbols)
    assert [one.symbol for one in quotes_of(batches)[:count]] == symbols
    assert min(one.venue_time_ms for one in quotes_of(batches)) >= began - 1
    assert len(quotes_of(batches)) - count < 1_300


async def test_a_standby_that_takes_over_days_later_lists_that_day() -> None:
    clock = FakeTime()
    feed = market(500, clock=clock)
    before = {one.symbol for one in await feed.instruments()}
    clock.ms += 7 * 86_400_000
    facts = await feed.instruments()
    assert {one.symbol for one in facts} - before
    assert all(one.expires_ms is None or one.expires_ms > clock.ms for one in facts)


async def test_a_contract_is_silent_once_it_expired() -> None:
    exchange = Exchange(UNIVERSE, 1, 5_000, START_MS)
    first = min(one.expires_ms for one in exchange.board.facts if one.expires_ms is not None)
    expiring = {one.symbol for one in exchange.board.facts if one.expires_ms == first}
    exchange.skip_to(first - 2_000)
    quotes, _ = exchange.until(first + 2_000, first + 2_000, 50_000)
    seen = [one for one in quotes if one.symbol in expiring]
    assert seen
    assert max(one.venue_time_ms for one in seen) < first
    assert max(one.venue_time_ms for one in quotes) > first + 1_900
    assert not {one.symbol for one in exchange.open(np.arange(len(exchange.board)), first + 2_000, first)} & expiring


def test_at_midnight_volumes_start_again_and_change_is_measured_anew() -> None:
    midnight = 1_772_514_000_000  # 2026-03-03 00:00 in New York
    exchange = Exchange(UNIVERSE, 1, 20, midnight - 30_000)
    options = np.arange(len(UNIVERSE), len(exchange.board))
    before = exchange.open(options, midnight - 25_000, midnight)
    assert sum(one.volume or 0 for one in before) > 100_000
    exchange.until(midnight + 60_000, midnight, 10**6)
    after = exchange.open(options, midnight + 61_000, midnight)
    assert sum(one.volume or 0 for one in after) < 1_000
    assert [one.reference_price for one in before] != [one.reference_price for one in after]


def test_it_costs_little_and_can_do_much() -> None:
    """Processor time, so that others on the machine do not count; loosely, since they still slow its caches."""

    def used() -> float:
        spent = resource.getrusage(resource.RUSAGE_SELF)
        return spent.ru_utime + spent.ru_stime

    exchange = Exchange(UNIVERSE, 1, 60_000, START_MS)
    count, began, at = 0, used(), START_MS + OPENING_MS
    while (spent := used() - began) < 1:
        at += 10
        count += len(exchange.until(at, at, 10_000)[0])
    assert count / spent > 60_000


async def test_on_the_real_clock_it_runs_at_its_rate() -> None:
    feed = registry.build("simulated", {"quotes_per_second": 2_000, "seed": 3})
    assert (feed.name, feed.kind, feed.clock) == ("simulated", "simulated", FeedClock())
    began = time.time() * 1000
    batches = await read(feed, lambda _: time.time() * 1000 > began + 3_500)
    quotes = [one for one in quotes_of(batches) if one.venue_time_ms > began + 1_500]
    assert len(quotes) > 2_000
    assert all(one.received_ms >= one.venue_time_ms for one in quotes)
    assert abs(quotes[-1].received_ms - time.time() * 1000) < 5_000


async def test_it_stops_when_it_is_cancelled() -> None:
    feed = registry.build("simulated", {})

    async def run() -> None:
        async for _ in feed.batches():
            pass

    task = asyncio.ensure_future(run())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"quotes_per_second": 0}, "QUOTES_PER_SECOND"),
        ({"quotes_per_second": 2_000_000}, "QUOTES_PER_SECOND"),
        ({"quotes_per_second": "many"}, "QUOTES_PER_SECOND"),
        ({"seed": -1}, "SEED"),
        ({"seed": 1.5}, "SEED"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], what: str) -> None:
    with pytest.raises(PermanentFeedError, match=what):
        registry.build("simulated", options)


def test_a_feed_that_is_not_there_is_named() -> None:
    with pytest.raises(PermanentFeedError, match="'nothing'"):
        registry.build("nothing", {})
