"""Says each second how the leader's work goes, for the administrator's feed page, and every ten how often each instrument
quotes, for the preview of coverage. Nothing that a client relies on hangs on it.
"""

import asyncio
import logging
import os
import socket
import time
from typing import Final

import hiredis
import msgspec

from ..bus import keys, standbys
from ..bus.client import Client
from ..bus.connection import RedisDownError
from ..bus.lease import Lease
from ..bus.vitals import KEPT_S, Complaint, Vitals
from ..feeds.base import Feed
from .complaints import Complaints
from .flush import Flush
from .hops import Hops
from .numbering import Numbering
from .offer import Offer

logger = logging.getLogger(__name__)

EVERY_S: Final = 1.0
RATES_EVERY: Final = 10
# In its first seconds a feed says everything once.
RATES_FROM: Final = 5
# A rate is kept for a day after it was measured: a feed that is down for the night is previewed by day.
RATES_KEPT_S: Final = 86_400
# What the newest ten seconds weigh against all before.
NEWEST: Final = 0.3
COMPLAINTS: Final = 20


class VitalSigns:
    """`venue_hops` are added to by whoever takes batches, and `heard_at` set, on `time.monotonic()`."""

    def __init__(
        self,
        feed: Feed,
        lease: Lease,
        flush: Flush,
        numbering: Numbering,
        offer: Offer,
        complaints: Complaints,
        client: Client,
    ) -> None:
        self.venue_hops = Hops()
        self.heard_at = 0.0
        self.standbys = 0
        self._feed = feed
        self._lease = lease
        self._share = lease.share
        self._flush = flush
        self._numbering = numbering
        self._offer = offer
        self._complaints = complaints
        self._client = client
        self._since_ms = time.time() * 1000
        self._counts: dict[int, int] = {}
        self._counted_at = 0.0
        self._rates: dict[int, float] = {}
        self._accepted = (0.0, 0)

    async def keep(self) -> None:
        """Never returns."""
        seconds = 0
        while True:
            try:
                self.standbys = await standbys.count(self._client, self._feed.name, self._share)
                vitals = msgspec.json.encode(self.vitals())
                # A split feed is found by its own key, which any of its leaders writes.
                for key in dict.fromkeys((keys.vitals(self._feed.name, self._share), keys.vitals(self._feed.name))):
                    await self._client.call("SET", key, vitals, "EX", KEPT_S)
                if seconds % RATES_EVERY == RATES_FROM and self._measure():
                    rates = msgspec.json.encode(self._rates)
                    await self._client.call("SET", keys.rates(self._feed.name, self._share), rates, "EX", RATES_KEPT_S)
            except (RedisDownError, hiredis.ReplyError):
                pass  # nobody can look without Redis
            except Exception:
                logger.exception("the vital signs of %s are not said this time", self._feed.name)
            seconds += 1
            await asyncio.sleep(EVERY_S)

    def vitals(self) -> Vitals:
        now = time.monotonic()
        at, accepted = self._accepted
        rate = (self._flush.accepted - accepted) / (now - at) if at else 0.0
        self._accepted = (now, self._flush.accepted)
        offer = self._offer
        return Vitals(
            feed=self._feed.name,
            term=self._lease.term,
            leader=self._lease.owner,
            host=socket.gethostname(),
            pid=os.getpid(),
            since_ms=self._since_ms,
            at_ms=round(time.time() * 1000, 3),
            standbys=self.standbys,
            quotes_per_second=round(rate, 1),
            accepted=self._flush.accepted,
            flushes=self._flush.flushes,
            merged=self._flush.conflated,
            waiting=self._flush.waiting,
            silence_ms=round((now - self.heard_at) * 1000) if self.heard_at else None,
            venue_to_ingest=self.venue_hops.take(),
            ingest_to_redis=self._flush.hops.take(),
            listed=len(offer.instruments),
            covered=len(offer.covered),
            withheld=sum(1 for facts in offer.instruments if facts.id in offer.covered and not facts.streaming),
            listed_at_ms=offer.listed_at and offer.listed_at * 1000,
            limits=self._feed.limits,
            connections=list(self._feed.connections()),
            complaints=[
                Complaint(reason, count, *self._complaints.newest[reason])
                for reason, count in self._complaints.counts.most_common(COMPLAINTS)
            ],
            notices=list(offer.notices.values()),
            share=self._share.number,
            shares=self._share.of,
        )

    def _measure(self) -> bool:
        """Quotes a second of each instrument since it was last measured, merged into what was known. A new term counts
        anew, and is measured from its first full round on."""
        now, counts = time.monotonic(), dict(self._numbering.counts)
        elapsed, before = now - self._counted_at, self._counts
        usable = bool(self._counted_at) and all(counts.get(i, 0) >= n for i, n in before.items())
        self._counted_at, self._counts = now, counts
        if not usable:
            return False
        for facts in self._offer.instruments:
            if facts.streaming:
                rate = (counts.get(facts.id, 0) - before.get(facts.id, 0)) / elapsed
                known = self._rates.get(facts.id)
                self._rates[facts.id] = round(rate if known is None else known + NEWEST * (rate - known), 4)
        return True
