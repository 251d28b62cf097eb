"""One connection of several: it fails and comes back alone, notices silence, and does not hurry."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from marketdata.feeds.base import PermanentFeedError, TemporaryFeedError
from marketdata.feeds.connection_loop import Backoff, ConnectionLoop, Heard


class Script:
    """A session that does one thing after another, one each time that it is begun; then it stays open."""

    def __init__(self, *steps: str) -> None:
        self.steps = list(steps)
        self.begun = 0
        self.open = 0

    async def __call__(self, heard: Heard) -> None:
        self.begun += 1
        step = self.steps.pop(0) if self.steps else "open"
        self.open += 1
        try:
            if step == "fail":
                raise TemporaryFeedError("cut")
            if step == "give up":
                raise PermanentFeedError("wrong key")
            if step == "login, then fail":
                heard(data=False)
                raise TemporaryFeedError("cut after login")
            if step == "data, then fail":
                heard(data=True)
                raise TemporaryFeedError("cut after data")
            if step == "end":
                return
            while step != "silent":
                heard(data=True)
                await asyncio.sleep(0.01)
            await asyncio.sleep(60)
        finally:
            self.open -= 1


class Waits(Backoff):
    """Notes the waits that it gives, and makes them short."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[float] = []

    def next(self) -> float:
        self.given.append(super().next())
        return 0.01


@contextlib.asynccontextmanager
async def running(script: Script, **options: Any) -> AsyncIterator[tuple[ConnectionLoop, "asyncio.Task[None]"]]:
    loop = ConnectionLoop(
        "toy 1",
        script,
        silence_s=options.pop("silence_s", 5.0),
        retries_alone=options.pop("retries_alone", lambda loop: True),
        backoff=options.pop("backoff", None) or Waits(),
    )
    task = asyncio.create_task(loop.run())
    try:
        yield loop, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert script.open == 0


async def until(found: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not found():
            await asyncio.sleep(0.005)


async def test_it_opens_and_says_since_when() -> None:
    async with running(Script()) as (loop, _):
        await until(lambda: loop.state().state == "open")
        state = loop.state(7)
        assert (state.name, state.instruments, state.reason) == ("toy 1", 7, None)
        assert state.since_ms > 1.7e12


async def test_it_tries_again_until_data_comes() -> None:
    script = Script("fail", "end", "login, then fail")
    waits = Waits()
    async with running(script, backoff=waits) as (loop, _):
        await until(lambda: loop.state().state == "open" and loop.failed is None)
        assert script.begun == 4
    assert len(waits.given) == 3


@pytest.mark.parametrize(("step", "grows"), [("login, then fail", True), ("data, then fail", False)])
async def test_data_resets_the_wait_and_a_login_does_not(step: str, grows: bool) -> None:
    waits = Waits()
    async with running(Script(*[step] * 6), backoff=waits):
        await until(lambda: len(waits.given) == 6)
    # Each is spread by half around its value: the sixth of a growing row is 8 s at least.
    assert (waits.given[-1] >= 8) is grows
    assert grows or max(waits.given) <= 0.75


def test_the_wait_is_capped_and_spread() -> None:
    backoff = Backoff()
    waits = [backoff.next() for _ in range(200)][10:]
    assert 15 <= min(waits) < 20
    assert 40 < max(waits) <= 45


async def test_the_last_connection_of_a_feed_raises_instead() -> None:
    async with running(Script("fail"), retries_alone=lambda loop: False) as (loop, task):
        with pytest.raises(TemporaryFeedError, match="cut"):
            await asyncio.wait_for(task, 5)
        assert loop.state().state == "down"
        assert loop.state().reason == "cut"


async def test_what_is_permanent_is_raised_at_once() -> None:
    async with running(Script("give up")) as (_, task):
        with pytest.raises(PermanentFeedError, match="wrong key"):
            await asyncio.wait_for(task, 5)


async def test_silence_is_a_failure() -> None:
    script = Script("silent")
    async with running(script, silence_s=0.1) as (loop, _):
        await until(lambda: script.begun == 2 and loop.failed is None)


async def test_messages_keep_the_watchdog_quiet() -> None:
    script = Script()
    async with running(script, silence_s=0.2) as (loop, _):
        await asyncio.sleep(0.6)
        assert script.begun == 1
        assert loop.failed is None


async def test_told_to_reconnect_it_does_at_once_and_without_a_failure() -> None:
    script, waits = Script(), Waits()
    async with running(script, backoff=waits) as (loop, _):
        await until(lambda: loop.state().state == "open")
        loop.reconnect()
        await until(lambda: script.begun == 2 and script.open == 1)
        assert loop.failed is None
    assert waits.given == []


async def test_told_to_reconnect_it_does_not_wait_out_its_wait() -> None:
    class Long(Backoff):
        def next(self) -> float:
            return 60.0

    script = Script("fail")
    async with running(script, backoff=Long()) as (loop, _):
        await until(lambda: loop.state().state == "down")
        loop.reconnect()
        await until(lambda: script.begun == 2)
