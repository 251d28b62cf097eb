"""Django Channels as its tutorial has it: a JSON consumer, a group for each symbol, a handler that sends what it is told,
on Daphne. The layer is channels_redis's core one, which the tutorial names, or its pub/sub one: LAYER says which.

Advice followed (channels.readthedocs.io, "Deploying" and "Channel Layers"): Daphne as the server, DEBUG off, asynchronous
consumers, no session or user where none is needed; of channels_redis's README: the pub/sub layer "is faster", and the core
layer's `capacity` is raised, so that it drops less.
"""

import sys
from typing import Any

import django
from django.conf import settings

from .stock_layer import layer_settings

if not settings.configured:
    settings.configure(
        DEBUG=False,
        SECRET_KEY="of no use to anyone",
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["channels"],
        CHANNEL_LAYERS={"default": layer_settings()},
    )
    django.setup()

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path


class Quotes(AsyncJsonWebsocketConsumer):
    symbols: tuple[str, ...] = ()

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if content["op"] == "subscribe":
            self.symbols = tuple(content["symbols"])
            for symbol in self.symbols:
                await self.channel_layer.group_add(f"option.{symbol}", self.channel_name)
            await self.send_json({"op": "snapshot", "rows": [], "more": False})  # type: ignore[no-untyped-call]

    async def quote(self, event: dict[str, Any]) -> None:
        await self.send_json({"op": "ticks", "rows": [event["row"]]})  # type: ignore[no-untyped-call]

    async def disconnect(self, code: int) -> None:
        for symbol in self.symbols:
            await self.channel_layer.group_discard(f"option.{symbol}", self.channel_name)


quotes: Any = Quotes
application = ProtocolTypeRouter({"websocket": URLRouter([path("", quotes.as_asgi())])})


if __name__ == "__main__":
    from daphne.cli import CommandLineInterface

    CommandLineInterface().run(["--verbosity", "0", "-p", sys.argv[1], "benchmarks.peers.plain_channels:application"])
