"""Keeps one of a feed's connections alive: runs its session, watches for silence, waits and tries again. Venue-free; a
venue gives it the session, the feed runs one loop for each connection.

A loop tries again only while another connection of the feed lives. The failure of the last one is the feed's own, which
ingest answers with its wait: there are never two waits for one failure.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from .base import ConnectionState, TemporaryFeedError

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0

logger = logging.getLogger(__name__)


class Backoff:
    """Waits that double up to a cap, each spread by half around its value, until data resets them."""

    def __init__(self, first_s: float = FIRST_WAIT_S, longest_s: float = LONGEST_WAIT_S) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def next(self) -> float:
        """Seconds to wait now."""
        wait = self._next_s
        self._next_s = min(wait * 2, self._longest_s)
        return wait * (0.5 + random.random())

    def reset(self) -> None:
        self._next_s = self._first_s


class Heard(Protocol):
    """A session calls it for every message; `data` says that it was one that the connection is there for."""

    def __call__(self, *, data: bool) -> None: ...


class ConnectionLoop:
    """`session` connects, subscribes and reads until it fails; it never returns. `retries_alone` is asked at each failure:
    False makes `run` raise it. `failed` is the last failure until data came again."""

    def __init__(
        self,
        name: str,
        session: Callable[[Heard], Awaitable[None]],
        *,
        silence_s: float,
        retries_alone: Callable[["ConnectionLoop"], bool],
        backoff: Backoff | None = None,
    ) -> None:
        self.name = name
        self.failed: TemporaryFeedError | None = None
        self._session = session
        self._silence_s = silence_s
        self._retries_alone = retries_alone
        self._backoff = backoff or Backoff()
        self._again = asyncio.Event()
        self._heard_at = 0.0
        self._state, self._since_ms = "connecting", time.time() * 1000

    async def run(self) -> None:
        """Runs sessions, one after another. Raises PermanentFeedError, and the TemporaryFeedError that left the feed
        without a connection."""
        while True:
            self._is("connecting")
            try:
                await self._watched_session()
                continue  # asked to reconnect: not a failure, and nothing to wait for
            except TemporaryFeedError as error:
                self.failed = error
                self._is("down")
                if not self._retries_alone(self):
                    raise
                pause = self._backoff.next()
                logger.warning("%s: %s; trying again in %.1f s", self.name, error, pause)
            try:
                await asyncio.wait_for(self._again.wait(), pause)
                self._again.clear()
            except TimeoutError:
                pass

    def reconnect(self) -> None:
        """Drops the connection, or the wait for one, and opens it anew at once."""
        self._again.set()

    def state(self, instruments: int = 0) -> ConnectionState:
        reason = None if self.failed is None else str(self.failed)
        return ConnectionState(self.name, self._state, self._since_ms, instruments, reason)

    def _heard(self, *, data: bool) -> None:
        self._heard_at = time.monotonic()
        if self._state == "connecting":
            self._is("open")
        if data and self.failed is not None:
            self.failed = None
            self._backoff.reset()

    async def _watched_session(self) -> None:
        """Returns when asked to reconnect; else raises what ended the session."""
        self._heard_at = time.monotonic()
        session = asyncio.ensure_future(self._session(self._heard))
        again = asyncio.ensure_future(self._again.wait())
        try:
            while True:
                left = self._heard_at + self._silence_s - time.monotonic()
                if left <= 0:
                    raise TemporaryFeedError(f"nothing came for {self._silence_s:g} s")
                await asyncio.wait({session, again}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if again.done():
                    self._again.clear()
                    return
                if session.done():
                    session.result()
                    raise TemporaryFeedError("the connection ended")
        finally:
            for task in (session, again):
                task.cancel()
            await asyncio.gather(session, again, return_exceptions=True)

    def _is(self, state: str) -> None:
        if state != self._state:
            self._state, self._since_ms = state, time.time() * 1000
