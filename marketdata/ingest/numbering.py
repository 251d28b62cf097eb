"""Numbers and encodes quotes: each gets its instrument's next `seq` of the term, and becomes its framed row, once."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple

import msgspec

from .. import rows
from ..bus import keys
from ..facts import InstrumentFacts
from ..quotes import CROSSED, Quote, Trade
from .complaints import Complaints
from .enrich import enriched

_encode: Final = msgspec.json.Encoder().encode
# Of the 2^24 counts of a term. What is left is room for any flush that is still under way.
MOST: Final = rows.TERM * 3 // 4


class Target(NamedTuple):
    """Where an instrument's rows go."""

    id: int
    channel: str
    has_book: bool
    underlying: str


class Numbered(NamedTuple):
    """A flush's worth: `flat` is id, channel, row of the newest row of each instrument; `framed` is every row."""

    flat: list[Any]
    framed: list[bytes]


class Numbering:
    """The counters of one feed. `latest` is the newest quote of each instrument, for telling it again in a new term."""

    def __init__(
        self, feed: str, channel_of: Callable[[str], str], complaints: Complaints, sharded: bool = False
    ) -> None:
        """`channel_of` says which channel a group has; `sharded` says that rows are on a cluster, and in no groups."""
        self.term = 0
        self.latest: dict[int, Quote] = {}
        self._feed = feed
        self._channel_of = channel_of
        self._sharded = sharded
        self._complaints = complaints
        self._targets: dict[str, Target] = {}
        self._withheld: AbstractSet[str] = frozenset()
        self._counts: dict[int, int] = {}
        self._trades = 0

    @property
    def counts(self) -> Mapping[int, int]:
        """How many rows of the term each instrument has had, by id."""
        return self._counts

    def know(self, instruments: Iterable[InstrumentFacts], withheld: AbstractSet[str] = frozenset()) -> None:
        """From now on quotes of exactly these instruments are published. Quotes of the symbols `withheld` are no mistake:
        they are listed, and not offered now."""
        self._targets = {
            facts.symbol: Target(
                facts.id,
                self._channel(facts),
                facts.kind != "index",
                facts.underlying,
            )
            for facts in instruments
        }
        self._withheld = withheld
        offered = {target.id for target in self._targets.values()}
        for instrument_id in self.latest.keys() - offered:
            del self.latest[instrument_id]

    def _channel(self, facts: InstrumentFacts) -> str:
        if self._sharded:
            return keys.shard_channel(self._feed, facts.underlying, facts.symbol)
        return self._channel_of(keys.row_group(self._feed, facts.symbol))

    def begin(self, term: int) -> None:
        """A new term: every instrument's count starts anew."""
        self.term = term
        self._counts.clear()

    @property
    def is_nearly_full(self) -> bool:
        """Whether an instrument has used most of the counts that a term has room for: two days at 100 quotes a second."""
        return any(count > MOST for count in self._counts.values())

    def number(self, quotes: Sequence[Quote]) -> Numbered:
        """Encodes the quotes in their order. Quotes of unknown instruments are passed over, and counted."""
        newest: dict[int, tuple[str, bytes]] = {}
        framed: list[bytes] = []
        targets, counts, base = self._targets, self._counts, rows.seq_of(self.term, 0)
        for quote in quotes:
            target = targets.get(quote.symbol)
            if target is None:
                if quote.symbol not in self._withheld:
                    self._complaints.add("unknown instrument", quote.symbol)
                continue
            quote = enriched(quote, target.has_book)
            if quote.flags & CROSSED:
                self._complaints.add(
                    "crossed quote, published with its flag", f"{quote.symbol} {quote.bid} {quote.ask}"
                )
            count = counts[target.id] = counts.get(target.id, 0) + 1
            row = rows.encode(target.id, base + count, quote)
            framed.append(row)
            newest[target.id] = (target.channel, row)
            self.latest[target.id] = quote
        return Numbered([part for i, (channel, row) in newest.items() for part in (i, channel, row)], framed)

    def trades(self, trades: Iterable[Trade]) -> list[bytes]:
        """A line for each trade of a known instrument, for history: `[instrument, received ms, venue ms, price, size, id]`,
        where one without an id of its venue gets a number of the term."""
        lines = []
        for trade in trades:
            target = self._targets.get(trade.symbol)
            if target is None:
                continue
            self._trades += 1
            name = trade.trade_id or f"#{self.term}-{self._trades}"
            lines.append(_encode((target.id, trade.received_ms, trade.venue_time_ms, trade.price, trade.size, name)))
        return lines

    def ends(self) -> dict[int, tuple[int, float]]:
        """The newest row of each instrument that has had one in this term: {id: (seq, received ms)}."""
        base = rows.seq_of(self.term, 0)
        return {
            instrument_id: (base + count, self.latest[instrument_id].received_ms)
            for instrument_id, count in self._counts.items()
            if instrument_id in self.latest
        }

    def told_again(self) -> list[Any]:
        """The newest quote of every instrument as a row of this term with count 0, flat: newer than any row of a former
        term, older than the first of this one. It is not a new quote, so history does not get it."""
        base = rows.seq_of(self.term, 0)
        flat: list[Any] = []
        for target in self._targets.values():
            quote = self.latest.get(target.id)
            if quote is not None and target.id not in self._counts:
                flat += (target.id, target.channel, rows.encode(target.id, base, quote))
        return flat

    def newest(self, underlyings: Collection[str]) -> dict[str, list[Any]]:
        """What was published last of every instrument on these, under the number that it had: {underlying: flat}."""
        base = rows.seq_of(self.term, 0)
        found: dict[str, list[Any]] = {}
        for target in self._targets.values():
            quote = self.latest.get(target.id) if target.underlying in underlyings else None
            if quote is not None:
                row = rows.encode(target.id, base + self._counts.get(target.id, 0), quote)
                found.setdefault(target.underlying, []).extend((target.id, target.channel, row))
        return found
