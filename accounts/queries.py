"""Every question about watchlists, in one place; `watchlists.py` has the verbs."""

from collections.abc import Iterable
from typing import NamedTuple

from channels.db import database_sync_to_async
from django.db.models import Prefetch, QuerySet

from marketdata.models import Instrument

from . import random_keys
from .models import RollingEntry, Watchlist, WatchlistEntry, WatchlistSection


class Followed(NamedTuple):
    """A watchlist as a reader reaches it: one's own by its `id`, another's by its `share_key` too."""

    id: int
    share_key: str | None = None


def watchlists_of(user_id: int) -> QuerySet[Watchlist]:
    """The user's watchlists in their order, with their items and instruments: four queries, however many."""
    return _whole(Watchlist.objects.filter(owner_id=user_id))


def watchlist_of(user_id: int, watchlist_id: int) -> Watchlist | None:
    """One watchlist with its items; None when it is absent or another user's, which nobody can tell apart."""
    return watchlists_of(user_id).filter(pk=watchlist_id).first()


def shared(share_key: str) -> Watchlist | None:
    """The watchlist that is shared by this key, with its items and owner; None where none is, or no longer."""
    if not random_keys.is_key(share_key):
        return None
    return _whole(_shared(share_key).select_related("owner")).first()


def held_by(watchlists: Iterable[Watchlist]) -> dict[int, Instrument]:
    """The instruments that the rolling entries of these lists hold now, by id. One query, or none where none is held."""
    ids = {one for watchlist in watchlists for entry in watchlist.rolling.all() for one in entry.held}
    return Instrument.objects.only("feed", "symbol").in_bulk(ids) if ids else {}


def watched_instruments(feed: str) -> set[int]:
    """Ids of the feed's instruments that stand in anybody's watchlist, by themselves or held by a rolling entry. Two
    queries."""
    entries = WatchlistEntry.objects.filter(instrument__feed=feed)
    rolling = RollingEntry.objects.filter(underlying__feed=feed)
    named = set(entries.values_list("instrument_id", flat=True).distinct().order_by())
    return named.union(*rolling.values_list("held", flat=True).order_by())


async def shared_id(share_key: str) -> int | None:
    """The id of the watchlist that is shared by this key. One query."""
    found: int | None = await database_sync_to_async(_shared_id)(share_key)
    return found


async def instrument_ids(user_id: int, followed: Followed) -> list[int] | None:
    """Ids of the watchlist's instruments and of those that its rolling entries hold, each once, in order; None when it is
    absent, another user's, or no longer shared. Two queries."""
    found: list[int] | None = await database_sync_to_async(_instrument_ids)(user_id, followed)
    return found


def _instrument_ids(user_id: int, followed: Followed) -> list[int] | None:
    if followed.share_key is None:
        found = Watchlist.objects.filter(pk=followed.id, owner_id=user_id)
    else:
        found = _shared(followed.share_key).filter(pk=followed.id)
    # The outer join gives an empty watchlist one row without an instrument, and an absent one none.
    rows = list(found.order_by().values_list("entries__position", "entries__id", "entries__instrument_id"))
    if not rows:
        return None
    # As `items.ordered` has them: of those in one place, rolling entries first.
    places = [((position, 1, pk), [instrument]) for position, pk, instrument in rows if instrument is not None]
    rolling = RollingEntry.objects.filter(watchlist_id=followed.id).order_by()
    places += [((position, 0, pk), held) for position, pk, held in rolling.values_list("position", "id", "held")]
    return list(dict.fromkeys(one for _, ids in sorted(places) for one in ids))


def _shared_id(share_key: str) -> int | None:
    if not random_keys.is_key(share_key):
        return None
    return _shared(share_key).values_list("pk", flat=True).first()


def _shared(share_key: str) -> QuerySet[Watchlist]:
    return Watchlist.objects.filter(share_key=share_key, owner__is_active=True)


def _whole(watchlists: QuerySet[Watchlist]) -> QuerySet[Watchlist]:
    entries = WatchlistEntry.objects.select_related("instrument").only(
        "watchlist_id", "position", "instrument__feed", "instrument__symbol"
    )
    rolling = RollingEntry.objects.select_related("underlying").defer(
        "underlying__created_at", "underlying__updated_at"
    )
    return watchlists.prefetch_related(
        Prefetch("entries", queryset=entries),
        Prefetch("sections", queryset=WatchlistSection.objects.all()),
        Prefetch("rolling", queryset=rolling),
    )
