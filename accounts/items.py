"""What stands in a watchlist, in one order: instruments, headings (sections) and rolling entries. The verbs' ground; they
hold the watchlist's lock while they call here.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

from django.db.models import Max, Model

from .models import RollingEntry, Watchlist, WatchlistEntry, WatchlistSection

Kind = Literal["instrument", "section", "rolling"]
Item = WatchlistEntry | WatchlistSection | RollingEntry

KINDS: Final[dict[Kind, type[Item]]] = {
    "section": WatchlistSection,
    "rolling": RollingEntry,
    "instrument": WatchlistEntry,
}
# Of items in the same position, which an older list may have: a heading stands before what it heads.
_FIRST: Final = {model: place for place, model in enumerate(KINDS.values())}
_BATCH: Final = 500


def kind_of(item: Item) -> Kind:
    return next(kind for kind, model in KINDS.items() if isinstance(item, model))


def ordered(items: Iterable[Item]) -> list[Item]:
    return sorted(items, key=lambda one: (one.position, _FIRST[type(one)], one.pk))


def items_of(watchlist: Watchlist) -> list[Item]:
    """All items, in order: three queries, or none where they were fetched before."""
    return ordered([*watchlist.entries.all(), *watchlist.sections.all(), *watchlist.rolling.all()])


def stored(watchlist: Watchlist) -> list[Item]:
    """All items as the database has them now, in order."""
    return ordered(one for model in KINDS.values() for one in _of(model, watchlist))


def count(watchlist: Watchlist) -> int:
    return sum(_of(model, watchlist).count() for model in KINDS.values())


def end(watchlist: Watchlist) -> int:
    """The position after the last."""
    last = [_of(model, watchlist).aggregate(last=Max("position"))["last"] for model in KINDS.values()]
    return max((one + 1 for one in last if one is not None), default=0)


def append(watchlist: Watchlist, items: Sequence[Item], first: int | None = None) -> None:
    """Saves new `items` after the last one, or from position `first` on."""
    if first is None:
        first = end(watchlist)
    for place, item in enumerate(items, first):
        item.watchlist = watchlist
        item.position = place
    for model in KINDS.values():
        made = [one for one in items if isinstance(one, model)]
        if made:
            _manager(model).bulk_create(made, batch_size=_BATCH)


def arrange(items: Sequence[Item]) -> None:
    """Gives `items`, which are all of a watchlist, the positions of their places here."""
    moved: list[Item] = []
    for place, item in enumerate(items):
        if item.position != place:
            item.position = place
            moved.append(item)
    for model in KINDS.values():
        rows = [one for one in moved if isinstance(one, model)]
        if rows:
            _manager(model).bulk_update(rows, ["position"], batch_size=_BATCH)


def put(watchlist: Watchlist, item: Item, place: int) -> None:
    """Moves `item`, which is saved, to a place among the others, counted from 0; beyond the last is the end."""
    others = [one for one in stored(watchlist) if (type(one), one.pk) != (type(item), item.pk)]
    others.insert(place, item)
    arrange(others)


def _of(model: type[Item], watchlist: Watchlist) -> Any:
    return _manager(model).filter(watchlist=watchlist)


def _manager(model: type[Model]) -> Any:
    return model._default_manager
