"""Instruments found by the names that people and programs write: a bare symbol, or `feed.symbol`. `accounts` and `rest`
ask here; the stream has its catalogue. Each asks for somebody: where two feeds have a symbol, only those count that the
one may see.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from django.db.models import Q

from .models import Instrument
from .symbols import SYMBOL

if TYPE_CHECKING:
    from accounts.access import Access

FORBIDDEN: Final = "forbidden"


class NotFound(NamedTuple):
    """Why a name leads to no instrument: `unknown_symbol`, `ambiguous_symbol`, `not_streaming` or `forbidden`, with a
    sentence."""

    code: str
    message: str


def find(names: Sequence[str], access: "Access | None" = None) -> dict[str, Instrument | NotFound]:
    """For each name, the one instrument that is offered under it to who has this access, or why there is none. Without an
    access, as for operators, nothing is forbidden. One query."""
    found = _candidates(names)
    return {name: _offered(name, found[name], access) for name in names}


def find_any(name: str, access: "Access | None" = None) -> Instrument | NotFound:
    """As `find`, of one name, but where nothing is offered under it a retired or withheld instrument will do."""
    candidates = _candidates([name])[name]
    offered = _offered(name, candidates, access)
    seen = _seen(candidates, access)
    if isinstance(offered, Instrument) or not seen:
        return offered
    # What is offered on several feeds is told by `offered`.
    return offered if offered.code == "ambiguous_symbol" else seen[0] if len(seen) == 1 else _ambiguous(name, seen)


def _seen(candidates: list[Instrument], access: "Access | None") -> list[Instrument]:
    return candidates if access is None else [one for one in candidates if access.may_see(one)]


def _candidates(names: Iterable[str]) -> defaultdict[str, list[Instrument]]:
    bare = {name for name in names if SYMBOL.match(name)}
    # A symbol may have dots of its own (BRK.B): such a name is looked for both ways, and the feed goes first.
    parts = {name: (feed, symbol) for name in names for feed, dot, symbol in [name.partition(".")] if dot and symbol}
    symbols = {symbol for _, symbol in parts.values() if SYMBOL.match(symbol)}
    by_symbol: defaultdict[str, list[Instrument]] = defaultdict(list)
    if bare or symbols:
        found_rows = Instrument.objects.filter(Q(symbol__in=bare | symbols)).order_by("feed")
        # SQLite has no times: to read two that nobody asks about takes a third of 500 instruments' time.
        for instrument in found_rows.defer("created_at", "updated_at"):
            by_symbol[instrument.symbol].append(instrument)
    found: defaultdict[str, list[Instrument]] = defaultdict(list)
    for name in names:
        feed, symbol = parts.get(name, ("", ""))
        found[name] = [one for one in by_symbol[symbol] if one.feed == feed] or by_symbol[name]
    return found


def _offered(name: str, candidates: list[Instrument], access: "Access | None") -> Instrument | NotFound:
    shown = name if len(name) <= 100 else f"{name[:100]}…"
    if not candidates:
        return NotFound("unknown_symbol", f"There is no instrument {shown}.")
    seen = _seen(candidates, access)
    if not seen:
        feeds = " and ".join(sorted({one.feed for one in candidates}))
        return NotFound(FORBIDDEN, f"You may not see {shown}, which is of the feed {feeds}.")
    offered = [one for one in seen if one.offered]
    if not offered:
        return NotFound("not_streaming", f"{shown} is not offered now.")
    return offered[0] if len(offered) == 1 else _ambiguous(shown, offered)


def _ambiguous(name: str, candidates: Sequence[Instrument]) -> NotFound:
    choices = " or ".join(str(one) for one in candidates)
    return NotFound("ambiguous_symbol", f"{name} is on {len(candidates)} feeds: write {choices}.")
