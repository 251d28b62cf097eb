"""Blocking work beside the loop that nothing has to wait for at the end."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import connections

Result = TypeVar("Result")


async def in_background(work: Callable[[], Result]) -> Result:
    """What `work` returns or raises, done in a thread that may use the database.

    Not `asyncio.to_thread`: its threads are joined when the loop closes, so that a query that hangs would keep a
    stopped process alive. This one is abandoned.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: Result | None = None
        error: BaseException | None = None
        try:
            try:
                result = work()
            finally:
                connections.close_all()
        except BaseException as raised:  # handed on to whoever awaits
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, daemon=True).start()
    return await done
