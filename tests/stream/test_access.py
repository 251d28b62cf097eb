"""Who may see what, at the socket: what is forbidden is refused by name, and open sockets follow what groups are granted,
on every web process."""

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import Group
from pytest_django import Settings
from redis import Redis

from accounts import feed_use, models
from accounts.models import FeedGrant, FeedUse, WatchlistEntry
from accounts.revocation import EVERYBODY
from marketdata.bus import keys
from marketdata.bus.channel_layer import Mailbox
from marketdata.models import Instrument
from marketdata.stream import credentials, uses
from tests.path.client import StreamClient, stream_client
from tests.path.stack import User

from .in_process import House
from .second_feed import SecondFeed, index, option, second_feed

# What the account promises, three times for a busy machine.
OBEYED_S = 3 * 2.0
SPX, NDX = index(), index("NDX", number=1)
OPTIONS = [option(number) for number in (500, 510)]
OTHERS = [option(600, root="NDX", underlying="NDX")]
DAY = "2026-01-16"


@pytest.fixture(autouse=True)
def by_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is looked at in turn: what is heard was told."""
    monkeypatch.setattr(credentials.Credentials, "_next", lambda self: [])


@pytest.fixture
def closed(settings: Settings) -> None:
    settings.OPEN_FEEDS = ["third"]


@pytest.fixture
async def listed(closed: None, feed: SecondFeed) -> SecondFeed:
    await feed.lists(SPX, NDX, *OPTIONS, *OTHERS)
    await feed.says()
    await feed.quotes([SPX, *OPTIONS, *OTHERS])
    return feed


@database_sync_to_async
def grant(user: User, *grants: tuple[str, str]) -> Group:
    group, _ = Group.objects.get_or_create(name="desk")
    group.user_set.add(user.id)
    for feed, underlying in grants:
        FeedGrant.objects.create(group=group, feed=feed, underlying=underlying)
    return group


@database_sync_to_async
def withdraw(feed: str, underlying: str = "") -> None:
    for one in FeedGrant.objects.filter(feed=feed, underlying=underlying):
        one.delete()


@database_sync_to_async
def watch(user: User, *facts: Any) -> None:
    for one in facts:
        made = Instrument.objects.create(
            id=one.id, feed=one.feed, symbol=one.symbol, kind=one.kind, underlying=one.underlying
        )
        WatchlistEntry.objects.create(watchlist_id=user.watchlist, instrument=made)


@database_sync_to_async
def written() -> list[tuple[int, str]]:
    return list(FeedUse.objects.values_list("user", "feed"))


def codes(said: list[dict[str, Any]]) -> dict[str, str]:
    return {one["symbol"]: one["code"] for one in said}


async def subscribed(client: StreamClient, **fields: Any) -> dict[str, Any]:
    return await client.message("subscribed", timeout=OBEYED_S, **fields)


@pytest.mark.django_db(transaction=True)
async def test_what_may_not_be_seen_is_refused_by_name(house: House, resident: User, listed: SecondFeed) -> None:
    await watch(resident, SPX, OPTIONS[0])
    async with stream_client(house, resident) as client:
        assert (await client.message("welcome"))["feeds"] == []
        told = await client.ask("subscribe", "subscribed", source="a", symbols=[SPX.symbol, "second.SPX", "NOSUCH"])
        assert codes(told["refused"]) == {"SPX": "forbidden", "second.SPX": "forbidden", "NOSUCH": "unknown_symbol"}
        assert "second" in told["refused"][0]["message"]
        told = await client.ask("subscribe", "subscribed", source="w", watchlist=resident.watchlist)
        assert codes(told["refused"]) == {"SPX": "forbidden", OPTIONS[0].symbol: "forbidden"}
        assert told["total"] == 0
        error = await client.ask("subscribe", "error", source="c", chain={"underlying": "SPX", "expiry": DAY})
        assert (error["code"], error["field"]) == ("forbidden", "chain.underlying")
        await listed.says("stale")  # told at once to whoever may see the feed
        await asyncio.sleep(1.2)
        assert not [one for one in client.messages if one["op"] == "status"]
        assert not client.rows


@pytest.mark.django_db(transaction=True)
async def test_an_underlying_opens_itself_and_its_contracts_and_nothing_else(
    house: House, resident: User, listed: SecondFeed
) -> None:
    await grant(resident, ("second", "SPX"))
    async with stream_client(house, resident) as client:
        assert [one["feed"] for one in (await client.message("welcome"))["feeds"]] == ["second"]
        asked = ["SPX", "NDX", OPTIONS[0].symbol, OTHERS[0].symbol]
        told = await client.ask("subscribe", "subscribed", source="a", symbols=asked)
        assert set(told["added"]) == {"SPX", OPTIONS[0].symbol}
        assert codes(told["refused"]) == {"NDX": "forbidden", OTHERS[0].symbol: "forbidden"}
        told = await client.ask("subscribe", "subscribed", source="c", chain={"underlying": "SPX", "expiry": DAY})
        assert set(told["added"]) == {one.symbol for one in OPTIONS}
        error = await client.ask("subscribe", "error", source="d", chain={"underlying": "NDX", "expiry": DAY})
        assert error["code"] == "forbidden"


@pytest.mark.django_db(transaction=True)
async def test_a_bare_symbol_means_the_one_feed_that_may_be_seen(
    house: House, resident: User, listed: SecondFeed, settings: Settings
) -> None:
    third = index(number=50, feed="third")
    async with second_feed(settings.REDIS_URL, settings.INSTALLATION, "third") as other:
        await other.lists(third)
        async with stream_client(house, resident) as client:
            await client.message("welcome")
            told = await client.ask("subscribe", "subscribed", source="a", symbols=["SPX"])
            assert {name: facts["feed"] for name, facts in told["added"].items()} == {"SPX": "third"}
            await grant(resident, ("second", ""))
            await client.message("status", timeout=OBEYED_S, feed="second")
            told = await client.ask("subscribe", "subscribed", source="b", symbols=["SPX", "second.SPX"])
            assert codes(told["refused"]) == {"SPX": "ambiguous_symbol"}
            assert set(told["added"]) == {"second.SPX"}


@pytest.mark.django_db(transaction=True)
async def test_open_sources_are_trimmed_and_come_back(house: House, resident: User, listed: SecondFeed) -> None:
    await watch(resident, SPX, OTHERS[0])
    await grant(resident, ("second", "SPX"), ("second", "NDX"))
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        every = [SPX, *OPTIONS, *OTHERS]
        await client.ask("subscribe", "subscribed", source="a", symbols=[one.symbol for one in every])
        await client.ask("subscribe", "subscribed", source="c", chain={"underlying": "SPX", "expiry": DAY})
        await client.ask("subscribe", "subscribed", source="w", watchlist=resident.watchlist)
        await withdraw("second", "SPX")
        gone = {"a": {SPX.id, *(one.id for one in OPTIONS)}, "c": {one.id for one in OPTIONS}, "w": {SPX.id}}
        for source, ids in gone.items():
            told = await subscribed(client, source=source, cause="forbidden")
            assert {one["id"] for one in told["removed"]} == ids
            assert {one["code"] for one in told["removed"]} == {"forbidden"}
            assert not told["added"]
        assert told["total"] == 1
        hub = await house.hub()
        assert set(hub.board.watchers) == {OTHERS[0].id}
        client.rows.clear()
        await listed.quotes(every, bid=2.5)
        await client.until(lambda: OTHERS[0].id in client.rows)
        assert set(client.rows) == {OTHERS[0].id}
        # Asked for meanwhile, it is refused; and what was asked for anew is not given back unasked.
        told = await client.ask("subscribe", "subscribed", source="b", symbols=["SPX"])
        assert codes(told["refused"]) == {"SPX": "forbidden"}
        client.messages.clear()
        await grant(resident, ("second", ""))
        for source, ids in gone.items():
            told = await subscribed(client, source=source, cause="listed")
            assert {facts["id"] for facts in told["added"].values()} == ids
        await client.until(lambda: {one.id for one in every} <= set(client.rows))
        await client.ask("ping", "pong")
        assert not [one for one in client.messages if one["op"] == "subscribed" and one["source"] == "b"]


@pytest.mark.django_db(transaction=True)
async def test_what_was_taken_out_does_not_come_back_to_who_let_it_go(
    house: House, resident: User, listed: SecondFeed
) -> None:
    await grant(resident, ("second", ""))
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        for source in ("a", "b", "c"):
            await client.ask("subscribe", "subscribed", source=source, symbols=["SPX"])
        await withdraw("second")
        for source in ("a", "b", "c"):
            await subscribed(client, source=source, cause="forbidden")
        await client.ask("unsubscribe", "subscribed", source="a")
        await client.ask("subscribe", "subscribed", source="a", symbols=[])
        await client.ask("subscribe", "subscribed", source="b", symbols=[], replace=True)
        await grant(resident, ("second", ""))
        assert (await subscribed(client, cause="listed"))["source"] == "c"
        await client.ask("ping", "pong")
        assert not [one for one in client.messages if one["op"] == "subscribed"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "change",
    [
        lambda group, user: group.user_set.remove(user.id),
        lambda group, user: group.user_set.clear(),
        lambda group, user: models.User.objects.get(pk=user.id).groups.clear(),
        lambda group, user: group.delete(),
    ],
    ids=["taken out", "all taken out", "in no group", "group deleted"],
)
async def test_who_leaves_a_group_loses_what_it_was_granted(
    house: House, resident: User, listed: SecondFeed, change: Callable[[Group, User], None]
) -> None:
    group = await grant(resident, ("second", ""))
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        await client.ask("subscribe", "subscribed", source="a", symbols=["SPX"])
        await database_sync_to_async(change)(group, resident)
        await subscribed(client, source="a", cause="forbidden")


@pytest.mark.django_db(transaction=True)
async def test_the_use_of_a_feed_is_noted_once(house: House, resident: User, listed: SecondFeed) -> None:
    await grant(resident, ("second", ""))
    async with stream_client(house, resident) as client, stream_client(house, resident, program=True) as program:
        for one in (client, program):
            await one.message("welcome")
            await one.ask("subscribe", "subscribed", source="a", symbols=["SPX"])
        uses: list[Any] = []
        async with asyncio.timeout(10):
            while not uses:
                uses = await written()
        assert uses == [(resident.id, "second")]


@pytest.mark.django_db(transaction=True)
async def test_what_nobody_told_of_is_heard_only_when_it_is_told(
    house: House, resident: User, listed: SecondFeed, redis_client: Redis
) -> None:
    """The control of the tests above."""
    group = await grant(resident)
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        await asyncio.sleep(1.1)
        past_signals = database_sync_to_async(FeedGrant.objects.bulk_create)
        await past_signals([FeedGrant(group=group, feed="second")])
        await asyncio.sleep(1.5)
        assert not [one for one in client.messages if one["op"] == "status"]
        redis_client.publish(keys.credentials(), EVERYBODY)
        await client.message("status", timeout=OBEYED_S, feed="second")


@pytest.mark.django_db(transaction=True)
async def test_a_socket_that_takes_no_more_messages_comes_back_as_a_new_one(
    house: House, resident: User, listed: SecondFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await grant(resident, ("second", ""))
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        await client.ask("subscribe", "subscribed", source="a", symbols=["SPX"])
        monkeypatch.setattr(Mailbox, "is_full", True)
        await withdraw("second")
        assert (await client.message("closing", timeout=OBEYED_S))["code"] == 1012


@pytest.mark.django_db(transaction=True)
async def test_a_socket_that_is_open_as_a_month_begins_uses_its_feeds_in_it(
    house: House, resident: User, listed: SecondFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uses, "EVERY_S", 0.05)
    await grant(resident, ("second", ""))
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        await client.ask("subscribe", "subscribed", source="a", symbols=["SPX"])
        await client.message("snapshot")
        async with asyncio.timeout(10):
            while len(await written()) < 1:
                await asyncio.sleep(0.02)
            monkeypatch.setattr(feed_use, "this_month", lambda: dt.date(2031, 1, 1))
            while len(await written()) < 2:
                await asyncio.sleep(0.02)
        assert await written() == [(resident.id, "second")] * 2
