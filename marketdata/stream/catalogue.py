"""What a web process knows of the instruments: by id, by symbol, by chain, from Redis and without a query."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from accounts.access import EVERYTHING, Access

from ..facts import InstrumentFacts
from .protocol import ProtocolError


class Changes(NamedTuple):
    """Ids that came or stream again, that have other facts, that are gone or stream no more."""

    added: set[int]
    changed: set[int]
    gone: set[int]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.gone)


class Catalogue:
    """Replaced as a whole by `take`; every look-up is a dictionary's."""

    def __init__(self) -> None:
        self.version = 0
        self.by_id: dict[int, InstrumentFacts] = {}
        self._by_symbol: dict[str, list[InstrumentFacts]] = {}
        self._chains: dict[tuple[str, str], dict[str, dict[str, list[int]]]] = {}

    @property
    def feeds(self) -> set[str]:
        return {facts.feed for facts in self.by_id.values()}

    def take(self, version: int, instruments: Iterable[InstrumentFacts]) -> Changes:
        """Holds exactly these from now on. Returns the differences to before."""
        before = self.by_id
        self.version = version
        self.by_id = {facts.id: facts for facts in instruments if facts.active}
        self._by_symbol = {}
        self._chains = {}
        for facts in self.by_id.values():
            self._by_symbol.setdefault(facts.symbol, []).append(facts)
            if facts.kind == "option" and facts.expiry and facts.streaming:
                chain = self._chains.setdefault((facts.feed, facts.underlying), {})
                chain.setdefault(facts.expiry, {}).setdefault(facts.root or facts.underlying, []).append(facts.id)
        return Changes(
            added={i for i, facts in self.by_id.items() if i not in before or (facts.streaming > before[i].streaming)},
            changed={i for i, facts in self.by_id.items() if i in before and _differ(before[i], facts)},
            gone={i for i, facts in before.items() if i not in self.by_id or facts.streaming > self.by_id[i].streaming},
        )

    def find(self, symbol: str, access: Access = EVERYTHING) -> InstrumentFacts:
        """The one streaming instrument that `symbol` or `feed.symbol` names, of those that may be seen.

        Raises ProtocolError: unknown_symbol, ambiguous_symbol, not_streaming or forbidden."""
        found = self._by_symbol.get(symbol)
        if found is None:
            feed, dot, rest = symbol.partition(".")
            found = [facts for facts in self._by_symbol.get(rest, []) if facts.feed == feed] if dot else None
        if not found:
            raise ProtocolError("unknown_symbol", "no feed has this symbol")
        seen = [facts for facts in found if access.may_see(facts)]
        if not seen:
            raise forbidden({facts.feed for facts in found})
        streaming = [facts for facts in seen if facts.streaming]
        if not streaming:
            raise ProtocolError("not_streaming", "this instrument is not streamed now")
        if len(streaming) > 1:
            choices = ", ".join(f"{facts.feed}.{facts.symbol}" for facts in streaming)
            raise ProtocolError("ambiguous_symbol", f"several feeds have it: {choices}")
        return streaming[0]

    def chain(self, underlying: str, expiry: str, access: Access = EVERYTHING) -> list[int]:
        """Ids of the options of one expiry, `YYYY-MM-DD` or `YYYY-MM-DD.ROOT`, by strike, calls first.

        Raises ProtocolError that names the field."""
        try:
            facts = self.find(underlying, access)
        except ProtocolError as error:
            raise ProtocolError(error.code, f"{underlying[:64]}: {error}", "chain.underlying") from error
        day, dot, root = expiry.partition(".")
        roots = self._chains.get((facts.feed, facts.symbol), {}).get(day)
        if not roots or (dot and root not in roots):
            raise ProtocolError("unknown_symbol", f"{facts.symbol} has no expiry {expiry}", "chain.expiry")
        if not dot and len(roots) > 1:
            choices = ", ".join(f"{day}.{name}" for name in sorted(roots))
            raise ProtocolError("ambiguous_symbol", f"several roots share the day: {choices}", "chain.expiry")
        ids = roots[root] if dot else next(iter(roots.values()))
        return sorted(ids, key=lambda i: (self.by_id[i].strike or 0, self.by_id[i].right or ""))

    def name_of(self, facts: InstrumentFacts, access: Access = EVERYTHING) -> str:
        """How a client with this access may call it: the bare symbol where that is unambiguous, else `feed.symbol`."""
        namesakes = self._by_symbol.get(facts.symbol, [])
        streaming = [other for other in namesakes if other.streaming and access.may_see(other)]
        return facts.symbol if len(streaming) < 2 else f"{facts.feed}.{facts.symbol}"


def forbidden(feeds: Iterable[str]) -> ProtocolError:
    return ProtocolError("forbidden", f"you may not see it: it is of the feed {' and '.join(sorted(feeds))}")


def _differ(one: InstrumentFacts, other: InstrumentFacts) -> bool:
    return one != other and wire_facts(one) != wire_facts(other)


def wire_facts(facts: InstrumentFacts) -> dict[str, Any]:
    """The facts as `subscribed` and `changed` carry them."""
    return {
        "id": facts.id,
        "symbol": facts.symbol,
        "feed": facts.feed,
        "kind": facts.kind,
        "underlying": facts.underlying,
        "root": facts.root,
        "expiry": facts.expiry,
        "expires_ms": facts.expires_ms,
        "strike": facts.strike,
        "right": facts.right,
        "currency": facts.currency,
        "tick": facts.tick,
        "multiplier": facts.multiplier,
        "exercise": facts.exercise,
    }


def encoded(message: dict[str, Any]) -> bytes:
    """A server message as the UTF-8 of its frame."""
    return msgspec.json.encode(message)
