"""The token bucket: a burst, then a rate, and a whole refill after it was emptied from outside."""

import asyncio

from marketdata.feeds.budget import Budget

from .fake_time import FakeTime


def budget_of(time: FakeTime, rate: float, burst: int) -> Budget:
    return Budget(rate, burst, now=lambda: time.ms / 1000, sleep=time.sleep)


async def test_a_burst_is_free_and_what_follows_comes_at_the_rate() -> None:
    time = FakeTime(0)
    budget = budget_of(time, rate=2, burst=10)
    for _ in range(10):
        await budget.take()
    assert time.ms == 0
    for _ in range(4):
        await budget.take()
    assert abs(time.ms - 2000) < 1e-6


async def test_what_was_not_taken_does_not_pile_up_beyond_the_burst() -> None:
    time = FakeTime(0)
    budget = budget_of(time, rate=1, burst=3)
    time.ms += 3_600_000
    for _ in range(4):
        await budget.take()
    assert abs(time.ms - 3_601_000) < 1e-3


async def test_several_who_wait_stay_within_the_rate_together() -> None:
    time = FakeTime(0)
    budget = budget_of(time, rate=2, burst=1)
    async with asyncio.timeout(5):
        await asyncio.gather(*(budget.take() for _ in range(5)))
    assert time.ms >= 2000 - 1e-6


async def test_exhausted_it_is_refilled_only_when_the_whole_burst_is_there() -> None:
    time = FakeTime(0)
    budget = budget_of(time, rate=2, burst=10)
    await budget.refilled()
    assert time.ms == 0
    budget.exhaust()
    await budget.refilled()
    assert abs(time.ms - 5000) < 1e-6
    for _ in range(10):
        await budget.take()
    assert abs(time.ms - 5000) < 1e-3
