"""One connection to Redis, as a protocol on the event loop: commands go out in order and are answered by futures, pushes
go to a callback. It has no reader task and no wait per message, which is what the push path is made of.
"""

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Self

import hiredis
from redis.asyncio.connection import SSLConnection, parse_url

from . import masters, servers, tls
from .servers import Master, NoMasterError, Watched
from .tls import TlsOptionError

OPEN_TIMEOUT_S: Final = 2.0
LOOK_S: Final = 1.0
_MORE: Final = object()

OnMessage = Callable[[bytes, bytes], None]


class RedisDownError(ConnectionError):
    """Redis cannot be reached, or the connection went away before the answer came."""


class Connection(asyncio.Protocol):
    """Use `open`. `on_message(channel, payload)` is called for each published message, `on_read` after each chunk of
    them, `on_lost` once at the end."""

    _message = b"message"

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
        # Of a service that sentinels watch: which, the master that this is a connection to, and on which loop.
        self._service: Watched | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.master: Master | None = None

    @classmethod
    async def open(
        cls,
        url: str,
        name: str,
        on_message: OnMessage | None = None,
        on_read: Callable[[], None] | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> Self:
        """A connection that has said hello, to a master where sentinels say which one that is. Raises RedisDownError when
        that takes longer than 2 s or is refused."""
        loop = asyncio.get_running_loop()
        watched = servers.watched(url)
        self = cls(on_message, on_read, on_lost)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                master = await masters.find(watched) if watched is not None else None
                address = watched.url(master) if watched is not None and master is not None else url
                options: dict[str, Any] = dict(parse_url(address))
                if "path" in options:
                    await loop.create_unix_connection(lambda: self, options["path"])
                else:
                    await loop.create_connection(
                        lambda: self,
                        options.get("host", "localhost"),
                        options.get("port", 6379),
                        ssl=tls.context(options) if options.get("connection_class") is SSLConnection else None,
                    )
                hello: list[Any] = ["HELLO", 3]
                if options.get("password"):
                    hello += ["AUTH", options.get("username") or "default", options["password"]]
                said = await self.command(*hello, "SETNAME", name)
                if master is not None and said.get(b"role") != b"master":
                    raise RedisDownError(f"{master.host}:{master.port} is no master any more")
                if options.get("db"):
                    await self.command("SELECT", options["db"])
        except (OSError, TimeoutError, TlsOptionError, hiredis.ReplyError) as error:
            self.close()
            raise RedisDownError(tls.trouble(error, url) or f"{type(error).__name__}: {error}") from error
        except BaseException:
            self.close()
            raise
        if watched is not None and master is not None:
            self._goes_to(watched, master)
        return self

    def _goes_to(self, service: Watched, master: Master) -> None:
        loop = asyncio.get_running_loop()
        self._service, self._loop, self.master = service, loop, master
        with _lock:
            _watched.add(self)
            looked_after = _looks.setdefault(loop, set())
            is_first = service not in looked_after
            looked_after.add(service)
        _leave_former(service, loop)
        if is_first:
            loop.call_later(LOOK_S, _look, service, loop)

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

    def send(self, commands: Sequence[Sequence[Any]]) -> "list[asyncio.Future[Any]]":
        """The same of several commands, in one write."""
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in commands]
        if self._transport is None or self._transport.is_closing():
            for future in futures:
                future.set_exception(RedisDownError("the connection is closed"))
        else:
            self._waiting.extend(futures)
            self._transport.write(b"".join([hiredis.pack_command(tuple(command)) for command in commands]))
        return futures

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
        message = self._message
        try:
            while (reply := gets()) is not _MORE:
                if type(reply) is hiredis.PushNotification:
                    if reply[0] != message:
                        self._pushed(reply)
                    elif on_message is not None:
                        on_message(reply[1], reply[2])
                elif self._waiting:
                    self._answered(reply)
        except hiredis.ProtocolError:
            self.close()
        if self._on_read is not None:
            self._on_read()

    def _answered(self, reply: Any) -> None:
        """An answer, to the command that has waited longest."""
        future = self._waiting.popleft()
        if future.done():  # its waiter gave up: the answer still had to be taken off the line
            return
        if isinstance(reply, hiredis.ReplyError):
            future.set_exception(reply)
        else:
            future.set_result(reply)

    def _pushed(self, reply: Any) -> None:
        """What comes unasked and is no message: that a channel was subscribed, or is no longer."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(RedisDownError(str(exc or "closed by the server")))
                future.exception()  # a waiter that has gone must not make asyncio complain
        if self._on_lost is not None:
            self._on_lost()


# Connections of this process to services that sentinels watch, of several loops, where threads have some; and of which
# services on which loops the sentinels are asked each second.
_watched: "Final[weakref.WeakSet[Connection]]" = weakref.WeakSet()
_looks: "Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, set[Watched]]]" = weakref.WeakKeyDictionary()
_lock: Final = threading.Lock()


def _open_to(service: Watched, loop: asyncio.AbstractEventLoop) -> list[Connection]:
    with _lock:
        return [one for one in _watched if one._service == service and one._loop is loop and one.is_open]


def _leave_former(service: Watched, loop: asyncio.AbstractEventLoop) -> None:
    """Ends the connections to a former master. That may stand still, and not even be able to close them; or live on, as
    after a failover that was ordered, and take for seconds what nobody will ever read."""
    for one in _open_to(service, loop):
        if one.master is not None and masters.is_former(service, one.master):
            one.close()


def _look(service: Watched, loop: asyncio.AbstractEventLoop) -> None:
    """By a timer and not by a task that waits: a loop that ends meanwhile has nothing to wait for."""
    if not _open_to(service, loop):
        with _lock:
            _looks[loop].discard(service)
        return
    task = loop.create_task(_looked(service, loop), name="redis-sentinels")
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _looked(service: Watched, loop: asyncio.AbstractEventLoop) -> None:
    try:
        await masters.look(service)
        _leave_former(service, loop)
    except NoMasterError:
        pass  # who has a connection may keep it
    finally:
        loop.call_later(LOOK_S, _look, service, loop)


_tasks: set[asyncio.Task[None]] = set()
