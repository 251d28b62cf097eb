"""The verbs of watchlists. Each makes one transaction, raises the version, and after the commit tells the sockets that
show the list; `rest` and the demo call them, `queries.py` answers questions.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, NamedTuple

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from marketdata.lookup import NotFound, find
from marketdata.models import Instrument

from .models import User, Watchlist, WatchlistEntry

logger = logging.getLogger(__name__)

# What a person can look over, and what one page can fetch and show at once.
WATCHLISTS_PER_USER: Final = 50
ENTRIES_PER_WATCHLIST: Final = 500
NAME_LENGTH: Final = 80
MOST_POSITION: Final = 1_000_000
_ANNOUNCE_TIMEOUT_S: Final = 2.0


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


class GoneError(Exception):
    """The watchlist or entry is not there, or no longer."""


def create(owner: User, name: str, symbols: Sequence[str] = ()) -> Watchlist:
    """A new watchlist at the end of the owner's. Raises RefusedError."""
    name = _checked_name(name)
    with transaction.atomic():
        _lock_names(owner.pk)
        lists = Watchlist.objects.filter(owner=owner)
        if lists.count() >= WATCHLISTS_PER_USER:
            raise RefusedError(Problem("name", "too_many", f"A user may have {WATCHLISTS_PER_USER} watchlists."))
        _check_name_is_free(owner.pk, name)
        last = lists.aggregate(last=Max("position"))["last"]
        watchlist = Watchlist.objects.create(owner=owner, name=name, position=0 if last is None else last + 1)
        _append(watchlist, _found(symbols))
        _announce_after_commit(watchlist)
    return watchlist


def change(watchlist: Watchlist, name: str | None = None, position: int | None = None) -> Watchlist:
    """Renames the watchlist, or gives it another place among its owner's, or both. Raises RefusedError, GoneError."""
    with _edit(watchlist):
        if name is not None:
            name = _checked_name(name)
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
    with _edit(watchlist):
        # Not watchlist.delete(): it takes the id away, and the announcement still needs it.
        Watchlist.objects.filter(pk=watchlist_id).delete()


def add(watchlist: Watchlist, symbol: str) -> WatchlistEntry:
    """The instrument called `symbol` as the last entry. Raises RefusedError, GoneError."""
    instrument = find([symbol])[symbol]
    if isinstance(instrument, NotFound):
        raise RefusedError(Problem("symbol", *instrument))
    with _edit(watchlist):
        entries = WatchlistEntry.objects.filter(watchlist=watchlist)
        if entries.filter(instrument=instrument).exists():
            raise RefusedError(Problem("symbol", "already_there", f"{symbol} is in this watchlist already."))
        if entries.count() >= ENTRIES_PER_WATCHLIST:
            raise RefusedError(
                Problem("symbol", "too_many", f"A watchlist may have {ENTRIES_PER_WATCHLIST} instruments.")
            )
        (entry,) = _append(watchlist, [instrument])
    return entry


def remove(watchlist: Watchlist, entry_id: int) -> None:
    """Raises GoneError, also when the entry is another watchlist's."""
    with _edit(watchlist):
        count, _ = WatchlistEntry.objects.filter(watchlist=watchlist, pk=entry_id).delete()
        if not count:
            raise GoneError


def reorder(watchlist: Watchlist, symbols: Sequence[str]) -> Watchlist:
    """Makes the watchlist exactly `symbols`, in their order: what is not named goes, what is new comes, and an entry that
    stays keeps its id. Raises RefusedError with a problem for each bad symbol, and GoneError."""
    with _edit(watchlist):
        entries = WatchlistEntry.objects.filter(watchlist=watchlist).select_related("instrument")
        kept = {one.instrument_id: one for one in entries}
        instruments = _found(symbols, [one.instrument for one in kept.values()])
        wanted = {one.pk: place for place, one in enumerate(instruments)}
        WatchlistEntry.objects.filter(pk__in=[e.pk for i, e in kept.items() if i not in wanted]).delete()
        moved = [e for i, e in kept.items() if i in wanted and e.position != wanted[i]]
        for entry in moved:
            entry.position = wanted[entry.instrument_id]
        WatchlistEntry.objects.bulk_update(moved, ["position"])
        WatchlistEntry.objects.bulk_create(
            WatchlistEntry(watchlist=watchlist, instrument=one, position=wanted[one.pk])
            for one in instruments
            if one.pk not in kept
        )
    return watchlist


def touch(watchlist: Watchlist) -> None:
    """Counts and announces an edit that was made elsewhere in this transaction, as the admin does. Raises GoneError."""
    with _edit(watchlist):
        pass


@contextmanager
def _edit(watchlist: Watchlist) -> Iterator[None]:
    """A transaction that begins by raising the version: that takes the row's lock, so that edits of one watchlist come
    one after the other and each counts."""
    with transaction.atomic():
        row = Watchlist.objects.filter(pk=watchlist.pk)
        if not row.update(version=F("version") + 1, updated_at=timezone.now()):
            raise GoneError
        watchlist.version = row.values_list("version", flat=True).get()
        yield
        _announce_after_commit(watchlist)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name:
        raise RefusedError(Problem("name", "blank", "A watchlist needs a name."))
    if len(name) > NAME_LENGTH:
        raise RefusedError(Problem("name", "max_length", f"A name has at most {NAME_LENGTH} characters."))
    if not name.isprintable():
        raise RefusedError(Problem("name", "invalid", "A name has no line breaks or control characters."))
    return name


def _lock_names(owner_id: int) -> None:
    """Until the transaction ends nobody else gives this owner's watchlists a name, or adds one: what is counted and
    compared here then holds."""
    User.objects.select_for_update().filter(pk=owner_id).first()


def _check_name_is_free(owner_id: int, name: str, but: int = 0) -> None:
    if Watchlist.objects.filter(owner_id=owner_id, name=name).exclude(pk=but).exists():
        raise RefusedError(Problem("name", "already_there", f"There is a watchlist called {name} already."))


def _found(symbols: Sequence[str], kept: Sequence[Instrument] = ()) -> list[Instrument]:
    """The instruments called `symbols`. Those of `kept` are found also when they are no longer offered."""
    if len(symbols) > ENTRIES_PER_WATCHLIST:
        message = f"A watchlist may have {ENTRIES_PER_WATCHLIST} instruments."
        raise RefusedError(Problem("symbols", "too_many", message))
    by_name = {str(one): one for one in kept}
    withheld = {one.symbol: one for one in kept}
    answers = find(symbols)
    instruments: dict[int, Instrument] = {}
    problems: list[Problem] = []
    for place, symbol in enumerate(symbols):
        answer = by_name.get(symbol, answers[symbol])
        if isinstance(answer, NotFound) and answer.code == "not_streaming":
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


def _append(watchlist: Watchlist, instruments: Sequence[Instrument]) -> list[WatchlistEntry]:
    last = WatchlistEntry.objects.filter(watchlist=watchlist).aggregate(last=Max("position"))["last"]
    first = 0 if last is None else last + 1
    return WatchlistEntry.objects.bulk_create(
        WatchlistEntry(watchlist=watchlist, instrument=one, position=first + place)
        for place, one in enumerate(instruments)
    )


def _announce_after_commit(watchlist: Watchlist) -> None:
    transaction.on_commit(partial(_announce, watchlist.pk, watchlist.version, watchlist.owner_id))


def _announce(watchlist_id: int, version: int, owner_id: int) -> None:
    try:
        async_to_sync(_send)(
            {
                f"watchlist.{watchlist_id}": {
                    "type": "watchlist.changed",
                    "watchlist": watchlist_id,
                    "version": version,
                },
                f"user.{owner_id}": {"type": "watchlists.changed"},
            }
        )
    except Exception as error:  # the edit is committed, and must not fail for whatever the layer may raise
        logger.warning("watchlist %d changed, but nobody could be told: %r", watchlist_id, error)


async def _send(messages: dict[str, dict[str, Any]]) -> None:
    layer = get_channel_layer()
    async with asyncio.timeout(_ANNOUNCE_TIMEOUT_S):
        for group, message in messages.items():
            await layer.group_send(group, message)
