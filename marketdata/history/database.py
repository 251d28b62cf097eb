"""The history database: PostgreSQL, or one SQLite file. Readers share a small pool of connections that can only read and
are cut off after `READ_SECONDS`; whoever writes opens a connection of its own.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

import psycopg
import psycopg_pool
from django.conf import settings

from . import schema
from .outage import DamagedError, HistoryDownError, outages

READ_SECONDS: Final = 10
_POOL: Final = 8
_ONLY_READS: Final = (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege)
_STREAMED: Final = 2_000  # rows a round trip

Vendor = Literal["postgresql", "sqlite"]


class Database:
    """One history database. SQL is written with `%s` for a parameter and without any other percent sign."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self.vendor: Vendor = "sqlite" if parts.scheme == "sqlite" else "postgresql"
        self.path = Path(unquote(parts.path[1:])) if self.vendor == "sqlite" else None
        self._local = threading.local()
        self._pool: psycopg_pool.ConnectionPool[Any] | None = None
        self._lock = threading.Lock()
        self._is_made = False

    def connect(self) -> Any:
        """A connection for a writer, the tables made: a psycopg one, or a sqlite3 one whose transactions are begun by
        hand. Raises HistoryDownError."""
        with outages():
            if self.vendor == "postgresql":
                connection: Any = psycopg.connect(self.url, connect_timeout=5, application_name="strikewire history")
            else:
                assert self.path is not None
                self.path.parent.mkdir(parents=True, exist_ok=True)
                connection = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False)
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
            try:
                schema.ensure(connection, self.vendor)
            except BaseException:
                connection.close()
                raise
        self._is_made = True
        return connection

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What a query answers. Raises HistoryDownError, also when it takes longer than READ_SECONDS."""
        with self._reading() as connection:
            return list(connection.execute(self._spelled(sql), parameters).fetchall())

    def chunks(self, sql: str, parameters: Sequence[object] = ()) -> Iterator[list[tuple[Any, ...]]]:
        """The same, some thousand rows at a time, however many there are: without holding them all, here or there."""
        with self._reading(limited=False) as connection:
            if self.vendor == "postgresql":
                with connection.transaction(), connection.cursor(name="chunks") as cursor:
                    cursor.execute(sql, parameters)
                    while rows := cursor.fetchmany(_STREAMED):
                        yield rows
            else:
                cursor = connection.execute(self._spelled(sql), parameters)
                try:
                    while rows := cursor.fetchmany(_STREAMED):
                        yield rows
                finally:
                    cursor.close()

    @contextmanager
    def reader(self, limited: bool = False) -> Iterator[Any]:
        """A connection that can only read, for what `rows` and `chunks` cannot do (PostgreSQL's COPY); `limited`: each of
        its queries to READ_SECONDS."""
        with self._reading(limited) as connection:
            yield connection

    def close(self) -> None:
        """Gives back the connections of readers of this thread, and the pool's."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None
        self._close_own()

    # ── Readers ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _spelled(self, sql: str) -> str:
        return sql.replace("%s", "?") if self.vendor == "sqlite" else sql

    @contextmanager
    def _reading(self, limited: bool = True) -> Iterator[Any]:
        try:
            with self._connected(limited) as connection:
                yield connection
        except DamagedError:
            # The next reader looks at what is in its place by then.
            self._close_own()
            self._is_made = False
            raise

    @contextmanager
    def _connected(self, limited: bool) -> Iterator[Any]:
        with outages():
            if not self._is_made:
                self._make()
            if self.vendor == "postgresql":
                with (
                    self._pooled().connection(timeout=5) as connection,
                    contextlib.nullcontext() if limited else _unlimited(connection),
                ):
                    yield connection
                return
            connection = self._own_connection()
            ends = time.monotonic() + READ_SECONDS
            # Called every so many steps of SQLite's machine; true interrupts the query.
            connection.set_progress_handler((lambda: time.monotonic() > ends) if limited else None, 100_000)
            yield connection

    def _make(self) -> None:
        try:
            self.connect().close()
        except HistoryDownError as error:
            # As a server after a failover, or a role that may only read: the tables were made before.
            if not isinstance(error.__cause__, _ONLY_READS):
                raise

    def _pooled(self) -> "psycopg_pool.ConnectionPool[Any]":
        with self._lock:
            if self._pool is None:
                self._pool = psycopg_pool.ConnectionPool(
                    self.url,
                    min_size=0,
                    max_size=_POOL,
                    open=True,
                    # A server that was away and came back must not cost every first reader an error.
                    check=psycopg_pool.ConnectionPool.check_connection,
                    kwargs={
                        "autocommit": True,
                        "connect_timeout": 5,
                        # A prepared statement soon gets one plan for all ranges, which sorts a whole day for one page of
                        # it: 1,200 ms against 20 of 600,000 ticks.
                        "prepare_threshold": None,
                        "application_name": "strikewire history readers",
                        "options": f"-c default_transaction_read_only=on -c statement_timeout={READ_SECONDS * 1000}",
                    },
                )
            return self._pool

    def _own_connection(self) -> sqlite3.Connection:
        """SQLite's connections are one a thread."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            assert self.path is not None
            connection = sqlite3.connect(self.path, timeout=10, isolation_level=None)
            connection.execute("PRAGMA query_only = 1")
            self._local.connection = connection
        return connection

    def _close_own(self) -> None:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None


@contextmanager
def _unlimited(connection: "psycopg.Connection[Any]") -> Iterator[None]:
    connection.execute("SET statement_timeout = 0")
    try:
        yield
    finally:
        try:
            connection.execute("RESET statement_timeout")
        except psycopg.Error:
            connection.close()  # broken off in the middle of an answer; the pool opens another


@cache
def _opened(url: str) -> Database:
    return Database(url)


def history() -> Database:
    """The installation's, one object a process."""
    return _opened(settings.HISTORY_DATABASE_URL)
