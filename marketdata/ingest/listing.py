"""Brings what a feed lists into the database: new instruments are made, changed facts taken over, expired ones retired.
Blocking; ingest calls it in a thread, before it publishes anything.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from django.db import close_old_connections, transaction

from ..facts import InstrumentFacts
from ..models import Instrument
from ..rows import MAX_ID
from ..symbols import is_symbol

BATCH: Final = 500
# The columns that a feed decides; `streaming` is the administrator's.
FACTS: Final = (
    "venue_symbol",
    "kind",
    "underlying",
    "root",
    "expiry",
    "expires_at",
    "strike",
    "right",
    "exercise",
    "multiplier",
    "tick",
    "currency",
    "active",
)


class Summary(NamedTuple):
    """What a synchronisation did. `instruments` are all active ones of the feed, with their ids."""

    instruments: list[InstrumentFacts]
    created: int
    changed: int
    retired: int


class UnusableFactsError(ValueError):
    """A feed listed something that cannot be an instrument."""


def synchronise(feed: str, listed: Iterable[InstrumentFacts], feed_now_ms: float) -> Summary:
    """Makes the database hold what `feed` lists. What is not listed any more is retired once its expiry has passed on the
    feed's own clock; what only vanished is kept."""
    close_old_connections()
    try:
        with transaction.atomic():
            return _synchronise(feed, list(listed), feed_now_ms)
    finally:
        close_old_connections()


def _synchronise(feed: str, listed: list[InstrumentFacts], feed_now_ms: float) -> Summary:
    known = {instrument.symbol: instrument for instrument in Instrument.objects.filter(feed=feed)}
    created: list[Instrument] = []
    changed: list[Instrument] = []
    seen: set[str] = set()
    for facts in listed:
        if not is_symbol(facts.symbol) or not is_symbol(facts.underlying):
            raise UnusableFactsError(f"{facts.symbol!r} cannot be a symbol: letters, digits, '.', '_', '-', at most 64")
        if facts.symbol in seen:
            continue
        seen.add(facts.symbol)
        columns = _columns(facts)
        instrument = known.get(facts.symbol)
        if instrument is None:
            created.append(Instrument(feed=feed, symbol=facts.symbol, streaming=facts.streaming, **columns))
        elif any(getattr(instrument, name) != value for name, value in columns.items()):
            for name, value in columns.items():
                setattr(instrument, name, value)
            changed.append(instrument)
    now = dt.datetime.fromtimestamp(feed_now_ms / 1000, dt.UTC)
    retired = [
        instrument
        for symbol, instrument in known.items()
        if instrument.active and symbol not in seen and instrument.expires_at and instrument.expires_at <= now
    ]
    for instrument in retired:
        instrument.active = False
    Instrument.objects.bulk_create(created, batch_size=BATCH)
    Instrument.objects.bulk_update(changed + retired, [*FACTS], batch_size=100)
    active = [instrument.facts() for instrument in Instrument.objects.filter(feed=feed, active=True)]
    if active and max(facts.id for facts in active) > MAX_ID:
        raise UnusableFactsError("the ids of instruments no longer fit a row's header")
    return Summary(active, len(created), len(changed), len(retired))


def _columns(facts: InstrumentFacts) -> dict[str, Any]:
    return {
        "venue_symbol": facts.venue_symbol or facts.symbol,
        "kind": facts.kind,
        "underlying": facts.underlying,
        "root": facts.root or "",
        "expiry": dt.date.fromisoformat(facts.expiry) if facts.expiry else None,
        "expires_at": dt.datetime.fromtimestamp(facts.expires_ms / 1000, dt.UTC) if facts.expires_ms else None,
        "strike": facts.strike,
        "right": facts.right or "",
        "exercise": facts.exercise or "",
        "multiplier": facts.multiplier,
        "tick": facts.tick,
        "currency": facts.currency,
        "active": facts.active,
    }
