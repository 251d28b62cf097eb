"""One connection to Redis, as a protocol on the event loop: commands go out in order and are answered by futures, pushes
go to a callback. It has no reader task and no wait per message, which is what the push path is made of.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import hiredis
from redis.asyncio.connection import SSLConnection, parse_url

OPEN_TIMEOUT_S: Final = 2.0
_MORE: Final = object()

OnMessage = Callable[[bytes, bytes], None]


class RedisDownError(ConnectionError):
    """Redis cannot be reached, or the connection went away before the answer came."""


class Connection(asyncio.Protocol):
    """Use `open`. `on_message(channel, payload)` is called for each published message, `on_read` after each chunk of
    them, `on_lost` once at the end."""

    def __init__(
        self,
        on_message: OnMessage | None = None,
        on_read: Callable[[], None] | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        self._reader = hiredis.Reader(notEnoughData=_MORE)
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._on_message = on_message
        self._on_read = on_read
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self.chunks = 0

    @classmethod
    async def open(
        cls,
        url: str,
        name: str,
        on_message: OnMessage | None = None,
        on_read: Callable[[], None] | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> "Connection":
        """A connection that has said hello. Raises RedisDownError when that takes longer than 2 s or is refused."""
        loop = asyncio.get_running_loop()
        options: dict[str, Any] = dict(parse_url(url))
        self = cls(on_message, on_read, on_lost)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                if "path" in options:
                    await loop.create_unix_connection(lambda: self, options["path"])
                else:
                    await loop.create_connection(
                        lambda: self,
                        options.get("host", "localhost"),
                        options.get("port", 6379),
                        ssl=_tls(options),
                    )
                hello: list[Any] = ["HELLO", 3]
                if options.get("password"):
                    hello += ["AUTH", options.get("username") or "default", options["password"]]
                await self.command(*hello, "SETNAME", name)
                if options.get("db"):
                    await self.command("SELECT", options["db"])
        except (OSError, TimeoutError, hiredis.ReplyError) as error:
            self.close()
            raise RedisDownError(f"{type(error).__name__}: {error}") from error
        except BaseException:
            self.close()
            raise
        return self

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def command(self, *arguments: Any) -> "asyncio.Future[Any]":
        """Sends one command now; the future has its answer, or hiredis.ReplyError, or RedisDownError."""
        future = asyncio.get_running_loop().create_future()
        if self._transport is None or self._transport.is_closing():
            future.set_exception(RedisDownError("the connection is closed"))
        else:
            self._waiting.append(future)
            self._transport.write(hiredis.pack_command(arguments))
        return future

    def tell(self, *arguments: Any) -> None:
        """Sends a command that is answered by pushes alone (SUBSCRIBE and UNSUBSCRIBE)."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(hiredis.pack_command(arguments))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # ── asyncio.Protocol ──────────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.chunks += 1
        self._reader.feed(data)
        gets = self._reader.gets
        on_message = self._on_message
        try:
            while (reply := gets()) is not _MORE:
                if type(reply) is hiredis.PushNotification:
                    if on_message is not None and reply[0] == b"message":
                        on_message(reply[1], reply[2])
                elif self._waiting:
                    future = self._waiting.popleft()
                    if future.done():  # its waiter gave up: the answer still had to be taken off the line
                        continue
                    if isinstance(reply, hiredis.ReplyError):
                        future.set_exception(reply)
                    else:
                        future.set_result(reply)
        except hiredis.ProtocolError:
            self.close()
        if self._on_read is not None:
            self._on_read()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(RedisDownError(str(exc or "closed by the server")))
                future.exception()  # a waiter that has gone must not make asyncio complain
        if self._on_lost is not None:
            self._on_lost()


def _tls(options: dict[str, Any]) -> ssl.SSLContext | None:
    if options.get("connection_class") is not SSLConnection:
        return None
    context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"))
    if options.get("ssl_certfile"):
        context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"))
    if options.get("ssl_cert_reqs") == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
