"""The WebSocket side of uvicorn, with a door of its own for text frames: one header, one join, one write.

Most of what a web process does is to send frames, and for each of them ASGI takes a message, a coroutine and websockets'
general writer: together as much as the kernel's part. Everything but text frames still goes that way.
"""

import struct
from collections.abc import Awaitable
from typing import Any, Final

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from marketdata.stream.sending import EXTENSION

# RFC 6455, 5.2: the last fragment, a text frame; then its length in one, three or nine bytes, unmasked.
TEXT: Final = 0x81
SHORT: Final = 126
LONG: Final = 127
MEDIUM: Final = 1 << 16
_medium = struct.Struct(">BBH").pack
_long = struct.Struct(">BBQ").pack


def header(length: int) -> bytes:
    """What comes before a text frame of so many bytes."""
    if SHORT <= length < MEDIUM:
        return _medium(TEXT, SHORT, length)
    if length < SHORT:
        return bytes((TEXT, length))
    return _long(TEXT, LONG, length)


class WebSocket(WebSocketsSansIOProtocol):
    """Without extensions: a compressed connection would need websockets' writer."""

    async def run_asgi(self) -> None:
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[EXTENSION] = self.push
        await super().run_asgi()

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.accept" and self.handshake_complete:
            # uvicorn has no further use for them, and keeps them for as long as the socket is open.
            del self.request, self.response

    def push(self, frame: bytes) -> Awaitable[None] | None:
        """Sends a text frame, given as UTF-8. None when the transport has it; else what is left to await. Raises OSError
        where the connection has ended."""
        if not self.writable.is_set():
            return self._push_when_writable(frame)
        self._write(frame)
        return None

    def _write(self, frame: bytes) -> None:
        if self.conn.state is not State.OPEN or self.disconnected or self.close_sent:
            raise ClientDisconnected
        self.transport.write(header(len(frame)) + frame)

    async def _push_when_writable(self, frame: bytes) -> None:
        while not self.writable.is_set():
            await self.writable.wait()
        self._write(frame)
