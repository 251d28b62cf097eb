"""What the dashboard may take, and whether a round kept to it. Pure."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple


class Limit(NamedTuple):
    """A figure's name, the most that it may be, and how many digits behind the point it is told with."""

    name: str
    most: float | None
    digits: int = 1


# Without a most it is told for who wants to know why.
LIMITS: Final = (
    Limit("cells changed on the screen/s", None, 0),
    Limit("tab's main thread, CPU, % of a core", 25),
    Limit("tab's main thread, task time, %", None),
    Limit("the same with details open, CPU, % of a core", None),
    Limit("script, % of a core", None),
    Limit("style and layout, % of a core", None),
    Limit("whole renderer, % of a core", None),
    Limit("whole browser, % of a core", None),
    Limit("tasks above 50 ms a minute", 1),
    Limit("heap grown from minute 2 to 10, MB", 2, 2),
    Limit("heap grown by 50 changes of expiry, MB", 2, 2),
    Limit("listeners added by 50 changes of expiry", 0, 0),
    Limit("first live row of a chain, ms", 1500, 0),
    Limit("first live row of a list, ms", 1500, 0),
    Limit("JavaScript of the first view, kB gzipped", 120),
    Limit("JavaScript of the first view, kB as sent", None),
    Limit("server's CPU for one tab, % of a core", None),
    Limit("server's CPU for that and 19 hidden, % of a core", None),
    Limit("server's CPU, 20 tabs for 1", 1.5, 2),
)
_OF: Final = {limit.name: limit for limit in LIMITS}


def kept(name: str, value: float) -> bool:
    """Whether the limit was kept; True where there is none."""
    most = _OF[name].most
    return most is None or value <= most


def table(rounds: Sequence[Mapping[str, float]]) -> str:
    """Lines of Markdown: each figure's median, smallest and largest, its limit, and what came of that."""
    lines = ["| figure | median | smallest … largest | limit | |", "| --- | --- | --- | --- | --- |"]
    for name, most, digits in LIMITS:
        values = [one[name] for one in rounds if name in one]
        if not values:
            continue
        middle = statistics.median(values)
        verdict = "" if most is None else "kept" if kept(name, middle) else "NOT KEPT"
        limit = "" if most is None else f"{most:,g}"
        spread = f"{min(values):,.{digits}f} … {max(values):,.{digits}f}"
        lines.append(f"| {name} | {middle:,.{digits}f} | {spread} | {limit} | {verdict} |")
    return "\n".join(lines)


def a_minute(count: int, seconds: float) -> float:
    return count * 60 / seconds


def share(before: float, after: float, seconds: float) -> float:
    """Percent of a core, from two readings in seconds of work."""
    return 100 * (after - before) / seconds
