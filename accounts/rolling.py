"""The verbs of rolling entries, which follow the money, and what ingest does of them: it moves each second those whose
money has left them or whose contracts expired. `marketdata.following` says what they stand for.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone
from redis.exceptions import RedisError

from marketdata import following
from marketdata.bus import newest
from marketdata.feeds.base import FeedClock
from marketdata.following import Expiry, Ladder, Standing, State, Wish
from marketdata.ingest import money
from marketdata.lookup import NotFound, find
from marketdata.models import Instrument

from . import announcing, items
from .access import Access
from .announcing import Edit
from .models import RollingEntry, Watchlist
from .watchlists import GoneError, Problem, RefusedError, check_room, edit

ROLLING_PER_WATCHLIST: Final = 20
MOST_STRIKES: Final = 20
# What a feed's ingest looks after each second: some 2 MB, and 50 ms once a minute.
ROLLING_PER_FEED: Final = 10_000
# So many entries are moved in a transaction: others that write must not wait for all of them.
_BATCH: Final = 500
_OFFERED: Final = {"kind": Instrument.Kind.OPTION, "active": True, "streaming": True, "covered": True}


class Entry(NamedTuple):
    """A rolling entry as ingest knows it: what it follows, asks for, and stands for."""

    id: int
    underlying: str
    wish: Wish
    standing: Standing


# ── For people ────────────────────────────────────────────────────────────────────────────────────────────────────────


def make(
    watchlist: Watchlist,
    underlying: str,
    rule: str = RollingEntry.Rule.NEXT,
    strikes: int = 2,
    rights: str = RollingEntry.Rights.BOTH,
    position: int | None = None,
    access: Access | None = None,
) -> RollingEntry:
    """A rolling entry at a place among the items, counted from 0, or at the end. It stands for contracts at once where the
    price is known, else from ingest's next look on. Raises RefusedError, GoneError."""
    instrument = _underlying(underlying, access)
    _check(rule, strikes, rights)
    entry = RollingEntry(underlying=instrument, rule=rule, strikes=strikes, rights=rights)
    resolve(entry)
    with edit(watchlist):
        others = RollingEntry.objects.filter(watchlist=watchlist)
        _check_is_new(others, entry)
        if others.count() >= ROLLING_PER_WATCHLIST:
            message = f"A watchlist may have {ROLLING_PER_WATCHLIST} rolling entries."
            raise RefusedError(Problem("underlying", "too_many", message))
        check_room(watchlist, "underlying")
        items.append(watchlist, [entry])
        if position is not None:
            items.put(watchlist, entry, position)
        announcing.rolling_changed([instrument.feed])
    return entry


def change(
    watchlist: Watchlist,
    entry_id: int,
    rule: str | None = None,
    strikes: int | None = None,
    rights: str | None = None,
    position: int | None = None,
) -> RollingEntry:
    """Another rule, number of strikes, rights or place. What it follows stays. Nothing is no edit. Raises
    RefusedError, GoneError."""
    entry = _of(watchlist, entry_id)
    changes = {"rule": rule, "strikes": strikes, "rights": rights}
    asks_anew = any(value not in (None, getattr(entry, name)) for name, value in changes.items())
    for name, value in changes.items():
        if value is not None:
            setattr(entry, name, value)
    _check(entry.rule, entry.strikes, entry.rights)
    if not asks_anew and position is None:
        return entry
    if asks_anew:
        resolve(entry)
    with edit(watchlist):
        others = RollingEntry.objects.filter(watchlist=watchlist)
        if asks_anew:
            _check_is_new(others.exclude(pk=entry.pk), entry)
            columns = ["rule", "strikes", "rights", "state", "expiry", "centre", "held"]
            if not others.filter(pk=entry.pk).update(**{name: getattr(entry, name) for name in columns}):
                raise GoneError("rolling")
        if position is not None:
            items.put(watchlist, entry, position)
        announcing.rolling_changed([entry.underlying.feed])
    return _of(watchlist, entry_id)


def remove(watchlist: Watchlist, entry_id: int) -> None:
    """Raises GoneError."""
    with edit(watchlist):
        entry = _of(watchlist, entry_id)
        entry.delete()
        announcing.rolling_changed([entry.underlying.feed])


def resolve(entry: RollingEntry) -> None:
    """Makes `entry`, which need not be saved, stand for what is at the money now, as far as Redis and the database know:
    two queries and one round trip. Where the feed is not heard it waits."""
    underlying, wish = entry.underlying, Wish(entry.rule, entry.strikes, entry.rights)
    listed = Instrument.objects.filter(feed=underlying.feed, underlying=underlying.symbol, strike__gt=0, **_OFFERED)
    days = listed.order_by("expiry", "root").values_list("expiry", "root").annotate(Max("expires_at"))
    expiries = [
        Expiry(day, root, at.timestamp() * 1000) for day, root, at in days if day is not None and at is not None
    ]
    asked = listed.order_by("expiry", "strike").values_list("id", flat=True)[: money.ASKED]
    found = Standing()
    try:
        now = newest.read({underlying.feed: {underlying.symbol: [underlying.pk, *asked]}})
    except RedisError:
        now = newest.Newest({}, {})
    if (beacon := now.beacons.get(underlying.feed)) is not None:
        clock = FeedClock(beacon.clock_at_ms, beacon.clock_offset_ms, beacon.clock_rate)
        now_ms = clock.now(time.time() * 1000)
        expiry = following.chosen(expiries, underlying.symbol, wish.rule, now_ms)
        ladder = None
        if expiry is not None:
            of_it = listed.filter(expiry=expiry.day, root=expiry.root)
            contracts = of_it.order_by().values_list("strike", "right", "id")
            ladder = Ladder((strike, right, id_) for strike, right, id_ in contracts if strike is not None)
        spot = money.of_rows(now.rows.get(underlying.pk), (now.rows.get(one) for one in asked))
        found = following.standing(expiry, ladder, wish, spot, Standing())
    for name, value in _columns(found).items():
        setattr(entry, name, value)


def _columns(standing: Standing) -> dict[str, Any]:
    return {**standing._asdict(), "held": list(standing.held)}


def _underlying(name: str, access: Access | None) -> Instrument:
    found = find([name], access)[name]
    if isinstance(found, NotFound):
        raise RefusedError(Problem("underlying", *found))
    if found.kind == Instrument.Kind.OPTION:
        raise RefusedError(Problem("underlying", "not_an_underlying", f"{found} is an option: name its underlying."))
    return found


def _check(rule: str, strikes: int, rights: str) -> None:
    problems = [
        Problem(field, "invalid_choice", f"It is one of {', '.join(legal)}.")
        for field, value, legal in (
            ("rule", rule, RollingEntry.Rule.values),
            ("rights", rights, RollingEntry.Rights.values),
        )
        if value not in legal
    ]
    if not 0 <= strikes <= MOST_STRIKES:
        problems.append(Problem("strikes", "out_of_range", f"It is 0 to {MOST_STRIKES} on each side of the money."))
    if problems:
        raise RefusedError(*problems)


def _check_is_new(others: Any, entry: RollingEntry) -> None:
    same = {"underlying": entry.underlying, "rule": entry.rule, "strikes": entry.strikes, "rights": entry.rights}
    if others.filter(**same).exists():
        raise RefusedError(Problem("underlying", "already_there", "This watchlist has the same rolling entry already."))


def _of(watchlist: Watchlist, entry_id: int) -> RollingEntry:
    entry = RollingEntry.objects.filter(watchlist=watchlist, pk=entry_id).select_related("underlying").first()
    if entry is None:
        raise GoneError("rolling")
    return entry


# ── For ingest ────────────────────────────────────────────────────────────────────────────────────────────────────────


def entries_of(feed: str) -> list[Entry]:
    """The rolling entries of the feed, the oldest ROLLING_PER_FEED and one more where there are more. One query."""
    columns = ("id", "underlying__symbol", "rule", "strikes", "rights", "state", "expiry", "centre", "held")
    rows = RollingEntry.objects.filter(underlying__feed=feed).order_by("id").values_list(*columns)
    return [
        Entry(id_, underlying, Wish(rule, strikes, rights), Standing(_state(state), expiry, centre, tuple(held)))
        for id_, underlying, rule, strikes, rights, state, expiry, centre, held in rows[: ROLLING_PER_FEED + 1]
    ]


def _state(text: str) -> State:
    return text if text in ("following", "none") else "waiting"  # type: ignore[return-value]


def roll(moved: Sequence[Entry]) -> int:
    """Makes these entries stand for what they have in `standing`, raises the versions of their watchlists and tells who
    reads them. Entries that are gone, or ask for something else by now, are passed over. Returns how many moved."""
    parts = (moved[start : start + _BATCH] for start in range(0, len(moved), _BATCH))
    return sum(_roll({one.id: one for one in part}) for part in parts)


def _roll(wanted: dict[int, Entry]) -> int:
    with transaction.atomic():
        lists = (
            Watchlist.objects.filter(rolling__in=list(wanted)).order_by("pk").distinct().values_list("pk", flat=True)
        )
        # In one order, so that two feeds that move entries of the same lists do not wait for each other.
        locked = list(Watchlist.objects.select_for_update().filter(pk__in=list(lists)).order_by("pk"))
        rows = RollingEntry.objects.filter(pk__in=list(wanted), watchlist__in=locked).order_by()
        touched: set[int] = set()
        # Many entries ask alike: 10,000 take 0.2 s by a statement for each answer, and 6.7 s with one that names each.
        answers: defaultdict[Standing, list[int]] = defaultdict(list)
        for pk, watchlist, *wish in rows.values_list("pk", "watchlist_id", "rule", "strikes", "rights"):
            if wanted[pk].wish == tuple(wish):
                answers[wanted[pk].standing].append(pk)
                touched.add(watchlist)
        for standing, ids in answers.items():
            RollingEntry.objects.filter(pk__in=ids).update(**_columns(standing))
        Watchlist.objects.filter(pk__in=touched).update(
            version=F("version") + 1, rolled=F("rolled") + 1, updated_at=timezone.now()
        )
        edits = [Edit(one.pk, one.version + 1, one.owner_id) for one in locked if one.pk in touched]
    announcing.tell(edits, "rolled")
    return sum(map(len, answers.values()))
