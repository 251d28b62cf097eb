"""What a feed is: an async iterator of batches, beside the list of its instruments. Ingest runs it; the loop there
never names a venue.
"""

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal, Protocol

import msgspec

from ..facts import InstrumentFacts
from ..quotes import Quote, Trade
from ..shares import Share

FeedKind = Literal["real_time", "delayed", "simulated", "replay"]

MIDNIGHT: Final = dt.time(tzinfo=dt.UTC)


class FeedError(Exception):
    """The feed cannot go on. Subclasses say whether trying again can help."""


class TemporaryFeedError(FeedError):
    """Worth another try after a capped, jittered wait: a cut, a refusal for now, a silence."""


class PermanentFeedError(FeedError):
    """Not worth another try: a wrong key, a missing file. One clear line, and a non-zero exit."""


class FeedClock(msgspec.Struct, frozen=True):
    """The feed's time as seen from ours: `at_ms` on our clock is `at_ms + offset_ms` on the feed's, which runs `rate`
    times as fast from there on."""

    at_ms: float = 0
    offset_ms: float = 0
    rate: float = 1

    def now(self, our_ms: float) -> float:
        """Feed time, ms, when our wall clock shows `our_ms`."""
        return our_ms + self.offset_ms + (our_ms - self.at_ms) * (self.rate - 1)

    def offset_at(self, our_ms: float) -> float:
        """What to add to `our_ms` to have the feed's time."""
        return self.now(our_ms) - our_ms


class Rejected(msgspec.Struct, frozen=True):
    """A message that was passed over: its raw text (cut to 500 characters), and why."""

    text: str
    reason: str


class Batch(msgspec.Struct, frozen=True):
    """What a feed read in one go. `restarted` is said once, before the first quote of a new pass over the same time (a
    replay that loops): ingest answers it with a new term."""

    quotes: Sequence[Quote] = ()
    trades: Sequence[Trade] = ()
    rejected: Sequence[Rejected] = ()
    restarted: bool = False


class CoverageRule(msgspec.Struct, frozen=True):
    """Options that are wanted: on one underlying (empty: on each), with expiries up to `expiry_days` days away, and
    strikes within `strike_percent` of its price; None is no bound."""

    underlying: str = ""
    expiry_days: int | None = None
    strike_percent: float | None = None


class FeedLimits(msgspec.Struct, frozen=True):
    """What the provider or the feed allows: None is no limit that we know."""

    instruments: int | None = None  # at most so many covered at once
    quotes_per_second: float | None = None  # what covering everything may bring, at most
    connections: int | None = None


class ConnectionState(msgspec.Struct, frozen=True):
    """One connection to the provider. `state` is a word or two, `since_ms` when it began on our clock, `instruments` how
    many it carries, `reason` why it is not as it should be."""

    name: str
    state: str
    since_ms: float
    instruments: int = 0
    reason: str | None = None


class Feed(Protocol):
    """One provider. `instruments` is awaited first, then `cover`, then `batches` is iterated; all may raise FeedError.

    `clock` may change at any time, and is read each second. `session_end` is when the venue's day ends, a time of day with
    its zone: then leaves the coverage what the money has left behind. Ingest closes the iterator with `aclose()`.
    """

    name: str
    kind: FeedKind
    session_end: dt.time

    @property
    def clock(self) -> FeedClock: ...

    @property
    def limits(self) -> FeedLimits: ...

    def take_share(self, share: Share) -> None:
        """Called before all else where the feed is split over several leaders: only what is on the underlyings of this
        share will be covered, and quotes of others are passed over. It spares work; nothing is wrong where it does nothing.
        """

    async def instruments(self) -> Sequence[InstrumentFacts]:
        """All that the venue lists now, without ids. Asked again while `batches` is iterated."""

    async def cover(self, instruments: Sequence[InstrumentFacts]) -> None:
        """From now on quotes of exactly these are wanted, besides always the underlyings. Called before `batches` is
        iterated, and again whenever it changes, also meanwhile; what stays covered goes on undisturbed."""

    def batches(self) -> AsyncIterator[Batch]: ...

    async def reconnect(self) -> None:
        """Drops and reopens every connection; what is covered stays."""

    def connections(self) -> Sequence[ConnectionState]: ...

    def listing_changed(self) -> bool:
        """True once after the venue said that its list changed. Ingest then lists again, as it does at each expiry and
        every ten minutes."""


class LocalFeed:
    """The part of a feed that one without a provider needs not write: no limits, no connections, nothing to reopen, and
    days that end at midnight UTC."""

    limits = FeedLimits()
    session_end = MIDNIGHT

    def take_share(self, share: Share) -> None:
        """Goes on saying everything."""

    async def cover(self, instruments: Sequence[InstrumentFacts]) -> None:
        """Goes on quoting everything: ingest passes over what is not covered."""

    async def reconnect(self) -> None:
        pass

    def connections(self) -> Sequence[ConnectionState]:
        return ()

    def listing_changed(self) -> bool:
        return False
