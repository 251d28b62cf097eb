"""Few a turn, in the order of coming."""

import asyncio

from marketdata.stream.turnstile import Turnstile


async def turns_of(turnstile: Turnstile, comers: int, give_up: tuple[int, ...] = ()) -> list[tuple[int, int]]:
    """(turn of the loop in which one came through, who) of so many that come at once."""
    turn = 0
    through: list[tuple[int, int]] = []

    async def come(number: int) -> None:
        await turnstile.passed()
        through.append((turn, number))

    tasks = [asyncio.create_task(come(number)) for number in range(comers)]
    for _ in range(20):
        await asyncio.sleep(0)
        turn += 1
        if turn == 1:
            for number in give_up:
                tasks[number].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return through


async def test_the_loop_turns_between_a_few_and_the_next() -> None:
    through = await turns_of(Turnstile(3), 10)
    assert [who for _, who in through] == list(range(10))
    turns = [turn for turn, _ in through]
    assert max(turns.count(turn) for turn in set(turns)) == 3
    assert len(set(turns)) == 4


async def test_few_wait_for_nothing() -> None:
    turnstile = Turnstile(3)
    for _ in range(2):
        through = await turns_of(turnstile, 3)
        assert {turn for turn, _ in through} == {0}


async def test_who_gives_up_takes_nobodys_place() -> None:
    through = await turns_of(Turnstile(2), 8, give_up=(3, 4))
    assert [who for _, who in through] == [0, 1, 2, 5, 6, 7]
    turns = [turn for turn, _ in through]
    assert max(turns.count(turn) for turn in set(turns)) == 2


async def test_who_is_on_the_way_in_goes_before_who_comes() -> None:
    turnstile = Turnstile(2)
    order: list[str] = []

    async def walk_in(name: str) -> None:
        for step in ("asks", "is known", "subscribes"):
            await turnstile.passed()
            order.append(f"{name} {step}")

    def let_in(name: str) -> None:
        tasks.append(asyncio.create_task(walk_in(name)))

    tasks: list[asyncio.Task[None]] = []
    for name in "abcdef":
        if turnstile.comes(lambda name=name: let_in(name)):  # type: ignore[misc]
            let_in(name)
    for _ in range(40):
        await asyncio.sleep(0)
    assert len(order) == 18
    done = {name: order.index(f"{name} subscribes") for name in "abcdef"}
    begun = {name: order.index(f"{name} asks") for name in "abcdef"}
    assert done["a"] < begun["e"]
    assert done["c"] < begun["f"] or done["b"] < begun["e"]
    assert sorted(done, key=lambda name: done[name]) == list("abcdef")


async def test_one_that_comes_alone_does_not_wait() -> None:
    turnstile = Turnstile(2)
    for _ in range(3):
        assert turnstile.comes(lambda: None)
        await asyncio.sleep(0)
