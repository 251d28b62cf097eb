"""Medians, spreads and the table that every benchmark prints."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Final

# Digits behind the point, where two would be too many or too few.
DIGITS: Final = {
    "rows published/s": 0,
    "served/s": 0,
    "rows on the wire/s": 0,
    "frames/s": 0,
    "bytes a row": 0,
    "KiB a socket": 1,
}


def median_and_spread(values: Sequence[float]) -> tuple[float, float, float]:
    """(median, smallest, largest)."""
    return statistics.median(values), min(values), max(values)


def table(rounds: Sequence[Mapping[str, float]], digits: Mapping[str, int] | None = None) -> str:
    """One line a figure: its name, the median over the rounds, and in brackets the smallest and the largest."""
    places = digits or {}
    lines = []
    for name in rounds[0]:
        middle, low, high = median_and_spread([one[name] for one in rounds])
        d = places.get(name, 2)
        lines.append(f"  {name:<44} {middle:>14,.{d}f}   [{low:,.{d}f} … {high:,.{d}f}]")
    return "\n".join(lines)
