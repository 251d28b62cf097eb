"""What tests of the bus share: layers on the worker's server, and a server that may be killed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis import Redis

from marketdata.bus.channel_layer import StreamChannelLayer
from tests.valkey import RunningValkey, start_valkey

from .layers import make_layer


@pytest.fixture
async def layer(redis_client: Redis) -> AsyncIterator[StreamChannelLayer]:
    layer = make_layer()
    yield layer
    async with asyncio.timeout(5):
        await layer.flush()


@pytest.fixture
async def other_layer(redis_client: Redis) -> AsyncIterator[StreamChannelLayer]:
    """A second layer on the same Redis: what another process has."""
    layer = make_layer()
    yield layer
    async with asyncio.timeout(5):
        await layer.flush()


@pytest.fixture
def server(short_path: Path) -> Iterator[RunningValkey]:
    """A server of the test's own, on a Unix socket."""
    server = start_valkey(short_path)
    yield server
    server.stop()
