"""Groups of the layer: who is in one gets what is sent to it, from whichever process."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from channels.layers import BaseChannelLayer
from django.conf import settings
from redis import Redis

from marketdata.bus.channel_layer import StreamChannelLayer

from .layers import is_silent, loop_layer, take
from .waiting import within

GROUP_PREFIX = f"{settings.INSTALLATION}__group__"


async def test_a_group_send_reaches_its_members_and_nobody_else(layer: StreamChannelLayer) -> None:
    inside, also_inside, outside = [await layer.new_channel() for _ in range(3)]
    await layer.group_add("group", inside)
    await layer.group_add("group", also_inside)
    await layer.group_send("group", {"type": "hello"})
    assert await take(layer, inside) == {"type": "hello"}
    assert await take(layer, also_inside) == {"type": "hello"}
    assert await is_silent(layer, outside)


async def test_who_was_discarded_gets_nothing_more(layer: StreamChannelLayer) -> None:
    stays, goes = await layer.new_channel(), await layer.new_channel()
    for channel in (stays, goes):
        await layer.group_add("group", channel)
    await layer.group_discard("group", goes)
    await layer.group_send("group", {"type": "hello"})
    assert await take(layer, stays) == {"type": "hello"}
    assert await is_silent(layer, goes)


async def test_a_discard_before_any_add_does_nothing(layer: StreamChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.group_discard("group", channel)
    await layer.group_discard("group", "never.was!here")
    await layer.group_add("group", channel)
    await layer.group_send("group", {"type": "hello"})
    assert await take(layer, channel) == {"type": "hello"}


async def test_a_discard_of_a_stranger_does_not_put_the_members_out(layer: StreamChannelLayer) -> None:
    member, stranger = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("group", member)
    await layer.group_discard("group", stranger)
    await layer.group_send("group", {"type": "hello"})
    assert await take(layer, member) == {"type": "hello"}


async def test_adding_twice_delivers_once_and_one_discard_ends_it(layer: StreamChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.group_add("group", channel)
    await layer.group_add("group", channel)
    await layer.group_send("group", {"type": "hello"})
    assert await take(layer, channel) == {"type": "hello"}
    assert await is_silent(layer, channel)
    await layer.group_discard("group", channel)
    await layer.group_send("group", {"type": "too.late"})
    assert await is_silent(layer, channel)


async def test_a_channel_in_two_groups_gets_both_in_order(layer: StreamChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.group_add("one", channel)
    await layer.group_add("two", channel)
    for number in range(10):
        await layer.group_send("one" if number % 2 else "two", {"type": "count", "number": number})
    assert [(await take(layer, channel))["number"] for _ in range(10)] == list(range(10))


async def test_groups_whose_names_begin_alike_are_apart(layer: StreamChannelLayer) -> None:
    short, long = await layer.new_channel("ws.same"), await layer.new_channel("ws.same")
    await layer.group_add("user.1", short)
    await layer.group_add("user.11", long)
    await layer.group_send("user.1", {"type": "hello"})
    assert await take(layer, short) == {"type": "hello"}
    assert await is_silent(layer, long)


async def test_a_send_to_a_group_with_nobody_does_nothing(layer: StreamChannelLayer, redis_client: Redis) -> None:
    await layer.group_send("nobody", {"type": "hello"})
    assert redis_client.pubsub_channels() == []


@pytest.mark.parametrize("name", ["with space", "grüße", "", "a!b", "x" * 100, "tick/er", 7, None])
async def test_a_bad_group_name_is_refused(layer: StreamChannelLayer, name: object) -> None:
    channel = await layer.new_channel()
    for call in (layer.group_add(name, channel), layer.group_discard(name, channel), layer.group_send(name, {})):
        with pytest.raises(TypeError, match="Group name must be"):
            await call
    assert loop_layer(layer).groups == {}


async def test_the_longest_legal_group_name_works(layer: StreamChannelLayer) -> None:
    channel, name = await layer.new_channel(), "g" * (BaseChannelLayer.MAX_NAME_LENGTH - 1)
    await layer.group_add(name, channel)
    await layer.group_send(name, {"type": "hello"})
    assert await take(layer, channel) == {"type": "hello"}


async def test_a_channel_of_another_process_cannot_be_added(
    layer: StreamChannelLayer, other_layer: StreamChannelLayer
) -> None:
    theirs = await other_layer.new_channel()
    with pytest.raises(RuntimeError, match="takes a channel of this process"):
        await layer.group_add("group", theirs)
    assert loop_layer(layer).groups == {}


async def test_two_processes_see_each_others_group_sends(
    layer: StreamChannelLayer, other_layer: StreamChannelLayer
) -> None:
    mine, theirs = await layer.new_channel(), await other_layer.new_channel()
    await layer.group_add("group", mine)
    await other_layer.group_add("group", theirs)
    for sender in (layer, other_layer):
        await sender.group_send("group", {"type": "hello"})
        assert await take(layer, mine) == await take(other_layer, theirs) == {"type": "hello"}


async def test_many_members_of_a_process_cost_one_subscription(
    layer: StreamChannelLayer, other_layer: StreamChannelLayer, redis_client: Redis
) -> None:
    channels = [await layer.new_channel() for _ in range(50)]
    for channel in channels:
        await layer.group_add("group", channel)
    assert redis_client.pubsub_numsub(f"{GROUP_PREFIX}group") == [(f"{GROUP_PREFIX}group".encode(), 1)]
    await other_layer.group_send("group", {"type": "hello"})
    assert all([await take(layer, channel) == {"type": "hello"} for channel in channels])


async def test_the_last_to_leave_ends_the_subscription(layer: StreamChannelLayer, redis_client: Redis) -> None:
    one, two = await layer.new_channel(), await layer.new_channel()
    for channel in (one, two):
        await layer.group_add("group", channel)

    def subscribers() -> int:
        return int(redis_client.pubsub_numsub(f"{GROUP_PREFIX}group")[0][1])

    await layer.group_discard("group", one)
    assert subscribers() == 1
    await layer.group_discard("group", two)
    await within(10, lambda: subscribers() == 0)
    assert loop_layer(layer).groups == {}


async def test_an_add_returns_only_when_what_is_sent_next_arrives(
    layer: StreamChannelLayer, other_layer: StreamChannelLayer
) -> None:
    await other_layer.send("nobody", {"type": "open.the.connection"})
    channel = await layer.new_channel()
    for number in range(100):
        await layer.group_add(f"group-{number}", channel)
        await other_layer.group_send(f"group-{number}", {"type": "count", "number": number})
        assert (await take(layer, channel))["number"] == number


async def test_adds_of_one_group_at_the_same_time_all_wait_for_it(
    layer: StreamChannelLayer, other_layer: StreamChannelLayer
) -> None:
    await other_layer.send("nobody", {"type": "open.the.connection"})
    channels = [await layer.new_channel() for _ in range(3)]

    async def add_and_send(group: str, channel: str) -> None:
        await layer.group_add(group, channel)
        await other_layer.group_send(group, {"type": "from", "channel": channel})

    for number in range(30):
        await asyncio.gather(*(add_and_send(f"group-{number}", channel) for channel in channels))
        # Each was a member when it sent, so each hears at least itself.
        for channel in channels:
            async with asyncio.timeout(10):
                while (await layer.receive(channel)).get("channel") != channel:
                    pass
        assert all([await _drained(layer, channel) for channel in channels])


async def _drained(layer: StreamChannelLayer, channel: str) -> bool:
    await layer.send(channel, {"type": "last"})
    while await take(layer, channel) != {"type": "last"}:
        pass
    return True


async def test_re_adding_at_once_after_a_discard_keeps_the_membership(layer: StreamChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.group_add("group", channel)
    for number in range(20):
        layer.leave_group("group", channel)
        await layer.group_add("group", channel)
        await layer.group_send("group", {"type": "count", "number": number})
        assert (await take(layer, channel))["number"] == number


async def test_a_listener_hears_its_redis_channel_alone(layer: StreamChannelLayer, redis_client: Redis) -> None:
    heard: list[bytes] = []
    await layer.listen(f"{settings.INSTALLATION}:news", heard.append)
    redis_client.publish(f"{settings.INSTALLATION}:other", b"no")
    redis_client.publish(f"{settings.INSTALLATION}:news", b"yes")
    await within(10, lambda: heard)
    assert heard == [b"yes"]


async def test_a_listener_that_fails_costs_its_own_message_only(
    layer: StreamChannelLayer, redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[bytes] = []

    def fail_on_garbage(payload: bytes) -> None:
        if payload == b"garbage":
            raise ValueError("cannot be read")
        heard.append(payload)

    name = f"{settings.INSTALLATION}:news"
    await layer.listen(name, fail_on_garbage)
    for payload in (b"garbage", b"good"):
        redis_client.publish(name, payload)
    await within(10, lambda: heard)
    assert heard == [b"good"]
    assert loop_layer(layer).subscriber.breaks == 0
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@pytest.mark.parametrize(
    "publish",
    [
        lambda redis_client, channel: redis_client.publish(channel, b""),
        lambda redis_client, channel: redis_client.publish(channel, b"\xff\xff"),
        lambda redis_client, channel: redis_client.publish(channel, b"\x05ab"),
    ],
)
async def test_garbage_on_the_process_channel_is_passed_over(
    layer: StreamChannelLayer, redis_client: Redis, publish: Callable[[Redis, str], Any]
) -> None:
    channel = await layer.new_channel()
    (process_channel,) = loop_layer(layer).subscriber.subscribed
    publish(redis_client, process_channel)
    await layer.send(channel, {"type": "hello"})
    assert await take(layer, channel) == {"type": "hello"}
    assert loop_layer(layer).subscriber.breaks == 0
