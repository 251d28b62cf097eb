"""When rows leave: each connection has a beat, the connections of a beat are spread over phases, and a phase that is due
sends each of its connections one frame of what changed and it wants.

An arriving row costs one store and, a loop turn, one set union a phase, whatever the number of sockets. What a frame costs
is intersecting two sets and joining strings, and that only once for all who want the same.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

from ..bus.board import Board
from .connection import Connection
from .protocol import BEATS
from .wanted import Wanted

Parties = list[tuple[Wanted, tuple[Connection, ...]]]
# Phases of a beat: a due phase holds the loop for as long as its frames take, so a beat is spread over slices of 12 to
# 50 ms; more would add a union a turn and a timer each for nothing.
PHASES: Final = {10: 1, 50: 4, 100: 8, 250: 10, 500: 16, 1000: 20}
# Flushing may take this share of the loop before beats stretch, and must fall below the other before they come back. The
# gap between the two is wider than the halving of the load that a stretch brings, or beats would swing.
TOO_MUCH: Final = 0.60
ENOUGH: Final = 0.20
LONGEST_STRETCH: Final = 8
# The fastest beat is for who likes each change at once and can do without: a browser. It gives way long before the others
# stretch, to what it is multiplied by here. Again the gap is wider than what a step brings.
FAST: Final = BEATS[1]
EASE: Final = (1, 2, 5)
EASE_ABOVE: Final = 0.25
EASE_BELOW: Final = 0.08


class Phase:
    """Connections that are due together. `quiet` are those that had nothing at their last turn: their next change is sent
    at once."""

    __slots__ = ("beat_ms", "connections", "dirty", "due_at", "parties", "quiet", "timer")

    def __init__(self, beat_ms: int) -> None:
        self.beat_ms = beat_ms
        self.connections: set[Connection] = set()
        # The same by what they want; None when that has to be found out again.
        self.parties: Parties | None = None
        self.dirty: set[int] = set()
        self.quiet: set[Connection] = set()
        self.timer: asyncio.TimerHandle | None = None
        self.due_at = 0.0


class Cut(dict[Wanted, tuple[Wanted, tuple[int, bytes]]]):
    """Of what changed in a turn, what each set of wanted ids has of it, and those rows joined; found when first asked for.
    Nothing may change on the board meanwhile."""

    __slots__ = ("_board", "_changed")

    def __init__(self, board: Board, changed: set[int]) -> None:
        self._board = board
        self._changed = changed

    def __missing__(self, wanted: Wanted) -> tuple[Wanted, tuple[int, bytes]]:
        hit = wanted & self._changed
        found = self[wanted] = (hit, self._board.joined(hit) if hit else (0, b""))
        return found


def parties(connections: Iterable[Connection]) -> Parties:
    """Connections by what they want: those who want the same stand together, and are told the same."""
    by_wanted: dict[Wanted, list[Connection]] = {}
    for connection in connections:
        if connection.wanted:
            by_wanted.setdefault(connection.wanted, []).append(connection)
    return [(wanted, tuple(members)) for wanted, members in by_wanted.items()]


class Phases:
    """Takes the board's turns. `on_stretch(beats)` is called when these beats stretch or come back."""

    def __init__(self, board: Board, on_stretch: Callable[[tuple[int, ...]], None]) -> None:
        self._board = board
        self._on_stretch = on_stretch
        self._beats = {beat: [Phase(beat) for _ in range(count)] for beat, count in PHASES.items()}
        self._running: list[Phase] = []
        self._immediate: set[Connection] = set()
        self._loop = asyncio.get_running_loop()
        self._busy_s = 0.0
        self._measured_at = self._loop.time()
        self.stretch = 1
        self.ease = EASE[0]
        self.frames = 0
        board.on_turn = self.turn

    # ── Who beats how ─────────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, connection: Connection, beat: int) -> None:
        """Gives a connection its beat, one of protocol.BEATS; also a new one."""
        self.remove(connection)
        connection.beat = beat
        if beat == BEATS[0]:
            self._immediate.add(connection)
            connection.go_on()
            return
        phase = min(self._beats[beat], key=lambda phase: len(phase.connections))
        connection.phase = phase
        phase.connections.add(connection)
        phase.parties = None
        phase.quiet.add(connection)
        if phase.timer is None:
            self._start(phase)
        connection.go_on()

    def remove(self, connection: Connection) -> None:
        self._immediate.discard(connection)
        phase, connection.phase = connection.phase, None
        if phase is None:
            return
        # What it was owed by this phase goes with it to the next.
        connection.pending |= self._untold(connection, connection.wanted & phase.dirty)
        phase.connections.discard(connection)
        phase.quiet.discard(connection)
        phase.parties = None
        if not phase.connections:
            self._stop(phase)

    def interval_ms(self, beat: int) -> int:
        """The beat as it is now, stretched or not."""
        return min(beat * self.stretch * (self.ease if beat == FAST else 1), BEATS[-1])

    # ── Turns and beats ───────────────────────────────────────────────────────────────────────────────────────────────

    def turn(self, changed: set[int]) -> None:
        """The end of a loop turn in which these instruments changed."""
        began = time.monotonic()
        cut = Cut(self._board, changed)
        for connection in self._candidates(changed, self._immediate):
            hit, rows = cut[connection.wanted]
            if hit:
                connection.deliver(hit, rows, began)
                self.frames += 1
        for phase in self._running:
            phase.dirty |= changed
            if phase.quiet:
                self._wake(phase, changed, cut, began)
        self._busy_s += time.monotonic() - began

    def _wake(self, phase: Phase, changed: set[int], cut: Cut, now: float) -> None:
        seqs = self._board.seqs
        for connection in list(self._candidates(changed, phase.quiet)):
            hit, rows = cut[connection.wanted]
            if hit:
                phase.quiet.discard(connection)
                connection.early = {i: seqs.get(i, 0) for i in hit}
                connection.deliver(hit, rows, now)
                self.frames += 1

    def _candidates(self, changed: set[int], pool: set[Connection]) -> Iterable[Connection]:
        """Those of `pool` that may want something of `changed`: found from the instruments where few sockets watch them,
        else the pool itself."""
        if not pool:
            return ()
        watchers = self._board.watchers
        if sum(len(watchers.get(i, ())) for i in changed) >= len(pool):
            return tuple(pool)
        found: set[Connection] = set()
        for instrument_id in changed:
            found |= watchers.get(instrument_id, set())
        return found & pool

    def _untold(self, connection: Connection, hit: Wanted) -> Wanted:
        """Those of `hit` that have changed since the connection was told of them ahead of its beat."""
        early, connection.early = connection.early, None
        if early is None:
            return hit
        seqs = self._board.seqs
        return frozenset([i for i in hit if seqs.get(i, 0) > early.get(i, -1)])

    def _due(self, phase: Phase) -> None:
        interval = self.interval_ms(phase.beat_ms) / 1000
        now = self._loop.time()
        phase.due_at = max(phase.due_at + interval, now)  # a beat that was missed is not made up for
        phase.timer = self._loop.call_at(phase.due_at, self._due, phase)
        dirty = phase.dirty
        if not dirty:
            if len(phase.quiet) < len(phase.connections):
                phase.quiet = set(phase.connections)
            return
        began = time.monotonic()
        phase.dirty = set()
        quiet = phase.quiet
        if phase.parties is None:
            phase.parties = parties(phase.connections)
        joined = self._board.joined
        frames = 0
        for wanted, members in phase.parties:
            hit = wanted & dirty
            if not hit:
                quiet.update(members)
                continue
            rows = joined(hit)
            for connection in members:
                if connection.early is None:
                    connection.deliver(hit, rows, began)
                    frames += 1
                elif untold := self._untold(connection, hit):
                    connection.deliver(untold, rows if untold == hit else joined(untold), began)
                    frames += 1
                else:
                    quiet.add(connection)
        if len(quiet) > len(phase.connections):  # some ended while their frame was sent
            quiet &= phase.connections
        self.frames += frames
        self._busy_s += time.monotonic() - began

    def measure(self) -> None:
        """Once a second: stretches the beats when flushing takes too much of the loop, and brings them back."""
        now = self._loop.time()
        share = self._busy_s / max(now - self._measured_at, 1e-3)
        self._busy_s, self._measured_at = 0.0, now
        ease, stretch, step = self.ease, self.stretch, EASE.index(self.ease)
        if share > EASE_ABOVE:
            self.ease = EASE[min(step + 1, len(EASE) - 1)]
        elif share < EASE_BELOW and stretch == 1:
            self.ease = EASE[max(step - 1, 0)]
        if share > TOO_MUCH:
            self.stretch = min(stretch * 2, LONGEST_STRETCH)
        elif share < ENOUGH:
            self.stretch = max(stretch // 2, 1)
        if self.stretch != stretch:
            self._on_stretch(BEATS[1:])
        elif self.ease != ease:
            self._on_stretch((FAST,))

    def close(self) -> None:
        for phase in list(self._running):
            self._stop(phase)
        self._board.on_turn = lambda changed: None

    def _start(self, phase: Phase) -> None:
        phases = self._beats[phase.beat_ms]
        # Phases keep their offset within the beat, so that they stay spread however they come and go.
        interval = phase.beat_ms / 1000
        offset = interval * phases.index(phase) / len(phases)
        now = self._loop.time()
        phase.due_at = now - (now - offset) % interval + interval
        phase.timer = self._loop.call_at(phase.due_at, self._due, phase)
        self._running.append(phase)

    def _stop(self, phase: Phase) -> None:
        if phase.timer is not None:
            phase.timer.cancel()
            phase.timer = None
            self._running.remove(phase)
        phase.dirty = set()
        phase.quiet.clear()
