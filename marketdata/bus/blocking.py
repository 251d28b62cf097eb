"""Clients of redis-py for code that blocks, as views, signals and threads do, of whatever `REDIS_URL` names: one server, or
the present master of a service that sentinels watch.
"""

import socket
import weakref
from functools import cache
from typing import Any, Final

from redis import ConnectionPool, Redis
from redis.connection import Connection, SSLConnection, parse_url
from redis.exceptions import ConnectionError as AwayError
from redis.exceptions import ReadOnlyError
from redis.maint_notifications import MaintNotificationsConfig

from . import masters, servers, tls
from .masters import Search
from .servers import Master, NoMasterError, Watched

# redis-py would wait 5 s and try again for longer: whoever waits for an answer is told sooner that Redis is down.
TIMEOUTS: Final[dict[str, Any]] = {"socket_timeout": 2.0, "socket_connect_timeout": 2.0}


@cache
def blocking_client(url: str) -> Redis:
    """One a server and process, with a pool behind it."""
    return open_client(url, **TIMEOUTS)


def open_client(url: str, **options: Any) -> Redis:
    """A client of one's own; `options` are redis-py's. Closing it closes its connections."""
    client: Redis = Redis.from_pool(Pool.from_url(url, **options))
    return client


def master_of(client: Redis) -> Master | None:
    """The master that the newest connection of this client went to; None where no sentinels are asked."""
    search = getattr(client.connection_pool, "search", None)
    return search.master if isinstance(search, Search) else None


class Pool(ConnectionPool):
    """redis-py's own for a single server. Of a service that sentinels watch, each new connection asks them for the master,
    and one to a former master is not used again."""

    address = ""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> "Pool":
        pool = cls._made(url, **options)
        pool.address = url
        return pool

    def get_connection(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().get_connection(*arguments, **options)
        except AwayError as error:
            # redis-py's own words would name an address that nobody wrote.
            if isinstance(error.__context__, NoMasterError):
                raise AwayError(str(error.__context__)) from error
            if why := tls.trouble(error, self.address):
                raise AwayError(why) from error
            raise

    @classmethod
    def _made(cls, url: str, **options: Any) -> "Pool":
        watched = servers.watched(url)
        if watched is None:
            return super().from_url(url, **options)
        search = Search(watched)
        # What of the master's URL is always the same.
        fixed = dict(parse_url(watched.url(Master("localhost", 6379, 0))))  # type: ignore[no-untyped-call]
        is_tls = fixed.pop("connection_class", None) is SSLConnection
        options |= {name: value for name, value in fixed.items() if name not in ("host", "port")}
        pool = _MasterPool(
            connection_class=_TlsMasterConnection if is_tls else _MasterConnection,
            # A managed service's own way to announce a move; here the sentinels tell.
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
            **options,
        )
        pool.search, pool.watched = search, watched
        pool.connection_kwargs["pool"] = weakref.ref(pool)
        return pool


class _MasterPool(Pool):
    search: Search
    watched: Watched

    def get_connection(self, *arguments: Any, **options: Any) -> Any:
        connection: Any = super().get_connection(*arguments, **options)
        if connection.master is not None and masters.is_former(self.watched, connection.master):
            try:
                connection.disconnect()
                connection.connect()
            except BaseException:
                self.release(connection)
                raise
        return connection


class _ToMaster(Connection):
    """A connection to the master, whichever server that is when it is opened."""

    def __init__(self, *, pool: "weakref.ref[_MasterPool]", **options: Any) -> None:
        self._pool = pool
        self.master: Master | None = None
        super().__init__(**options)  # type: ignore[no-untyped-call]

    def _connect(self) -> socket.socket:
        pool = self._pool()
        if pool is None:
            raise AwayError("its pool is gone")
        master = self.master = pool.search.find()
        self.host, self.port = master.host, master.port
        found: socket.socket = super()._connect()  # type: ignore[no-untyped-call]
        return found

    def on_connect_check_health(self, check_health: bool = True) -> None:
        super().on_connect_check_health(check_health)
        hello: dict[Any, Any] = self.handshake_metadata or {}
        role = hello.get(b"role", hello.get("role"))
        if role not in (b"master", "master"):
            raise AwayError(f"{self.host}:{self.port} is no master any more")

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().read_response(*arguments, **options)
        except ReadOnlyError as error:
            # Made a replica while we were connected: the next connection finds the new master.
            self.disconnect()  # type: ignore[no-untyped-call]
            raise AwayError(f"{self.host}:{self.port} is no master any more") from error


class _MasterConnection(_ToMaster):
    pass


class _TlsMasterConnection(_ToMaster, SSLConnection):
    pass
