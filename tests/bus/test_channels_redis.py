"""What we take from channels_redis, some of it under names that it calls private: when a new version moves one of these,
this file says so before a user does.
"""

import asyncio
import inspect
from typing import Any

import pytest
from channels_redis import pubsub, utils
from channels_redis.serializers import registry
from cryptography.fernet import InvalidToken
from django.conf import settings
from redis import Redis

from marketdata.bus.channel_layer import LoopLayer, StreamChannelLayer

from .layers import loop_layer, make_layer, take

MESSAGE = {"a": True, "b": None, "c": {"d": [1, 2.5, "ü", b"\x00"]}}


def test_ours_is_a_layer_of_theirs() -> None:
    assert issubclass(StreamChannelLayer, pubsub.RedisPubSubChannelLayer)


def test_their_layer_keeps_its_arguments_and_its_layers_where_ours_looks() -> None:
    layer = make_layer(capacity=7)
    assert layer._args == ()
    assert layer._kwargs == {"hosts": [settings.REDIS_URL], "prefix": settings.INSTALLATION, "capacity": 7}
    assert layer._layers == {}


def test_their_proxy_asks_our_get_layer() -> None:
    assert "_get_layer" in vars(pubsub.RedisPubSubChannelLayer)
    assert "_get_layer()" in inspect.getsource(pubsub._async_proxy)


async def test_one_loop_has_one_layer_which_knows_its_front() -> None:
    layer = make_layer()
    inside = loop_layer(layer)
    assert isinstance(inside, LoopLayer)
    assert inside is layer._get_layer()
    assert layer._layers == {asyncio.get_running_loop(): inside}
    assert inside.channel_layer is layer


def test_their_wrap_close_flushes_the_layer_of_a_loop_that_closes_and_forgets_it() -> None:
    class Layer:
        flushed = 0

        async def flush(self) -> None:
            self.flushed += 1

    class Front:
        def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
            self.layer = Layer()
            self._layers = {loop: self.layer}

    loop = asyncio.new_event_loop()
    front = Front(loop)
    utils._wrap_close(front, loop)
    loop.close()
    assert loop.is_closed()
    assert (front._layers, front.layer.flushed) == ({}, 1)


def test_their_decode_hosts_makes_an_address_of_a_url() -> None:
    assert utils.decode_hosts(["redis://h:1/2"]) == [{"address": "redis://h:1/2"}]
    assert utils.decode_hosts([{"address": "unix:///s"}]) == [{"address": "unix:///s"}]
    with pytest.raises(ValueError, match="list of Redis hosts"):
        utils.decode_hosts("redis://h:1/2")


@pytest.mark.parametrize("hosts", [["redis://a", "redis://b"], [("localhost", 6379)]])
async def test_other_than_one_url_is_refused_at_start(hosts: list[object]) -> None:
    layer = StreamChannelLayer(hosts=hosts)
    with pytest.raises(ValueError, match="exactly one URL"):
        layer._get_layer()


async def test_an_unknown_setting_is_refused_at_start() -> None:
    with pytest.raises(TypeError, match="capasity"):
        make_layer(capasity=5)._get_layer()


# ── Serialisation ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("serializer_format", ["msgpack", "json"])
def test_a_message_survives_serialisation(serializer_format: str) -> None:
    layer: Any = make_layer(serializer_format=serializer_format)
    message = MESSAGE if serializer_format == "msgpack" else {"a": True, "b": None, "c": {"d": [1, 2.5, "ü"]}}
    assert layer.deserialize(layer.serialize(message)) == message


def test_messages_are_serialised_as_theirs_are() -> None:
    ours: Any = make_layer()
    theirs = pubsub.RedisPubSubChannelLayer(hosts=[settings.REDIS_URL])
    assert ours.serialize(MESSAGE) == theirs.serialize(MESSAGE) == registry.get_serializer("msgpack").serialize(MESSAGE)


async def test_an_encrypted_message_is_read_with_its_key_only(redis_client: Redis) -> None:
    layer: Any = make_layer(symmetric_encryption_keys=["a key"])
    channel = await layer.new_channel()
    await layer.group_add("group", channel)
    await layer.group_send("group", {"type": "secret"})
    assert await take(layer, channel) == {"type": "secret"}
    stranger: Any = make_layer(symmetric_encryption_keys=["another key"])
    with pytest.raises(InvalidToken):
        stranger.deserialize(layer.serialize({"type": "secret"}))
    await layer.flush()


async def test_a_message_of_their_layer_arrives_in_a_group_of_ours(
    layer: StreamChannelLayer, redis_client: Redis
) -> None:
    channel = await layer.new_channel()
    await layer.group_add("group", channel)
    theirs = pubsub.RedisPubSubChannelLayer(hosts=[settings.REDIS_URL], prefix=settings.INSTALLATION)
    await theirs.group_send("group", {"type": "from.theirs"})
    assert await take(layer, channel) == {"type": "from.theirs"}
    await theirs.flush()


async def test_a_message_of_ours_arrives_in_a_group_of_their_layer(
    layer: StreamChannelLayer, redis_client: Redis
) -> None:
    theirs = pubsub.RedisPubSubChannelLayer(hosts=[settings.REDIS_URL], prefix=settings.INSTALLATION)
    channel = await theirs.new_channel()
    await theirs.group_add("group", channel)
    await layer.group_send("group", {"type": "from.ours"})
    async with asyncio.timeout(10):
        assert await theirs.receive(channel) == {"type": "from.ours"}
    await theirs.flush()
