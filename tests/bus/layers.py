"""Channel layers as tests make them: on the worker's server unless told otherwise, in the run's own installation."""

import asyncio
from typing import Any

from django.conf import settings

from marketdata.bus.channel_layer import LoopLayer, StreamChannelLayer


def make_layer(url: str = "", **config: Any) -> StreamChannelLayer:
    return StreamChannelLayer(hosts=[url or settings.REDIS_URL], prefix=settings.INSTALLATION, **config)


def loop_layer(layer: StreamChannelLayer) -> LoopLayer:
    """The layer's part on the running loop, which a test may look into."""
    return layer._get_layer()


async def take(layer: StreamChannelLayer, channel: str, seconds: float = 3.0) -> Any:
    """The next message of the channel, which has to come in time."""
    async with asyncio.timeout(seconds):
        return await layer.receive(channel)


async def is_silent(layer: StreamChannelLayer, channel: str) -> bool:
    """Whether nothing waits on the channel after all that was published before has arrived: a message of our own to the
    same channel goes the same way, and so comes last. The channel stays open."""
    await layer.send(channel, {"type": "last"})
    return bool(await take(layer, channel) == {"type": "last"})
