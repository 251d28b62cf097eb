"""A stream client for tests: a real WebSocket that keeps what it was told, as a browser would, and checks each row as it
comes.
"""

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from marketdata.stream.protocol import SUBPROTOCOL
from tests import given_time

from .stack import User, Web

WAIT_S = 10.0
# Messages whose times are kept, for whoever has to tell why a test failed.
HEARD = 200


class StreamClient:
    """`rows` holds the newest row by instrument id, `messages` all that is not rows. A row that goes back, a row before
    its facts, a hole in `n`: each is an entry in `faults`. `received` counts characters, `longest_wait` is the longest
    time between two frames of rows, s of given time, and `largest` the bytes of the largest message of each op."""

    def __init__(self, socket: ClientConnection, answers_pings: bool = True) -> None:
        self.socket = socket
        self.answers_pings = answers_pings
        self.rows: dict[int, list[Any]] = {}
        self.facts: dict[int, dict[str, Any]] = {}
        self.messages: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self.frames = 0
        self.frame_n = 0
        self.frame_at = given_time.now()
        self.longest_wait = 0.0
        self.received = 0
        self.largest: dict[str, int] = {}
        self.closed: tuple[int, str] | None = None
        # When, which op, and how many rows or which health.
        self.heard: deque[tuple[float, str, object]] = deque(maxlen=HEARD)
        self._news = asyncio.Event()
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def say(self, op: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"op": op, **fields}))

    async def until(self, found: Callable[[], Any], timeout: float = WAIT_S) -> Any:
        """The first truthy value of `found()`, asked after every message."""
        deadline = given_time.now() + timeout
        while not (value := found()):
            left = deadline - given_time.now()
            if left <= 0:
                raise AssertionError(
                    f"not within {timeout} s; last messages {self.messages[-5:]}, closed {self.closed}"
                )
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(left, 0.2))
        return value

    async def message(self, op: str, timeout: float = WAIT_S, **fields: Any) -> dict[str, Any]:
        """The first message kept with this op and these fields; it is taken out."""

        def found() -> dict[str, Any] | None:
            for index, message in enumerate(self.messages):
                if message["op"] == op and all(message.get(name) == value for name, value in fields.items()):
                    return self.messages.pop(index)
            return None

        result: dict[str, Any] = await self.until(found, timeout)
        return result

    async def ask(self, op: str, answer: str, timeout: float = WAIT_S, **fields: Any) -> dict[str, Any]:
        await self.say(op, **fields)
        return await self.message(answer, timeout)

    def has_heard(self) -> bool:
        """Whether there is a message to look at, or none to come."""
        return bool(self.messages or self.closed)

    async def close_code(self, timeout: float = WAIT_S) -> int:
        closed: tuple[int, str] = await self.until(lambda: self.closed, timeout)
        return closed[0]

    async def aclose(self) -> None:
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader
        await self.socket.close()

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                self.received += len(text)
                message = json.loads(text)
                self.largest[message["op"]] = max(_bytes(text), self.largest.get(message["op"], 0))
                self._take(message)
                if self.answers_pings and self.messages and self.messages[-1]["op"] == "ping":
                    await self.say("pong", n=self.messages.pop()["n"])
                self._news.set()
        except ConnectionClosed:
            pass
        finally:
            self.closed = (self.socket.close_code or 0, self.socket.close_reason or "")
            self._news.set()

    def _take(self, message: dict[str, Any]) -> None:
        op = message["op"]
        rows = message.get("rows")
        self.heard.append((time.time(), op, message.get("health", "") if rows is None else len(rows)))
        if op in ("snapshot", "ticks"):
            now = given_time.now()
            self.longest_wait = max(self.longest_wait, now - self.frame_at) if self.frames else 0.0
            self.frame_at = now
            self.frames += 1
            self.frame_n += 1
            if message["n"] != self.frame_n:
                self.faults.append(f"frame {message['n']} where {self.frame_n} was due")
            for row in message["rows"]:
                self._take_row(row)
            if op == "snapshot":
                self.messages.append(message)
            return
        if op == "subscribed":
            self.facts.update({facts["id"]: facts for facts in message["added"].values()})
        self.messages.append(message)

    def _take_row(self, row: list[Any]) -> None:
        held = self.rows.get(row[0])
        if row[0] not in self.facts:
            self.faults.append(f"row {row[:2]} before its facts")
        if held is not None and row[1] < held[1]:
            self.faults.append(f"row of {row[0]} went back from {held[1]} to {row[1]}")
        self.rows[row[0]] = row


def _bytes(text: str | bytes) -> int:
    return len(text.encode()) if isinstance(text, str) else len(text)


@contextlib.asynccontextmanager
async def stream_client(web: Web, user: User, program: bool = False, **options: Any) -> AsyncIterator[StreamClient]:
    """A signed-in client, as a browser or a program; closed at the end, and then free of faults."""
    socket = await open_socket(web, user, program)
    client = StreamClient(socket, **options)
    try:
        yield client
    finally:
        await client.aclose()
    assert not client.faults, client.faults[:10]


async def open_socket(web: Web, user: User | None, program: bool = False, **headers: str) -> ClientConnection:
    sent = dict(headers)
    if user is not None and program:
        sent.setdefault("Authorization", f"Bearer {user.token}")
    elif user is not None:
        sent.setdefault("Cookie", f"sessionid={user.session}")
    if not program:
        sent.setdefault("Origin", web.url)
    return await connect(
        web.program_url if program else web.browser_url,
        additional_headers=sent,
        subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
        compression=None,
        max_size=2**24,
        open_timeout=10,
        ping_interval=None,
    )
