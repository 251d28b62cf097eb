"""A connection for sharded channels. A subscription that a node takes is answered by pushes alone, one that it refuses by
an error in line: a PING behind each tells the two apart.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import hiredis

from .connection import Connection, RedisDownError

_PING: Final = hiredis.pack_command(("PING",))


class ShardConnection(Connection):
    """`on_ended(channel)` is called for each channel whose subscription ended, asked or unasked."""

    _message = b"smessage"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.on_ended: Callable[[str], None] | None = None
        self._undecided: set[asyncio.Future[Any]] = set()

    def ask(self, *arguments: Any) -> "asyncio.Future[Any]":
        """SSUBSCRIBE or SUNSUBSCRIBE, of channels of one slot: None when it was taken; or hiredis.ReplyError, or
        RedisDownError."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if self._transport is None or self._transport.is_closing():
            future.set_exception(RedisDownError("the connection is closed"))
        else:
            self._waiting += (future, loop.create_future())
            self._undecided.add(future)
            self._transport.write(hiredis.pack_command(arguments) + _PING)
        return future

    def _answered(self, reply: Any) -> None:
        head = self._waiting[0]
        if head not in self._undecided:
            super()._answered(reply)
            return
        self._undecided.discard(head)
        if isinstance(reply, hiredis.ReplyError):
            super()._answered(reply)  # the PING's answer follows
            return
        super()._answered(None)
        super()._answered(reply)

    def _pushed(self, reply: Any) -> None:
        if reply[0] == b"sunsubscribe" and self.on_ended is not None and reply[1] is not None:
            self.on_ended(reply[1].decode())
