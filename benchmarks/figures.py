"""Medians, spreads and the table that every benchmark prints."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Final

# Digits behind the point, where two would be too many or too few.
DIGITS: Final = {
    "rows published/s": 0,
    "served/s": 0,
    "served/CPU s": 0,
    "shown/s": 0,
    "frames/s": 0,
    "bytes a shown row": 0,
    "KiB a socket": 1,
    "MiB of the server": 0,
}


def median_and_spread(values: Sequence[float]) -> tuple[float, float, float]:
    """(median, smallest, largest)."""
    return statistics.median(values), min(values), max(values)


def spreads(rounds: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float, float]]:
    """(median, smallest, largest) of every figure that all rounds have, by its name."""
    return {
        name: median_and_spread([one[name] for one in rounds]) for name in rounds[0] if all(name in o for o in rounds)
    }


def table(rounds: Sequence[Mapping[str, float]], digits: Mapping[str, int] | None = None) -> str:
    """One line a figure: its name, the median over the rounds, and in brackets the smallest and the largest."""
    places = digits or {}
    lines = []
    for name, (middle, low, high) in spreads(rounds).items():
        d = places.get(name, 2)
        lines.append(f"  {name:<44} {middle:>14,.{d}f}   [{low:,.{d}f} … {high:,.{d}f}]")
    return "\n".join(lines)
