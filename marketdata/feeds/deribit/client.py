"""One JSON-RPC connection to Deribit: opened, kept alive by answering its heartbeats, asked, and read. The socket only:
`connection` says what to subscribe to, `parse` what a message means.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException

from ..base import FeedError, PermanentFeedError, TemporaryFeedError
from .errors import error_of

OPEN_S: Final = 10.0
CALL_S: Final = 10.0
# A polite goodbye is not worth more: what is wanted is the next connection.
CLOSE_S: Final = 1.0
# The list of a currency's options is about a megabyte.
LARGEST_MESSAGE: Final = 1 << 24
# Statuses of a handshake that name a wrong address or a forbidden one. The rest may be a proxy's bad minute.
_FINAL_STATUS: Final = (401, 404, 410)

# Takes one message as it came and when; may return what to wait for before the next is read.
Take = Callable[[str, float], Awaitable[object] | None]


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""


class _HeartbeatType(msgspec.Struct):
    type: str = ""


class _Envelope(msgspec.Struct):
    id: int | str | None = None
    method: str | None = None
    error: _Error | None = None
    params: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(_Envelope).decode
_decode_heartbeat = msgspec.json.Decoder(_HeartbeatType).decode


@contextlib.asynccontextmanager
async def connected(url: str, take: Take) -> AsyncIterator["Client"]:
    """An open connection, closed at the end. Each message that answers no call goes to `take`. Raises FeedError."""
    client = Client(await _open(url), take)
    try:
        yield client
    finally:
        await client.aclose()


class Client:
    """Calls may overlap. Every method raises the FeedError that ended the connection, once it has ended."""

    def __init__(self, socket: ClientConnection, take: Take) -> None:
        self._socket = socket
        self._take = take
        self._calls = 0
        # What was called, and where its answer goes.
        self._waiting: dict[int, tuple[str, asyncio.Future[str | FeedError]]] = {}
        self._reader = asyncio.create_task(self._read())

    async def call(self, method: str, timeout: float = CALL_S, **params: Any) -> str:
        """The reply to `method` as it came. Raises the error that the venue's code stands for, or TemporaryFeedError."""
        self._calls += 1
        number = self._calls
        answer: asyncio.Future[str | FeedError] = asyncio.get_running_loop().create_future()
        self._waiting[number] = (method, answer)
        try:
            await self._send(number, method, params)
            waited: set[asyncio.Future[Any]] = {answer, self._reader}
            await asyncio.wait(waited, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                if self._reader.done():
                    await self._reader
                raise TemporaryFeedError(f"{method} was not answered within {timeout:g} s")
            reply = answer.result()
        finally:
            del self._waiting[number]
        if isinstance(reply, FeedError):
            raise reply
        return reply

    async def ended(self) -> None:
        """Never returns: raises what ended the connection."""
        await asyncio.shield(self._reader)

    async def aclose(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._socket.close()

    async def _read(self) -> None:
        try:
            while True:
                raw = await self._socket.recv()
                received_ms = round(time.time() * 1000, 3)
                text = raw if isinstance(raw, str) else raw.decode(errors="replace")
                # Nearly all are notifications: those are decoded once, by the parser.
                if '"method":"subscription"' in text or not await self._answered(text):
                    wait = self._take(text, received_ms)
                    if wait is not None:
                        await wait
        except ConnectionClosed as error:
            raise TemporaryFeedError(f"the connection was closed: {error}") from error

    async def _answered(self, text: str) -> bool:
        """Whether `text` was the reply to a call. A request for a sign of life gets one; what cannot be read is left to the
        parser, which says why. Raises the FeedError of an error that belongs to no call."""
        try:
            message = _decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return False
        if message.method == "heartbeat":
            with contextlib.suppress(msgspec.MsgspecError):
                if _decode_heartbeat(bytes(message.params)).type == "test_request":
                    self._calls += 1
                    await self._send(self._calls, "public/test", {})
            return False
        if message.method is not None:
            return False
        method, answer = self._waiting.get(message.id, ("", None)) if isinstance(message.id, int) else ("", None)
        reply: str | FeedError = text
        if message.error is not None:
            reply = error_of(method or "the connection", message.error.code, message.error.message)
            if answer is None:
                raise reply
        if answer is not None and not answer.done():
            answer.set_result(reply)
        return answer is not None

    async def _send(self, number: int, method: str, params: dict[str, Any]) -> None:
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        try:
            await self._socket.send(msgspec.json.encode(request).decode())
        except ConnectionClosed as error:
            raise TemporaryFeedError(f"the connection was closed: {error}") from error


async def _open(url: str) -> ClientConnection:
    try:
        return await connect(
            url,
            # Their own pings would only repeat the venue's heartbeats.
            ping_interval=None,
            # Tickers compress well, but a millisecond is worth more than the bytes.
            compression=None,
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            max_size=LARGEST_MESSAGE,
            proxy=None if _is_loopback(url) else True,
        )
    except InvalidURI as error:
        raise PermanentFeedError(f"{url!r} is not the address of a WebSocket: {error}") from error
    except InvalidStatus as error:
        status = error.response.status_code
        told = f"{url} answered with HTTP status {status}"
        raise (PermanentFeedError(told) if status in _FINAL_STATUS else TemporaryFeedError(told)) from error
    except TimeoutError as error:
        raise TemporaryFeedError(f"{url} did not answer within {OPEN_S:g} s") from error
    except (OSError, EOFError, WebSocketException) as error:
        raise TemporaryFeedError(f"no connection to {url}: {str(error) or type(error).__name__}") from error


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
