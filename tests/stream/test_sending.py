"""A send without a task where the server takes it at once, and the rest of one where it does not."""

import asyncio
from typing import Any

import pytest

from marketdata.stream import sending

MESSAGE = {"type": "websocket.send", "text": "x"}


class Server:
    """Its `send` waits for each of `waits` in turn, then raises `fails`, or takes the message."""

    def __init__(self, waits: list[Any], fails: BaseException | None = None) -> None:
        self.waits = waits
        self.fails = fails
        self.taken: list[dict[str, Any]] = []
        self.seen: list[object] = []

    async def send(self, message: dict[str, Any]) -> None:
        for wait in self.waits:
            self.seen.append(await wait if asyncio.isfuture(wait) else await asyncio.sleep(wait, "slept"))
        if self.fails is not None:
            raise self.fails
        self.taken.append(message)


async def test_what_is_taken_at_once_leaves_nothing_to_await() -> None:
    server = Server([])
    assert sending.start(server.send, MESSAGE) is None
    assert server.taken == [MESSAGE]


async def test_what_fails_at_once_is_raised_at_once() -> None:
    with pytest.raises(ConnectionResetError):
        sending.start(Server([], ConnectionResetError()).send, MESSAGE)


async def test_a_bare_yield_is_gone_on_with() -> None:
    server = Server([0])
    left = sending.start(server.send, MESSAGE)
    assert left is not None
    assert server.taken == []
    await asyncio.wait_for(asyncio.ensure_future(_awaited(left)), 1)
    assert server.taken == [MESSAGE]


async def test_each_of_several_waits_gives_its_value() -> None:
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(3)]
    server = Server([futures[0], 0, futures[1], 0.001, futures[2]])
    left = sending.start(server.send, MESSAGE)
    assert left is not None
    task = asyncio.ensure_future(_awaited(left))
    for number, future in enumerate(futures):
        await asyncio.sleep(0.01)
        assert not task.done()
        future.set_result(number)
    await asyncio.wait_for(task, 1)
    assert server.seen == [0, "slept", 1, "slept", 2]
    assert server.taken == [MESSAGE]


async def test_what_fails_later_is_raised_where_it_is_awaited() -> None:
    future = asyncio.get_running_loop().create_future()
    left = sending.start(Server([future], BrokenPipeError()).send, MESSAGE)
    assert left is not None
    future.set_result(None)
    with pytest.raises(BrokenPipeError):
        await left


async def test_a_failed_wait_reaches_the_server() -> None:
    future = asyncio.get_running_loop().create_future()
    caught: list[BaseException] = []

    async def send(message: dict[str, Any]) -> None:
        try:
            await future
        except ValueError as error:
            caught.append(error)

    left = sending.start(send, MESSAGE)
    assert left is not None
    future.set_exception(ValueError("no"))
    await left
    assert [str(error) for error in caught] == ["no"]


@pytest.mark.parametrize("waits", [1, 2])
async def test_a_deadline_ends_a_send_that_waits(waits: int) -> None:
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(waits)]
    for future in futures[:-1]:
        future.set_result(None)
    cleaned: list[str] = []

    async def send(message: dict[str, Any]) -> None:
        try:
            for future in futures:
                await future
        finally:
            cleaned.append("yes")

    left = sending.start(send, MESSAGE)
    assert left is not None
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await left
    assert cleaned == ["yes"]
    assert futures[-1].cancelled()


async def test_a_cancelled_task_cancels_the_send() -> None:
    future = asyncio.get_running_loop().create_future()
    left = sending.start(Server([future]).send, MESSAGE)
    assert left is not None
    task = asyncio.ensure_future(_awaited(left))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert future.cancelled()


async def test_an_event_wakes_every_send_that_waits_for_it() -> None:
    """As uvicorn's `writable` does."""
    writable = asyncio.Event()
    taken: list[int] = []

    async def send(message: dict[str, Any]) -> None:
        await writable.wait()
        taken.append(message["number"])

    lefts = [sending.start(send, {"number": number}) for number in range(3)]
    tasks = [asyncio.ensure_future(_awaited(left)) for left in lefts if left is not None]
    await asyncio.sleep(0)
    writable.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 1)
    assert taken == [0, 1, 2]


async def _awaited(left: Any) -> None:
    await left
