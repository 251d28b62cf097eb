"""Channels of the layer: what is sent to one arrives there, once, in order, and no more than it holds."""

import asyncio
import inspect
import random
import re

import pytest
from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull
from channels.layers import BaseChannelLayer
from redis import Redis

from marketdata.bus.channel_layer import StreamChannelLayer

from .layers import loop_layer, make_layer, take
from .waiting import within

SPECIFICATION = ("new_channel", "send", "receive", "group_add", "group_discard", "group_send", "flush")


async def test_what_is_sent_is_received(layer: StreamChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "test.message", "text": "Grüße"})
    assert await take(layer, channel) == {"type": "test.message", "text": "Grüße"}


async def test_messages_keep_their_order(layer: StreamChannelLayer) -> None:
    channel = await layer.new_channel()
    for number in range(50):
        await layer.send(channel, {"type": "count", "number": number})
    assert [(await take(layer, channel))["number"] for _ in range(50)] == list(range(50))


async def test_sends_that_overlap_all_arrive_once(layer: StreamChannelLayer) -> None:
    channel = await layer.new_channel()
    await asyncio.gather(*(layer.send(channel, {"type": "count", "number": number}) for number in range(80)))
    assert sorted([(await take(layer, channel))["number"] for _ in range(80)]) == list(range(80))


async def test_a_receiver_that_waits_gets_what_is_sent_later(layer: StreamChannelLayer) -> None:
    channel = await layer.new_channel()
    waiting = asyncio.create_task(take(layer, channel))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await layer.send(channel, {"type": "late"})
    assert await waiting == {"type": "late"}


async def test_of_two_receivers_on_a_channel_each_message_reaches_one(layer: StreamChannelLayer) -> None:
    channel = await layer.new_channel()
    receivers = [asyncio.create_task(take(layer, channel)) for _ in range(2)]
    await asyncio.sleep(0.02)
    await layer.send(channel, {"type": "first"})
    await layer.send(channel, {"type": "second"})
    assert sorted([(await receiver)["type"] for receiver in receivers]) == ["first", "second"]


async def test_channels_of_a_process_do_not_get_each_others_messages(layer: StreamChannelLayer) -> None:
    one, two = await layer.new_channel(), await layer.new_channel()
    await layer.send(one, {"type": "for.one"})
    await layer.send(two, {"type": "for.two"})
    assert await take(layer, two) == {"type": "for.two"}
    assert await take(layer, one) == {"type": "for.one"}


async def test_another_process_reaches_a_channel_by_its_name(
    layer: StreamChannelLayer, other_layer: StreamChannelLayer
) -> None:
    channel = await layer.new_channel()
    await other_layer.send(channel, {"type": "from.afar"})
    assert await take(layer, channel) == {"type": "from.afar"}


async def test_a_general_channel_is_received_without_being_made(
    layer: StreamChannelLayer, other_layer: StreamChannelLayer
) -> None:
    receiving = asyncio.create_task(take(layer, "work-queue"))
    await within(10, lambda: loop_layer(layer).subscriber.is_connected)
    await other_layer.send("work-queue", {"type": "work"})
    assert await receiving == {"type": "work"}


async def test_a_message_to_nobody_costs_nothing(layer: StreamChannelLayer) -> None:
    await layer.send("nobody-reads-this", {"type": "lost"})
    assert loop_layer(layer).mailboxes == {}


async def test_a_message_of_a_megabyte_passes(layer: StreamChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "large", "text": "x" * 1_048_576})
    assert len((await take(layer, channel))["text"]) == 1_048_576


# ── Names ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["with space", "grüße", "", "a!b!c", "x" * 100, "tick/er", 7, None, b"bytes"])
async def test_a_bad_channel_name_is_refused(layer: StreamChannelLayer, name: object) -> None:
    with pytest.raises(TypeError, match="Channel name must be"):
        await layer.send(name, {"type": "x"})
    with pytest.raises(TypeError, match="Channel name must be"):
        await layer.receive(name)
    assert loop_layer(layer).mailboxes == {}


async def test_the_longest_legal_name_works(layer: StreamChannelLayer) -> None:
    name = "n" * (BaseChannelLayer.MAX_NAME_LENGTH - 1)
    receiving = asyncio.create_task(take(layer, name))
    await within(10, lambda: loop_layer(layer).subscriber.is_connected)
    await layer.send(name, {"type": "x"})
    assert await receiving == {"type": "x"}


async def test_a_prefix_that_makes_no_name_is_refused(layer: StreamChannelLayer) -> None:
    with pytest.raises(TypeError, match="Channel name must be"):
        await layer.new_channel("bad prefix ")
    assert loop_layer(layer).mailboxes == {}


async def test_a_new_name_has_its_prefix_and_belongs_to_its_process(
    layer: StreamChannelLayer, other_layer: StreamChannelLayer
) -> None:
    mine, also_mine, theirs = [await each.new_channel("ws.") for each in (layer, layer, other_layer)]
    assert mine.startswith("ws.")
    assert re.fullmatch(r"[\w.-]+![\w.-]+", mine)
    assert mine.partition("!")[0] == also_mine.partition("!")[0] != theirs.partition("!")[0]


async def test_a_seeded_random_module_does_not_repeat_names(layer: StreamChannelLayer) -> None:
    names = set()
    for _ in range(3):
        random.seed(1)
        names.add(await layer.new_channel())
    assert len(names) == 3


# ── Capacity ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_send_to_a_full_channel_of_this_process_raises(redis_client: Redis) -> None:
    layer = make_layer(capacity=3)
    channel = await layer.new_channel()
    for number in range(3):
        await layer.send(channel, {"type": "count", "number": number})
    await within(10, lambda: loop_layer(layer).mailboxes[channel].is_full)
    with pytest.raises(ChannelFull):
        await layer.send(channel, {"type": "count", "number": 3})
    assert (await take(layer, channel))["number"] == 0
    await layer.send(channel, {"type": "count", "number": 4})
    assert [(await take(layer, channel))["number"] for _ in range(3)] == [1, 2, 4]
    await layer.flush()


async def test_a_full_channel_drops_the_newest_and_counts_it(
    other_layer: StreamChannelLayer, caplog: pytest.LogCaptureFixture
) -> None:
    layer = make_layer(capacity=2)
    channel = await layer.new_channel()
    mailbox = loop_layer(layer).mailboxes[channel]
    for number in range(5):
        await other_layer.send(channel, {"type": "count", "number": number})
    await within(10, lambda: mailbox.dropped == 3)
    assert [(await take(layer, channel))["number"] for _ in range(2)] == [0, 1]
    assert [record.message for record in caplog.records if "capacity" in record.message] == [
        "a channel is over its capacity of 2 messages; new ones are dropped"
    ]
    await layer.flush()


async def test_a_group_send_over_capacity_is_dropped_in_silence(redis_client: Redis) -> None:
    layer = make_layer(capacity=1)
    full, roomy = await layer.new_channel(), await layer.new_channel()
    for channel in (full, roomy):
        await layer.group_add("all", channel)
    await layer.group_send("all", {"type": "first"})
    assert await take(layer, roomy) == {"type": "first"}
    await layer.group_send("all", {"type": "second"})
    assert await take(layer, roomy) == {"type": "second"}
    assert loop_layer(layer).mailboxes[full].dropped == 1
    assert await take(layer, full) == {"type": "first"}
    await layer.flush()


async def test_capacity_goes_by_name_patterns_and_the_first_that_matches_wins(redis_client: Redis) -> None:
    layer = make_layer(capacity=9, channel_capacity={"ws.*": 1, re.compile(r"w.*"): 2, "*": 3})
    mailboxes = loop_layer(layer).mailboxes
    for prefix, capacity in (("ws.", 1), ("wx.", 2), ("other.", 3)):
        assert mailboxes[await layer.new_channel(prefix)].capacity == capacity
    await layer.flush()


async def test_a_layer_holds_a_hundred_messages_a_channel_unless_told_otherwise(layer: StreamChannelLayer) -> None:
    assert loop_layer(layer).mailboxes[await layer.new_channel()].capacity == 100


# ── The end of a channel ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_cancelled_receive_closes_its_channel_and_leaves_its_groups(
    layer: StreamChannelLayer, redis_client: Redis
) -> None:
    channel = await layer.new_channel()
    await layer.group_add("one", channel)
    await layer.group_add("two", channel)
    with pytest.raises(TimeoutError):
        await take(layer, channel, seconds=0.05)
    inside = loop_layer(layer)
    assert (inside.mailboxes, inside.groups, inside.subscriber.subscribed) == ({}, {}, frozenset())
    await within(10, lambda: redis_client.pubsub_channels() == [])


async def test_closing_a_channel_leaves_the_others_alone(layer: StreamChannelLayer) -> None:
    closed, kept = await layer.new_channel(), await layer.new_channel()
    for channel in (closed, kept):
        await layer.group_add("both", channel)
    layer.close_channel(closed)
    await layer.group_send("both", {"type": "after"})
    assert await take(layer, kept) == {"type": "after"}
    assert list(loop_layer(layer).mailboxes) == [kept]


async def test_closing_twice_or_what_never_was_does_nothing(layer: StreamChannelLayer) -> None:
    channel = await layer.new_channel()
    layer.close_channel(channel)
    layer.close_channel(channel)
    layer.close_channel("never.was!one")
    assert loop_layer(layer).mailboxes == {}


async def test_a_new_channel_whose_making_is_cancelled_leaves_nothing(redis_client: Redis) -> None:
    layer = make_layer(url="unix:///tmp/strikewire-no-such-server.sock")
    making = asyncio.create_task(layer.new_channel())
    await asyncio.sleep(0.05)
    making.cancel()
    await asyncio.gather(making, return_exceptions=True)
    inside = loop_layer(layer)
    assert (inside.mailboxes, inside.subscriber.subscribed) == ({}, frozenset())
    await layer.flush()


async def test_a_message_for_a_closed_channel_is_dropped(
    layer: StreamChannelLayer, other_layer: StreamChannelLayer
) -> None:
    closed, kept = await layer.new_channel(), await layer.new_channel()
    layer.close_channel(closed)
    await other_layer.send(closed, {"type": "too.late"})
    await other_layer.send(kept, {"type": "in.time"})
    assert await take(layer, kept) == {"type": "in.time"}
    assert list(loop_layer(layer).mailboxes) == [kept]


async def test_many_channels_of_a_process_cost_one_subscription(layer: StreamChannelLayer, redis_client: Redis) -> None:
    channels = await asyncio.gather(*(layer.new_channel() for _ in range(300)))
    assert len(set(channels)) == 300
    assert len(redis_client.pubsub_channels()) == 1
    await layer.send(channels[299], {"type": "x"})
    assert await take(layer, channels[299]) == {"type": "x"}
    for channel in channels:
        layer.close_channel(channel)
    await within(10, lambda: redis_client.pubsub_channels() == [])


async def test_a_post_reaches_a_channel_of_this_process_without_redis(
    layer: StreamChannelLayer, redis_client: Redis
) -> None:
    channel = await layer.new_channel()
    published = _published(redis_client)
    layer.post(channel, {"type": "from.here"})
    layer.post("ws.gone!1", {"type": "to.nobody"})
    assert await take(layer, channel) == {"type": "from.here"}
    assert _published(redis_client) == published


def _published(redis_client: Redis) -> int:
    return int(redis_client.info("commandstats").get("cmdstat_publish", {"calls": 0})["calls"])


# ── Flush ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_flush_makes_the_layer_new(layer: StreamChannelLayer, redis_client: Redis) -> None:
    channel = await layer.new_channel()
    await layer.group_add("group", channel)
    await layer.send(channel, {"type": "forgotten"})
    await layer.flush()
    inside = loop_layer(layer)
    assert (inside.mailboxes, inside.groups, inside.listeners, inside.subscriber.subscribed) == (
        {},
        {},
        {},
        frozenset(),
    )
    await within(10, lambda: redis_client.pubsub_channels() == [])
    again = await layer.new_channel()
    await layer.group_add("group", again)
    await layer.group_send("group", {"type": "new.life"})
    assert await take(layer, again) == {"type": "new.life"}


async def test_flush_closes_every_connection(layer: StreamChannelLayer, redis_client: Redis) -> None:
    await layer.send(await layer.new_channel(), {"type": "x"})
    assert _connections(redis_client) == 2
    await layer.flush()
    await within(10, lambda: _connections(redis_client) == 0)


def _connections(redis_client: Redis) -> int:
    return sum("-web-" in client["name"] for client in redis_client.client_list())


# ── Loops ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_sync_code_without_a_loop_sends_and_leaves_nothing_behind(redis_client: Redis) -> None:
    layer = make_layer()
    for _ in range(3):
        async_to_sync(layer.send)("somewhere", {"type": "x"})
    assert layer._layers == {}
    assert _connections(redis_client) == 0


def test_sync_code_sends_to_a_channel_of_another_loop(redis_client: Redis) -> None:
    layer = make_layer()
    with asyncio.Runner() as runner:
        channel = runner.run(layer.new_channel())
        send = async_to_sync(layer.send)
        for number in range(3):
            send(channel, {"type": "count", "number": number})
        assert [runner.run(take(layer, channel))["number"] for _ in range(3)] == [0, 1, 2]
    assert layer._layers == {}
    assert _connections(redis_client) == 0


def test_each_loop_has_a_layer_of_its_own_and_they_reach_each_other(redis_client: Redis) -> None:
    layer = make_layer()
    with asyncio.Runner() as one, asyncio.Runner() as two:
        in_one, in_two = one.run(layer.new_channel()), two.run(layer.new_channel())
        assert len(layer._layers) == 2
        one.run(layer.group_add("both", in_one))
        two.run(layer.group_add("both", in_two))
        one.run(layer.group_send("both", {"type": "x"}))
        assert one.run(take(layer, in_one)) == two.run(take(layer, in_two)) == {"type": "x"}
    assert layer._layers == {}


def test_a_loop_that_ends_while_redis_is_away_ends_clean() -> None:
    layer = make_layer(url="unix:///tmp/strikewire-no-such-server.sock")

    async def connect() -> None:
        opening = asyncio.create_task(layer.new_channel())
        await asyncio.sleep(0.05)
        opening.cancel()

    asyncio.run(connect())
    assert layer._layers == {}


async def test_the_methods_of_the_specification_are_coroutine_functions(layer: StreamChannelLayer) -> None:
    assert all(inspect.iscoroutinefunction(getattr(layer, name)) for name in SPECIFICATION)
    assert {"groups", "flush"} <= set(layer.extensions)
