"""What exists changes while sockets are open: listings, facts, retirements, chains, and symbols on two feeds."""

import contextlib
import time
from collections.abc import AsyncIterator

import pytest
from django.conf import settings

from marketdata.stream import hub
from tests.path.client import StreamClient, stream_client
from tests.path.stack import User, Web

from .conftest import Floor
from .in_process import House
from .second_feed import SecondFeed, index, option, second_feed

UNDERLYING = index()


@pytest.fixture
async def client(house: House, resident: User, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StreamClient]:
    monkeypatch.setattr(hub, "CATALOGUE_S", 0.05)
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        yield client


async def _knows(client: StreamClient, version: int) -> None:
    """Returns when the client was told of that version."""
    while (await client.message("catalogue"))["version"] < version:
        pass


async def test_a_new_listing_is_announced_and_found(client: StreamClient, feed: SecondFeed) -> None:
    one = option(1)
    await _knows(client, await feed.lists(UNDERLYING, one))
    answer = await client.ask("subscribe", "subscribed", source="mine", symbols=[one.symbol])
    assert answer["added"][one.symbol]["id"] == one.id
    assert (await client.message("snapshot"))["empty"] == [one.id]
    await feed.quotes([one], bid=4.25)
    await client.until(lambda: client.rows.get(one.id, [0] * 5)[4] == 4.25)


async def test_many_changes_are_announced_once_in_two_seconds(floor: Floor, web: Web) -> None:
    """On both servers, and at its real length."""
    async with (
        stream_client(web, floor.owner) as client,
        second_feed(floor.stack.valkey.url, "stack", "changing") as feed,
    ):
        await client.message("welcome")
        await _knows(client, await feed.lists(option(1)))
        began, told = time.monotonic(), 0
        for number in range(2, 30):
            version = await feed.lists(*(option(n) for n in range(1, number + 1)))
            with contextlib.suppress(AssertionError):
                await client.message("catalogue", timeout=0.1)
                told += 1
        await _knows(client, version)
        assert told + 1 <= (time.monotonic() - began) / 2 + 1


async def test_changed_facts_are_told_to_those_who_watch_them(
    house: House, resident: User, client: StreamClient, feed: SecondFeed
) -> None:
    one, two = option(1), option(2)
    await _knows(client, await feed.lists(one, two))
    await client.ask("subscribe", "subscribed", source="mine", symbols=[one.symbol])
    await feed.lists(option(1, multiplier=10), option(2, multiplier=10))
    changed = await client.message("changed")
    assert list(changed["instruments"]) == [str(one.id)]
    assert changed["instruments"][str(one.id)]["multiplier"] == 10
    async with stream_client(house, resident) as other:
        await other.ask("subscribe", "subscribed", source="mine", symbols=[two.symbol])
        await feed.lists(option(1, multiplier=5), option(2, multiplier=10))
        await client.message("changed")
        await other.message("catalogue")
        await other.ask("ping", "pong")
        assert not [message for message in other.messages if message["op"] == "changed"]


async def test_a_retired_instrument_leaves_its_sources(client: StreamClient, feed: SecondFeed) -> None:
    one, two = option(1), option(2)
    await _knows(client, await feed.lists(one, two))
    await client.ask("subscribe", "subscribed", source="mine", symbols=[one.symbol, two.symbol])
    await feed.lists(two)
    told = await client.message("subscribed")
    assert (told["cause"], told["total"], told["id"], told["added"]) == ("retired", 1, None, {})
    assert told["removed"] == [{"id": one.id, "symbol": None, "code": "retired"}]
    seen = client.rows.get(one.id)
    await feed.quotes([one, two], bid=9.5)
    await client.until(lambda: client.rows.get(two.id))
    assert client.rows.get(one.id) == seen


async def test_what_streams_no_more_leaves_too_and_is_refused(client: StreamClient, feed: SecondFeed) -> None:
    one = option(1)
    await _knows(client, await feed.lists(one))
    await client.ask("subscribe", "subscribed", source="mine", symbols=[one.symbol])
    await feed.lists(option(1, streaming=False))
    told = await client.message("subscribed")
    assert (told["cause"], told["total"]) == ("retired", 0)
    answer = await client.ask("subscribe", "subscribed", source="mine", symbols=[one.symbol])
    assert [(no["symbol"], no["code"]) for no in answer["refused"]] == [(one.symbol, "not_streaming")]


async def test_a_chain_is_one_expiry_by_strike_and_grows_as_it_is_listed(
    client: StreamClient, feed: SecondFeed
) -> None:
    chain = {"underlying": "SPX", "expiry": "2026-01-16"}
    three, one, other = option(3), option(1), option(2, day="2026-02-20")
    await _knows(client, await feed.lists(UNDERLYING, three, one, other))
    answer = await client.ask("subscribe", "subscribed", source="c", chain=chain)
    assert [facts["id"] for facts in answer["added"].values()] == [one.id, three.id]
    five = option(5)
    await feed.lists(UNDERLYING, three, one, other, five)
    told = await client.message("subscribed")
    assert (told["cause"], [facts["id"] for facts in told["added"].values()]) == ("listed", [five.id])
    assert told["total"] == 3
    # The answer's own snapshot was of two.
    await client.until(lambda: any(five.id in m["empty"] for m in client.messages if m["op"] == "snapshot"))


async def test_an_expiry_of_several_roots_needs_one_named(client: StreamClient, feed: SecondFeed) -> None:
    monthly, weekly = option(1), option(2, root="SPXW")
    await _knows(client, await feed.lists(UNDERLYING, monthly, weekly))
    asked = {"underlying": "SPX", "expiry": "2026-01-16"}
    refused = await client.ask("subscribe", "error", source="c", chain=asked)
    assert (refused["code"], refused["field"]) == ("ambiguous_symbol", "chain.expiry")
    assert "2026-01-16.SPXW" in refused["message"]
    answer = await client.ask("subscribe", "subscribed", source="c", chain={**asked, "expiry": "2026-01-16.SPXW"})
    assert [facts["id"] for facts in answer["added"].values()] == [weekly.id]


async def test_a_chain_that_is_not_there_is_refused_by_field(client: StreamClient, feed: SecondFeed) -> None:
    await _knows(client, await feed.lists(UNDERLYING, option(1)))
    for underlying, expiry, code, field in (
        ("NOSUCH", "2026-01-16", "unknown_symbol", "chain.underlying"),
        ("SPX", "2026-01-17", "unknown_symbol", "chain.expiry"),
        ("SPX", "2026-01-16.RUT", "unknown_symbol", "chain.expiry"),
        ("SPX", "tomorrow and then", "unknown_symbol", "chain.expiry"),
        ("SPX", "soon", "bad_message", "chain.expiry"),
    ):
        chain = {"underlying": underlying, "expiry": expiry}
        refused = await client.ask("subscribe", "error", source="c", chain=chain)
        assert (refused["code"], refused["field"]) == (code, field)


async def test_a_symbol_on_two_feeds_needs_its_feed(client: StreamClient, feed: SecondFeed) -> None:
    async with second_feed(settings.REDIS_URL, settings.INSTALLATION, "third") as third:
        one = option(1)
        twin = option(99, symbol=one.symbol, feed="third")
        await feed.lists(one)
        await _knows(client, await third.lists(twin))
        answer = await client.ask("subscribe", "subscribed", source="a", symbols=[one.symbol, f"third.{one.symbol}"])
        (refused,) = answer["refused"]
        assert (refused["symbol"], refused["code"]) == (one.symbol, "ambiguous_symbol")
        assert f"second.{one.symbol}" in refused["message"]
        assert f"third.{one.symbol}" in refused["message"]
        assert {name: facts["id"] for name, facts in answer["added"].items()} == {f"third.{one.symbol}": twin.id}
        answer = await client.ask("subscribe", "subscribed", source="a", symbols=[f"second.{one.symbol}"])
        assert answer["added"][f"second.{one.symbol}"]["id"] == one.id
        await third.quotes([twin], bid=1.25)
        await feed.quotes([one], bid=2.25)
        await client.until(lambda: set(client.rows) == {one.id, twin.id})
        assert (client.rows[one.id][4], client.rows[twin.id][4]) == (2.25, 1.25)
        # Only one of the two streams: the bare symbol means that one.
        await _knows(client, await third.lists(option(99, symbol=one.symbol, feed="third", streaming=False)))
        await client.message("subscribed", cause="retired")
        answer = await client.ask("subscribe", "subscribed", source="b", symbols=[one.symbol])
        assert answer["added"][one.symbol]["id"] == one.id
