"""The feed `deribit`: public option data of a real venue, without a key. `connection` and `client` read it, `parse` makes
quotes of it; ingest runs it like any other feed.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

from ...facts import InstrumentFacts
from ...quotes import InvalidQuoteError, Quote, Trade
from ...shares import WHOLE, Share
from ..base import Batch, ConnectionState, FeedClock, FeedKind, FeedLimits, PermanentFeedError, Rejected
from ..budget import Budget
from ..connection_loop import ConnectionLoop
from . import channels
from .client import connected
from .connection import SUBSCRIBE_BURST, SUBSCRIBE_RATE, Connection
from .inbox import Inbox, Message
from .instruments import CUT_OFF, index_facts
from .listing import Listing
from .order import ClockSkew, Order
from .parse import Parser

DEFAULT_URL: Final = "wss://www.deribit.com/ws/api/v2"
DEFAULT_CURRENCIES: Final = ("BTC", "ETH")
# The venue wants at least 10 s; twice this without any message is a dead connection.
HEARTBEAT_S: Final = 30
# The venue's limit for one address is 32; two are left to who tries or records the feed beside us.
MOST_CONNECTIONS: Final = 30
# A ticker comes at most ten times a second.
_TICKERS_A_SECOND: Final = 10
_CURRENCY: Final = re.compile(r"[A-Z]{2,8}\Z")

Tap = Callable[[float, str, int], None]


def build(options: dict[str, Any]) -> "DeribitFeed":
    """From `url`, `currencies`, `interval` (raw, 100ms, agg2), `instruments_per_connection` and `connections`; each may be
    left out. Raises PermanentFeedError, naming the option."""
    url = options.get("url", DEFAULT_URL)
    if not isinstance(url, str) or not url.startswith(("wss://", "ws://")):
        raise PermanentFeedError(f"deribit: url is {url!r}; it starts with wss:// or ws://")
    currencies = options.get("currencies", DEFAULT_CURRENCIES)
    if not isinstance(currencies, list | tuple) or not currencies or not all(map(_is_currency, currencies)):
        raise PermanentFeedError(f"deribit: currencies is {currencies!r}; it is a list of such as BTC, ETH and USDC")
    interval = options.get("interval", "100ms")
    if interval not in channels.INTERVALS:
        raise PermanentFeedError(f"deribit: interval is {interval!r}; it is one of {', '.join(channels.INTERVALS)}")
    plan = channels.Plan(
        _whole(options, "instruments_per_connection", 500, 2_000), _whole(options, "connections", 4, MOST_CONNECTIONS)
    )
    return DeribitFeed(url, list(dict.fromkeys(currencies)), interval, plan, options.get("heartbeat_s", HEARTBEAT_S))


def _is_currency(value: object) -> bool:
    return isinstance(value, str) and _CURRENCY.match(value) is not None


def _whole(options: dict[str, Any], name: str, default: int, most: int) -> int:
    value = options.get(name, default)
    if not isinstance(value, int) or not 1 <= value <= most:
        raise PermanentFeedError(f"deribit: {name} is {value!r}; it is a whole number from 1 to {most}")
    return value


class DeribitFeed:
    """`tap`, where there is one, is given each message as it came, with its time and the number of its connection."""

    name = "deribit"
    kind: FeedKind = "real_time"
    clock = FeedClock()
    venue = "deribit"
    session_end = CUT_OFF

    def __init__(
        self, url: str, currencies: Sequence[str], interval: str, plan: channels.Plan, heartbeat_s: int = HEARTBEAT_S
    ) -> None:
        self.limits = FeedLimits(quotes_per_second=float(plan.room * _TICKERS_A_SECOND), connections=MOST_CONNECTIONS)
        self.tap: Tap | None = None
        self._url = url
        self._interval = channels.Interval(interval)
        self._heartbeat_s = heartbeat_s
        self._currencies = currencies
        self._plan = plan
        self._listing = Listing(self.name, currencies)
        self._budget = Budget(SUBSCRIBE_RATE, SUBSCRIBE_BURST)
        self._inbox = Inbox()
        self._parser = Parser()
        self._order = Order()
        self._skew = ClockSkew(self.name)
        self._wanted: set[str] = set()
        # Indices whose prices are subscribed to, and among them those whose mark prices are.
        self._indices: set[str] = set()
        self._marked: set[str] = set()
        self._followed_news = False
        self._remarks: list[Rejected] = []
        self._share = WHOLE
        self._links: dict[int, tuple[Connection, ConnectionLoop]] = {}
        self._running: dict[int, asyncio.Task[None]] | None = None

    # ── What ingest asks ──────────────────────────────────────────────────────────────────────────────────────────────

    def take_share(self, share: Share) -> None:
        self._share = share

    async def instruments(self) -> Sequence[InstrumentFacts]:
        client = next((link.client for link, _ in self._links.values() if link.client is not None), None)
        if client is not None:
            listed = await self._listing.read(client)
        else:
            async with connected(self._url, lambda text, received_ms: None) as client:
                listed = await self._listing.read(client)
        self._remarks += self._listing.rejected
        self._listing.rejected = []
        listed = self._share.own(listed)
        self._indices |= {facts.symbol for facts in listed if facts.kind == "index"}
        self._apply()
        return listed

    async def cover(self, instruments: Sequence[InstrumentFacts]) -> None:
        options = [facts for facts in instruments if facts.kind == "option"]
        self._plan.cover([facts.symbol for facts in options])
        self._wanted = {facts.symbol for facts in options}
        self._parser.by_mark_price = beyond = frozenset(self._plan.beyond)
        self._marked = {facts.underlying for facts in options if facts.symbol in beyond}
        self._indices |= {facts.underlying for facts in options}
        self._order.keep_only(self._wanted | self._indices)
        self._apply()

    async def batches(self) -> AsyncIterator[Batch]:
        self._links.clear()
        self._inbox.clear()
        self._running = {}
        try:
            self._apply()
            while True:
                await self._inbox.news()
                while (messages := self._inbox.take()) or self._remarks:
                    batch = self._read(messages)
                    if batch.quotes or batch.trades or batch.rejected:
                        yield batch
                for task in self._running.values():
                    if task.done():
                        task.result()
        finally:
            tasks = list(self._running.values())
            self._running = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def reconnect(self) -> None:
        for _, loop in self._links.values():
            loop.reconnect()

    def connections(self) -> Sequence[ConnectionState]:
        return [loop.state(len(self._plan.shares.get(number, ()))) for number, (_, loop) in sorted(self._links.items())]

    def listing_changed(self) -> bool:
        changed, self._parser.listing_changed = self._parser.listing_changed, False
        return changed

    @property
    def listed_replies(self) -> Sequence[str]:
        """The venue's newest lists as they came, for who records the feed."""
        return list(self._listing.replies.values())

    # ── Connections ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _apply(self) -> None:
        """Brings connections and their topics up to what is covered."""
        if self._running is None:
            return
        for number in [number for number in self._links if number not in self._plan.shares]:
            del self._links[number]
            self._running.pop(number).cancel()
        for number in self._plan.shares:
            if number not in self._links:
                self._links[number] = self._link(number)
                task = asyncio.create_task(self._links[number][1].run(), name=f"deribit {number}")
                task.add_done_callback(lambda _: self._inbox.wake())
                self._running[number] = task
            self._links[number][0].want(self._topics(number))

    def _topics(self, number: int) -> list[str]:
        topics = [channels.ticker(symbol) for symbol in self._plan.shares[number]]
        if number != 1:
            return topics
        always = [topic for currency in self._currencies for topic in channels.of_currency(currency)]
        always += [channels.price_index(_index_name(index)) for index in sorted(self._indices)]
        always += [channels.mark_prices(_index_name(index)) for index in sorted(self._marked)]
        return always + topics

    def _link(self, number: int) -> tuple[Connection, ConnectionLoop]:
        def take(text: str, received_ms: float) -> Awaitable[object] | None:
            if self.tap is not None:
                self.tap(received_ms, text, number)
            return self._inbox.put(text, received_ms)

        connection = Connection(
            f"deribit {number}",
            self._url,
            self._interval,
            self._heartbeat_s,
            self._budget,
            take,
            self._follows_news if number == 1 else _nothing,
            self._missing,
        )
        loop = ConnectionLoop(
            connection.name,
            connection.session,
            silence_s=2 * self._heartbeat_s,
            retries_alone=self._others_live,
        )
        return connection, loop

    def _follows_news(self) -> None:
        """The first connection carries the news of the list. What was said while it was not there, nobody heard."""
        self._parser.listing_changed |= self._followed_news
        self._followed_news = True

    def _others_live(self, failed: ConnectionLoop) -> bool:
        return any(loop.failed is None for _, loop in self._links.values() if loop is not failed)

    # ── Messages ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, messages: Sequence[Message]) -> Batch:
        quotes: list[Quote] = []
        trades: list[Trade] = []
        rejected, self._remarks = self._remarks, []
        for text, received_ms in messages:
            try:
                batch = self._parser.parse(text, received_ms)
            except InvalidQuoteError as error:
                rejected.append(Rejected(text[:500], str(error)))
                continue
            rejected += batch.rejected
            trades += [trade for trade in batch.trades if trade.symbol in self._wanted]
            for quote in batch.quotes:
                if quote.symbol not in self._wanted and quote.symbol not in self._indices:
                    continue  # what was on its way when its subscription ended
                if self._order.is_old(quote):
                    rejected.append(Rejected(f"{quote.symbol} at {quote.venue_time_ms}", "out of order"))
                    continue
                self._skew.note(quote)
                quotes.append(quote)
        return Batch(quotes, trades, rejected)

    def _missing(self, topics: Sequence[str]) -> None:
        self._remarks += [Rejected(topic, "the venue does not know the channel") for topic in topics]
        self._inbox.wake()


def _index_name(index: str) -> str:
    return index_facts(index, "deribit").venue_symbol


def _nothing() -> None:
    pass
