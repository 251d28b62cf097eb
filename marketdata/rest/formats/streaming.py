"""Sends what a thread makes: piece by piece, each when the client has taken the one before it.

At most one piece waits while another is sent. A client that goes away, or that takes nothing for a minute, ends the making;
and since a source asks the database piece by piece too, it holds nothing there while a piece is on its way.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from typing import Final

from rest_framework.exceptions import APIException

# What makes pieces is mostly Python, which one core runs: more threads would only take it from the stream's loop.
_THREADS: Final = 3
# Each may hold two pieces of some MB.
MOST: Final = 16
STALLED_S: Final = 60.0

_makers: Final = ThreadPoolExecutor(_THREADS, thread_name_prefix="table")
_running: Final[set[int]] = set()


class TooManyTablesError(APIException):
    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_code = "unavailable"
    wait = 5
    default_detail = f"{MOST} tables are being sent already. Try again in a few seconds."


def refuse_when_full() -> None:
    """Raises TooManyTablesError, which is answered by 503 with Retry-After."""
    if len(_running) >= MOST:
        raise TooManyTablesError


class Pieces:
    """An asynchronous iterator over what `source` yields in a thread."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source: Iterator[bytes] | None = source
        self._ahead: Future[bytes | None] | None = None
        self._watch: asyncio.TimerHandle | None = None

    def __aiter__(self) -> "Pieces":
        return self

    async def __anext__(self) -> bytes:
        """Raises ConnectionAbortedError for a client that comes back after it was given up."""
        if self._watch is not None:
            self._watch.cancel()
        if self._source is None:
            raise ConnectionAbortedError(f"the client took nothing for {STALLED_S:g} s")
        _running.add(id(self))
        try:
            piece = await asyncio.wrap_future(self._ahead or _makers.submit(next, self._source, None))
            if piece is None:
                raise StopAsyncIteration
            self._ahead = _makers.submit(next, self._source, None)
        except BaseException:
            self.close()
            raise
        self._watch = asyncio.get_running_loop().call_later(STALLED_S, self.close)
        return piece

    def close(self) -> None:
        """Nothing more is made, beyond the piece that is being made now. Django calls it too, and from another thread."""
        _running.discard(id(self))
        self._source = None
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
