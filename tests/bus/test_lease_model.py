"""The lease, the fence and the numbers: in every state that two processes and a Redis can come to, by stalls, expiries,
crashes, lost answers, forgetting and any wall clocks, rows never go back and no quote is accepted twice.
"""

import random
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from typing import Any, cast

import pytest
from redis import Redis

from marketdata import rows
from marketdata.bus import lease as lease_module
from marketdata.bus.board import Board
from marketdata.ingest import flush as flush_module

from .lease_model import Bounds, Rules, Step, Visit, explore, initial, successors
from .lease_on_redis import DURATION_S, INSTRUMENT, Clocks, Stage

# All that the model can do: a search that never did one of these has searched nothing.
ACTIONS = {
    *("tick", "forget", "die", "start"),
    *("campaign", "campaign unanswered", "renew", "renew unanswered", "ask refused", "ask in vain"),
    *("advance", "advance unanswered", "regain", "regain unanswered", "crash", "stop"),
    *("take", "send", "give up", "arrive", "arrive late", "acknowledge"),
}
TRACES, STEPS = 50, 80
# How likely an action is beside the others that may come next, so that traces get somewhere: 1 where nothing is said.
LIKELY = {
    **dict.fromkeys(("send", "acknowledge", "arrive", "arrive late"), 4.0),
    **dict.fromkeys(("tick", "ask in vain", "renew unanswered", "advance", "crash"), 0.3),
    **dict.fromkeys(("forget", "die", "stop", "advance unanswered"), 0.1),
}

CONTROLS = {
    "fence": (Rules(fence=False), "an older row is published after a newer"),
    "known term": (Rules(above_known=False), "a term does not rise"),
    "seen terms": (Rules(above_seen=False), "a term does not rise"),
    "wall clock alone": (Rules(above_known=False, above_seen=False), "a term does not rise"),
    "doubts": (Rules(doubts=False), "an older quote is published as a newer row"),
    "stalls": (Rules(stalls=False), "an older quote is published as a newer row"),
    "kept numbers": (Rules(numbers_kept=False), "a quote is accepted twice"),
}
Choose = Callable[[list[Step]], Step | None]
searched = cache(explore)


def report(visit: Visit) -> str:
    way = " · ".join(f"{action} {who}" if who >= 0 else action for action, who in visit.trace)
    return f"{visit.broken} after {visit.states} states: {way}"


# ── Every state ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_state_breaks_a_promise() -> None:
    found = searched(Rules(), Bounds())
    assert not found.broken, report(found)
    assert found.seen == ACTIONS
    assert found.states > 10_000


@pytest.mark.parametrize(("rules", "broken"), CONTROLS.values(), ids=CONTROLS)
def test_every_rule_is_needed(rules: Rules, broken: str) -> None:
    found = searched(rules, Bounds())
    assert found.broken == broken, report(found)


@pytest.mark.parametrize(
    ("bounds", "broken"),
    [
        (Bounds(clock_behind=True), "a term does not rise"),
        (Bounds(forgets_before_told=True), "an older quote is published as a newer row"),
        (Bounds(late_copies=True), "an older row is published after a newer"),
    ],
    ids=["clock behind", "forgets before told", "late copies"],
)
def test_what_is_not_promised_does_not_hold(bounds: Bounds, broken: str) -> None:
    """Each exception is one: without it the search would prove more, and the exception should go."""
    found = searched(Rules(), bounds)
    assert found.broken == broken, report(found)


# ── The code does what the model does ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(lease_module, "time", clocks)
    monkeypatch.setattr(lease_module, "DURATION_S", DURATION_S)
    # In the model a leader does not look at what is left of its lease.
    monkeypatch.setattr(flush_module, "MARGIN_S", -1.0)
    return clocks


async def follow(stage: Stage, bounds: Bounds, choose: Choose) -> list[str]:
    """Does with the real objects what `choose` chooses of what may come next, until it chooses nothing, and compares after
    each action. Returns the actions; at the end all flushes that are still on their way arrive and must be refused."""
    state, trace = initial(bounds), list[Step]()
    try:
        while step := choose([step for step in successors(state, Rules(), bounds) if not step.broken]):
            trace.append(step)
            await stage.act(state, step)
            state = step.state
            await stage.check(state)
        await stage.refuse_what_is_left(state)
    except BaseException as error:
        error.add_note(" · ".join(f"{step.action} {step.who}" for step in trace))
        raise
    finally:
        await stage.close()
    return [step.action for step in trace]


async def test_random_traces_of_the_model_are_what_the_code_does(redis_client: Redis, clocks: Clocks) -> None:
    done: set[str] = set()
    published = refused = 0
    for seed in range(TRACES):
        choices, length = random.Random(seed), count()

        def choose(steps: list[Step], choices: random.Random = choices, length: Iterator[int] = length) -> Step | None:
            if next(length) == STEPS:
                return None
            return choices.choices(steps, [LIKELY.get(step.action, 1.0) for step in steps])[0]

        stage = Stage(redis_client, clocks, choices)
        done.update(await follow(stage, Bounds(quotes=12), choose))
        published += len(stage.published)
        refused += stage.refused
        for order in range(3):
            show_in_any_order(stage.published, random.Random(order))
    assert done == ACTIONS
    assert published > 2 * TRACES
    assert refused > 0


@pytest.mark.parametrize(("rules", "broken"), CONTROLS.values(), ids=CONTROLS)
async def test_what_would_break_a_promise_is_what_the_code_does_not_do(
    redis_client: Redis, clocks: Clocks, rules: Rules, broken: str
) -> None:
    way = deque(searched(rules, Bounds()).trace)

    def choose(steps: list[Step]) -> Step | None:
        """The next of the way for as long as the rules let it be gone."""
        if not way:
            return None
        action, who = way[0]
        for step in steps:
            if (step.action, step.who) == (action, who):
                way.popleft()
                return step
        # On the way it goes without saying that who lost the lease is told before it asks again.
        untold = action.startswith("regain") and ("renew", who)
        return next((step for step in steps if (step.action, step.who) == untold), None)

    done = await follow(Stage(redis_client, clocks, random.Random(0)), Bounds(), choose)
    assert len(done) >= len(searched(rules, Bounds()).trace) - 3


def show_in_any_order(published: list[bytes], choices: random.Random) -> None:
    """A board is given rows late, repeatedly, in any order, and not all of them: what it shows never goes back."""
    board = Board(cast(Any, None), cast(Any, None), str)
    board.watchers[INSTRUMENT] = {"somebody"}
    given = choices.choices(published, k=2 * len(published)) if published else []
    newest = -1
    for framed in given:
        newest = max(newest, published.index(framed))
        board.put(framed)
        assert board.latest[INSTRUMENT] == rows.body(published[newest])
