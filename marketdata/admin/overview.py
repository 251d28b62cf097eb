"""How each feed stands, in a line each: on the front page of the admin, and above the coverage rules. `fill` is named by
the settings, for the front page.
"""

from collections import Counter
from typing import Any, Final, NamedTuple

from django.contrib.admin.models import LogEntry
from django.db.models import Count, Q
from django.http import HttpRequest

from ..feeds import registry
from ..feeds.base import CoverageRule
from ..models import Coverage, Instrument
from .live import beacons_of, vitals_of
from .menu import may_view

CHANGES: Final = 12


class Standing(NamedTuple):
    """One feed now. `runs` is whether a leader is heard, and `state` what it says; `wants` is what its rules come to, in
    words; `quotes_per_second` is None where no leader is heard."""

    feed: str
    runs: bool
    health: str
    state: str
    reason: str
    quotes_per_second: float | None
    listed: int
    covered: int
    wants: str


def standings() -> list[Standing]:
    """Of every feed: those that run first, then those that have listed something."""
    feeds = sorted(registry.FEEDS)
    vitals, beacons = vitals_of(feeds), beacons_of(feeds)
    counts: dict[str, tuple[int, int]] = {
        row["feed"]: (row["listed"], row["covered"])
        for row in Instrument.objects.filter(active=True)
        .values("feed")
        .order_by()
        .annotate(listed=Count("id"), covered=Count("id", filter=Q(covered=True)))
    }
    enabled = Counter(Coverage.objects.filter(enabled=True).order_by().values_list("feed", flat=True))
    every = Counter(Coverage.objects.order_by().values_list("feed", flat=True))
    found = []
    for feed in feeds:
        said, beacon = vitals[feed], beacons[feed]
        runs = beacon is not None
        health = beacon.health if beacon is not None else ""
        found.append(
            Standing(
                feed,
                runs,
                health,
                health.replace("_", " ") or "not running",
                (beacon.reason if beacon is not None else None) or "",
                said.quotes_per_second if said is not None else None,
                *counts.get(feed, (0, 0)),
                _wants(feed, every[feed], enabled[feed]),
            )
        )
    return sorted(found, key=lambda one: (not one.runs, not one.listed, one.feed))


def _wants(feed: str, rules: int, enabled: int) -> str:
    if enabled:
        off = f", {rules - enabled} switched off" if rules > enabled else ""
        return f"{enabled} rule{'' if enabled == 1 else 's'}{off}"
    if rules:
        return "all rules are switched off: its underlyings, and what is watched"
    default = registry.DEFAULT_COVERAGE.get(feed)
    return f"no rule: {'; '.join(map(_described, default))}" if default else "no rule: everything that it lists"


def _described(rule: CoverageRule) -> str:
    """As a rule of the administrator's would be called."""
    called = Coverage(underlying=rule.underlying, expiry_days=rule.expiry_days, strike_percent=rule.strike_percent)
    return str(called).strip()


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the front page shows, as far as this person may see it."""
    changes = LogEntry.objects.select_related("user", "content_type")[:CHANGES]
    return {
        **context,
        "title": "Overview",
        "standings": standings(),
        "may_see_coverage": may_view(request, "marketdata.Coverage"),
        "changes": list(changes) if may_view(request, "admin.LogEntry") else None,
    }
