"""A WebSocket client by hand that reads as slowly as it is told to, with a small buffer of the kernel before it: what a
library would read ahead, this leaves on the line.
"""

import asyncio
import base64
import json
import os
import socket
import time
from typing import Any

from tests.path.stack import User, Web

RECEIVE_BUFFER = 16 * 1024


class RawSocket:
    """`rows` holds the newest row by instrument id and `ages` how old each was when it was read, s. `read` counts bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self.rows: dict[int, list[Any]] = {}
        self.ages: list[float] = []
        self.messages: list[dict[str, Any]] = []
        self.read = 0
        self.closed = False
        self.went_back = 0

    @classmethod
    async def open(cls, web: Web, user: User) -> "RawSocket":
        loop = asyncio.get_running_loop()
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.setblocking(False)
        await loop.sock_connect(sock, ("127.0.0.1", web.port))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            "GET /ws/api/stream/ HTTP/1.1",
            f"Host: 127.0.0.1:{web.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            f"Authorization: Bearer {user.token}",
        )
        await loop.sock_sendall(sock, "\r\n".join((*lines, "", "")).encode())
        self = cls(sock)
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += await asyncio.wait_for(loop.sock_recv(sock, 1_024), 10)
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        self._buffer = bytearray(rest)
        return self

    async def say(self, op: str, **fields: Any) -> None:
        data = json.dumps({"op": op, **fields}).encode()
        mask = os.urandom(4)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
        await asyncio.wait_for(self._loop.sock_sendall(self._socket, b"\x81" + size + mask + masked), 10)

    async def read_for(self, seconds: float, bytes_per_second: float, answers: bool = True) -> None:
        """Reads at that pace, and answers pings as it comes to them. Returns early when the server ends it."""
        began, start = time.monotonic(), self.read
        while not self.closed and (passed := time.monotonic() - began) < seconds:
            owed = int(passed * bytes_per_second) - (self.read - start)
            if owed > 0:
                await self._read(min(owed, 16_384), seconds - passed)
                await self._take(answers)
            else:
                await asyncio.sleep(0.02)

    async def _read(self, size: int, timeout: float) -> None:
        """Whoever cancels it loses no byte, as with `sock_recv`: what that has read goes with it."""
        await asyncio.sleep(0)
        try:
            try:
                data = self._socket.recv(size)
            except BlockingIOError:
                if not await self._readable(timeout):
                    return
                data = self._socket.recv(size)
        except OSError:
            data = b""
        if not data:
            self.closed = True
        self.read += len(data)
        self._buffer += data

    async def _readable(self, timeout: float) -> bool:
        ready: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._socket, lambda: None if ready.done() else ready.set_result(None))
        try:
            async with asyncio.timeout(timeout):
                await ready
        except TimeoutError:
            return False
        finally:
            self._loop.remove_reader(self._socket)
        return True

    async def _take(self, answers: bool) -> None:
        while (frame := self._frame()) is not None:
            opcode, payload = frame
            if opcode == 8:
                self.closed = True
            if opcode != 1:
                continue
            message = json.loads(payload)
            if message["op"] == "ping" and answers:
                await self.say("pong", n=message["n"])
            elif message["op"] in ("ticks", "snapshot"):
                now = time.time() * 1000
                for row in message["rows"]:
                    self.went_back += row[1] < self.rows.get(row[0], row)[1]
                    self.rows[row[0]] = row
                    self.ages.append((now - row[2]) / 1000)
            else:
                self.messages.append(message)

    def _frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1], 2
        if size == 126:
            size, start = int.from_bytes(buffer[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < start + size or (start > 2 and len(buffer) < start):
            return None
        opcode, payload = buffer[0] & 15, bytes(buffer[start : start + size])
        del buffer[: start + size]
        return opcode, payload

    def close(self) -> None:
        self._socket.close()
