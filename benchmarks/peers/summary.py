"""The table of a comparison: one line a side, and each price beside the first side's."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..figures import spreads
from .names import name_of

SERVED: Final = "server CPU s per million served"
# Beyond this of a core a server is behind, and what it takes is no price.
_SATURATED: Final = 0.9
Rounds = list[dict[str, float]]
_HEADS: Final = (
    "side",
    "rate",
    "served",
    "p50 ms",
    "p99 ms",
    "server, of a core",
    "CPU s a million served",
    "×",
    "Redis, of a core",
    "publisher, of a core",
    "B a shown row",
    "kB/s a socket",
    "KiB a socket",
    "bare frame, µs",
)


def summary(found: Mapping[str, Rounds], share: Mapping[str, float]) -> str:
    """`share` is the part of the rate that a side was asked for; × is its price over that of the first side."""
    lines = [f"| {' | '.join(_HEADS)} |", f"|{' --- |' * len(_HEADS)}"]
    first = _medians(found[next(iter(found))]) if found else {}
    for key, rounds in found.items():
        middle = _medians(rounds)
        core = middle["server, share of a core"]
        bursts = middle.get("all up to date after a burst, ms")
        cells = (
            name_of(key),
            f"{share.get(key, 1.0):.0%}",
            _cell(middle, "served, % of due", ",.1f", " %"),
            _cell(middle, "p50 ms", ",.1f") + (f" (all after {bursts:,.0f})" if bursts is not None else ""),
            _cell(middle, "p99 ms", ",.0f"),
            f"{core:.3f}{' (saturated)' if core > _SATURATED else ''}",
            _cell(middle, SERVED, ",.2f"),
            f"{middle[SERVED] / first[SERVED]:,.2f}" if SERVED in middle and SERVED in first else "",
            _cell(middle, "redis, share of a core", ".2f"),
            _cell(middle, "publisher, share of a core", ".2f"),
            _cell(middle, "bytes a shown row", ",.0f"),
            _cell(middle, "kB/s a socket", ",.1f"),
            _cell(middle, "KiB a socket", ",.1f"),
            _cell(middle, "calibration, µs a bare frame", ".2f"),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _medians(rounds: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {name: middle for name, (middle, _, _) in spreads(rounds).items()}


def _cell(middle: Mapping[str, float], name: str, form: str, unit: str = "") -> str:
    return format(middle[name], form) + unit if name in middle else ""
