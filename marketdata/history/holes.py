"""What is missing, read off the numbers: an instrument's rows count from 1 without holes within a term, so the stretches of
numbers that are stored say which are not. Then, which of those a recorded gap, or a row set aside, accounts for.
"""

import heapq
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from ..rows import TERM

_FIELDS: Final = 4
_MICROS: Final = 1_000_000


class Run(NamedTuple):
    """Consecutive numbers of one instrument, from `first` to `last`, received from one second to the other."""

    first: int
    last: int
    from_second: int
    to_second: int


class Hole(msgspec.Struct, frozen=True):
    """The seqs from `first` to `last` of an instrument are not stored. The rows around them were received in the seconds
    `after` (None at a term's beginning) and `before`."""

    instrument: int
    first: int
    last: int
    after: int | None
    before: int

    @property
    def term(self) -> int:
        return self.first // TERM

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    def above(self, seq: int) -> "Hole | None":
        """What of it lies above that seq."""
        if self.first > seq:
            return self
        return msgspec.structs.replace(self, first=seq + 1) if self.last > seq else None


class Recorded(msgspec.Struct, frozen=True):
    """A gap as the table has it; times in microseconds since 1970, on the feed's clock."""

    feed: str
    term: int
    from_us: int
    to_us: int
    count: int


class Runs:
    """The runs of many instruments, 32 bytes each, in whatever order they are found."""

    def __init__(self) -> None:
        self._of: defaultdict[int, array[int]] = defaultdict(lambda: array("q"))

    def add(self, instrument: int, run: Run) -> None:
        """A run that goes on where the one added before it ended becomes one with it."""
        held = self._of[instrument]
        if held and held[-3] + 1 == run.first:
            held[-3], held[-1] = run.last, run.to_second
        else:
            held.extend(run)

    def instruments(self) -> list[int]:
        return sorted(self._of)

    def of(self, instrument: int) -> list[Run]:
        held = self._of[instrument]
        return sorted(Run(*held[start : start + _FIELDS]) for start in range(0, len(held), _FIELDS))

    def forget(self, instrument: int) -> None:
        self._of.pop(instrument, None)


class Stretch(NamedTuple):
    """What is stored of one instrument in one term."""

    term: int
    ticks: int
    doubles: int
    holes: list[Hole]


def stretches(instrument: int, runs: Sequence[Run], pruned: int = 0) -> Iterator[Stretch]:
    """By term, what runs in the order of their numbers hold, and what they do not. Nothing is asked of numbers up to
    `pruned`: retention took some of those away."""
    by_term: defaultdict[int, list[Run]] = defaultdict(list)
    for run in runs:
        by_term[run.first // TERM].append(run)
    for term, parts in by_term.items():
        ticks = doubles = 0
        holes = []
        reached, after = max(term * TERM, pruned), None
        for run in parts:
            ticks += run.last - run.first + 1
            # Against all before it, also where those were pruned in part.
            if run.first > reached + 1:
                holes.append(Hole(instrument, reached + 1, run.first - 1, after, run.from_second))
            if run.last > reached:
                reached, after = run.last, run.to_second
        end = 0
        for run in parts:
            doubles += max(0, min(end, run.last) - run.first + 1)
            end = max(end, run.last)
        yield Stretch(term, ticks, doubles, holes)


def without(holes: Iterable[Hole], stored: Iterable[int]) -> list[Hole]:
    """What of `holes`, all of one instrument, remains when these seqs are not missing after all."""
    numbers = sorted(set(stored))
    remaining = []
    for hole in holes:
        first = hole.first
        for number in numbers[bisect_left(numbers, hole.first) : bisect_right(numbers, hole.last)]:
            if number > first:
                remaining.append(msgspec.structs.replace(hole, first=first, last=number - 1))
            first = number + 1
        if first <= hole.last:
            remaining.append(msgspec.structs.replace(hole, first=first))
    return remaining


def unaccounted(holes: Sequence[Hole], gaps: Sequence[Recorded], unreadable: int = 0) -> list[tuple[Hole, int]]:
    """Of the holes of one feed's term, those that its gaps and the rows that could not even be read do not account for, and
    how many quotes of each.

    A gap accounts for as many quotes as it counts, in holes that reach into its time. Gaps are taken in the order of
    their times, and each fills first the hole that ends first: where gaps do not overlap, no other choice fills more.
    """
    missing = [hole.count for hole in holes]
    begins = sorted(range(len(holes)), key=lambda n: holes[n].after or 0)
    at = 0
    open_holes: list[tuple[int, int]] = []
    for gap in sorted(gaps, key=lambda gap: (gap.from_us, gap.to_us)):
        while at < len(begins) and (holes[begins[at]].after or 0) * _MICROS <= gap.to_us:
            heapq.heappush(open_holes, (holes[begins[at]].before, begins[at]))
            at += 1
        left = gap.count
        while open_holes and left:
            before, number = open_holes[0]
            if (before + 1) * _MICROS <= gap.from_us or not missing[number]:
                heapq.heappop(open_holes)
                continue
            filled = min(left, missing[number])
            missing[number] -= filled
            left -= filled
    for number in range(len(holes)):
        filled = min(unreadable, missing[number])
        missing[number] -= filled
        unreadable -= filled
    return [(hole, count) for hole, count in zip(holes, missing, strict=True) if count]
