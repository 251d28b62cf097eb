"""The feed `simulated`: an invented options market that never closes, for trying the whole path without a provider.
`exchange` says what happens and when; this keeps its time and hands the quotes over, like any venue's client.
"""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import numpy as np

from ...facts import InstrumentFacts
from ...quotes import Quote, Trade
from ...shares import WHOLE, Share
from ..base import Batch, FeedClock, FeedKind, LocalFeed, PermanentFeedError
from .exchange import OPENING_MS, Exchange
from .expiries import SESSION_END, day_of
from .listings import contracts, facts_of
from .universe import UNIVERSE

Event = TypeVar("Event", Quote, Trade)

_UNDERLYINGS: Final = frozenset(one.symbol for one in UNIVERSE)
_OPENING_BATCH: Final = 250
_LARGEST_BATCH: Final = 1000
# Further behind than this, the rest is let go: after a machine's sleep, or at a rate that it cannot make.
_FURTHEST_BEHIND_MS: Final = 1000


def wall_ms() -> float:
    return time.time() * 1000


def build(options: dict[str, Any]) -> "Market":
    """From `quotes_per_second` (500) and `seed` (1). Raises PermanentFeedError."""
    rate, seed = options.get("quotes_per_second", 500), options.get("seed", 1)
    if not isinstance(rate, int | float) or not 0 < rate <= 1_000_000:
        raise PermanentFeedError(
            f"simulated: {rate!r} quotes a second; STRIKEWIRE_SIMULATED_QUOTES_PER_SECOND takes 1 to 1000000"
        )
    if not isinstance(seed, int) or seed < 0:
        raise PermanentFeedError(
            f"simulated: the seed is {seed!r}; STRIKEWIRE_SIMULATED_SEED takes whole numbers from 0"
        )
    return Market(float(rate), seed)


class Market(LocalFeed):
    """Lists what is alive when it is asked. A contract falls silent when it expires; each day in New York lists new ones.
    Its clock is the real one."""

    name = "simulated"
    kind: FeedKind = "simulated"
    session_end = SESSION_END

    def __init__(
        self,
        quotes_per_second: float,
        seed: int,
        *,
        now_ms: Callable[[], float] = wall_ms,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._now_ms = now_ms
        self._sleep = sleep
        # How long quotes are gathered: a wake-up costs as much as a hundred quotes in one batch do.
        self._gather_s = 0.0 if quotes_per_second <= 100 else 0.015
        self._rate = quotes_per_second
        self.seed = seed
        self._share = WHOLE
        self._exchange: Exchange | None = None
        self._reading = False
        self._listed_on: dt.date | None = None
        self._covered: set[str] | None = None
        # What is quoted out of turn with the next batch: it was listed or covered just now.
        self._unopened: set[str] = set()

    @property
    def clock(self) -> FeedClock:
        return FeedClock()

    def take_share(self, share: Share) -> None:
        """Says of the same market what is in the share: all shares of one start together say the whole of it."""
        self._share = share

    async def instruments(self) -> Sequence[InstrumentFacts]:
        now = self._now_ms()
        self._listed_on = day_of(now)
        exchange = self._exchange
        if exchange is None or not self._reading:
            exchange = self._opened()
        elif new := _symbols(now) - exchange.board.numbers.keys():
            exchange = exchange.relisted(now)
            self._unopened |= new
        self._exchange = exchange
        listed = self._share.own(exchange.board.facts)
        return [facts for facts in listed if facts.expires_ms is None or facts.expires_ms > now]

    async def cover(self, instruments: Sequence[InstrumentFacts]) -> None:
        """Quotes only these and the underlyings from now on, so fewer a second; what is new is quoted at once."""
        before, self._covered = self._covered, {facts.symbol for facts in instruments}
        if before is not None and self._reading:
            self._unopened |= self._covered - before

    def listing_changed(self) -> bool:
        return self._listed_on is not None and day_of(self._now_ms()) != self._listed_on

    async def batches(self) -> AsyncIterator[Batch]:
        self._reading = True
        exchange = self._exchange = self._exchange or self._opened()
        exchange.skip_to(self._now_ms() + OPENING_MS)  # nothing was missed between the asking and the reading
        numbers = np.arange(len(exchange.board))
        parts = np.array_split(numbers, -(-len(numbers) // _OPENING_BATCH))
        self._unopened.clear()
        for part in parts:
            now = self._now_ms()
            yield Batch(self._wanted(exchange.open(part, now, now)))
            await self._sleep(OPENING_MS / 1000 / len(parts))
        while True:
            exchange = self._exchange
            now = self._now_ms()
            if now - exchange.next_ms > _FURTHEST_BEHIND_MS:
                exchange.skip_to(now)
            if self._unopened:
                opened = [
                    exchange.board.numbers[symbol] for symbol in self._unopened if symbol in exchange.board.numbers
                ]
                self._unopened.clear()
                yield Batch(self._wanted(exchange.open(np.array(sorted(opened), dtype=np.intp), now, now)))
            quotes, trades = exchange.until(now, now, _LARGEST_BATCH)
            full = len(quotes) == _LARGEST_BATCH
            if quotes := self._wanted(quotes):
                yield Batch(quotes, self._wanted(trades))
            if not full:
                await self._sleep(max((exchange.next_ms - self._now_ms()) / 1000, self._gather_s))
            else:
                await self._sleep(0)

    def _wanted(self, events: list[Event]) -> list[Event]:
        """Those of what is covered, and of the underlyings."""
        covered = self._covered
        if covered is None:
            return events
        return [event for event in events if event.symbol in covered or event.symbol in _UNDERLYINGS]

    def _opened(self) -> Exchange:
        return Exchange(UNIVERSE, self.seed, self._rate, self._now_ms(), share=self._share)


def _symbols(now_ms: float) -> set[str]:
    """All that is alive then."""
    return {facts.symbol for one in UNIVERSE for facts in facts_of(one, contracts(one, now_ms))}
