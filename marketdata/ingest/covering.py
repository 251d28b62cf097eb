"""Applies the list, the rules and what people hold to the database, in one transaction, and returns what the feed offers
from then on. Blocking; `offer` calls it in a thread, `manage.py sync_instruments` as it is.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Final, NamedTuple

import msgspec
from django.db import close_old_connections, transaction

from accounts.queries import watched_instruments

from ..facts import InstrumentFacts
from ..feeds import registry
from ..feeds.base import CoverageRule
from ..models import Coverage, Instrument
from ..shares import WHOLE, Share
from . import coverage, listing
from .coverage import Release, Selection

BATCH: Final = 500


class Renewal(NamedTuple):
    """`instruments` are all active ones, of which those stream that are offered. `selection` is what is covered of them,
    by `rules`; `vanished` counts those that the venue lists no more, although they have not expired: they are kept."""

    instruments: list[InstrumentFacts]
    selection: Selection
    rules: tuple[CoverageRule, ...]
    created: int
    changed: int
    retired: int
    vanished: int


def renew(
    feed: str,
    listed: Iterable[InstrumentFacts] | None,
    feed_now_ms: float,
    spots: Mapping[str, float],
    held: Set[int],
    release: Release,
    obeyed: Callable[[str], bool] | None = None,
    share: Share = WHOLE,
) -> Renewal:
    """`listed` is what the feed lists, None where it was not asked; `held` what open sockets hold, to which watchlists
    are added. Of a `share` all of it is meant: nothing else is looked at or changed. Rules that are `obeyed`, by their
    fingerprint, are the administrator's word: what they do not want and nobody holds goes at once, whatever `release`
    says. Raises listing.UnusableFactsError."""
    close_old_connections()
    try:
        with transaction.atomic():
            return _renew(feed, listed, feed_now_ms, spots, held, release, obeyed, share)
    finally:
        close_old_connections()


def _renew(
    feed: str,
    listed: Iterable[InstrumentFacts] | None,
    feed_now_ms: float,
    spots: Mapping[str, float],
    held: Set[int],
    release: Release,
    obeyed: Callable[[str], bool] | None,
    share: Share,
) -> Renewal:
    known = Instrument.objects.filter(feed=feed)
    highest = known.order_by("-id").values_list("id", flat=True).first() or 0
    summary = listing.bring_in(feed, listed, feed_now_ms, share)
    rules = rules_of(feed)
    if obeyed is not None and obeyed(fingerprint(rules)):
        release = Release.UNWANTED
    active = [instrument for instrument in known if instrument.active and share.holds(instrument.underlying)]
    facts = [instrument.facts() for instrument in active]
    selection = coverage.select(
        facts,
        rules,
        spots,
        feed_now_ms,
        held | watched_instruments(feed),
        # What was made just now is covered by nobody's choice.
        before={instrument.id for instrument in active if instrument.covered and instrument.id <= highest},
        release=release,
    )
    for value in (True, False):
        wrong = [one.id for one in active if one.covered is not value and (one.id in selection.covered) is value]
        for start in range(0, len(wrong), BATCH):
            Instrument.objects.filter(id__in=wrong[start : start + BATCH]).update(covered=value)
    return Renewal(
        [
            msgspec.structs.replace(each, streaming=one.streaming and one.id in selection.covered)
            for one, each in zip(active, facts, strict=True)
        ],
        selection,
        rules,
        summary.created,
        summary.changed,
        summary.retired,
        summary.vanished,
    )


def rules_of(feed: str) -> tuple[CoverageRule, ...]:
    """The rules in force: the administrator's, or where there are none the feed's default."""
    rows = Coverage.objects.filter(feed=feed)
    return rules_from(feed, rows)


def rules_from(feed: str, rows: Iterable[Coverage]) -> tuple[CoverageRule, ...]:
    """The rules that `rows`, all of one feed, come to. Rules that are all switched off want nothing."""
    rows = list(rows)
    if not rows:
        return registry.DEFAULT_COVERAGE.get(feed, ())
    enabled = tuple(
        sorted(
            {CoverageRule(row.underlying, row.expiry_days, row.strike_percent) for row in rows if row.enabled},
            key=repr,
        )
    )
    return enabled or (NOTHING,)


# No expiry is so near, and no underlying called so.
NOTHING: Final = CoverageRule(underlying="-", expiry_days=0)


def fingerprint(rules: Sequence[CoverageRule]) -> str:
    """Tells rules apart, also between processes."""
    return hashlib.sha256(msgspec.json.encode(list(rules))).hexdigest()[:16]
