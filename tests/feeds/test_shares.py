"""Feeds that are told their share: they list it, say nothing of the rest, and what they say of it is what they say of it
unsplit.
"""

import asyncio
from collections.abc import Sequence

from marketdata.feeds.simulated.exchange import OPENING_MS, Exchange
from marketdata.feeds.simulated.market import Market
from marketdata.feeds.simulated.universe import UNIVERSE
from marketdata.quotes import Quote
from marketdata.shares import WHOLE, Share, shares_of
from tests.builders import NOON_MS

from .deribit_reading import Reading, feed_of, listed_by
from .deribit_recording import FIXTURE, recording
from .deribit_server import DeribitServer
from .fake_time import read
from .test_replay import one_pass, player


def said(share: Share) -> list[Quote]:
    exchange = Exchange(UNIVERSE, 1, 2_000, NOON_MS, share=share)
    quotes, _ = exchange.until(NOON_MS + OPENING_MS + 2_000, NOON_MS, 1_000_000)
    return quotes


def underlying_of(symbol: str) -> str:
    root = symbol[:-15] if len(symbol) > 15 else symbol
    return "ZEPH" if root == "ZEPHW" else root


def test_the_shares_of_the_simulated_market_are_the_market() -> None:
    whole = said(WHOLE)
    parts = [said(share) for share in shares_of(3)]
    assert len(whole) > 3_000
    for share, part in zip(shares_of(3), parts, strict=True):
        assert part == [quote for quote in whole if share.holds(underlying_of(quote.symbol))]
        assert part
    assert sum(map(len, parts)) == len(whole)


def test_the_simulated_market_lists_and_opens_its_share_alone() -> None:
    async def symbols(share: Share) -> tuple[set[str], set[str]]:
        market = Market(500, 1)
        if not share.is_whole:
            market.take_share(share)
        listed = await market.instruments()
        opened: list[Quote] = []
        batches = market.batches()
        async for batch in batches:
            opened += batch.quotes
            if len({quote.symbol for quote in opened}) >= len(listed):
                break
        await batches.aclose()  # type: ignore[attr-defined]
        return {facts.symbol for facts in listed}, {quote.symbol for quote in opened}

    async def check() -> None:
        whole, _ = await symbols(WHOLE)
        found: Sequence[tuple[set[str], set[str]]] = [await symbols(share) for share in shares_of(2)]
        for (listed, opened), share in zip(found, shares_of(2), strict=True):
            assert listed == {symbol for symbol in whole if share.holds(underlying_of(symbol))}
            assert opened == listed

    asyncio.run(asyncio.wait_for(check(), 30))


async def test_a_replay_lists_and_plays_its_share_alone() -> None:
    path = FIXTURE.with_name("capture.txt")
    whole = [quote for batch in await one_pass(path) for quote in batch.quotes]
    for share in shares_of(2):
        feed = player(path, loop=True)
        feed.take_share(share)
        listed = {facts.symbol: facts.underlying for facts in await feed.instruments()}
        assert len(set(listed.values())) == 1  # BTC or ETH
        assert all(share.holds(underlying) for underlying in listed.values())
        batches = await read(feed, lambda batches: batches[-1].restarted)
        assert [quote for batch in batches for quote in batch.quotes] == [q for q in whole if q.symbol in listed]


async def test_deribit_lists_and_subscribes_to_its_share_alone() -> None:
    share = next(share for share in shares_of(2) if share.holds("ETH"))
    async with DeribitServer(recording(FIXTURE)) as server:
        feed = feed_of(server)
        feed.take_share(share)
        listed = await listed_by(feed)
        assert {facts.underlying for facts in listed} == {"ETH"}
        await feed.cover(listed)
        found = Reading(feed)
        try:
            options = {facts.symbol for facts in listed if facts.kind == "option"}
            await found.until(lambda: {f"ticker.{name}.100ms" for name in options} <= set(server.channels))
            named = [channel for channel in server.channels if channel.startswith(("ticker.", "deribit_price_index."))]
            assert all("eth" in channel.lower() for channel in named)
        finally:
            found.task.cancel()
            await asyncio.gather(found.task, return_exceptions=True)
