"""The watchlist that a new user finds: made once, when there is first something to show."""

from collections.abc import Collection

from django.db import transaction

from . import example, watchlists
from .access import access_of
from .items import Item
from .models import User, Watchlist, WatchlistEntry
from .watchlists import RefusedError


def give(user: User, feeds: Collection[str]) -> bool:
    """Makes it of one of `feeds`, those that live now, unless the user ever had a watchlist. False while there is nothing
    to put into it."""
    if user.has_begun:
        return True
    picked = example.of_the_busiest(feeds, access_of(user.pk).condition())
    with transaction.atomic():
        # Two tabs ask at the same time.
        now = User.objects.select_for_update().get(pk=user.pk)
        if not now.has_begun and not Watchlist.objects.filter(owner=user).exists():
            if not picked:
                return False
            entries: list[Item] = [WatchlistEntry(instrument=one) for one in picked]
            try:
                watchlists.assemble(user, example.NAME, lambda: entries)
            except RefusedError:
                return False  # no place for it, or rights that changed just now
        user.has_begun = True
        # Past the signals: nobody's way in changes by it.
        User.objects.filter(pk=user.pk).update(has_begun=True)
    return True
