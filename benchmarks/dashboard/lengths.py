"""How long each part of a round measures."""

from typing import Final, NamedTuple


class Lengths(NamedTuple):
    """`seconds` of each reading of CPU, after `settle_s`; `minutes` after opening at which the heap is read; how many
    changes of expiry, and how many tabs."""

    seconds: float
    settle_s: float
    minutes: tuple[float, float]
    switches: int
    tabs: int

    def __str__(self) -> str:
        first, last = self.minutes
        return (
            f"{self.seconds:g} s each, heap at minutes {first:g} and {last:g}, {self.switches} changes of expiry, "
            f"{self.tabs} tabs"
        )


FULL: Final = Lengths(seconds=30, settle_s=3, minutes=(2, 10), switches=50, tabs=20)
QUICK: Final = Lengths(seconds=2, settle_s=1, minutes=(0.1, 0.15), switches=4, tabs=3)
