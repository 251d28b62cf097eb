"""Delays of a hop, gathered and taken."""

from marketdata.bus.vitals import Hop
from marketdata.ingest.hops import SAMPLES, Hops


def test_it_gives_median_and_most_of_what_came_since_the_last_asking() -> None:
    hops = Hops()
    for ms in (5.0, 1.0, 3.0004):
        hops.add(ms)
    assert hops.take() == Hop(3.0, 5.0)
    assert hops.take() == Hop(None, None)


def test_a_busy_second_is_bounded_and_its_worst_is_kept() -> None:
    hops = Hops()
    for _ in range(SAMPLES * 3):
        hops.add(1.0)
    hops.add(900.0)
    assert hops.take() == Hop(1.0, 900.0)


def test_a_clock_that_is_ahead_gives_negative_delays() -> None:
    hops = Hops()
    hops.add(-3.0)
    assert hops.take() == Hop(-3.0, -3.0)
