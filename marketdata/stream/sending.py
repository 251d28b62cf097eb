"""Runs one ASGI `send` without a task, for as long as the server takes it at once, and with one when it does not.

`await send()` on uvicorn and Daphne normally ends without ever waiting. Stepping the coroutine by hand finds that out for
the price of a function call; only a send that really waits is handed to a task, from where it stands.
"""

import asyncio
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Final

Send = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]
# Sends one text frame, given as UTF-8: None when that is done, else what is left to await. Raises as `start` does.
Push = Callable[[bytes], Awaitable[None] | None]
# The name under which a server that has such a door offers it in a scope's extensions.
EXTENSION: Final = "strikewire.push"


@types.coroutine
def _rest(coroutine: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Goes on with a coroutine that was stepped once and gave `waits_for`: gives that to the task's loop first, as if the
    coroutine had just done so itself."""
    try:
        while True:
            try:
                value = yield waits_for
            except BaseException as error:
                waits_for = coroutine.throw(error)
            else:
                waits_for = coroutine.send(value)
    except StopIteration:
        return


def start(send: Send, message: dict[str, Any]) -> Awaitable[None] | None:
    """Sends `message`. None when that is done; else what is left to await. Raises what `send` raises (OSError for a
    client that has gone)."""
    coroutine = send(message)
    try:
        waits_for = coroutine.send(None)
    except StopIteration:
        return None
    if waits_for is None:  # a bare `yield`, as `asyncio.sleep(0)` does
        return _rest(coroutine, None)
    if not asyncio.isfuture(waits_for):
        coroutine.close()
        raise RuntimeError("the server's send waits for something that is not asyncio's")
    return _rest(coroutine, waits_for)


def push_of(scope: dict[str, Any], send: Send) -> Push:
    """The server's own door for a text frame; where it has none, ASGI's."""
    own: Push | None = (scope.get("extensions") or {}).get(EXTENSION)
    return own if own is not None else push_through(send)


def push_through(send: Send) -> Push:
    return lambda frame: start(send, {"type": "websocket.send", "text": frame.decode()})
