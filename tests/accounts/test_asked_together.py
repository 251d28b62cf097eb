"""Questions that come while one is being answered become one question."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Collection

import pytest

from accounts.asked_together import MOST, AskedTogether


class Desk:
    """Answers with the key's length, once `free` is set; keys that begin with `no` are not found."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()
        self.asked: list[list[str]] = []

    def answer(self, keys: Collection[str]) -> dict[str, int]:
        self.asked.append(list(keys))
        assert self.free.wait(5)
        if "bad" in keys:
            raise LookupError("bad")
        return {key: len(key) for key in keys if not key.startswith("no")}


pytestmark = pytest.mark.django_db(transaction=True)


async def test_one_question_is_asked_at_once() -> None:
    desk = Desk()
    together = AskedTogether(desk.answer)
    assert (await together.ask("abc"), await together.ask("nobody")) == (3, None)
    assert desk.asked == [["abc"], ["nobody"]]


async def test_what_comes_meanwhile_is_asked_together_and_each_gets_its_own_answer() -> None:
    desk = Desk()
    desk.free.clear()
    together = AskedTogether(desk.answer)
    first = asyncio.ensure_future(together.ask("first"))
    while not desk.asked:
        await asyncio.sleep(0.01)
    keys = [f"{number:0{1 + number % 7}}" for number in range(MOST + 10)]
    others = [asyncio.ensure_future(together.ask(key)) for key in (*keys, keys[0])]
    await asyncio.sleep(0.01)
    others[3].cancel()
    desk.free.set()
    assert await first == 5
    answers = await asyncio.gather(*others, return_exceptions=True)
    assert isinstance(answers.pop(3), asyncio.CancelledError)
    assert answers == [len(key) for key in (*keys[:3], *keys[4:], keys[0])]
    assert [len(asked) for asked in desk.asked] == [1, MOST, 10]


async def test_a_failure_is_told_to_those_who_asked_and_to_nobody_after_them() -> None:
    desk = Desk()
    together = AskedTogether(desk.answer)
    failed = await asyncio.gather(together.ask("bad"), together.ask("good"), return_exceptions=True)
    assert [type(error) for error in failed] == [LookupError, LookupError]
    assert await together.ask("good") == 4


def test_each_loop_has_its_own_and_a_former_one_is_not_kept() -> None:
    together = AskedTogether(Desk().answer)
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def ask(key: str) -> int | None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        return await together.ask(key)

    assert [asyncio.run(ask(key)) for key in ("a", "bb")] == [1, 2]
    gc.collect()
    assert loops[0]() is None
