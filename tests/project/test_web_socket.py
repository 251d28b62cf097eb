"""The own door for text frames on uvicorn: what a client reads, and what one that does not read, or is gone, does to it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from marketdata.stream.sending import EXTENSION, Push
from project.web_socket import WebSocket

Deed = Callable[[Push, dict[str, Any], Any], Awaitable[None]]


@contextlib.asynccontextmanager
async def served(deed: Deed, **options: Any) -> AsyncIterator[ClientConnection]:
    """A client of a server whose application accepts and then does `deed(push, scope, send)`."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await deed(scope["extensions"][EXTENSION], scope, send)
        while (await receive())["type"] != "websocket.disconnect":
            pass

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(application, ws=WebSocket, lifespan="off", log_config=None, ws_per_message_deflate=False)
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with connect(f"ws://127.0.0.1:{listener.getsockname()[1]}/", max_size=None, **options) as client:
            yield client
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 5)
        listener.close()


async def test_frames_of_every_length_arrive_in_order_with_those_of_asgi() -> None:
    lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 70_001]
    texts = [("é" if length > 2 else "") + "x" * (length - 2 if length > 2 else length) for length in lengths]

    async def deed(push: Push, scope: dict[str, Any], send: Any) -> None:
        for text in texts:
            assert push(text.encode()) is None
            await send({"type": "websocket.send", "text": f"after {len(text)}"})

    async with asyncio.timeout(10), served(deed) as client:
        for text in texts:
            assert await client.recv() == text
            assert await client.recv() == f"after {len(text)}"


async def test_a_client_that_does_not_read_is_waited_for_and_misses_nothing() -> None:
    frames = [b"%07d" % number + b"x" * 60_000 for number in range(400)]
    waited = asyncio.Event()

    async def deed(push: Push, scope: dict[str, Any], send: Any) -> None:
        for frame in frames:
            left = push(frame)
            if left is not None:
                waited.set()
                await left

    async with asyncio.timeout(20), served(deed) as client:
        client.transport.pause_reading()
        await waited.wait()
        client.transport.resume_reading()
        assert [await client.recv(decode=False) for _ in frames] == frames


@pytest.mark.parametrize("how", ["closed by us", "closed by the client", "gone"])
async def test_a_frame_after_the_end_is_an_error_of_the_connection(how: str) -> None:
    failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    gone = asyncio.Event()

    async def deed(push: Push, scope: dict[str, Any], send: Any) -> None:
        if how == "closed by us":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await gone.wait()
        try:
            for _ in range(200):
                left = push(b"x" * 1000)
                assert left is None
                await asyncio.sleep(0.01)
        except OSError as error:
            failed.set_result(error)

    async with asyncio.timeout(10), served(deed) as client:
        if how == "closed by the client":
            await client.close()
            gone.set()
        if how == "gone":
            client.transport.abort()
            gone.set()
        assert isinstance(await failed, OSError)
