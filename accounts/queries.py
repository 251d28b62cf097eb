"""Every question about watchlists, in one place; `watchlists.py` has the verbs."""

from channels.db import database_sync_to_async
from django.db.models import Prefetch, QuerySet

from .models import Watchlist, WatchlistEntry


def watchlists_of(user_id: int) -> QuerySet[Watchlist]:
    """The user's watchlists in their order, with their entries and instruments: two queries, however many."""
    entries = WatchlistEntry.objects.select_related("instrument").only(
        "watchlist_id", "position", "instrument__feed", "instrument__symbol"
    )
    return Watchlist.objects.filter(owner_id=user_id).prefetch_related(Prefetch("entries", queryset=entries))


def watchlist_of(user_id: int, watchlist_id: int) -> Watchlist | None:
    """One watchlist with its entries; None when it is absent or another user's, which nobody can tell apart."""
    return watchlists_of(user_id).filter(pk=watchlist_id).first()


def watched_instruments(feed: str) -> set[int]:
    """Ids of the feed's instruments that stand in anybody's watchlist. One query."""
    entries = WatchlistEntry.objects.filter(instrument__feed=feed)
    return set(entries.values_list("instrument_id", flat=True).distinct().order_by())


async def instrument_ids(user_id: int, watchlist_id: int) -> list[int] | None:
    """Ids of the watchlist's instruments, in order; None when it is absent or another user's. One query."""
    found: list[int] | None = await database_sync_to_async(_instrument_ids)(user_id, watchlist_id)
    return found


def _instrument_ids(user_id: int, watchlist_id: int) -> list[int] | None:
    # The outer join gives an empty watchlist one row without an instrument, and an absent one none.
    ids = list(
        Watchlist.objects.filter(pk=watchlist_id, owner_id=user_id)
        .order_by("entries__position", "entries__id")
        .values_list("entries__instrument_id", flat=True)
    )
    return [one for one in ids if one is not None] if ids else None
