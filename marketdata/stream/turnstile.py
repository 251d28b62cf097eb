"""Lets few through in a turn of the loop. Thousands of sockets that come at once are each work of a fraction of a
millisecond, and all together a second in which nobody who is there already would be sent anything: between a few of them
the loop looks at its timers and sends what is due.
"""

import asyncio
from collections import deque
from typing import Final
from weakref import WeakKeyDictionary

# Some 3 ms of work.
MOST: Final = 8

_turnstiles: "WeakKeyDictionary[asyncio.AbstractEventLoop, Turnstile]" = WeakKeyDictionary()


def turnstile() -> "Turnstile":
    """The one of the running loop."""
    loop = asyncio.get_running_loop()
    found = _turnstiles.get(loop)
    if found is None:
        found = _turnstiles[loop] = Turnstile()
    return found


class Turnstile:
    """First come, first through; who gives up waiting takes nobody's place."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._passed = 0
        self._turns = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def passed(self) -> None:
        """Returns at once where few have come through in this turn, and else in one of the next."""
        loop = asyncio.get_running_loop()
        if not self._turns:
            self._turns = True
            loop.call_soon(self._turn, loop)
        if self._passed < self._most and not self._waiting:
            self._passed += 1
            return
        wait = loop.create_future()
        self._waiting.append(wait)
        await wait

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self._passed = 0
        while self._waiting and self._passed < self._most:
            wait = self._waiting.popleft()
            if not wait.done():
                wait.set_result(None)
                self._passed += 1
        self._turns = self._passed > 0
        if self._turns:
            loop.call_soon(self._turn, loop)
