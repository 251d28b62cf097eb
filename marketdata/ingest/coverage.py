"""What a feed is to cover: pure, from its list, the rules, the money and what people hold. `covering` applies it to the
database; the administrator's preview asks it the same question with the rules as they would be.
"""

import bisect
import datetime as dt
import enum
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from ..facts import InstrumentFacts
from ..feeds.base import CoverageRule

# The part of a band by which a strike has to be outside it before it goes: the money moves back and forth, and a contract
# on the edge must not come and go with it.
MARGIN: Final = 0.10


class Release(enum.Enum):
    """What may leave the coverage now."""

    NOTHING = "nothing"  # within a session
    DRIFTED = "drifted"  # at its end: what the money has left behind, the margin included
    UNWANTED = "unwanted"  # after the administrator changed the rules: whatever they no longer want


class Selection(NamedTuple):
    """Ids. `kept` are those of `covered` that no rule wants and that stay all the same; `unknown` the underlyings whose
    money is not known, so that rules on strikes could not be applied to them."""

    covered: frozenset[int]
    added: frozenset[int]
    removed: frozenset[int]
    kept: frozenset[int]
    unknown: frozenset[str]


def last_session_end(session_end: dt.time, now_ms: float) -> float:
    """When a session ended last, at or before `now_ms`, on the same clock. `session_end` is a time of day with its zone:
    where clocks are set to summer time, the days between two ends are not all as long."""
    now = dt.datetime.fromtimestamp(now_ms / 1000, session_end.tzinfo or dt.UTC)
    end = dt.datetime.combine(now.date(), session_end)
    if end > now:
        end = dt.datetime.combine(now.date() - dt.timedelta(days=1), session_end)
    return end.timestamp() * 1000


def select(
    listed: Sequence[InstrumentFacts],
    rules: Sequence[CoverageRule],
    spots: Mapping[str, float],
    now_ms: float,
    held: Collection[int],
    *,
    before: Collection[int] = (),
    release: Release = Release.NOTHING,
) -> Selection:
    """What is covered from now on. `listed` are the active instruments, `spots` the price of each underlying by its
    symbol, `now_ms` the feed's time, `held` what a watchlist or an open socket keeps, `before` what is covered now.

    Without rules everything is wanted; underlyings always are, since the money is measured on them. What expired is not.
    """
    before, held = frozenset(before), frozenset(held)
    alive = [facts for facts in listed if facts.expires_ms is None or facts.expires_ms > now_ms]
    if not rules:
        covered = frozenset(facts.id for facts in alive)
        return Selection(covered, covered - before, before - covered, frozenset(), frozenset())
    today = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC).date()
    bands = _Bands(rules)
    wanted: set[int] = set()
    kept: set[int] = set()
    unknown: set[str] = set()
    underlyings = {facts.underlying for facts in alive if facts.kind == "option"}
    for facts in alive:
        if facts.kind != "option" and facts.symbol in underlyings:
            wanted.add(facts.id)
            continue
        percent = bands.widest(facts, today)
        spot = spots.get(facts.underlying)
        if _is_within(percent, facts, spot, 0.0):
            wanted.add(facts.id)
        elif facts.id in held or (facts.id in before and _stays(percent, facts, spot, release)):
            kept.add(facts.id)
        if spot is None and percent is not None and math.isfinite(percent):
            unknown.add(facts.underlying)
    covered = frozenset(wanted | kept)
    return Selection(covered, covered - before, before - covered, frozenset(kept), frozenset(unknown))


class _Bands:
    """How far from the money the rules reach, for each underlying and number of days: the widest of those that apply, so
    that any number of rules costs a look-up."""

    def __init__(self, rules: Iterable[CoverageRule]) -> None:
        by_underlying: dict[str, list[tuple[float, float]]] = {}
        for rule in rules:
            days = math.inf if rule.expiry_days is None else rule.expiry_days
            percent = math.inf if rule.strike_percent is None else rule.strike_percent
            by_underlying.setdefault(rule.underlying, []).append((days, percent))
        self._bands = {underlying: _widening(pairs) for underlying, pairs in by_underlying.items()}

    def widest(self, facts: InstrumentFacts, today: dt.date) -> float | None:
        """Percent of the price, infinite where strikes do not matter; None where no rule includes the expiry."""
        # By whole days, as the venue counts them: what expires today is 0 days away.
        days = 0 if facts.expiry is None else (dt.date.fromisoformat(facts.expiry) - today).days
        found = [
            percents[place]
            for limits, percents in (self._bands.get(facts.underlying, _NONE), self._bands.get("", _NONE))
            if (place := bisect.bisect_left(limits, days)) < len(limits)
        ]
        return max(found, default=None)


_NONE: Final[tuple[list[float], list[float]]] = ([], [])


def _widening(pairs: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Limits in days, rising, and for each the widest percent among the rules that reach at least so far."""
    pairs.sort()
    percents = [percent for _, percent in pairs]
    for place in range(len(percents) - 2, -1, -1):
        percents[place] = max(percents[place], percents[place + 1])
    return [days for days, _ in pairs], percents


def _stays(percent: float | None, facts: InstrumentFacts, spot: float | None, release: Release) -> bool:
    """Whether what is covered, unwanted and not held may stay."""
    if release is Release.NOTHING:
        return True
    # Where the money is not known, nothing can be said of strikes: what any rule's expiry includes is left as it is.
    if spot is None and percent is not None:
        return True
    return release is Release.DRIFTED and _is_within(percent, facts, spot, MARGIN)


def _is_within(percent: float | None, facts: InstrumentFacts, spot: float | None, margin: float) -> bool:
    if percent is None:
        return False
    if math.isinf(percent) or facts.strike is None:
        return True
    if spot is None:
        return False
    reach = spot * percent / 100 * (1 + margin)
    return abs(facts.strike - spot) <= reach * (1 + 1e-9)  # 110 is within 10 % of 100, whatever binary fractions say
