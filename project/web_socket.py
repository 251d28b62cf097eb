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
from websockets.frames import Frame

from marketdata.stream.sending import EXTENSION
from marketdata.stream.turnstile import turnstile

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

    # Whether a frame may be written now: the handshake is done, no close has come or gone, and the buffer has room. One
    # look instead of four, of which each would cost as much as the frame's header.
    _open = False
    _ready = False

    async def run_asgi(self) -> None:
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[EXTENSION] = self.push
        await turnstile().passed()
        await super().run_asgi()

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.close":
            self._leave()
        await super().send(message)
        if message["type"] == "websocket.accept" and self.handshake_complete:
            self._open = not self.disconnected
            self._ready = self._open and self.writable.is_set()
            # uvicorn has no further use for them, and keeps them for as long as the socket is open.
            del self.request, self.response

    def push(self, frame: bytes) -> Awaitable[None] | None:
        """Sends a text frame, given as UTF-8. None when the transport has it; else what is left to await. Raises OSError
        where the connection has ended."""
        if not self._ready:
            if not self._open:
                raise ClientDisconnected
            return self._push_when_writable(frame)
        length = len(frame)
        head = _medium(TEXT, SHORT, length) if SHORT <= length < MEDIUM else header(length)
        self.transport.write(head + frame)
        return None

    async def _push_when_writable(self, frame: bytes) -> None:
        while not self.writable.is_set():
            await self.writable.wait()
        if not self._open:
            raise ClientDisconnected
        self.transport.write(header(len(frame)) + frame)

    # ── When that changes ─────────────────────────────────────────────────────────────────────────────────────────────

    def _leave(self) -> None:
        self._open = self._ready = False

    def pause_writing(self) -> None:
        self._ready = False
        super().pause_writing()

    def resume_writing(self) -> None:
        self._ready = self._open
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        self._leave()
        super().shutdown()

    def handle_close(self, event: Frame) -> None:
        self._leave()
        super().handle_close(event)

    def handle_parser_exception(self) -> None:
        self._leave()
        super().handle_parser_exception()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        if self.close_sent:
            self._leave()
