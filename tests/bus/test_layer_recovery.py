"""What a layer has is there again after whatever cut it from Redis."""

import asyncio
from pathlib import Path

import pytest
from redis import Redis

from marketdata.bus.channel_layer import StreamChannelLayer
from marketdata.bus.connection import RedisDownError
from tests.valkey import RunningValkey, start_valkey

from .layers import is_silent, loop_layer, make_layer, take
from .waiting import CONTRACT_S, within


async def _is_whole(layer: StreamChannelLayer, member: str, former: str, late: str) -> None:
    """Asserts that group and channel deliver again, to members alone."""
    await layer.group_send("group", {"type": "again"})
    assert await take(layer, member) == {"type": "again"}
    assert await take(layer, late) == {"type": "again"}
    assert await is_silent(layer, former)


async def test_after_a_killed_connection_groups_work_again(layer: StreamChannelLayer, redis_client: Redis) -> None:
    member, former, late = [await layer.new_channel() for _ in range(3)]
    for channel in (member, former):
        await layer.group_add("group", channel)
    redis_client.client_kill_filter(_type="pubsub")
    subscriber = loop_layer(layer).subscriber
    await within(10, lambda: subscriber.breaks == 1)
    await layer.group_discard("group", former)
    await layer.group_add("group", late)
    await within(CONTRACT_S, lambda: subscriber.is_connected)
    await _is_whole(layer, member, former, late)


async def test_after_a_restarted_server_groups_work_again(server: RunningValkey, short_path: Path) -> None:
    layer = make_layer(server.url)
    member, former, late = [await layer.new_channel() for _ in range(3)]
    for channel in (member, former):
        await layer.group_add("group", channel)
    subscriber = loop_layer(layer).subscriber
    server.kill()
    await within(10, lambda: not subscriber.is_connected)
    with pytest.raises(RedisDownError):
        await layer.group_send("group", {"type": "into.the.void"})
    await layer.group_discard("group", former)
    adding = asyncio.create_task(layer.group_add("group", late))
    again = start_valkey(short_path)
    try:
        await within(CONTRACT_S, lambda: subscriber.is_connected)
        await adding
        await _is_whole(layer, member, former, late)
    finally:
        await layer.flush()
        again.stop()


async def test_a_channel_opened_while_redis_is_away_works_when_it_is_back(
    server: RunningValkey, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = make_layer(server.url)
    await layer.new_channel()
    server.kill()
    await within(10, lambda: not loop_layer(layer).subscriber.is_connected)
    async with asyncio.timeout(4):  # bounded, and no error: a socket may connect meanwhile
        channel = await layer.new_channel("late.")
    again = start_valkey(short_path)
    try:
        await within(CONTRACT_S, lambda: loop_layer(layer).subscriber.is_connected)
        await layer.send(channel, {"type": "hello"})
        assert await take(layer, channel) == {"type": "hello"}
    finally:
        await layer.flush()
        again.stop()


async def test_a_receiver_that_waits_over_the_break_gets_what_comes_after_it(
    layer: StreamChannelLayer, redis_client: Redis
) -> None:
    channel = await layer.new_channel()
    waiting = asyncio.create_task(take(layer, channel, CONTRACT_S))
    await asyncio.sleep(0)
    redis_client.client_kill_filter(_type="pubsub")
    subscriber = loop_layer(layer).subscriber
    await within(CONTRACT_S, lambda: subscriber.breaks == 1 and subscriber.is_connected)
    await layer.send(channel, {"type": "after"})
    assert await waiting == {"type": "after"}


async def test_ten_breaks_leave_one_connection(layer: StreamChannelLayer, redis_client: Redis) -> None:
    await layer.new_channel()
    subscriber = loop_layer(layer).subscriber
    for number in range(10):
        redis_client.client_kill_filter(_type="pubsub")
        await within(CONTRACT_S, lambda number=number: subscriber.breaks == number + 1 and subscriber.is_connected)  # type: ignore[misc]
    assert sum("-web-subscriber" in client["name"] for client in redis_client.client_list()) == 1
