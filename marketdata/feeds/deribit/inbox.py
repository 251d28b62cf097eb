"""Messages on their way from the connections to the parser, a bounded number of them: `connection` puts, `feed` takes."""

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Final, NamedTuple

# Some seconds of a busy board. Beyond, the sockets are not read, and the venue's end of the line slows down.
MOST: Final = 20_000
# What is parsed in one go, a few milliseconds of it: others have the loop between two.
AT_ONCE: Final = 256


class Message(NamedTuple):
    text: str
    received_ms: float


class Inbox:
    def __init__(self, most: int = MOST) -> None:
        self._messages: deque[Message] = deque()
        self._most = most
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def put(self, text: str, received_ms: float) -> Awaitable[object] | None:
        """Adds a message. Where that fills the inbox, returns what to wait for before the next is put."""
        self._messages.append(Message(text, received_ms))
        self._news.set()
        if len(self._messages) < self._most:
            return None
        self._room.clear()
        return self._room.wait()

    def wake(self) -> None:
        """Makes `news` return though nothing came."""
        self._news.set()

    async def news(self) -> None:
        """Returns when there is something to take, or `wake` was called."""
        await self._news.wait()
        self._news.clear()

    def take(self) -> list[Message]:
        """The oldest messages, in the order of their arrival; empty when there are none."""
        taken = [self._messages.popleft() for _ in range(min(AT_ONCE, len(self._messages)))]
        if len(self._messages) < self._most // 2:
            self._room.set()
        return taken

    def clear(self) -> None:
        self._messages.clear()
        self._room.set()
