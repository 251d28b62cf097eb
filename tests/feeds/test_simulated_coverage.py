"""The simulated market while it is read: it quotes what it is told to cover, and lists each day's new contracts."""

import pytest

from marketdata.facts import InstrumentFacts
from marketdata.feeds.base import Batch
from marketdata.feeds.simulated.market import Market
from marketdata.quotes import Quote

from .fake_time import START_MS, FakeTime, quotes_of

DAY_MS = 86_400_000

pytestmark = pytest.mark.timeout(40)


async def heard(feed: Market, clock: FakeTime, ms: float) -> list[Quote]:
    """What it quotes in so much time, of an iteration of its own."""
    end, batches = clock.ms + ms, list[Batch]()
    async for batch in feed.batches():
        batches.append(batch)
        if clock.ms >= end:
            break
    return quotes_of(batches)


def opened(rate: float = 2_000) -> tuple[Market, FakeTime]:
    clock = FakeTime()
    return Market(rate, 1, now_ms=clock.now_ms, sleep=clock.sleep), clock


async def test_only_what_is_covered_quotes_and_the_underlyings_always() -> None:
    feed, clock = opened()
    facts = await feed.instruments()
    options = [one for one in facts if one.kind == "option"][:50]
    await feed.cover(options)
    symbols = {quote.symbol for quote in await heard(feed, clock, 5_000)}
    underlyings = {one.symbol for one in facts if one.kind != "option"}
    assert symbols == {one.symbol for one in options} | underlyings


async def test_what_is_covered_anew_is_quoted_at_once_and_what_stays_goes_on() -> None:
    feed, clock = opened(1)
    options = [one for one in await feed.instruments() if one.kind == "option"]
    await feed.cover(options[:10])
    quotes: list[Quote] = []
    told_at = 0.0
    async for batch in feed.batches():
        quotes += batch.quotes
        if not told_at and clock.ms > START_MS + 3_000:
            await feed.cover(options[5:20])
            told_at = clock.ms
        if clock.ms > START_MS + 20_000:
            break
    before, after = {one.symbol for one in options[:10]}, {one.symbol for one in options[10:20]}
    assert before <= {quote.symbol for quote in quotes if quote.venue_time_ms <= told_at}
    assert after <= {quote.symbol for quote in quotes if quote.venue_time_ms > told_at}
    gone = {one.symbol for one in options[:5]}
    assert gone.isdisjoint(quote.symbol for quote in quotes if quote.venue_time_ms > told_at + 1_000)


async def test_a_new_day_lists_new_contracts_and_quotes_them_while_the_old_go_on() -> None:
    feed, clock = opened(200)
    first = {one.symbol: one for one in await feed.instruments()}
    assert not feed.listing_changed()
    batches = feed.batches()
    prices: dict[str, float | None] = {}
    volumes: dict[str, float | None] = {}
    async for batch in batches:
        for quote in batch.quotes:
            prices[quote.symbol], volumes[quote.symbol] = quote.mark, quote.volume
        if clock.ms > START_MS + 5_000:
            break
    clock.ms += DAY_MS
    assert feed.listing_changed()
    second = {one.symbol: one for one in await feed.instruments()}
    assert not feed.listing_changed()
    new = second.keys() - first.keys()
    assert new
    assert all((one.expires_ms or clock.ms + 1) > clock.ms for one in second.values())
    seen: set[str] = set()
    heard_of: dict[str, InstrumentFacts] = {**first, **second}
    async for batch in batches:
        seen |= {quote.symbol for quote in batch.quotes}
        for quote in batch.quotes:
            if heard_of[quote.symbol].kind == "index":
                before = prices[quote.symbol]
                assert before is not None
                assert quote.mark is not None
                assert abs(quote.mark / before - 1) < 0.05  # the price goes on, and does not begin again
        if clock.ms > START_MS + 4 * DAY_MS or new <= seen:
            break
    assert new <= seen
