"""Who has connected before a web process stops listening is answered, also where nothing was asked yet; and nobody connects
to where nobody listens any more.
"""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from project.listening import listen
from project.web_server import web_server
from tests.path.stack import Stack

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
ON_ITS_WAY_S = 0.05


async def page(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_who_has_connected_is_answered() -> None:
    listener = listen("127.0.0.1", 0)
    address = listener.getsockname()
    server = web_server(page)
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup([listener])
    taken = [socket.create_connection(address, 5) for _ in range(3)]
    await asyncio.sleep(ON_ITS_WAY_S)
    # The kernel connects these, and the loop has no turn in which to take them.
    waiting = [socket.create_connection(address, 5) for _ in range(20)]
    leaving = asyncio.create_task(server.shutdown([listener]))
    await asyncio.sleep(ON_ITS_WAY_S)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, 5)
    for one in taken + waiting:
        one.sendall(REQUEST)
    answers = [await asyncio.to_thread(answer, one) for one in taken + waiting]
    assert answers == [b"HTTP/1.1 204 No Content"] * 23
    async with asyncio.timeout(5):
        await leaving


def answer(one: socket.socket) -> bytes:
    with one:
        try:
            return one.recv(1000).partition(b"\r\n")[0]
        except ConnectionError as error:
            return type(error).__name__.encode()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path, user_count=1) as stack:
        yield stack


def test_nobody_connects_to_workers_that_are_drained(stack: Stack) -> None:
    web = stack.start_web(workers=2)
    workers = [int(pid) for pid in Path(f"/proc/{web.process.pid}/task/{web.process.pid}/children").read_text().split()]
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    # They hold theirs still; the parent must hold none, or it would take connections for nobody once they have closed.
    web.process.signal(signal.SIGTERM)
    deadline = time.monotonic() + 10
    while (held := listening(web.process.pid, web.port)) and time.monotonic() < deadline:
        time.sleep(0.05)
    alive = web.process.popen.poll() is None
    for pid in workers:
        os.kill(pid, signal.SIGCONT)
    assert alive
    assert held == 0
    assert web.process.popen.wait(15) == 0


def listening(pid: int, port: int) -> int:
    """How many sockets the process listens to on that port."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {cells[9] for cells in lines if cells[1].endswith(f":{port:04X}") and cells[3] == "0A"}
    targets = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            targets.append(str(entry.readlink()))
    return sum(f"socket:[{inode}]" in targets for inode in inodes)
