"""Runs one feed, or a share of one: stands by until it leads, lists the instruments, then reads, flushes and says each
second that it lives.

Leadership ends at once with a lost lease. Where nobody else can have led meanwhile (Redis restarted or was emptied), the
same process leads again under a new term and tells again all it knows; else it ends, and starts afresh as a standby.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import redis

from .. import rows
from ..bus import catalogue_store, history_words, keys, orders
from ..bus.beacon import Beacon, Health
from ..bus.client import Client
from ..bus.cluster import Cluster
from ..bus.connection import RedisDownError
from ..bus.fenced import FencedWriter
from ..bus.history_stream import HistoryOptions, HistoryStream
from ..bus.history_words import Ends
from ..bus.last_values import LastValues
from ..bus.lease import Lease, LeaseLostError
from ..bus.orders import Order
from ..bus.sharded_values import ShardedValues
from ..bus.sharded_writer import ShardedWriter
from ..bus.subscriber import Subscriber
from ..facts import InstrumentFacts
from ..feeds.base import Batch, Feed, FeedError, TemporaryFeedError
from ..shares import WHOLE, Share
from . import campaign
from .complaints import Complaints
from .flush import Flush
from .numbering import Numbering
from .offer import Offer
from .rolling import Rolling
from .vital_signs import VitalSigns

logger = logging.getLogger(__name__)

BEACON_S: Final = 1.0
SILENT_S: Final = 5.0
FIRST_RETRY_S: Final = 0.5
LONGEST_RETRY_S: Final = 30.0
# What a leader that hands over leaves a standby, which asks for the lease four times a second.
HAND_OVER_S: Final = 2.0
RECONNECT_S: Final = 30.0
ORDERS: Final = 100


class DeposedError(Exception):
    """Another process leads the feed now, or may have led it meanwhile."""


class StandAsideError(Exception):
    """The administrator asked for it: the lease is given back, and who led may start afresh after `pause_s`, with the
    feed built anew. Meanwhile a standby leads, where there is one."""

    def __init__(self, message: str, pause_s: float) -> None:
        super().__init__(message)
        self.pause_s = pause_s


class Leader:
    """`run` returns only by an exception: DeposedError, StandAsideError, a PermanentFeedError, or its own cancellation."""

    def __init__(
        self,
        feed: Feed,
        redis_url: str,
        channel_of: Callable[[str], str],
        history: HistoryOptions | None = None,
        rows: str = "",
        share: Share = WHOLE,
        lease: Lease | None = None,
    ) -> None:
        """`rows` is the address of a cluster, where rows are on one. `lease` is one that is won already, of whatever share;
        else `run` stands by for that of `share`."""
        self.feed = feed
        self.share = share = share if lease is None else lease.share
        if not share.is_whole:
            feed.take_share(share)
        self.complaints = Complaints(feed.name)
        self._cluster = Cluster(rows, f"ingest-{feed.name}-rows") if rows else None
        self.numbering = Numbering(feed.name, channel_of, self.complaints, sharded=bool(rows))
        self._client = Client(redis_url, f"ingest-{feed.name}")
        self._beacon_client = Client(redis_url, f"ingest-{feed.name}-beacon")
        self._is_won = lease is not None
        self._lease = lease or Lease(feed.name, redis_url, self._told_lost, share)
        self._lease.on_lost = self._told_lost
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lost = asyncio.Event()
        self._history_client: Client | None = None
        self.history: HistoryStream | None = None
        # Also where it is on the same server, if that may fail over: what was appended last is then appended again.
        if history is not None and (history.url != redis_url or self._lease.may_fail_over):
            self._history_client = Client(history.url, f"ingest-{feed.name}-history")
            self.history = HistoryStream(self._history_client, feed.name, history, share)
        self._records = history is not None
        self._settling: asyncio.Task[None] | None = None
        self._ends: list[tuple[int, Ends]] = []
        stream_bytes = history.stream_bytes if history is not None else 0
        self._writer = FencedWriter(self._client, feed.name, stream_bytes, share)
        if self._cluster is not None:
            self._writer = ShardedWriter(self._client, self._cluster.client, feed.name, stream_bytes, share)
        self.flush = Flush(
            self._writer,
            self._lease,
            self.numbering,
            self.history,
            in_flush=self._records and self.history is None,
        )
        if self._cluster is not None:
            self._cluster.client.on_change = self.flush.look_at_nodes
        # Beside the flushes' connection: what is read here in one go must not hold them up.
        self._side_client = Client(redis_url, f"ingest-{feed.name}-side")
        self._values = LastValues(self._side_client)
        if self._cluster is not None:
            self._values = ShardedValues(self._cluster.client)
        self.offer = Offer(feed, self._side_client, self.numbering, share=share, values=self._values)
        self.rolling = Rolling(feed.name, self.offer, self.numbering, self._side_client, share)
        self.vital_signs = VitalSigns(
            feed, self._lease, self.flush, self.numbering, self.offer, self.complaints, self._side_client
        )
        self._orders = Subscriber(
            redis_url,
            f"ingest-{feed.name}-orders",
            self._told,
            lambda: None,
            self.offer.look_again,  # what was ordered during the break was not heard
        )
        self._ordered: asyncio.Queue[Order] = asyncio.Queue(ORDERS)
        self._health: Health = "taking_over"
        self._reason: str | None = None
        self._say_now = asyncio.Event()
        self._heard = 0.0
        self._lag_ms: float | None = None
        self._beacons = 0
        self._rate = 0.0
        self._term_is_full = False
        self._rate_since = (0.0, 0)

    async def run(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            if not self._is_won:
                await campaign.win([self._lease], self._side_client)
            self._begin()
            if not self._lease.remaining():  # before there was anybody to tell
                self._lost.set()
            if self._records:
                await self._look_at_former_terms()
            await self._list()
            await self._lead()
        finally:
            await self._leave()

    # ── Leadership ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self) -> None:
        self._lost.clear()
        self._beacons = 0
        self.numbering.begin(self._lease.term)
        logger.info("leading %s, term %d", self._lease.name, self._lease.term)

    async def _regain(self) -> None:
        """After a lost lease: leads again under a new term if that is honest, else raises DeposedError."""
        logger.warning("the lease of %s is lost; trying for a new term", self._lease.name)
        while True:
            try:
                if not await asyncio.to_thread(self._lease.acquire):
                    raise DeposedError(self._why_not())
                break
            except redis.RedisError:
                await asyncio.sleep(0.05)
        if not self._lease.led_last:
            raise DeposedError(f"{self._lease.name}: another may have led meanwhile")
        self._end_term()
        self._begin()

    def _why_not(self) -> str:
        lease = self._lease
        if lease.split_otherwise:
            return f"{lease.feed} is led by others now, who split it in {lease.split_otherwise}"
        return f"{lease.name} is led by {lease.holder} now"

    def _told_lost(self) -> None:
        """From the lease's own thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody needs to know any more
                self._loop.call_soon_threadsafe(self._lost.set)

    async def _leave(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            await asyncio.gather(self._settling, return_exceptions=True)
        if self.history is not None and (left := await self.history.close()):
            logger.error("%d rows wait on this machine for the history server; the next leader brings them there", left)
        await asyncio.to_thread(self._lease.release)
        await self._orders.close()
        for client in (self._client, self._beacon_client, self._side_client, self._history_client):
            if client is not None:
                client.close()
        if self._cluster is not None:
            await self._cluster.close()

    # ── While leading ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _list(self) -> None:
        beacons = asyncio.create_task(self._keep_beacons())
        try:
            listed = await self._ask_for_instruments()
            await self.offer.begin(listed)
            # Who has nothing to quote is as it should be.
            self._feel("ok" if self.offer.is_empty else "taking_over", None)
        finally:
            beacons.cancel()
            await asyncio.gather(beacons, return_exceptions=True)
        logger.info(
            "%s lists %d instruments, of which %d are covered",
            self._lease.name,
            len(self.offer.instruments),
            len(self.offer.covered),
        )

    async def _lead(self) -> None:
        # As long as we lead, whatever the term.
        lasting = {
            asyncio.create_task(work, name=name)
            for name, work in (
                ("read", self._read()),
                ("beacons", self._keep_beacons()),
                ("offer", self.offer.keep(lambda: self._lease.remaining() > 0)),
                ("rolling", self.rolling.keep(lambda: self._lease.remaining() > 0)),
                ("vital signs", self.vital_signs.keep()),
                ("orders", self._obey()),
            )
        }
        again = False
        try:
            while True:
                flushing = asyncio.create_task(self._flush_term(again), name="flush")
                lost = asyncio.create_task(self._lost.wait(), name="lost")
                try:
                    await asyncio.wait({*lasting, flushing, lost}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in (flushing, lost):
                        task.cancel()
                    await asyncio.gather(flushing, lost, return_exceptions=True)
                for task in lasting:
                    if task.done():
                        task.result()
                error = None if flushing.cancelled() else flushing.exception()
                if isinstance(error, LeaseLostError):
                    self._lease.heard_of(error.term)
                elif error is not None:
                    raise error
                await self._regain()
                again = True
        finally:
            for task in lasting:
                task.cancel()
            await asyncio.gather(*lasting, return_exceptions=True)

    async def _flush_term(self, again: bool) -> None:
        """Flushes until the lease is lost. In a term after the first, Redis may have forgotten all: what is known is told
        again, first of all."""
        if again:
            await self.flush.tell_again()
            await self.offer.publish()
        self._settle()
        await self.flush.run()

    # ── History ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _look_at_former_terms(self) -> None:
        """What former leaders published last, from Redis: whether history has all of it is to be looked at."""
        try:
            answer = await self._values.all(self.feed.name)
            own = None
            if not self.share.is_whole:
                known = await catalogue_store.read_feed(self._side_client, self.feed.name)
                own = {facts.id for facts in self.share.own(known)}
        except RedisDownError as error:
            logger.warning("what the former leader of %s published last is not known: %s", self.feed.name, error)
            return
        ends: dict[int, Ends] = {}
        for framed in answer:
            instrument_id, seq = rows.header(framed)
            if own is not None and instrument_id not in own:
                continue  # another leader's, whose term may go on
            term, count = divmod(seq, rows.TERM)
            if count:  # or else it was told again, and is of no term
                row = msgspec.json.decode(framed[rows.HEADER.size :])
                ends.setdefault(term, {})[instrument_id] = (seq, round(row[2] + row[3], 3))
        self._ends += ends.items()

    def _end_term(self) -> None:
        """Before a new term of ours begins: how the one before it ended."""
        if self._records and (ends := self.numbering.ends()):
            self._ends.append((self.numbering.term, ends))

    def _settle(self) -> None:
        """Does in the background what former terms left to do for history."""
        if self._records and (self._settling is None or self._settling.done()):
            self._settling = asyncio.create_task(self._settled(), name="settle")

    async def _settled(self) -> None:
        if self.history is not None:
            await self.history.take_over()
        while self._ends:
            # After all that was accepted in it: what waits is of that term, or of the one after it.
            if self.history is None or not self.history.waiting:
                with contextlib.suppress(RedisDownError):
                    await self._tell_ends(*self._ends[0])
                    del self._ends[0]
                    continue
            await asyncio.sleep(0.2)

    async def _tell_ends(self, term: int, ends: Ends) -> None:
        if self.history is not None:
            await self.history.tell_ends(term, ends)
        else:
            await history_words.ends(self.feed.name, term, ends).tell(self._side_client)

    # ── Orders ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _obey(self) -> None:
        """Does what the administrator orders, for as long as it does not end the leading."""
        with contextlib.suppress(RedisDownError):  # stays wanted, and is subscribed when Redis is back
            await self._orders.add([keys.orders(self.feed.name)])
        while True:
            order = await self._ordered.get()
            if order.share not in (None, self.share.number):
                continue
            logger.info("%s: ordered to %s by %s", self.feed.name, order.do, order.by or "nobody named")
            match order.do:
                case "list":
                    self.offer.look_again()
                case "reconnect":
                    await self._reconnect()
                case "restart":
                    raise StandAsideError(f"{self._lease.name}: starting anew, as ordered", 0)
                case "hand_over":
                    self._stand_aside(order)

    def _told(self, channel: bytes, payload: bytes) -> None:
        try:
            order = orders.taken(payload)
        except msgspec.DecodeError:
            logger.warning("%s: an order that cannot be read: %r", self.feed.name, payload[:200])
            return
        with contextlib.suppress(asyncio.QueueFull):  # nobody gives so many in earnest
            self._ordered.put_nowait(order)

    async def _reconnect(self) -> None:
        try:
            async with asyncio.timeout(RECONNECT_S):
                await self.feed.reconnect()
        except (FeedError, TimeoutError) as error:
            logger.warning("%s: reconnecting failed: %s", self.feed.name, error)

    def _stand_aside(self, order: Order) -> None:
        if not self.vital_signs.standbys and not order.force:
            logger.warning("%s: not handed over, since nobody stands by", self.feed.name)
            self.offer.notices["hand over"] = "not handed over: nobody stands by"
            return
        raise StandAsideError(f"{self._lease.name}: handed over, as ordered", HAND_OVER_S)

    async def _read(self) -> None:
        wait = FIRST_RETRY_S
        while True:
            try:
                async with contextlib.aclosing(self.feed.batches()) as batches:  # type: ignore[type-var]
                    async for batch in batches:
                        await self._take(batch)
                        if batch.quotes:
                            wait = FIRST_RETRY_S  # by data and not by a login: a venue may accept and then refuse
                raise TemporaryFeedError("the feed ended")
            except TemporaryFeedError as error:
                wait = await self._pause(error, wait)

    async def _ask_for_instruments(self) -> Sequence[InstrumentFacts]:
        wait = FIRST_RETRY_S
        while True:
            try:
                listed = await self.feed.instruments()
            except TemporaryFeedError as error:
                wait = await self._pause(error, wait)
            else:
                self._feel("taking_over", None)
                return listed

    async def _pause(self, error: TemporaryFeedError, wait: float) -> float:
        """Waits before the feed is tried again; returns how long to wait the next time."""
        self._feel("down", str(error))
        pause = wait * (0.5 + random.random())
        logger.warning("%s: %s; trying again in %.1f s", self.feed.name, error, pause)
        await asyncio.sleep(pause)
        return min(wait * 2, LONGEST_RETRY_S)

    async def _take(self, batch: Batch) -> None:
        if batch.restarted:
            await self._next_term()
            self.offer.look_again()  # the clock was set back: what had expired is alive again
        elif self._term_is_full:
            self._term_is_full = False
            await self._next_term()
        for rejected in batch.rejected:
            self.complaints.add(rejected.reason, rejected.text)
        if batch.trades:
            await self.flush.put((), batch.trades)
        if not batch.quotes:
            return
        self._heard = self.vital_signs.heard_at = time.monotonic()
        self._feel("ok", None)
        newest = batch.quotes[-1]
        self._lag_ms = round(newest.received_ms - newest.venue_time_ms, 3)
        self.vital_signs.venue_hops.add(self._lag_ms)
        await self.flush.put(batch.quotes)

    async def _next_term(self) -> None:
        """A new pass over the same recorded time: its rows must be newer than those of the pass before."""
        await self.flush.drained()
        while True:
            try:
                await asyncio.to_thread(self._lease.advance)
                break
            except redis.RedisError:
                await asyncio.sleep(0.05)
            except LeaseLostError:
                self._lost.set()
                return
        self._end_term()
        self._begin()

    async def _keep_beacons(self) -> None:
        while True:
            token = self._lease.token
            try:
                await self._writer_for_beacons().beacon(token, msgspec.json.encode(self._beacon()))
            except RedisDownError:
                pass
            except LeaseLostError:
                if token == self._lease.token:
                    self._lost.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._say_now.wait(), BEACON_S)
            self._say_now.clear()

    def _feel(self, health: Health, reason: str | None) -> None:
        """The feed is so from now on; a change is said at once, and not with the next second."""
        if health != self._health:
            self._say_now.set()
        self._health, self._reason = health, reason

    def _writer_for_beacons(self) -> FencedWriter:
        # On a connection of its own: a long flush before it must not make a living feed look dead.
        return FencedWriter(self._beacon_client, self.feed.name, share=self.share)

    def _beacon(self) -> Beacon:
        now, wall = time.monotonic(), time.time() * 1000
        age = now - self._heard if self._heard else None
        health, reason = self._health, self._reason
        if health == "ok" and age is not None and age > SILENT_S:
            health, reason = "stale", f"the feed has said nothing for {age:.0f} s"
        since, accepted = self._rate_since
        if now - since >= BEACON_S * 0.9:  # a beacon said early must not make a rate out of milliseconds
            self._rate = (self.flush.accepted - accepted) / (now - since) if since else 0.0
            self._rate_since = (now, self.flush.accepted)
            self._term_is_full = self.numbering.is_nearly_full
        self._beacons += 1
        clock = self.feed.clock
        return Beacon(
            feed=self.feed.name,
            kind=self.feed.kind,
            term=self._lease.term,
            n=self._beacons,
            flushes=self.flush.flushes,
            health=health,
            age_ms=None if age is None else round(age * 1000),
            reason=reason,
            clock_at_ms=wall,
            clock_offset_ms=round(clock.offset_at(wall), 3),
            clock_rate=clock.rate,
            quotes_per_second=round(self._rate, 1),
            lag_ms=self._lag_ms,
            accepted=self.flush.accepted,
            catalogue=self.offer.catalogue,
            share=self.share.number,
            shares=self.share.of,
        )
