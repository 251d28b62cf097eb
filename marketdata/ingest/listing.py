"""Brings what a feed lists into the database: new instruments are made, changed facts taken over, expired ones retired.
Blocking; ingest calls it in a thread, before it publishes anything.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from django.db import close_old_connections, transaction
from django.db.models import QuerySet

from ..facts import InstrumentFacts
from ..models import Instrument
from ..rows import MAX_ID
from ..shares import WHOLE, Share
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
    """What a synchronisation did. `instruments` are all active ones of the feed, with their ids; `vanished` counts those
    that are not listed any more, and kept, since they have not expired."""

    instruments: list[InstrumentFacts]
    created: int
    changed: int
    retired: int
    vanished: int


class UnusableFactsError(ValueError):
    """A feed listed something that cannot be an instrument."""


def synchronise(feed: str, listed: Iterable[InstrumentFacts], feed_now_ms: float) -> Summary:
    """Makes the database hold what `feed` lists. What has expired on the feed's own clock is retired, listed or not: some
    venues list it for a while yet. What only vanished is kept."""
    close_old_connections()
    try:
        with transaction.atomic():
            return bring_in(feed, listed, feed_now_ms)
    finally:
        close_old_connections()


def bring_in(feed: str, listed: Iterable[InstrumentFacts] | None, feed_now_ms: float, share: Share = WHOLE) -> Summary:
    """`synchronise` within the caller's transaction. Where the feed was not asked (None), only time goes on. Of a share all
    of it is meant: `listed` holds nothing else, and nothing else is touched or told."""
    known = {instrument.symbol: instrument for instrument in _of_share(Instrument.objects.filter(feed=feed), share)}
    created: list[Instrument] = []
    changed: list[Instrument] = []
    retired: list[Instrument] = []
    vanished = 0
    seen: set[str] = set()
    now = dt.datetime.fromtimestamp(feed_now_ms / 1000, dt.UTC)
    for facts in listed or ():
        if not is_symbol(facts.symbol) or not is_symbol(facts.underlying):
            raise UnusableFactsError(f"{facts.symbol!r} cannot be a symbol: letters, digits, '.', '_', '-', at most 64")
        if facts.symbol in seen:
            continue
        seen.add(facts.symbol)
        columns = _columns(facts, now)
        instrument = known.get(facts.symbol)
        if instrument is not None and instrument.active and not columns["active"]:
            retired.append(instrument)
        if instrument is None:
            created.append(Instrument(feed=feed, symbol=facts.symbol, streaming=facts.streaming, **columns))
        elif any(getattr(instrument, name) != value for name, value in columns.items()):
            for name, value in columns.items():
                setattr(instrument, name, value)
            changed.append(instrument)
    for symbol, instrument in known.items():
        if not instrument.active or symbol in seen:
            continue
        if instrument.expires_at and instrument.expires_at <= now:
            instrument.active = False
            changed.append(instrument)
            retired.append(instrument)
        elif listed is not None:
            vanished += 1
    Instrument.objects.bulk_create(created, batch_size=BATCH)
    Instrument.objects.bulk_update(changed, [*FACTS], batch_size=100)
    active = [instrument.facts() for instrument in _of_share(Instrument.objects.filter(feed=feed, active=True), share)]
    if active and max(facts.id for facts in active) > MAX_ID:
        raise UnusableFactsError("the ids of instruments no longer fit a row's header")
    return Summary(active, len(created), len(changed) - len(retired), len(retired), vanished)


def _of_share(instruments: QuerySet[Instrument], share: Share) -> Iterable[Instrument]:
    return instruments if share.is_whole else [one for one in instruments if share.holds(one.underlying)]


def _columns(facts: InstrumentFacts, now: dt.datetime) -> dict[str, Any]:
    expires_at = dt.datetime.fromtimestamp(facts.expires_ms / 1000, dt.UTC) if facts.expires_ms else None
    return {
        "venue_symbol": facts.venue_symbol or facts.symbol,
        "kind": facts.kind,
        "underlying": facts.underlying,
        "root": facts.root or "",
        "expiry": dt.date.fromisoformat(facts.expiry) if facts.expiry else None,
        "expires_at": expires_at,
        "strike": facts.strike,
        "right": facts.right or "",
        "exercise": facts.exercise or "",
        "multiplier": facts.multiplier,
        "tick": facts.tick,
        "currency": facts.currency,
        "active": facts.active and (expires_at is None or expires_at > now),
    }
