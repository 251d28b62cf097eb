"""The feed `replay`: a capture played again, at its own pace or another, on the clock of the day it was recorded.
`formats` gives it the messages, `venues` the parser; ingest runs it like any other feed.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from ...facts import InstrumentFacts
from ...quotes import InvalidQuoteError, Quote, Trade
from ...shares import WHOLE, Share
from ..base import Batch, FeedClock, FeedKind, LocalFeed, PermanentFeedError, Rejected
from .capture import Message
from .formats import Capture, recognised
from .venues import Venue, venue_of

# Between two passes of a loop, so that the end of one is seen as an end.
PAUSE_S: Final = 1.0
# The least wait: what comes due meanwhile goes out together, at most this late.
_LEAST_WAIT_S: Final = 0.002
# Without a pace, messages recorded this close together make one batch.
_CLOSE_MS: Final = 5.0
_LARGEST_BATCH: Final = 256
# How long reading may hold the loop before others get a turn.
_SLICE_S: Final = 0.005
_LARGEST_REPLY: Final = 64 << 20

log = logging.getLogger(__name__)


def wall_ms() -> float:
    return time.time() * 1000


def build(options: dict[str, Any]) -> "Player":
    """From `file`, `speed` (times the recorded pace, 0 for as fast as possible) and `loop`. Raises PermanentFeedError."""
    file, speed = options.get("file"), options.get("speed", 1.0)
    if not file:
        raise PermanentFeedError("replay: no file to play; STRIKEWIRE_REPLAY_FILE takes the path of a capture")
    if not isinstance(speed, int | float) or not math.isfinite(speed) or speed < 0:
        raise PermanentFeedError(f"replay: the speed is {speed!r}; STRIKEWIRE_REPLAY_SPEED takes a number from 0 up")
    return Player(recognised(Path(file)), float(speed), loop=bool(options.get("loop", False)))


class _Pending:
    """What waits to go out as one batch."""

    def __init__(self) -> None:
        self.quotes: list[Quote] = []
        self.trades: list[Trade] = []
        self.rejected: list[Rejected] = []

    def __len__(self) -> int:
        return len(self.quotes) + len(self.trades) + len(self.rejected)

    def take(self) -> Batch:
        batch = Batch(self.quotes, self.trades, self.rejected)
        self.__init__()  # type: ignore[misc]
        return batch


class Player(LocalFeed):
    """Plays one capture. Times in quotes are the recorded ones; `clock` leads from ours to theirs."""

    name = "replay"
    kind: FeedKind = "replay"

    def __init__(
        self,
        capture: Capture,
        speed: float,
        *,
        loop: bool,
        now_ms: Callable[[], float] = wall_ms,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._capture = capture
        self._venue: Venue = venue_of(capture.venue)
        self.session_end = self._venue.session_end
        self._speed = speed
        self._loop = loop
        self._now_ms = now_ms
        self._sleep = sleep
        self._clock = FeedClock()
        self._share = WHOLE
        # Symbols of the share, where there is one.
        self._own: frozenset[str] | None = None
        self._set_clock(capture.first_ms)

    @property
    def clock(self) -> FeedClock:
        return self._clock

    def take_share(self, share: Share) -> None:
        self._share = share

    async def instruments(self) -> Sequence[InstrumentFacts]:
        """Those that the capture speaks of, after one reading of it, with their underlyings."""
        names: set[str] = set()
        turn = time.monotonic()
        for record in self._capture.records():
            if isinstance(record, Message):
                names.update(self._venue.symbols_in(record.text))
            if time.monotonic() - turn > _SLICE_S:
                await asyncio.sleep(0)
                turn = time.monotonic()
        facts, rejected = self._venue.facts_of(names, self._replies(), self.name)
        for one in rejected:
            log.warning("passed over an entry of an instrument list: %s: %r", one.reason, one.text)
        if not self._share.is_whole:
            facts = self._share.own(facts)
            self._own = frozenset(one.symbol for one in facts)
        return facts

    async def batches(self) -> AsyncIterator[Batch]:
        while True:
            async with contextlib.aclosing(self._once()) as batches:
                async for batch in batches:
                    yield batch
            if not self._loop:
                break
            await self._sleep(PAUSE_S)
            if not self._capture.path.is_file():
                raise PermanentFeedError(f"replay: {self._capture.path} is gone")
            self._set_clock(self._capture.first_ms)
            yield Batch(restarted=True)
        # Quiet, not over: the last values stand, and the clock goes on.
        while True:
            await self._sleep(3600)

    async def _once(self) -> AsyncGenerator[Batch]:
        """One pass over the file."""
        parser = self._venue.parser()
        waiting = _Pending()
        started, latest = self._now_ms(), self._capture.first_ms
        self._set_clock(latest)
        turn = time.monotonic()
        for record in self._capture.records():
            if isinstance(record, Message):
                if self._speed:
                    due = started + (record.received_ms - self._capture.first_ms) / self._speed
                    while (wait := due - self._now_ms()) > 0:
                        if waiting:
                            yield waiting.take()
                            continue
                        await self._sleep(max(wait / 1000, _LEAST_WAIT_S))
                        turn = time.monotonic()
                elif abs(record.received_ms - latest) > _CLOSE_MS:
                    if waiting:
                        self._set_clock(latest)
                        yield waiting.take()
                    latest = record.received_ms
                _read(parser, record, waiting, self._own)
            elif record is not None:
                waiting.rejected.append(record)
            if len(waiting) >= _LARGEST_BATCH:
                yield waiting.take()
            if time.monotonic() - turn > _SLICE_S:
                await self._sleep(0)
                turn = time.monotonic()
        if not self._speed:
            self._set_clock(latest)
        if waiting:
            yield waiting.take()

    def _set_clock(self, feed_ms: float) -> None:
        """From now on the feed's time is `feed_ms`, and runs on at the pace of the replay."""
        now = self._now_ms()
        self._clock = FeedClock(at_ms=now, offset_ms=feed_ms - now, rate=self._speed or 1)

    def _replies(self) -> list[bytes]:
        """The venue's lists of instruments that stand beside the capture: one reply a file, or one a line."""
        path = self._capture.path
        beside = path.with_name(path.name + ".instruments.json")
        files = (
            [beside]
            if beside.is_file()
            else sorted(file for pattern in self._venue.replies for file in path.parent.glob(pattern))
        )
        replies: list[bytes] = []
        for file in files:
            try:
                if file.stat().st_size > _LARGEST_REPLY:
                    log.warning("%s is too large for an instrument list", file)
                    continue
                text = file.read_bytes()
            except OSError as error:
                log.warning("the instrument list %s cannot be read: %s", file, error)
                continue
            replies += _bodies(text)
        return replies


def _bodies(text: bytes) -> list[bytes]:
    """The JSON objects of a file that is one, or has one on each line, after whatever a recorder put before it."""
    if text.lstrip()[:1] == b"{" and text.count(b'"result"') == 1:
        return [text]
    return [line[line.find(b"{") :] for line in text.splitlines() if b'"result"' in line]


def _read(parser: Any, message: Message, into: _Pending, own: frozenset[str] | None) -> None:
    try:
        batch = parser.parse(message.text, message.received_ms)
    except InvalidQuoteError as error:
        into.rejected.append(Rejected(message.text[:500], str(error)))
    else:
        if own is None:
            into.quotes += batch.quotes
            into.trades += batch.trades
        else:
            into.quotes += [quote for quote in batch.quotes if quote.symbol in own]
            into.trades += [trade for trade in batch.trades if trade.symbol in own]
