"""The lease, the fence and the numbers: in every state that two processes and a Redis can come to, by stalls, expiries,
crashes, lost answers, forgetting and any wall clocks, rows never go back and no quote is accepted twice.
"""

import random
from typing import Any, cast

import pytest
from redis import Redis

from marketdata import rows
from marketdata.bus import lease as lease_module
from marketdata.bus.board import Board
from marketdata.ingest import flush as flush_module

from .lease_model import Bounds, Rules, Visit, explore, initial, successors
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


def report(visit: Visit) -> str:
    way = " · ".join(f"{action} {who}" if who >= 0 else action for action, who in visit.trace)
    return f"{visit.broken} after {visit.states} states: {way}"


# ── Every state ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_state_breaks_a_promise() -> None:
    found = explore(Rules(), Bounds())
    assert not found.broken, report(found)
    assert found.seen == ACTIONS
    assert found.states > 10_000


@pytest.mark.parametrize(
    ("rules", "broken"),
    [
        (Rules(fence=False), "an older row is published after a newer"),
        (Rules(above_known=False), "a term does not rise"),
        (Rules(above_seen=False), "a term does not rise"),
        (Rules(above_known=False, above_seen=False), "a term does not rise"),
        (Rules(doubts=False), "an older quote is published as a newer row"),
        (Rules(stalls=False), "an older quote is published as a newer row"),
        (Rules(numbers_kept=False), "a quote is accepted twice"),
    ],
    ids=["fence", "known term", "seen terms", "wall clock alone", "doubts", "stalls", "kept numbers"],
)
def test_every_rule_is_needed(rules: Rules, broken: str) -> None:
    found = explore(rules, Bounds())
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
    found = explore(Rules(), bounds)
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


async def follow(redis_client: Redis, clocks: Clocks, seed: int) -> tuple[list[bytes], set[str], int]:
    """One random trace, done with the real objects and compared after each action. Returns what was published, which
    actions there were, and how many late flushes were refused at the end."""
    choices, bounds = random.Random(seed), Bounds(quotes=12)
    stage, state = Stage(redis_client, clocks, choices), initial(bounds)
    trace: list[str] = []
    try:
        for _ in range(STEPS):
            steps = [step for step in successors(state, Rules(), bounds) if not step.broken]
            (step,) = choices.choices(steps, [LIKELY.get(step.action, 1.0) for step in steps])
            trace.append(f"{step.action} {step.who}")
            await stage.act(state, step)
            state = step.state
            await stage.check(state)
        refused = await stage.refuse_what_is_left(state)
    except BaseException as error:
        error.add_note(f"seed {seed}: {' · '.join(trace)}")
        raise
    finally:
        await stage.close()
    return stage.published, {entry.rpartition(" ")[0] for entry in trace}, refused


async def test_random_traces_of_the_model_are_what_the_code_does(redis_client: Redis, clocks: Clocks) -> None:
    done: set[str] = set()
    published = refused = 0
    for seed in range(TRACES):
        told, actions, late = await follow(redis_client, clocks, seed)
        done |= actions
        published += len(told)
        refused += late
        for order in range(3):
            show_in_any_order(told, random.Random(order))
    assert done == ACTIONS
    assert published > 2 * TRACES
    assert refused > 0


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
