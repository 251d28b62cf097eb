"""Questions that come while one is answered are asked together next: of two thousand sockets that come at once, the
database is asked a few times instead of thousands of times, and a single one waits for nobody.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async

# Keys of one question: a fraction of what a database takes as parameters.
MOST: Final = 250
Answer = TypeVar("Answer")


class AskedTogether(Generic[Answer]):
    """`answer(keys)` runs in the thread of the database, and gives what it found by key."""

    def __init__(self, answer: Callable[[Collection[str]], Mapping[str, Answer]]) -> None:
        self._answer = answer
        # A loop has its own: futures belong to one.
        self._waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Future[Answer | None]]]
        self._waiting = WeakKeyDictionary()
        self._asking: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = WeakKeyDictionary()

    async def ask(self, key: str) -> Answer | None:
        """What was found of `key`, or None. Raises what `answer` raises."""
        loop = asyncio.get_running_loop()
        waiting = self._waiting.setdefault(loop, {})
        future = waiting.get(key)
        if future is None:
            future = waiting[key] = loop.create_future()
        if loop not in self._asking:
            self._asking[loop] = loop.create_task(self._ask_all(waiting), name="asked-together")
        # Others may wait for the same key: one who gives up must not take it from them.
        return await asyncio.shield(future)

    async def _ask_all(self, waiting: dict[str, asyncio.Future[Answer | None]]) -> None:
        try:
            while waiting:
                await self._ask_some({key: waiting.pop(key) for key in list(waiting)[:MOST]})
        finally:
            # A task holds its loop, which would be kept for good.
            del self._asking[asyncio.get_running_loop()]

    async def _ask_some(self, asked: dict[str, asyncio.Future[Answer | None]]) -> None:
        try:
            found = await database_sync_to_async(self._answer)(list(asked))
        except BaseException as error:
            for future in asked.values():
                if not future.done():
                    future.set_exception(error if isinstance(error, Exception) else ConnectionError("not answered"))
                    future.exception()  # nobody may be waiting any more
            if not isinstance(error, Exception):
                raise
            return
        for key, future in asked.items():
            if not future.done():
                future.set_result(found.get(key))
