"""Commands to Redis from a running loop, over one connection that is opened when first needed and again after a loss."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any, Final

import hiredis

from .connection import Connection, RedisDownError

CALL_TIMEOUT_S: Final = 2.0
# Refusals that say nothing about the command: the server loads, is out of memory, cannot write, or is busy. As if away.
NOT_NOW: Final = ("LOADING", "OOM", "MISCONF", "READONLY", "BUSY", "MASTERDOWN", "NOREPLICAS")


class Script:
    """A server-side function, called by its digest and sent whole only where the server does not know it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.digest = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


class Client:
    """One connection's worth of commands. Every call has a deadline; a call past it drops the connection, since an answer
    that comes late would be taken for the next one's. `on_lost` is called when a connection has ended, but by `close`."""

    def __init__(self, url: str, name: str) -> None:
        self.on_lost: Callable[[], None] = lambda: None
        self._url = url
        self._name = name
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()

    async def call(self, *arguments: Any) -> Any:
        """The answer of one command. Raises RedisDownError, or hiredis.ReplyError where Redis refused it."""
        connection = self._connection
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                if connection is None or not connection.is_open:
                    # Within the deadline: those that wait for an opening would else wait for one after another.
                    connection = await self._open()
                return await connection.command(*arguments)
        except TimeoutError as error:
            if connection is not None:
                connection.close()
            raise RedisDownError(f"no answer to {arguments[0]} in {CALL_TIMEOUT_S:g} s") from error
        except hiredis.ReplyError as error:
            if str(error).partition(" ")[0] in NOT_NOW:
                if connection is not None and str(error).startswith("READONLY"):
                    connection.close()  # made a replica: the next one may find the new master
                raise RedisDownError(str(error)) from error
            raise

    async def run(self, script: Script, keys: list[Any], arguments: list[Any]) -> Any:
        """The answer of a server-side function. Raises as `call` does."""
        try:
            return await self.call("EVALSHA", script.digest, len(keys), *keys, *arguments)
        except hiredis.ReplyError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
        return await self.call("EVAL", script.source, len(keys), *keys, *arguments)

    async def _open(self) -> Connection:
        async with self._opening:
            if self._connection is None or not self._connection.is_open:
                self._connection = await Connection.open(self._url, self._name, on_lost=self._left)
            return self._connection

    def _left(self) -> None:
        if self._connection is not None:
            self.on_lost()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
