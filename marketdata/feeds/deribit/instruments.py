"""What Deribit lists: its `get_instruments` replies, or where there is none its names alone, as InstrumentFacts. Pure;
`parse` asks it whether a name is one of Deribit's, the feeds ask it for their instruments.
"""

import datetime as dt
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from ... import symbols
from ...facts import InstrumentFacts, Kind, Right
from ...quotes import InvalidQuoteError
from ..base import Rejected

CUT_OFF: Final = dt.time(8, tzinfo=dt.UTC)
# The smallest step that any of its option books has: what a name alone cannot say is shown with too many digits rather
# than too few.
LEAST_TICK: Final = 0.0001
# Deribit writes a perpetual's expiry as the year 3000.
_NEVER_MS: Final = 4_102_444_800_000

_FUTURE: Final = re.compile(r"([A-Z0-9]+(?:_[A-Z0-9]+)?)-(PERPETUAL|\d{1,2}[A-Z]{3}\d{2})\Z", re.ASCII)
_ROOT: Final = re.compile(r"[A-Z0-9]+(?:_[A-Z0-9]+)?\Z")
_INDEX: Final = re.compile(r"[a-z0-9]+_[a-z0-9]+\Z")


class Name(NamedTuple):
    """What a venue name says. `option` is None for a future, `expiry` None for a perpetual."""

    root: str
    expiry: dt.date | None
    option: symbols.OptionName | None


class _Listed(msgspec.Struct):
    instrument_name: str
    kind: str
    base_currency: str
    quote_currency: str
    tick_size: float
    contract_size: float
    expiration_timestamp: int | None = None
    strike: float | None = None
    option_type: str | None = None
    price_index: str | None = None
    is_active: bool = True


class _Reply(msgspec.Struct):
    result: list[msgspec.Raw]


_decode_reply = msgspec.json.Decoder(_Reply).decode
_decode_listed = msgspec.json.Decoder(_Listed).decode


@lru_cache(maxsize=65_536)
def read_name(name: str) -> Name:
    """Parts of an option's or a future's venue name. Raises InvalidQuoteError for one that cannot be Deribit's."""
    try:
        option = symbols.parse_deribit(name)
        return Name(option.root, option.expiry, option)
    except symbols.InvalidSymbolError:
        pass
    match = _FUTURE.match(name)
    if match is not None and match[2] == "PERPETUAL":
        return Name(match[1], None, None)
    try:
        # A dated future is named as an option is, up to the strike.
        option = symbols.parse_deribit(f"{name}-1-C" if match else "")
    except symbols.InvalidSymbolError as error:
        raise InvalidQuoteError("instrument_name", f"unknown instrument {name[:64]!r}") from error
    return Name(option.root, option.expiry, None)


def index_symbol(index_name: str) -> str:
    """The symbol of an index instrument: `BTC` for btc_usd, from which coin-settled options are named, `BTC_USDC` for
    btc_usdc. Raises InvalidQuoteError for a text that names no index."""
    if _INDEX.match(index_name) is None:
        raise InvalidQuoteError("index_name", f"unknown index {index_name[:64]!r}")
    return index_name.upper().removesuffix("_USD")


def index_facts(symbol: str, feed: str, venue_symbol: str = "") -> InstrumentFacts:
    """The index that the instruments with the root `symbol` settle against. Its price is in dollars or a dollar coin."""
    return InstrumentFacts(
        symbol=symbol,
        feed=feed,
        kind="index",
        underlying=symbol,
        venue_symbol=venue_symbol or (symbol if "_" in symbol else f"{symbol}_USD").lower(),
        currency=symbol.partition("_")[2] or "USD",
    )


def facts_of_name(name: str, feed: str) -> InstrumentFacts:
    """An option's or a future's facts as far as its name tells them: the multiplier is 1, the tick the venue's least,
    the currency the coin, or what stands after the underscore. Raises InvalidQuoteError for an unknown name."""
    parts = read_name(name)
    coin, _, quoted = parts.root.partition("_")
    return _facts(name, feed, parts, quoted or ("USD" if parts.option is None else coin))


def facts_of_reply(raw: bytes | str, feed: str) -> tuple[list[InstrumentFacts], list[Rejected]]:
    """Options and futures of a `get_instruments` reply, and the entries that make no sense. Combinations and spot pairs
    are left out. Raises InvalidQuoteError when `raw` is no such reply."""
    try:
        entries = _decode_reply(raw).result
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidQuoteError("get_instruments", str(error)) from error
    facts: list[InstrumentFacts] = []
    rejected: list[Rejected] = []
    for entry in entries:
        try:
            listed = _decode_listed(entry)
            if listed.kind in ("option", "future"):
                facts.append(_listed_facts(listed, feed))
        except (msgspec.MsgspecError, UnicodeError, RecursionError, InvalidQuoteError) as error:
            rejected.append(Rejected(bytes(entry)[:2000].decode(errors="replace")[:500], str(error)))
    return facts, rejected


def facts_of(
    names: Iterable[str], replies: Iterable[bytes | str], feed: str
) -> tuple[list[InstrumentFacts], list[Rejected]]:
    """Facts of the instruments and indices called `names`, and before them the indices they settle against. From the
    `get_instruments` replies where one has the name, else from the name alone; names that are nobody's are left out."""
    listed: dict[str, InstrumentFacts] = {}
    rejected: list[Rejected] = []
    for reply in replies:
        try:
            found, bad = facts_of_reply(reply, feed)
        except InvalidQuoteError as error:
            text = reply if isinstance(reply, str) else reply[:2000].decode(errors="replace")
            rejected.append(Rejected(text[:500], str(error)))
        else:
            listed.update((facts.symbol, facts) for facts in found)
            rejected += bad
    facts, indices = [], set()
    for name in sorted(set(names)):
        try:
            known = listed.get(name) or facts_of_name(name, feed)
        except InvalidQuoteError:
            if _ROOT.match(name):
                indices.add(name)
            continue
        facts.append(known)
        indices.add(known.underlying)
    return [index_facts(index, feed) for index in sorted(indices)] + facts, rejected


def _listed_facts(listed: _Listed, feed: str) -> InstrumentFacts:
    parts = read_name(listed.instrument_name)
    facts = _facts(listed.instrument_name, feed, parts, listed.quote_currency)
    for field in ("tick_size", "contract_size"):
        if not 0 < getattr(listed, field) < 1e12:
            raise InvalidQuoteError(field, f"{getattr(listed, field)} is not a size")
    option = parts.option
    if option is not None:
        right = {"call": "C", "put": "P"}.get(listed.option_type or "")
        if (listed.strike, right) != (option.strike, option.right):
            raise InvalidQuoteError("instrument_name", "strike or option_type differ from what the name says")
    changes: dict[str, object] = {
        "multiplier": listed.contract_size,
        "tick": listed.tick_size,
        "active": listed.is_active,
    }
    expires_ms = listed.expiration_timestamp
    if expires_ms is not None and 0 < expires_ms < _NEVER_MS:
        changes["expires_ms"] = expires_ms
        changes["expiry"] = dt.datetime.fromtimestamp(expires_ms / 1000, dt.UTC).date().isoformat()
    return msgspec.structs.replace(facts, **changes)


def _facts(name: str, feed: str, parts: Name, currency: str) -> InstrumentFacts:
    kind: Kind = "future" if parts.option is None else "option"
    right: Right | None = None if parts.option is None else parts.option.right
    expires = None if parts.expiry is None else dt.datetime.combine(parts.expiry, CUT_OFF)
    return InstrumentFacts(
        symbol=name,
        feed=feed,
        kind=kind,
        underlying=parts.root,
        venue_symbol=name,
        root=parts.root,
        expiry=None if parts.expiry is None else parts.expiry.isoformat(),
        expires_ms=None if expires is None else round(expires.timestamp() * 1000),
        strike=None if parts.option is None else parts.option.strike,
        right=right,
        exercise=None if parts.option is None else "european",
        multiplier=1,
        tick=LEAST_TICK,
        currency=currency,
    )
