"""What a feed is to cover: pure, from its list, the rules, the money and what people hold. `covering` applies it to the
database; the administrator's preview asks it the same question with the rules as they would be.
"""

import datetime as dt
import enum
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
    by_underlying = _by_underlying(rules)
    everywhere = by_underlying.get("", ())
    wanted: set[int] = set()
    kept: set[int] = set()
    unknown: set[str] = set()
    underlyings = {facts.underlying for facts in alive if facts.kind == "option"}
    for facts in alive:
        if facts.kind != "option" and facts.symbol in underlyings:
            wanted.add(facts.id)
            continue
        applicable = (*by_underlying.get(facts.underlying, ()), *everywhere)
        spot = spots.get(facts.underlying)
        if _any_wants(applicable, facts, spot, today, 0.0):
            wanted.add(facts.id)
        elif facts.id in held or (facts.id in before and _stays(applicable, facts, spot, today, release)):
            kept.add(facts.id)
        if spot is None and any(rule.strike_percent is not None for rule in applicable):
            unknown.add(facts.underlying)
    covered = frozenset(wanted | kept)
    return Selection(covered, covered - before, before - covered, frozenset(kept), frozenset(unknown))


def _by_underlying(rules: Iterable[CoverageRule]) -> dict[str, tuple[CoverageRule, ...]]:
    found: dict[str, tuple[CoverageRule, ...]] = {}
    for rule in rules:
        found[rule.underlying] = (*found.get(rule.underlying, ()), rule)
    return found


def _stays(
    rules: Iterable[CoverageRule], facts: InstrumentFacts, spot: float | None, today: dt.date, release: Release
) -> bool:
    """Whether what is covered, unwanted and not held may stay."""
    if release is Release.NOTHING:
        return True
    # Where the money is not known, nothing can be said of strikes: what any rule's expiry includes is left as it is.
    if spot is None and any(_within_days(rule, facts, today) for rule in rules):
        return True
    return release is Release.DRIFTED and _any_wants(rules, facts, spot, today, MARGIN)


def _any_wants(
    rules: Iterable[CoverageRule], facts: InstrumentFacts, spot: float | None, today: dt.date, margin: float
) -> bool:
    return any(_within_days(rule, facts, today) and _near_money(rule, facts, spot, margin) for rule in rules)


def _within_days(rule: CoverageRule, facts: InstrumentFacts, today: dt.date) -> bool:
    """By whole days, as the venue counts them: what expires today is 0 days away."""
    if rule.expiry_days is None or facts.expiry is None:
        return True
    return (dt.date.fromisoformat(facts.expiry) - today).days <= rule.expiry_days


def _near_money(rule: CoverageRule, facts: InstrumentFacts, spot: float | None, margin: float) -> bool:
    if rule.strike_percent is None or facts.strike is None:
        return True
    if spot is None:
        return False
    reach = spot * rule.strike_percent / 100 * (1 + margin)
    return abs(facts.strike - spot) <= reach * (1 + 1e-9)  # 110 is within 10 % of 100, whatever binary fractions say
