"""First requests that come at once on uvicorn: a few in a turn of the loop, every one of them answered."""

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from marketdata.stream.turnstile import MOST
from project.web_http import Http

AT_ONCE = 60
ASKS = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"


class Site:
    """`turns` counts the requests that began in each turn of the loop."""

    def __init__(self, listener: socket.socket) -> None:
        self.address = listener.getsockname()
        self.turns: Counter[int] = Counter()
        self.paths: list[str] = []
        self._turn = 0
        self.counts = True

    def count(self) -> None:
        self._turn += 1
        if self.counts:
            asyncio.get_running_loop().call_soon(self.count)

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        self.turns[self._turn] += 1
        self.paths.append(scope["path"])
        length = (b"content-length", str(len(scope["path"])).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    def asks(self, number: int) -> socket.socket:
        """A client that has connected and asked before the loop could look."""
        client = socket.create_connection(self.address)
        client.sendall(ASKS % number)
        client.setblocking(False)
        return client


async def answer(client: socket.socket) -> bytes:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 4096), 10)


@contextlib.asynccontextmanager
async def served(protocol: type[asyncio.Protocol]) -> AsyncIterator[Site]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=2 * AT_ONCE)
    site = Site(listener)
    server = uvicorn.Server(
        uvicorn.Config(site.application, http=protocol, interface="asgi3", lifespan="off", log_config=None)
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.01)
        yield site
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 5)
        listener.close()


async def ask_at_once(site: Site) -> list[bytes]:
    site.count()
    clients = [site.asks(number) for number in range(AT_ONCE)]
    try:
        return [await answer(client) for client in clients]
    finally:
        site.counts = False
        for client in clients:
            client.close()


async def test_a_few_are_read_in_a_turn_and_all_are_answered() -> None:
    async with served(Http) as site:
        for number, answered in enumerate(await ask_at_once(site)):
            assert answered.endswith(b"\r\n\r\n/%d" % number)
        assert max(site.turns.values()) <= MOST
        assert sum(site.turns.values()) == AT_ONCE


async def test_without_the_turnstile_they_are_read_together() -> None:
    async with served(HttpToolsProtocol) as site:
        await ask_at_once(site)
        assert max(site.turns.values()) > MOST


async def test_who_leaves_while_it_waits_is_not_read_and_holds_nobody_up() -> None:
    async with served(Http) as site:
        clients = [site.asks(number) for number in range(AT_ONCE)]
        gone = clients[MOST + 1 :: 2]
        for client in gone:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # with a reset
            client.close()
        for client in clients:
            if client not in gone:
                assert b" 200 OK" in await answer(client)
                client.close()
        assert len(site.paths) >= AT_ONCE - len(gone)


async def test_a_connection_is_let_in_once_and_then_asks_as_it_likes() -> None:
    async with served(Http) as site:
        clients = [site.asks(number) for number in range(AT_ONCE)]
        last = clients[-1]
        for number in range(1_000, 1_003):
            last.sendall(ASKS % number)
        answered = b""
        while not answered.endswith(b"/1002"):
            answered += await answer(last)
        assert [path for path in site.paths if path in ("/59", "/1000", "/1001", "/1002")] == [
            "/59",
            "/1000",
            "/1001",
            "/1002",
        ]
        for client in clients:
            client.close()


@pytest.mark.parametrize("nonsense", [b"\r\n\r\nno http\r\n\r\n", b"GET /\r\n" * 5])
async def test_nonsense_that_had_to_wait_is_refused_as_ever(nonsense: bytes) -> None:
    async with served(Http) as site:
        clients = [site.asks(number) for number in range(AT_ONCE)]
        odd = socket.create_connection(site.address)
        odd.sendall(nonsense)
        odd.setblocking(False)
        assert b" 400 " in await answer(odd)
        for client in (*clients, odd):
            client.close()
