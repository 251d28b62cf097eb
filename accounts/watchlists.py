"""The verbs of watchlists. Each makes one transaction, raises the version, and after the commit tells the sockets that
show the list; `rest` and the demo call them, `queries.py` answers questions. `sections`, `rolling`, `pasting` and `sharing`
have more of them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from marketdata.lookup import FORBIDDEN, NotFound, find
from marketdata.models import Instrument

from . import announcing, items
from .access import Access
from .items import Item, Kind
from .models import RollingEntry, User, Watchlist, WatchlistEntry

# What a person can look over, and what one page can fetch and show at once.
WATCHLISTS_PER_USER: Final = 50
ITEMS_PER_WATCHLIST: Final = 500
NAME_LENGTH: Final = 80
MOST_POSITION: Final = 1_000_000


class Problem(NamedTuple):
    """What is wrong with one field: `symbols.3` is the fourth of a list."""

    field: str
    code: str
    message: str


class RefusedError(Exception):
    """The edit was refused, whole. `problems` says why, field by field."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{one.field}: {one.message}" for one in problems))
        self.problems = problems


class ConflictError(RefusedError):
    """What was asked for does not go with how the watchlist is now."""


class StaleError(Exception):
    """The watchlist has another `version` than the one that the caller has seen."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the watchlist has version {version} now")
        self.version = version


class GoneError(Exception):
    """What was asked for is not there, or no longer; `field` names it, None all of it."""

    def __init__(self, field: str | None = None) -> None:
        super().__init__(f"there is no such {field or 'thing'}")
        self.field = field


# `access` is what the user may see: what is beyond it is refused. None, as for operators, is everything.


def create(owner: User, name: str, symbols: Sequence[str] = (), access: Access | None = None) -> Watchlist:
    """A new watchlist at the end of the owner's. Raises RefusedError."""
    return assemble(owner, name, lambda: [WatchlistEntry(instrument=one) for one in _found(symbols, access)])


def assemble(owner: User, name: str, contents: Callable[[], Sequence[Item]]) -> Watchlist:
    """A new watchlist of what `contents` gives, which is not saved yet, in its order. Raises RefusedError."""
    name = checked_name(name)
    with transaction.atomic():
        _lock_names(owner.pk)
        lists = Watchlist.objects.filter(owner=owner)
        if lists.count() >= WATCHLISTS_PER_USER:
            raise RefusedError(Problem("name", "too_many", f"A user may have {WATCHLISTS_PER_USER} watchlists."))
        _check_name_is_free(owner.pk, name)
        last = lists.aggregate(last=Max("position"))["last"]
        watchlist = Watchlist.objects.create(owner=owner, name=name, position=0 if last is None else last + 1)
        made = contents()
        items.append(watchlist, made, first=0)
        announcing.after_commit(watchlist)
        announcing.rolling_changed(one.underlying.feed for one in made if isinstance(one, RollingEntry))
    return watchlist


def change(watchlist: Watchlist, name: str | None = None, position: int | None = None) -> Watchlist:
    """Renames the watchlist, or gives it another place among its owner's, or both. Raises RefusedError, GoneError."""
    with edit(watchlist):
        if name is not None:
            name = checked_name(name)
            _lock_names(watchlist.owner_id)
            _check_name_is_free(watchlist.owner_id, name, watchlist.pk)
            watchlist.name = name
        if position is not None:
            if not 0 <= position <= MOST_POSITION:
                raise RefusedError(Problem("position", "out_of_range", f"A position is 0 to {MOST_POSITION:,}."))
            watchlist.position = position
        watchlist.save(update_fields=["name", "position"])
    return watchlist


def rename(watchlist: Watchlist, name: str) -> Watchlist:
    return change(watchlist, name=name)


def delete(watchlist: Watchlist) -> None:
    """Raises GoneError."""
    watchlist_id = watchlist.pk
    with edit(watchlist):
        # Not watchlist.delete(): it takes the id away, and the announcement still needs it.
        Watchlist.objects.filter(pk=watchlist_id).delete()


def add(watchlist: Watchlist, symbol: str, access: Access | None = None) -> WatchlistEntry:
    """The instrument called `symbol` as the last item. Raises RefusedError, GoneError."""
    instrument = find([symbol], access)[symbol]
    if isinstance(instrument, NotFound):
        raise RefusedError(Problem("symbol", *instrument))
    with edit(watchlist):
        if WatchlistEntry.objects.filter(watchlist=watchlist, instrument=instrument).exists():
            raise RefusedError(Problem("symbol", "already_there", f"{symbol} is in this watchlist already."))
        check_room(watchlist, "symbol")
        entry = WatchlistEntry(instrument=instrument)
        items.append(watchlist, [entry])
    return entry


def remove(watchlist: Watchlist, entry_id: int) -> None:
    """Raises GoneError, also when the entry is another watchlist's."""
    with edit(watchlist):
        count, _ = WatchlistEntry.objects.filter(watchlist=watchlist, pk=entry_id).delete()
        if not count:
            raise GoneError("entry")


def reorder(watchlist: Watchlist, symbols: Sequence[str], access: Access | None = None) -> Watchlist:
    """Makes the watchlist's instruments exactly `symbols`, in their order: what is not named goes, what is new comes, and
    an entry that stays keeps its id. Headings and rolling entries stay: the places that instruments had are filled anew,
    one after the other, and what is left over stands at the end. Raises RefusedError with a problem for each bad symbol,
    and GoneError."""
    with edit(watchlist):
        entries = WatchlistEntry.objects.filter(watchlist=watchlist).select_related("instrument")
        kept = {one.instrument_id: one for one in entries}
        others = items.count(watchlist) - len(kept)
        instruments = _found(symbols, access, [one.instrument for one in kept.values()], ITEMS_PER_WATCHLIST - others)
        wanted = {one.pk for one in instruments}
        WatchlistEntry.objects.filter(pk__in=[e.pk for i, e in kept.items() if i not in wanted]).delete()
        fresh = [WatchlistEntry(instrument=one) for one in instruments if one.pk not in kept]
        items.append(watchlist, fresh)
        by_instrument = {**kept, **{one.instrument_id: one for one in fresh}}
        ahead = iter([by_instrument[one.pk] for one in instruments])
        in_order = items.stored(watchlist)
        items.arrange([next(ahead) if isinstance(item, WatchlistEntry) else item for item in in_order])
    return watchlist


def arrange(watchlist: Watchlist, wanted: Sequence[tuple[Kind, int]]) -> Watchlist:
    """Gives the items the order of `wanted`, which names them by kind and id; those that it does not name stand after them,
    in the order that they had. Raises RefusedError for an item that is named twice, ConflictError for one that is not
    there, GoneError."""
    with edit(watchlist):
        held = {(items.kind_of(one), one.pk): one for one in items.stored(watchlist)}
        first = {one: place for place, one in reversed(list(enumerate(wanted)))}
        twice = [place for place, one in enumerate(wanted) if first[one] != place]
        if twice:
            message = "This item is named twice."
            raise RefusedError(*(Problem(f"items.{place}", "already_there", message) for place in twice))
        gone = [place for place, one in enumerate(wanted) if one not in held]
        if gone:
            message = "This item is not in the watchlist, or no longer."
            raise ConflictError(*(Problem(f"items.{place}", "gone", message) for place in gone))
        items.arrange([*(held[one] for one in wanted), *(item for one, item in held.items() if one not in first)])
    return watchlist


def touch(watchlist: Watchlist) -> None:
    """Counts and announces an edit that was made elsewhere in this transaction, as the admin does. Raises GoneError."""
    with edit(watchlist):
        pass


@contextmanager
def edit(watchlist: Watchlist) -> Iterator[None]:
    """A transaction that begins by raising the version: that takes the row's lock, so that edits of one watchlist come
    one after the other and each counts. Raises GoneError, and StaleError for another version than the one expected."""
    with transaction.atomic():
        row = Watchlist.objects.filter(pk=watchlist.pk)
        if not row.update(version=F("version") + 1, updated_at=timezone.now()):
            raise GoneError("watchlist")
        watchlist.version = row.values_list("version", flat=True).get()
        if watchlist.expected_version not in (None, watchlist.version - 1):
            raise StaleError(watchlist.version - 1)
        yield
        announcing.after_commit(watchlist)


def checked_name(name: str, what: str = "watchlist") -> str:
    """The name without blanks around it. Raises RefusedError."""
    name = name.strip()
    if problems := wrong_name(name, f"A {what} needs a name."):
        raise RefusedError(*problems)
    return name


def wrong_name(name: str, where_blank: str) -> list[Problem]:
    """What is wrong with a name that a person gave to something of theirs."""
    if not name:
        return [Problem("name", "blank", where_blank)]
    if len(name) > NAME_LENGTH:
        return [Problem("name", "max_length", f"A name has at most {NAME_LENGTH} characters.")]
    if not name.isprintable():
        return [Problem("name", "invalid", "A name has no line breaks or control characters.")]
    return []


def check_room(watchlist: Watchlist, field: str) -> None:
    """Raises RefusedError where the watchlist is full."""
    if items.count(watchlist) >= ITEMS_PER_WATCHLIST:
        raise RefusedError(Problem(field, "too_many", f"A watchlist may have {ITEMS_PER_WATCHLIST} items."))


def _lock_names(owner_id: int) -> None:
    """Until the transaction ends nobody else gives this owner's watchlists a name, or adds one: what is counted and
    compared here then holds."""
    User.objects.select_for_update().filter(pk=owner_id).first()


def _check_name_is_free(owner_id: int, name: str, but: int = 0) -> None:
    if Watchlist.objects.filter(owner_id=owner_id, name=name).exclude(pk=but).exists():
        raise RefusedError(Problem("name", "already_there", f"There is a watchlist called {name} already."))


def _found(
    symbols: Sequence[str],
    access: Access | None,
    kept: Sequence[Instrument] = (),
    room: int = ITEMS_PER_WATCHLIST,
) -> list[Instrument]:
    """The instruments called `symbols`. Those of `kept` are found also when they are no longer offered."""
    if len(symbols) > room:
        message = f"A watchlist may have {ITEMS_PER_WATCHLIST} items: there is room for {room} instruments."
        raise RefusedError(Problem("symbols", "too_many", message))
    by_name = {str(one): one for one in kept}
    withheld = {one.symbol: one for one in kept}
    answers = find(symbols, access)
    instruments: dict[int, Instrument] = {}
    problems: list[Problem] = []
    for place, symbol in enumerate(symbols):
        answer = by_name.get(symbol, answers[symbol])
        if isinstance(answer, NotFound) and answer.code in ("not_streaming", FORBIDDEN):
            answer = withheld.get(symbol, answer)
        if isinstance(answer, NotFound):
            problems.append(Problem(f"symbols.{place}", *answer))
        elif answer.pk in instruments:
            problems.append(Problem(f"symbols.{place}", "already_there", f"{symbol} is named twice."))
        else:
            instruments[answer.pk] = answer
    if problems:
        raise RefusedError(*problems)
    return list(instruments.values())
