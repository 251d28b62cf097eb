"""The verb of pasting: a text or a list of symbols as people have them, from a spreadsheet or another program, into a
watchlist. All that can be taken is taken; the report says of each symbol, in order, what became of it.
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from marketdata.lookup import FORBIDDEN
from marketdata.models import Instrument
from marketdata.symbols import InvalidSymbolError, OptionName, format_osi, is_symbol

from . import items
from .access import Access
from .models import Watchlist, WatchlistEntry
from .watchlists import ITEMS_PER_WATCHLIST, Problem, RefusedError, edit

Outcome = Literal["taken", "already_there", "refused"]

TEXT_BYTES: Final = 64 * 1024
SYMBOLS: Final = 10_000
# Of a symbol that is told back.
SHOWN: Final = 80
CHOICES: Final = 10
# Names in one query: SQLite takes 32,766.
_BATCH: Final = 5_000
# An OSI name's root is padded with blanks, which separate elsewhere.
_PART: Final = re.compile(r"[^\s,;]+ +\d{6}[CP]\d{8}(?![^\s,;])|[^\s,;]+", re.IGNORECASE)
_QUOTES: Final = "\"'`“”‘’"
# SPY260116C500 and SPY260116C00500000, with blanks or without.
_OPTION: Final = re.compile(r"([A-Z0-9]{1,6}?) *(\d{2})(\d{2})(\d{2})([CP])(\d{1,8}(?:\.\d{1,3})?)\Z", re.ASCII)
_OSI_DIGITS: Final = 8


class Result(NamedTuple):
    """What became of one symbol, written as `text`. `feed`, `symbol` and `instrument` are of the instrument that it means,
    None where it means none; `choices` where it means several."""

    text: str
    outcome: Outcome
    feed: str | None = None
    symbol: str | None = None
    instrument: int | None = None
    code: str | None = None
    message: str | None = None
    choices: tuple[str, ...] = ()


class _Known(NamedTuple):
    id: int
    feed: str
    symbol: str
    underlying: str
    active: bool
    streaming: bool
    covered: bool
    expires_at: dt.datetime | None

    @property
    def offered(self) -> bool:
        return self.active and self.streaming and self.covered


def parts(text: str) -> list[str]:
    """The symbols in a text, with commas, semicolons, blanks or line ends between. Raises RefusedError beyond its bound."""
    if len(text) > TEXT_BYTES or len(text.encode()) > TEXT_BYTES:
        raise RefusedError(Problem("text", "max_length", f"A text has at most {TEXT_BYTES // 1024} KiB."))
    found = [part for match in _PART.findall(text) if (part := match.strip(_QUOTES))]
    if len(found) > SYMBOLS:
        raise RefusedError(
            Problem("text", "too_many", f"It has {len(found):,} symbols; {SYMBOLS:,} at once are taken.")
        )
    return found


def paste(
    watchlist: Watchlist, symbols: Sequence[str], access: Access | None = None, dry_run: bool = False
) -> list[Result]:
    """Adds the instruments that `symbols` mean at the end, and says of each what became of it; with `dry_run`, what would.
    What is beyond `access` is refused. A bounded number of queries, whatever their number. Raises RefusedError beyond
    SYMBOLS, GoneError."""
    if len(symbols) > SYMBOLS:
        raise RefusedError(Problem("symbols", "too_many", f"{SYMBOLS:,} symbols at once are taken."))
    meant = _meant(symbols)
    results = _judged(symbols, meant, watchlist, access)
    if dry_run or not any(one.outcome == "taken" for one in results):
        return results
    with edit(watchlist):
        results = _judged(symbols, meant, watchlist, access)
        fresh = [
            WatchlistEntry(instrument_id=one.instrument)
            for one in results
            if one.outcome == "taken" and one.instrument is not None
        ]
        items.append(watchlist, fresh)
    return results


def spellings(text: str) -> list[tuple[str | None, str]]:
    """The instruments that `text` may mean, as feed, or None for any, and symbol; the likeliest first."""
    feed, dot, rest = text.partition(".")
    found: list[tuple[str | None, str]] = []
    if dot and feed and rest:
        found += [(name, symbol) for symbol in _symbols(rest) for name in (feed, feed.lower())]
    found += [(None, symbol) for symbol in _symbols(text)]
    return [one for one in dict.fromkeys(found) if is_symbol(one[1])]


def _symbols(text: str) -> list[str]:
    """As it stands, in capitals, and as an option of OSI, thinkorswim (`.SPY260116C500`) or TradingView
    (`OPRA:SPY260116C500.0`)."""
    capitals = text.upper()
    bare = capitals.rpartition(":")[2].removeprefix(".")
    return [text, capitals, *_osi(bare), bare]


def _osi(bare: str) -> list[str]:
    match = _OPTION.match(bare)
    if match is None:
        return []
    root, year, month, day, right, strike = match.groups()
    if len(strike) == _OSI_DIGITS:
        return [f"{root}{year}{month}{day}{right}{strike}"]
    try:
        expiry = dt.date(2000 + int(year), int(month), int(day))
        return [format_osi(OptionName(root, expiry, "C" if right == "C" else "P", float(strike)))]
    except (ValueError, InvalidSymbolError):
        return []


def _meant(symbols: Iterable[str]) -> dict[str, list[_Known]]:
    """The instruments that each text means: those of its likeliest spelling that has any."""
    texts = {one: spellings(one) for one in symbols}
    by_symbol = _known({symbol for found in texts.values() for _, symbol in found})
    return {text: _first(found, by_symbol) for text, found in texts.items()}


def _first(found: Iterable[tuple[str | None, str]], by_symbol: Mapping[str, list[_Known]]) -> list[_Known]:
    for feed, symbol in found:
        of_it = [one for one in by_symbol.get(symbol, ()) if feed is None or one.feed == feed]
        if of_it:
            return of_it
    return []


def _known(symbols: Collection[str]) -> Mapping[str, list[_Known]]:
    by_symbol: defaultdict[str, list[_Known]] = defaultdict(list)
    names = sorted(symbols)
    for start in range(0, len(names), _BATCH):
        rows = Instrument.objects.filter(symbol__in=names[start : start + _BATCH]).order_by("feed")
        for row in rows.values_list(*_Known._fields):
            by_symbol[row[2]].append(_Known(*row))
    return by_symbol


def _judged(
    symbols: Sequence[str], meant: Mapping[str, list[_Known]], watchlist: Watchlist, access: Access | None
) -> list[Result]:
    held = set(WatchlistEntry.objects.filter(watchlist=watchlist).values_list("instrument_id", flat=True))
    room = ITEMS_PER_WATCHLIST - items.count(watchlist)
    taken: set[int] = set()
    results: list[Result] = []
    for text in symbols:
        shown = text[:SHOWN]
        one = _refused(shown, meant[text], access)
        if isinstance(one, Result):
            results.append(one)
            continue
        about = (one.feed, one.symbol, one.id)
        if one.id in taken or one.id in held:
            said = "It is named twice." if one.id in taken else "It is in this watchlist already."
            results.append(Result(shown, "already_there", *about, "already_there", said))
        elif len(taken) >= room:
            said = f"A watchlist may have {ITEMS_PER_WATCHLIST} items."
            results.append(Result(shown, "refused", *about, "too_many", said))
        else:
            taken.add(one.id)
            results.append(Result(shown, "taken", *about))
    return results


def _refused(shown: str, known: list[_Known], access: Access | None) -> _Known | Result:
    """The one instrument that is offered of those `known`, or why there is none."""
    found = known if access is None else [one for one in known if access.may_see(one)]
    if known and not found:
        said = f"You may not see it: it is of the feed {known[0].feed}."
        return Result(shown, "refused", code=FORBIDDEN, message=said)
    offered = [one for one in found if one.offered]
    if len(offered) == 1:
        return offered[0]
    if offered:
        choices = tuple(f"{one.feed}.{one.symbol}" for one in offered)[:CHOICES]
        said = f"It is on {len(offered)} feeds: write {' or '.join(choices)}."
        return Result(shown, "refused", code="ambiguous_symbol", message=said, choices=choices)
    if not found:
        return Result(shown, "refused", code="unknown_symbol", message="There is no such instrument.")
    first = found[0]
    about = (first.feed, first.symbol, first.id)
    if not first.active and first.expires_at is not None:
        return Result(shown, "refused", *about, "expired", f"It expired on {first.expires_at:%Y-%m-%d}.")
    return Result(shown, "refused", *about, "not_streaming", "It is not offered now.")
