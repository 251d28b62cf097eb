"""The verbs of sharing: a watchlist's owner gives a link by which any signed-in user may read it, and withdraws it."""

from . import queries, random_keys, watchlists
from .items import Item, items_of
from .models import RollingEntry, User, Watchlist, WatchlistEntry, WatchlistSection
from .watchlists import NAME_LENGTH, GoneError, edit


def share(watchlist: Watchlist) -> str:
    """The key of its link. One that is shared keeps its key. Raises GoneError."""
    with edit(watchlist):
        row = Watchlist.objects.get(pk=watchlist.pk)
        watchlist.share_key = row.share_key or random_keys.make()
        watchlist.save(update_fields=["share_key"])
    return watchlist.share_key


def withdraw(watchlist: Watchlist) -> None:
    """From now on its link leads nowhere, for good: sharing it again makes another. Raises GoneError."""
    with edit(watchlist):
        watchlist.share_key = None
        watchlist.save(update_fields=["share_key"])


def copy(owner: User, share_key: str, name: str | None = None) -> Watchlist:
    """A watchlist of the user's own with what the shared one holds now; named as that one, and numbered where the user has
    one of that name. Raises GoneError where nothing is shared by this key, RefusedError."""
    found = queries.shared(share_key)
    if found is None:
        raise GoneError("key")
    return watchlists.assemble(
        owner,
        name if name is not None else _free_name(owner, found.name),
        lambda: [_copied(item) for item in items_of(found)],
    )


def _free_name(owner: User, name: str) -> str:
    taken = set(Watchlist.objects.filter(owner=owner).values_list("name", flat=True))
    number = 2
    free = name
    while free in taken:
        suffix = f" ({number})"
        free = f"{name[: NAME_LENGTH - len(suffix)]}{suffix}"
        number += 1
    return free


def _copied(item: Item) -> Item:
    match item:
        case WatchlistEntry():
            return WatchlistEntry(instrument_id=item.instrument_id)
        case WatchlistSection():
            return WatchlistSection(name=item.name)
        case RollingEntry():
            return RollingEntry(
                underlying=item.underlying,
                rule=item.rule,
                strikes=item.strikes,
                rights=item.rights,
                state=item.state,
                expiry=item.expiry,
                centre=item.centre,
                held=item.held,
            )
