"""Lets few through in a turn of the loop. Thousands of sockets that come at once are each work of a fraction of a
millisecond, and all together a second in which nobody who is there already would be sent anything: between a few of them
the loop looks at its timers and sends what is due.
"""

import asyncio
from collections import deque
from collections.abc import Callable
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
    """First come, first through; who gives up waiting takes nobody's place. Those who are on their way in go before those
    who have only come, so that a crowd is let in one after the other and not all of it at its end."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._passed = 0
        self._turns = False
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._at_the_door: deque[Callable[[], None]] = deque()

    def comes(self, let_in: Callable[[], None]) -> bool:
        """Whether one who comes may go on at once; else `let_in` is called in one of the next turns."""
        self._look()
        if self._passed < self._most and not self._waiting and not self._at_the_door:
            self._passed += 1
            return True
        self._at_the_door.append(let_in)
        return False

    async def passed(self) -> None:
        """For one on the way in. Returns at once where few have come through in this turn, and else in one of the next."""
        self._look()
        if self._passed < self._most and not self._waiting:
            self._passed += 1
            return
        wait = asyncio.get_running_loop().create_future()
        self._waiting.append(wait)
        await wait

    def _look(self) -> None:
        """Sees to it that the next turn of the loop is one of ours."""
        if not self._turns:
            self._turns = True
            loop = asyncio.get_running_loop()
            loop.call_soon(self._turn, loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self._passed = 0
        while self._waiting and self._passed < self._most:
            wait = self._waiting.popleft()
            if not wait.done():
                wait.set_result(None)
                self._passed += 1
        while self._at_the_door and self._passed < self._most:
            loop.call_soon(self._at_the_door.popleft())
            self._passed += 1
        self._turns = self._passed > 0
        if self._turns:
            loop.call_soon(self._turn, loop)
