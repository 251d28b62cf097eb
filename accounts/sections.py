"""The verbs of sections: the headings of a watchlist."""

from . import items
from .models import Watchlist, WatchlistSection
from .watchlists import GoneError, check_room, checked_name, edit


def make(watchlist: Watchlist, name: str, position: int | None = None) -> WatchlistSection:
    """A heading at a place among the items, counted from 0, or at the end. Raises RefusedError, GoneError."""
    name = checked_name(name, "section")
    with edit(watchlist):
        check_room(watchlist, "name")
        section = WatchlistSection(name=name)
        items.append(watchlist, [section])
        if position is not None:
            items.put(watchlist, section, position)
    return section


def change(
    watchlist: Watchlist, section_id: int, name: str | None = None, position: int | None = None
) -> WatchlistSection:
    """Renames it, moves it to another place, or both; what it heads stays where it is. Nothing is no edit.
    Raises RefusedError, GoneError."""
    if name is not None:
        name = checked_name(name, "section")
    if name is None and position is None:
        return _of(watchlist, section_id)
    with edit(watchlist):
        section = _of(watchlist, section_id)
        if name is not None:
            section.name = name
            section.save(update_fields=["name"])
        if position is not None:
            items.put(watchlist, section, position)
    return section


def remove(watchlist: Watchlist, section_id: int) -> None:
    """The heading goes; what it headed stays. Raises GoneError."""
    with edit(watchlist):
        _of(watchlist, section_id).delete()


def _of(watchlist: Watchlist, section_id: int) -> WatchlistSection:
    section = WatchlistSection.objects.filter(watchlist=watchlist, pk=section_id).first()
    if section is None:
        raise GoneError("section")
    return section
