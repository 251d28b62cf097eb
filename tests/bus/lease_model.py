"""What the lease, the fence and the numbering do, as a machine small enough to visit in every state: two processes, one
Redis, one instrument. `explore` visits; `test_lease_model` says what must hold, and holds the machine to the code.

Nobody is forced to act. A process that does nothing while time passes is a stalled one, so there is no action for a pause;
nor does a leader look at what is left of its lease, since no promise may rest on its own opinion of that.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

# The lease lives for one tick and is gone with the second: whoever asked within a tick held it all the while.
LIFE: Final = 1
PAST: Final = (0, 0)  # the number of a quote that nobody will speak of again
DEAD: Final = -1  # the owner of what a process left behind that is no more


class Rules(NamedTuple):
    """What the code does. A control switches one off, and must break a promise."""

    fence: bool = True  # a flush is refused unless the lease holds its term
    above_known: bool = True  # a term is above the one that Redis knows
    above_seen: bool = True  # and above every one that the process has seen
    doubts: bool = True  # who lost the lease leads on only where nobody can have led meanwhile
    stalls: bool = True  # who slept cannot say so of a Redis that has forgotten everything
    numbers_kept: bool = True  # what was sent and not acknowledged keeps its numbers in the next term


class Bounds(NamedTuple):
    """How far to go, and what is not promised."""

    quotes: int = 2
    # Not promised: a Redis that forgot, a leader that never saw the highest term, and a clock that is not past it.
    clock_behind: bool = False
    # Not promised: Redis forgets everything while a leader that is awake has yet to be told that it lost the lease (to an
    # earlier forgetting, or because Redis answered others and not it until the lease ran out).
    forgets_before_told: bool = False
    # Not promised: a flush that was given up on arrives after the next. Closing its connection takes it back.
    late_copies: bool = False


class Row(NamedTuple):
    term: int
    number: int
    quote: int  # quotes are numbered in the market's order


class Holding(NamedTuple):
    """The lease as it stands in Redis."""

    term: int
    owner: int
    age: int


class Copy(NamedTuple):
    """A flush under way: the row that it publishes, and those that it adds to history."""

    owner: int
    term: int
    row: Row
    history: tuple[Row, ...]


class Process(NamedTuple):
    """A standby, a leader, or (`lost`) a leader that was told that the lease is not its own."""

    leads: bool = False
    lost: bool = False
    term: int = 0
    highest: int = 0
    silent: int = 0  # ticks since it last asked; more than LIFE is a stall
    stalled: bool = False
    tells_again: bool = False  # before anything else of this term
    counted: int = 0
    latest: int = 0
    waiting: tuple[int, ...] = ()
    numbered: tuple[Row, ...] = ()  # of those that wait, what has its numbers
    sent: bool = False  # an answer is awaited
    applied: bool = False  # and is on its way


class State(NamedTuple):
    up: bool
    lease: Holding | None
    known: int  # the term that Redis remembers; 0 for none
    processes: tuple[Process, ...]
    copies: tuple[Copy, ...]
    # What no process knows: the newest row ever published, the number under which each quote is in history (which outlives
    # Redis: it was read from there), the highest term ever granted.
    newest: Row
    history: tuple[tuple[int, int] | None, ...]
    granted: int
    taken: int


class Step(NamedTuple):
    """`action` of process `who` (DEAD where it is nobody's), which leads to `state` and breaks the promise `broken`, if
    any."""

    action: str
    who: int
    state: State
    broken: str = ""


Trace = list[tuple[str, int]]


class Visit(NamedTuple):
    states: int
    steps: int
    broken: str
    trace: Trace  # the shortest way to what is broken
    seen: frozenset[str]  # the names of all actions taken


def initial(bounds: Bounds) -> State:
    nothing = Row(0, 0, 0)
    processes = (Process(), Process())
    return State(True, None, 0, processes, (), nothing, (None,) * bounds.quotes, 0, 0)


def explore(rules: Rules, bounds: Bounds) -> Visit:
    """Breadth first, until all is visited or a promise is broken."""
    start = initial(bounds)
    came_by: dict[State, Came | None] = {start: None}
    known: set[State] = set()  # to look for a state's likeness but once, which is most of the work
    layer, steps, seen = [start], 0, set()
    while layer:
        following: list[State] = []
        for state in layer:
            for step in successors(state, rules, bounds):
                steps += 1
                seen.add(step.action)
                if step.broken:
                    return Visit(len(came_by), steps, step.broken, _way(state, step, came_by), frozenset(seen))
                if step.state in known:
                    continue
                known.add(step.state)
                reached, mirrored = _alike(step.state, rules)
                if reached not in came_by:
                    came_by[reached] = Came(state, step.action, step.who, mirrored)
                    following.append(reached)
        layer = following
    return Visit(len(came_by), steps, "", [], frozenset(seen))


class Came(NamedTuple):
    before: State
    action: str
    who: int
    mirrored: bool


def _way(state: State, last: Step, came_by: dict[State, Came | None]) -> Trace:
    way = []
    while (came := came_by[state]) is not None:
        way.append(came)
        state = came.before
    trace, turned = [], False
    for came in reversed(way):
        trace.append((came.action, _other(came.who) if turned else came.who))
        turned ^= came.mirrored
    return [*trace, (last.action, _other(last.who) if turned else last.who)]


def _other(owner: int) -> int:
    return owner if owner == DEAD else 1 - owner


def _mirrored(state: State) -> State:
    lease = state.lease and state.lease._replace(owner=_other(state.lease.owner))
    copies = tuple(sorted(copy._replace(owner=_other(copy.owner)) for copy in state.copies))
    return state._replace(lease=lease, processes=state.processes[::-1], copies=copies)


def _alike(state: State, rules: Rules) -> tuple[State, bool]:
    """A state with the same future, out of as few as possible: without what cannot matter any more, with its terms
    renumbered from 1 in the same order and without holes, and perhaps mirrored (which is told), since the two processes
    are alike."""
    for who, process in enumerate(state.processes):
        settled = _settled(state, who, process, rules)
        if settled != process:
            state = _put(state, who, settled) if settled.leads else _fresh(state, who, settled)
    copies = _pruned(state).copies if rules.fence else state.copies
    state = state._replace(copies=copies, history=_awaited_history(state))
    mirrored = state.processes[1] < state.processes[0]
    return _renumbered(_mirrored(state) if mirrored else state), mirrored


def _settled(state: State, who: int, process: Process, rules: Rules) -> Process:
    if not process.leads:
        return process._replace(highest=0) if process.highest < state.granted else process
    if process.silent > LIFE or process.stalled:
        process = process._replace(stalled=True, silent=0)
    if rules.fence and not process.applied and not _holds(state, who):
        # Nothing of it is accepted any more; it will be told.
        process = process._replace(lost=True, sent=False)
        if process.stalled and process.term != state.known and rules.doubts and rules.stalls:
            return Process()
    return process


def _awaited_history(state: State) -> tuple[tuple[int, int] | None, ...]:
    """Only what may come again, or be followed: who else is in history or lost does not matter."""
    quotes = {quote for process in state.processes for quote in process.waiting}
    quotes.update(row.quote for copy in state.copies for row in copy.history)
    followed = {(process.term, process.counted) for process in state.processes if process.counted}
    rows = [row for process in state.processes for row in process.numbered]
    rows += [row for copy in state.copies for row in copy.history]
    followed.update((row.term, row.number - 1) for row in rows)
    return tuple(
        number if quote in quotes or number in followed else PAST if quote <= state.taken else None
        for quote, number in enumerate(state.history, 1)
    )


def _renumbered(state: State) -> State:
    terms = {state.known, state.granted, state.newest.term}
    if state.lease is not None:
        terms.add(state.lease.term)
    for process in state.processes:
        terms.update((process.term, process.highest))
        terms.update(row.term for row in process.numbered)
    for copy in state.copies:
        terms.update((copy.term, copy.row.term))
        terms.update(row.term for row in copy.history)
    terms.update(number[0] for number in state.history if number)
    terms.add(0)
    if len(terms) == state.granted + 1:
        return state
    new = {term: i for i, term in enumerate(sorted(terms))}

    def rows(old: tuple[Row, ...]) -> tuple[Row, ...]:
        return tuple(row._replace(term=new[row.term]) for row in old)

    return state._replace(
        lease=state.lease and state.lease._replace(term=new[state.lease.term]),
        known=new[state.known],
        granted=new[state.granted],
        newest=state.newest._replace(term=new[state.newest.term]),
        processes=tuple(
            process._replace(term=new[process.term], highest=new[process.highest], numbered=rows(process.numbered))
            for process in state.processes
        ),
        copies=tuple(
            Copy(copy.owner, new[copy.term], copy.row._replace(term=new[copy.row.term]), rows(copy.history))
            for copy in state.copies
        ),
        history=tuple(number and (new[number[0]], number[1]) for number in state.history),
    )


# ── All that may happen next ──────────────────────────────────────────────────────────────────────────────────────────


def successors(state: State, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    yield from _nature(state, bounds)
    yield from _arrivals(state, rules)
    for who, process in enumerate(state.processes):
        if process.leads:
            yield from _leading(state, who, rules, bounds)
            yield Step("stop", who, _fresh(_released(state, who), who))
        else:
            yield from _campaign(state, who, rules, bounds)
        if process != Process():
            yield Step("crash", who, _fresh(state, who))


def _nature(state: State, bounds: Bounds) -> Iterator[Step]:
    yield Step("tick", DEAD, _ticked(state))
    if not state.up:
        yield Step("start", DEAD, state._replace(up=True))
    elif bounds.forgets_before_told or not any(_is_to_be_told(state, who) for who in (0, 1)):
        forgot = state._replace(lease=None, known=0)
        yield Step("forget", DEAD, _pruned(forgot))
        yield Step("die", DEAD, forgot._replace(up=False, copies=()))


def _arrivals(state: State, rules: Rules) -> Iterator[Step]:
    if not state.up:
        return
    for copy in dict.fromkeys(state.copies):
        copies = list(state.copies)
        copies.remove(copy)
        left = state._replace(copies=tuple(copies))
        accepted = not rules.fence or (
            state.lease is not None and (state.lease.term, state.lease.owner) == (copy.term, copy.owner)
        )
        broken = ""
        if accepted:
            left, broken = _published(left, copy)
        awaited = copy.owner != DEAD and state.processes[copy.owner].sent and copy == _copy(copy.owner, state)
        if awaited:
            process = state.processes[copy.owner]
            process = process._replace(applied=True) if accepted else process._replace(lost=True, sent=False)
            left = _put(left, copy.owner, process)
        yield Step("arrive" if awaited else "arrive late", copy.owner, left, broken)


def _campaign(state: State, who: int, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """One asking of a standby. It may also decline a Redis that knows no term, and so do nothing: that is no step."""
    process = state.processes[who]
    if not state.up:
        return
    if _held_by_another(state, who):
        yield Step("campaign", who, _put(state, who, process._replace(highest=max(process.highest, state.known))))
        return
    for after, term, broken in _grants(state, who, rules, bounds):
        won = _put(after, who, process._replace(leads=True, term=term, highest=term))
        yield Step("campaign", who, won, broken)
        yield Step("campaign unanswered", who, after, broken)


def _leading(state: State, who: int, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    process = state.processes[who]
    if not state.up:
        # A refused connection says that nobody leads by way of this server.
        yield Step("ask refused", who, _put(state, who, _asked(process)))
    else:
        yield Step("ask in vain", who, _put(state, who, _asked(process)))
    if state.taken < len(state.history):
        taken = process._replace(waiting=(*process.waiting, state.taken + 1))
        yield Step("take", who, _put(state, who, taken)._replace(taken=state.taken + 1))
    if process.lost:
        if state.up:
            yield from _regain(state, who, rules, bounds)
        return
    if state.up:
        yield from _renew(state, who)
        if not (process.waiting or process.sent or process.tells_again):
            yield from _advance(state, who, rules, bounds)
    if process.sent:
        if process.applied:
            yield Step("acknowledge", who, _put(state, who, _acknowledged(process)))
        yield Step("give up", who, _given_up(state, who, bounds))
    elif (process.waiting or process.tells_again) and state.up:
        numbered = _put(state, who, _numbered(process)._replace(sent=True))
        yield Step("send", who, numbered._replace(copies=tuple(sorted((*numbered.copies, _copy(who, numbered))))))


def _renew(state: State, who: int) -> Iterator[Step]:
    process = state.processes[who]
    if not _holds(state, who):
        yield Step("renew", who, _put(state, who, _asked(process)._replace(lost=True, sent=False, applied=False)))
        return
    assert state.lease is not None
    renewed = state._replace(lease=state.lease._replace(age=0))
    yield Step("renew", who, _put(renewed, who, _asked(process)))
    yield Step("renew unanswered", who, _put(renewed, who, _asked(process)))


def _advance(state: State, who: int, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    process = state.processes[who]
    if not _holds(state, who):
        yield Step("advance", who, _put(state, who, _asked(process)._replace(lost=True, sent=False, applied=False)))
        return
    for after, term, broken in _grants(state, who, rules, bounds):
        yield Step(
            "advance", who, _put(after, who, _asked(process)._replace(term=term, highest=term, counted=0)), broken
        )
        yield Step("advance unanswered", who, _put(after, who, _asked(process)), broken)


def _regain(state: State, who: int, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    process = state.processes[who]
    if _held_by_another(state, who):
        yield Step("regain", who, _fresh(state, who))
        return
    asked = _asked(process)
    led_last = state.known == process.term or (state.known == 0 and not (rules.stalls and asked.stalled))
    for after, term, broken in _grants(state, who, rules, bounds):
        yield Step("regain unanswered", who, _put(after, who, asked), broken)
        if led_last or not rules.doubts:
            again = Process(
                leads=True,
                term=term,
                highest=term,
                tells_again=process.latest > 0,
                latest=process.latest,
                waiting=process.waiting,
                numbered=process.numbered if rules.numbers_kept else (),
            )
            yield Step("regain", who, _put(after, who, again), broken)
        else:
            leading = _put(after, who, process._replace(term=term))
            yield Step("regain", who, _fresh(_released(leading, who), who), broken)


# ── Redis ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _holds(state: State, who: int) -> bool:
    lease = state.lease
    return lease is not None and (lease.term, lease.owner) == (state.processes[who].term, who)


def _held_by_another(state: State, who: int) -> bool:
    return state.lease is not None and state.lease.owner != who


def _grants(state: State, who: int, rules: Rules, bounds: Bounds) -> Iterator[tuple[State, int, str]]:
    """A new term, for every wall clock that there may be: past all terms ever, at the last, behind all. Clocks are stepped
    and differ, so any asking may meet any; only the order of terms matters, so these three stand for all."""
    process, granted = state.processes[who], state.granted
    ignorant = state.known < granted and process.highest < granted
    terms = set()
    for clock in (granted + 1, max(1, granted), 1):
        if ignorant and clock <= granted and not bounds.clock_behind:
            continue
        term = clock
        if rules.above_known:
            term = max(term, state.known + 1)
        if rules.above_seen:
            term = max(term, process.highest + 1)
        terms.add(term)
    for term in terms:
        broken = "a term does not rise" if term <= granted else ""
        after = state._replace(lease=Holding(term, who, 0), known=term, granted=max(term, granted))
        yield (_pruned(after) if rules.fence else after), term, broken


def _published(state: State, copy: Copy) -> tuple[State, str]:
    row, newest = copy.row, state.newest
    seq, above = (row.term, row.number), (newest.term, newest.number)
    if seq == above and row.quote != newest.quote:
        return state, "two rows have one number"
    if seq < above:
        return state, "an older row is published after a newer"
    if row.quote < newest.quote:
        return state, "an older quote is published as a newer row"
    history = list(state.history)
    for entry in copy.history:
        number = (entry.term, entry.number)
        if history[entry.quote - 1] not in (None, number):
            return state, "a quote is accepted twice"
        if entry.number > 1 and (entry.term, entry.number - 1) not in history:
            return state, "the numbers in history have a hole"
        history[entry.quote - 1] = number
    return state._replace(newest=row, history=tuple(history)), ""


def _is_to_be_told(state: State, who: int) -> bool:
    process = state.processes[who]
    return process.leads and not process.stalled and process.silent <= LIFE and not _holds(state, who)


def _released(state: State, who: int) -> State:
    return state._replace(lease=None) if state.up and _holds(state, who) else state


def _pruned(state: State) -> State:
    """Without the copies that nobody awaits and that the fence will refuse for ever: no term comes twice."""
    lease = state.lease
    kept = tuple(
        copy
        for copy in state.copies
        if (lease is not None and (copy.term, copy.owner) == (lease.term, lease.owner))
        or (copy.owner != DEAD and state.processes[copy.owner].sent)
    )
    return state._replace(copies=kept)


# ── Processes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _asked(process: Process) -> Process:
    return process._replace(stalled=process.stalled or process.silent > LIFE, silent=0)


def _numbered(process: Process) -> Process:
    if process.tells_again or process.numbered:
        return process
    first = process.counted + 1
    rows = tuple(Row(process.term, first + i, quote) for i, quote in enumerate(process.waiting))
    return process._replace(numbered=rows, counted=process.counted + len(rows), latest=process.waiting[-1])


def _copy(who: int, state: State) -> Copy:
    """What the process sends, or has sent and waits for: of several rows of an instrument the newest is published."""
    process = state.processes[who]
    row = Row(process.term, 0, process.latest) if process.tells_again else process.numbered[-1]
    return Copy(who, process.term, row, process.numbered)


def _given_up(state: State, who: int, bounds: Bounds) -> State:
    process = state.processes[who]
    if not process.applied and not bounds.late_copies:
        copies = list(state.copies)
        if (copy := _copy(who, state)) in copies:
            copies.remove(copy)
        state = state._replace(copies=tuple(copies))
    return _put(state, who, process._replace(sent=False, applied=False))


def _acknowledged(process: Process) -> Process:
    waiting = process.waiting[len(process.numbered) :]
    return process._replace(sent=False, applied=False, tells_again=False, numbered=(), waiting=waiting)


def _ticked(state: State) -> State:
    lease = state.lease
    if lease is not None:
        lease = lease._replace(age=lease.age + 1) if lease.age < LIFE else None
    processes = tuple(
        process._replace(silent=min(process.silent + 1, LIFE + 1)) if process.leads else process
        for process in state.processes
    )
    return _pruned(state._replace(lease=lease, processes=processes))


def _fresh(state: State, who: int, process: Process = Process()) -> State:  # noqa: B008
    """The process has ended, and another, which knows nothing, stands in its place. What it sent may still arrive."""
    lease = state.lease
    if lease is not None and lease.owner == who:
        lease = lease._replace(owner=DEAD)
    copies = tuple(sorted(copy._replace(owner=DEAD) if copy.owner == who else copy for copy in state.copies))
    return _pruned(_put(state._replace(lease=lease, copies=copies), who, process))


def _put(state: State, who: int, process: Process) -> State:
    processes = (process, state.processes[1]) if who == 0 else (state.processes[0], process)
    return state._replace(processes=processes)
