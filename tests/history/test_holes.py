"""What is missing and what accounts for it, as a rule of numbers."""

import random

from marketdata.history.holes import Hole, Recorded, Run, Runs, stretches, unaccounted, without
from marketdata.rows import seq_of

S = 1_000_000


def run(first: int, last: int, term: int = 7, at: int = 100) -> Run:
    return Run(seq_of(term, first), seq_of(term, last), at + first, at + last)


def holes_of(*runs: Run, pruned: int = 0) -> list[tuple[int, int, int]]:
    """(term, first k, last k) of each hole."""
    return [
        (hole.term, hole.first - seq_of(hole.term, 0), hole.last - seq_of(hole.term, 0))
        for stretch in stretches(1, sorted(runs), pruned)
        for hole in stretch.holes
    ]


def test_a_term_that_counts_from_one_has_no_holes() -> None:
    assert holes_of(run(1, 5)) == []
    assert holes_of(run(1, 5), run(6, 9), run(1, 3, term=8)) == []


def test_what_is_not_there_is_a_hole_also_at_a_terms_beginning() -> None:
    assert holes_of(run(3, 5), run(8, 9), run(2, 2, term=9)) == [(7, 1, 2), (7, 6, 7), (9, 1, 1)]


def test_a_hole_says_when_its_neighbours_came() -> None:
    (stretch,) = stretches(4, [run(3, 5), run(8, 9)])
    assert [(hole.instrument, hole.after, hole.before, hole.count) for hole in stretch.holes] == [
        (4, None, 103, 2),
        (4, 105, 108, 2),
    ]


def test_nothing_is_asked_of_what_was_pruned() -> None:
    assert holes_of(run(3, 5), run(8, 9), run(12, 13), pruned=seq_of(7, 8)) == [(7, 10, 11)]
    assert holes_of(run(3, 5), run(2, 3, term=8), pruned=seq_of(7, 9)) == [(8, 1, 1)]
    assert holes_of(run(3, 5), pruned=seq_of(8, 9)) == []


def test_rows_that_are_there_twice_are_counted() -> None:
    (stretch,) = stretches(1, [run(1, 5), run(4, 9), run(9, 9)])
    assert (stretch.ticks, stretch.doubles, stretch.holes) == (12, 3, [])


def test_runs_that_go_on_become_one_and_order_does_not_matter() -> None:
    runs = Runs()
    for part in (run(4, 6), run(7, 7), run(1, 2), run(3, 3), run(1, 1, term=9)):
        runs.add(5, part)
    assert runs.of(5) == [run(1, 3), run(4, 7), run(1, 1, term=9)]
    assert runs.instruments() == [5]


def test_holes_and_ticks_are_those_of_the_numbers_themselves() -> None:
    draw = random.Random(4)
    for _ in range(200):
        numbers = [draw.randint(1, 40) for _ in range(draw.randint(1, 50))]
        runs = Runs()
        for number in numbers:
            runs.add(1, run(number, number))
        (stretch,) = stretches(1, runs.of(1))
        found = {n - seq_of(7, 0) for hole in stretch.holes for n in range(hole.first, hole.last + 1)}
        assert found == set(range(1, max(numbers))) - set(numbers)
        assert stretch.ticks == len(numbers)


def hole(first: int, last: int, after: int | None, before: int) -> Hole:
    return Hole(1, seq_of(7, first), seq_of(7, last), after, before)


def gap(begins: float, ends: float, count: int) -> Recorded:
    return Recorded("simulated", 7, round(begins * S), round(ends * S), count)


def test_rows_that_turn_up_cut_a_hole() -> None:
    whole = hole(1, 9, 0, 1)
    assert without([whole], [seq_of(7, n) for n in (1, 4, 5, 30)]) == [hole(2, 3, 0, 1), hole(6, 9, 0, 1)]
    assert without([whole], [seq_of(7, n) for n in range(1, 10)]) == []
    assert without([whole], []) == [whole]


def test_a_gap_accounts_for_holes_that_reach_into_its_time() -> None:
    one = hole(2, 4, 100, 105)
    assert unaccounted([one], [gap(101, 104, 3)]) == []
    assert unaccounted([one], [gap(105.5, 106, 3)]) == []  # within the second of the row after it
    assert unaccounted([hole(1, 3, None, 105)], [gap(3, 4, 3)]) == []
    assert unaccounted([one], [gap(106, 107, 3)]) == [(one, 3)]
    assert unaccounted([one], [gap(90, 99.5, 3)]) == [(one, 3)]
    assert unaccounted([one], []) == [(one, 3)]


def test_a_gap_accounts_for_no_more_than_it_counts() -> None:
    first, second = hole(1, 3, 100, 105), hole(5, 6, 101, 104)
    assert unaccounted([first, second], [gap(100, 110, 5)]) == []
    assert unaccounted([first, second], [gap(100, 110, 4)]) == [(first, 1)]
    assert unaccounted([first, second], [gap(100, 110, 4)], unreadable=1) == []


def test_gaps_are_given_out_so_that_all_holes_are_filled_where_that_can_be() -> None:
    """The long hole could take the first gap, and leave nothing for the short one."""
    long, short = hole(1, 2, 100, 300), hole(4, 5, 100, 110)
    assert unaccounted([long, short], [gap(101, 102, 2), gap(200, 201, 2)]) == []
