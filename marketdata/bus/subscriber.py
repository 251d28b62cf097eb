"""The one pub/sub connection of a process: it keeps a set of channels subscribed, over losses and restarts of Redis, and
says when there was a break, so that whoever listens can read again what it missed.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from typing import Any, Final

import hiredis

from .connection import Connection, OnMessage, RedisDownError

logger = logging.getLogger(__name__)

# Names in one SUBSCRIBE: a command of some 50 kB, which Redis takes without stalling its other clients.
CHUNK: Final = 1_000
SILENCE_S: Final = 1.0
SILENT_TICKS: Final = 3
FIRST_WAIT_S: Final = 0.05
LONGEST_WAIT_S: Final = 0.5


class Subscriber:
    def __init__(
        self,
        url: str,
        name: str,
        on_message: OnMessage,
        on_read: Callable[[], None],
        on_restored: Callable[[], None],
    ) -> None:
        self._url = url
        self._name = name
        self._on_message = on_message
        self._on_read = on_read
        self._on_restored = on_restored
        self._wanted: set[str] = set()
        # For what is subscribed on the present connection: the answer that tells that Redis has taken it.
        self._acknowledgements: dict[str, asyncio.Future[Any]] = {}
        self._connection: Connection | None = None
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self.breaks = 0

    @property
    def subscribed(self) -> frozenset[str]:
        """The channels that are meant to be subscribed."""
        return frozenset(self._wanted)

    @property
    def is_connected(self) -> bool:
        """Whether all that is wanted is subscribed now."""
        return self._ready.is_set()

    async def add(self, names: Iterable[str], timeout: float = 2.0) -> None:
        """Subscribes to what is missing of `names`, and returns when Redis has acknowledged it: whatever is published
        from then on arrives. Raises RedisDownError when that does not happen in time; the names stay wanted, and are
        subscribed when Redis is back."""
        names = list(names)
        self._wanted.update(names)
        self._keep()
        try:
            async with asyncio.timeout(timeout):
                while not self._ready.is_set():
                    await self._ready.wait()
                names = [name for name in names if name in self._wanted]  # less what was discarded meanwhile
                self._subscribe(names)
                for acknowledgement in {self._acknowledgements[name] for name in names}:
                    await asyncio.shield(acknowledgement)  # others may wait for the same one
        except TimeoutError as error:
            raise RedisDownError("Redis did not acknowledge a subscription in time") from error

    def discard(self, names: Iterable[str]) -> None:
        present = [name for name in names if name in self._wanted]
        self._wanted.difference_update(present)
        for name in present:
            self._acknowledgements.pop(name, None)
        if self._connection is not None:
            for start in range(0, len(present), CHUNK):
                self._connection.tell("UNSUBSCRIBE", *present[start : start + CHUNK])

    async def close(self) -> None:
        """Ends the connection and its keeper; a later `add` starts anew."""
        self._wanted.clear()
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    def _keep(self) -> None:
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep_connected(), name="redis-subscriber")

    async def _keep_connected(self) -> None:
        wait = FIRST_WAIT_S
        first = True
        while True:
            try:
                self._lost.clear()
                connection = await Connection.open(
                    self._url, self._name, self._on_message, self._on_read, self._lost.set
                )
                self._connection = connection
                # What is added while this waits is in `_wanted`, and so among what the next round subscribes.
                while asked := self._subscribe(self._wanted):
                    async with asyncio.timeout(2.0):
                        await asyncio.shield(asked)
                self._ready.set()
                if not first:
                    logger.warning("subscribed to Redis, %d channels", len(self._wanted))
                    self._on_restored()
                wait = FIRST_WAIT_S
                await self._watch(connection)
            except (RedisDownError, hiredis.ReplyError, TimeoutError) as error:
                logger.warning("no subscription to Redis: %s", error)
            finally:
                # After a first try that failed, too, something may have been missed by who reads by another connection.
                first = False
                self._ready.clear()
                self._acknowledgements.clear()
                if self._connection is not None:
                    self._connection.close()
                    self._connection = None
                    self.breaks += 1
            await asyncio.sleep(wait * (0.5 + random.random()))
            wait = min(wait * 2, LONGEST_WAIT_S)

    def _subscribe(self, names: Iterable[str]) -> "asyncio.Future[Any] | None":
        """Asks for what has not been asked for yet, and returns the answer that tells when Redis has it."""
        missing = [name for name in names if name not in self._acknowledgements]
        if not missing or self._connection is None:
            return None
        for start in range(0, len(missing), CHUNK):
            self._connection.tell("SUBSCRIBE", *missing[start : start + CHUNK])
        asked = self._connection.command("PING")  # answered after the subscriptions, in order
        self._acknowledgements.update(dict.fromkeys(missing, asked))
        return asked

    async def _watch(self, connection: Connection) -> None:
        """Returns when the connection is lost, or has been silent over several ticks although it was asked: counted in
        ticks and not in seconds, so that a stalled loop does not blame Redis."""
        silent = 0
        while silent < SILENT_TICKS:
            chunks = connection.chunks
            try:
                async with asyncio.timeout(SILENCE_S):
                    await self._lost.wait()
                return
            except TimeoutError:
                pass
            if connection.chunks != chunks:
                silent = 0
                continue
            silent += 1
            connection.command("PING").add_done_callback(lambda answer: answer.cancelled() or answer.exception())
        logger.warning("Redis has not answered for %g s; connecting again", SILENT_TICKS * SILENCE_S)
