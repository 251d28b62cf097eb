"""A web process that is told to stop sends everybody away with a moment to come back at, and is gone soon."""

import asyncio
import contextlib
import time

import pytest

from tests.deadlines import FACTOR
from tests.path.client import stream_client
from tests.path.stack import Server

from .conftest import MOVING, Floor


@pytest.mark.parametrize("server", ["uvicorn", "daphne"])
async def test_a_stopping_server_says_when_to_come_back(floor: Floor, server: Server) -> None:
    web = await asyncio.to_thread(floor.stack.start_web, server)
    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for number in range(12):
            user = floor.owner if number % 2 else floor.stranger
            client = await stack.enter_async_context(stream_client(web, user, program=bool(number % 3)))
            await client.ask("subscribe", "subscribed", source="mine", symbols=floor.symbols(MOVING))
            clients.append(client)
        began = time.monotonic()
        web.process.popen.terminate()
        waits = set()
        for client in clients:
            closing = await client.message("closing", timeout=5)
            assert (closing["code"], await client.close_code(5 * FACTOR)) == (1012, 1012)
            waits.add(closing["reconnect_ms"])
        assert len(waits) > 6  # each a moment of its own
        assert min(waits) >= 200
        assert max(waits) <= 5_000
        await asyncio.to_thread(web.process.popen.wait, 5 * FACTOR)
        assert time.monotonic() - began < 5 * FACTOR
    assert "Traceback" not in web.process.log.read_text()


async def test_a_client_that_does_not_read_holds_up_no_stop(floor: Floor) -> None:
    web = await asyncio.to_thread(floor.stack.start_web, "uvicorn")
    async with stream_client(web, floor.owner) as client:
        await client.ask("subscribe", "subscribed", source="mine", symbols=floor.symbols(MOVING))
        client.socket.transport.pause_reading()
        began = time.monotonic()
        web.process.popen.terminate()
        await asyncio.to_thread(web.process.popen.wait, 8 * FACTOR)
        assert time.monotonic() - began < 5 * FACTOR
        client.socket.transport.abort()
