"""Looks whether a feed works from here: connects, lists, watches three contracts for a while, and says what it saw and what
is wrong, with a hint for each. `feed_doctor` prints it; the feed itself is not told apart from any other.
"""

import asyncio
import contextlib
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ..facts import InstrumentFacts
from ..quotes import Quote
from .base import Batch, ConnectionState, Feed, FeedError, PermanentFeedError, Rejected, TemporaryFeedError
from .hints import hint_for, hint_for_rejected

LIST_S: Final = 45.0
WATCH_S: Final = 15.0
CONTRACTS: Final = 3
# Beyond this, one of two clocks is wrong; ordinary lag is far below.
SKEW_MS: Final = 60_000.0
SLOW_MS: Final = 5_000.0
EARLY_MS: Final = 500.0


@dataclass
class Problem:
    """What is wrong, and what one may do about it."""

    what: str
    hint: str


@dataclass
class Examination:
    """What was seen, as lines to print, and the problems. The feed is well when there are none."""

    seen: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def blame(self, what: str, hint: str) -> None:
        self.problems.append(Problem(what, hint))


async def examine(feed: Feed, watch_s: float = WATCH_S) -> Examination:
    """Takes up to a minute. Never raises FeedError."""
    found = Examination()
    listed = await _list(feed, found)
    if listed is not None:
        contracts = choose(listed, feed.clock.now(time.time() * 1000))
        if contracts:
            await _watch(feed, contracts, watch_s, found)
    return found


def choose(listed: Sequence[InstrumentFacts], feed_ms: float) -> list[InstrumentFacts]:
    """Three contracts that are likely to quote: the middle strikes of the next expiries, from an hour away, on the
    underlying that has most. Without options, whatever there is."""
    options = [facts for facts in listed if facts.kind == "option" and (facts.expires_ms or 0) > feed_ms + 3_600_000]
    if not options:
        return list(listed[:CONTRACTS])
    underlying = Counter(facts.underlying for facts in options).most_common(1)[0][0]
    boards: dict[int, list[InstrumentFacts]] = {}
    for facts in sorted(options, key=lambda facts: (facts.strike or 0, facts.symbol)):
        if facts.underlying == underlying:
            boards.setdefault(facts.expires_ms or 0, []).append(facts)
    chosen: list[InstrumentFacts] = []
    for _, board in sorted(boards.items()):
        wanted = CONTRACTS - len(chosen)
        start = max(0, (len(board) - wanted) // 2)
        chosen += board[start : start + wanted]
    return chosen


async def _list(feed: Feed, found: Examination) -> Sequence[InstrumentFacts] | None:
    began = time.monotonic()
    try:
        async with asyncio.timeout(LIST_S):
            listed = await feed.instruments()
    except TimeoutError:
        found.blame(
            f"its list did not come within {LIST_S:g} s", "The venue is slow, or a firewall swallows the connection."
        )
        return None
    except FeedError as error:
        found.blame(f"its list could not be had: {error}", hint_for(error))
        return None
    kinds = Counter(facts.kind for facts in listed)
    expiries = {facts.expiry for facts in listed if facts.expiry}
    found.seen.append(
        f"lists {len(listed)} instruments in {time.monotonic() - began:.1f} s: "
        + (", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "none")
        + f"; {len(expiries)} expiries"
    )
    if not kinds["option"]:
        found.blame(
            "it lists no options",
            "Look at its settings: which currencies, underlyings or file it is told to read. A venue under maintenance "
            "also answers so.",
        )
    return listed


@dataclass
class _Watch:
    """What came while it was watched. The first quote of an instrument may be as old as its last change: only those after
    it tell of the line and of clocks."""

    symbols: set[str]
    began: float = field(default_factory=time.monotonic)
    first_s: float | None = None
    quotes: list[Quote] = field(default_factory=list)
    others: int = 0
    trades: int = 0
    first_lags: dict[str, float] = field(default_factory=dict)
    lags: list[float] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    failures: list[TemporaryFeedError] = field(default_factory=list)

    def take(self, batch: Batch) -> None:
        self.trades += len(batch.trades)
        self.rejected += batch.rejected
        for quote in batch.quotes:
            lag = quote.received_ms - quote.venue_time_ms
            if quote.symbol in self.first_lags:
                self.lags.append(lag)
            else:
                self.first_lags[quote.symbol] = lag
            if quote.symbol not in self.symbols:
                self.others += 1
                continue
            self.quotes.append(quote)
            if self.first_s is None:
                self.first_s = time.monotonic() - self.began


async def _watch(feed: Feed, contracts: Sequence[InstrumentFacts], watch_s: float, found: Examination) -> None:
    watch = _Watch({facts.symbol for facts in contracts})
    found.seen.append(f"subscribes to {', '.join(sorted(watch.symbols))} for {watch_s:g} s")
    states: Sequence[ConnectionState] = []
    try:
        await feed.cover(contracts)
        async with asyncio.timeout(watch_s):
            while True:
                try:
                    async with contextlib.aclosing(feed.batches()) as batches:  # type: ignore[type-var]
                        async for batch in batches:
                            watch.take(batch)
                            states = feed.connections()  # while it reads: closed at the end, it may say that it is down
                    raise TemporaryFeedError("the feed ended")
                except TemporaryFeedError as error:
                    watch.failures.append(error)
                    states = feed.connections()
                    await asyncio.sleep(min(1.0, watch_s / 4))
    except TimeoutError:
        pass
    except PermanentFeedError as error:
        found.blame(f"it gave up: {error}", hint_for(error))
    for state in states or feed.connections():
        found.seen.append(f"connection {state.name}: {state.state}, {state.instruments} instruments")
    _judge_quotes(watch, found)
    _judge_lag(watch, found)
    for text, count in Counter(map(str, watch.failures)).most_common(5):
        failure = next(one for one in watch.failures if str(one) == text)
        found.blame(f"the connection failed {count} times: {text}", hint_for(failure))
    for reason, count in Counter(one.reason for one in watch.rejected).most_common(5):
        text = next(one.text for one in watch.rejected if one.reason == reason)
        found.blame(f"{count} messages were passed over, {reason}: {text[:120]}", hint_for_rejected(reason))


def _judge_quotes(watch: _Watch, found: Examination) -> None:
    elapsed_s = time.monotonic() - watch.began
    found.seen.append(f"{watch.others} quotes of other instruments, {watch.trades} trades")
    if not watch.quotes:
        found.blame(
            f"not one quote of the {len(watch.symbols)} in {elapsed_s:.0f} s",
            "The market may be closed or halted; the contracts may be too quiet, then watch longer; or a connection is "
            "open but dead, which a proxy in between also looks like.",
        )
        return
    first = watch.quotes[0]
    quoted = {quote.symbol for quote in watch.quotes}
    found.seen.append(
        f"the first quote after {watch.first_s or 0:.2f} s: {first.symbol} bid {_shown(first.bid)} ask {_shown(first.ask)} "
        f"mark {_shown(first.mark)} implied volatility {_shown(first.implied_volatility)}"
    )
    found.seen.append(
        f"{len(watch.quotes)} quotes of {len(quoted)} contracts, {len(watch.quotes) / elapsed_s:.1f} a second"
    )
    if silent := sorted(watch.symbols - quoted):
        found.seen.append(f"silent meanwhile: {', '.join(silent)}")


def _judge_lag(watch: _Watch, found: Examination) -> None:
    lags = watch.lags or list(watch.first_lags.values())
    if not lags:
        return
    lag = statistics.median(lags)
    found.seen.append(
        f"lag {lag:.0f} ms in the middle, from {min(lags):.0f} to {max(lags):.0f} ms (received minus the venue's time)"
    )
    if not watch.lags and lag > 0:
        return
    if abs(lag) > SKEW_MS:
        found.blame(
            f"the venue's clock and this machine's are {abs(lag) / 1000:.0f} s apart",
            "Set this machine's clock (NTP). Quotes flow all the same, with wrong ages.",
        )
    elif lag > SLOW_MS:
        found.blame(
            f"quotes arrive {lag / 1000:.1f} s late",
            "The line or this machine is overloaded, or its clock is a little fast.",
        )
    elif lag < -EARLY_MS:
        found.blame(f"quotes arrive {-lag:.0f} ms before they were made", "This machine's clock is slow: set it (NTP).")


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
