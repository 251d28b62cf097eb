"""Coverage as a socket sees it: a chain follows, what is named is held, and a watchlist gets back what it names."""

import asyncio

import msgspec
import pytest
from channels.db import database_sync_to_async

from accounts.models import User as Account
from marketdata.bus import keys
from tests.admin.vitals import make_vitals
from tests.path.client import stream_client
from tests.path.stack import User

from .in_process import House
from .second_feed import SecondFeed, index, option

CHAIN = {"underlying": "SPX", "expiry": "2026-01-16"}
STRIKES = (100, 110, 120)


async def lists(feed: SecondFeed, covered: set[int]) -> None:
    """All are listed, of which these are covered."""
    await feed.lists(index(), *(option(number, streaming=number in covered) for number in STRIKES))


def symbol(number: int) -> str:
    return option(number).symbol


async def test_a_chain_follows_what_is_covered_both_ways(house: House, resident: User, feed: SecondFeed) -> None:
    await lists(feed, {100, 110, 120})
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        answer = await client.ask("subscribe", "subscribed", source="chain", chain=CHAIN)
        assert set(answer["added"]) == {symbol(number) for number in STRIKES}
        async with asyncio.timeout(5):
            await lists(feed, {110})
            gone = await client.message("subscribed", cause="retired")
        assert [one["symbol"] for one in gone["removed"]] == [symbol(100), symbol(120)]
        assert {one["code"] for one in gone["removed"]} == {"not_streaming"}
        assert gone["total"] == 1
        async with asyncio.timeout(5):
            await lists(feed, {110, 120})
            back = await client.message("subscribed", cause="listed")
        assert (set(back["added"]), back["removed"]) == ({symbol(120)}, [])
        assert not [one for one in client.messages if one["op"] == "changed"]


async def test_it_names_what_sockets_hold_but_not_what_a_chain_follows(
    house: House, resident: User, feed: SecondFeed
) -> None:
    await lists(feed, {100, 110, 120})
    hub = await house.hub()
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        await client.ask("subscribe", "subscribed", source="chain", chain=CHAIN)
        assert hub.holds.ids == set()
        await client.ask("subscribe", "subscribed", source="mine", symbols=[symbol(100), symbol(110)])
        assert hub.holds.ids == {option(100).id, option(110).id}
        await client.ask("subscribe", "subscribed", source="mine", chain=CHAIN)
        assert hub.holds.ids == set()
        await client.ask("subscribe", "subscribed", source="mine", symbols=[symbol(120)], replace=True)
        await client.ask("subscribe", "subscribed", source="again", symbols=[symbol(120)])
        await client.ask("unsubscribe", "subscribed", source="again")
        assert hub.holds.ids == {option(120).id}
        key = keys.held(house.layer.process)
        async with asyncio.timeout(5):
            while set(await house.layer.client.call("SMEMBERS", key)) != {str(option(120).id).encode()}:
                await asyncio.sleep(0.05)
        assert 0 < await house.layer.client.call("TTL", key) <= 10
    async with asyncio.timeout(5):
        while hub.holds.ids:
            await asyncio.sleep(0.02)
        while await house.layer.client.call("EXISTS", key):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("on", [None, True])
async def test_an_administrator_is_told_each_second_how_feeds_work(
    house: House, resident: User, feed: SecondFeed, on: bool | None
) -> None:
    await database_sync_to_async(Account.objects.filter(pk=resident.id).update)(is_staff=True)
    await lists(feed, {100})
    vitals = msgspec.json.encode(make_vitals(feed="second", term=7))
    await house.layer.client.call("SET", keys.vitals("second"), vitals)
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        await feed.says()
        await client.message("status", feed="second", kind="replay")
        await client.say("watch_feeds", **({} if on is None else {"on": on}))
        first = await client.message("feed", timeout=3)
        second = await client.message("feed", timeout=3)
        for told in (first, second):
            assert (told["feed"], told["kind"], told["vitals"]["term"]) == ("second", "replay", 7)
        await house.layer.client.call("DEL", keys.vitals("second"))
        assert (await client.message("feed", timeout=3, vitals=None))["feed"] == "second"
        recorder = {
            "name": "here-7",
            "health": "behind",
            "reason": None,
            "at_ms": 1,
            "stored": 5,
            "rows_per_second": 2.5,
            "behind_ms": 12_000,
            "stream_entries": 3,
            "stream_bytes": 900,
            "stream_cap": 1000,
            "seconds_left": 4,
            "gaps": 0,
            "rejects": 0,
        }
        assert (await client.message("history", timeout=3))["recorders"] == []
        await house.layer.client.call("ZADD", keys.recorders(), 1, "here-7", 2, "gone-8")
        await house.layer.client.call("SET", keys.recorder("here-7"), msgspec.json.encode(recorder))
        client.messages.clear()
        await client.message("history", timeout=3)
        assert (await client.message("history", timeout=3))["recorders"] == [recorder]
        await house.layer.client.call("DEL", keys.recorders(), keys.recorder("here-7"))
        await client.say("watch_feeds", on=False)
        await client.ask("ping", "pong")
        client.messages.clear()
        await asyncio.sleep(1.5)
        assert not [one for one in client.messages if one["op"] == "feed"]


async def test_nobody_else_is_told_how_feeds_work(house: House, resident: User, feed: SecondFeed) -> None:
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        error = await client.ask("watch_feeds", "error", id=5)
        assert (error["code"], error["id"]) == ("forbidden", 5)
        assert (await client.ask("watch_feeds", "error", on="yes"))["field"] == "on"
