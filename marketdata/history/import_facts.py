"""Instruments of an import: made where the database has none of that name on that feed, else kept as they are."""

import datetime as dt
import math
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from ..facts import InstrumentFacts
from ..models import Instrument
from ..symbols import is_symbol

_SLICE: Final = 500
# What two installations may differ in without meaning another instrument.
_OWN: Final = ("id", "feed", "active", "streaming")
_MOST_MS: Final = 7_258_118_400_000  # 2200


class UnusableFactsError(ValueError):
    """Facts that cannot be an instrument's; the text names the fact."""


class Brought(msgspec.Struct):
    """`ids` by symbol; how many were made; and which were there with other facts, and kept them."""

    ids: dict[str, int]
    made: int = 0
    differing: list[str] = []


def bring(feed: str, facts: Iterable[InstrumentFacts]) -> Brought:
    """Makes the instruments that are missing: retired, so that nobody is offered a stream that never comes; by name they
    are found all the same."""
    by_symbol = {one.symbol: one for one in facts}
    symbols = list(by_symbol)
    brought = Brought({})
    for start in range(0, len(symbols), _SLICE):
        part = symbols[start : start + _SLICE]
        known = {one.symbol: one for one in Instrument.objects.filter(feed=feed, symbol__in=part)}
        missing = [_instrument(feed, by_symbol[symbol]) for symbol in part if symbol not in known]
        if missing:
            # A feed that lists the same name at this moment wins; ids are read back, since a conflict gives none.
            Instrument.objects.bulk_create(missing, ignore_conflicts=True)
            brought.made += len(missing)
        brought.differing += [name for name, one in known.items() if _differ(one.facts(), by_symbol[name])]
        brought.ids |= dict(Instrument.objects.filter(feed=feed, symbol__in=part).values_list("symbol", "id"))
    return brought


def checked(values: Any) -> InstrumentFacts:
    """Facts as they were exported, of one instrument. Raises UnusableFactsError."""
    try:
        facts = msgspec.convert(values, InstrumentFacts)
    except msgspec.ValidationError as error:
        raise UnusableFactsError(str(error)) from error
    for name in ("symbol", "underlying"):
        if not is_symbol(getattr(facts, name)):
            raise UnusableFactsError(f"{name}: letters, digits, '.', '_', '-', at most 64")
    for name, longest in (("venue_symbol", 64), ("root", 16), ("currency", 8)):
        text = getattr(facts, name) or ""
        if len(text) > longest or not text.isprintable():
            raise UnusableFactsError(f"{name}: at most {longest} characters that can be shown")
    for name in ("multiplier", "tick", "strike"):
        value = getattr(facts, name)
        if value is not None and not 0 <= value < math.inf:
            raise UnusableFactsError(f"{name}: {value} is not a number from 0 up")
    if facts.expiry is not None:
        try:
            dt.date.fromisoformat(facts.expiry)
        except ValueError as error:
            raise UnusableFactsError(f"expiry: {facts.expiry[:20]!r} is no day") from error
    if facts.expires_ms is not None and not 0 <= facts.expires_ms < _MOST_MS:
        raise UnusableFactsError(f"expires_ms: {facts.expires_ms} is not a time from 1970 to 2200")
    if facts.kind == "option" and (facts.strike is None or facts.right is None or facts.expiry is None):
        raise UnusableFactsError("kind: an option has a strike, a right and an expiry")
    return facts


def _differ(one: InstrumentFacts, other: InstrumentFacts) -> bool:
    ours, theirs = msgspec.structs.asdict(one), msgspec.structs.asdict(other)
    theirs["venue_symbol"] = theirs["venue_symbol"] or theirs["symbol"]
    return any(ours[name] != theirs[name] for name in ours if name not in _OWN)


def _instrument(feed: str, facts: InstrumentFacts) -> Instrument:
    return Instrument(
        feed=feed,
        symbol=facts.symbol,
        venue_symbol=facts.venue_symbol or facts.symbol,
        kind=facts.kind,
        underlying=facts.underlying,
        root=facts.root or "",
        expiry=dt.date.fromisoformat(facts.expiry) if facts.expiry else None,
        expires_at=None if facts.expires_ms is None else dt.datetime.fromtimestamp(facts.expires_ms / 1000, dt.UTC),
        strike=facts.strike,
        right=facts.right or "",
        exercise=facts.exercise or "",
        multiplier=facts.multiplier,
        tick=facts.tick,
        currency=facts.currency,
        active=False,
        covered=False,
    )
