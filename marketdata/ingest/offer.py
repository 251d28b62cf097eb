"""What a feed offers, kept up to date while its leader leads: the list, the coverage, the catalogue, and what the feed is
told to cover. Looked at again at each expiry, when the venue says so, when the administrator does, and by time.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import hiredis
import msgspec
from django.db import Error as DatabaseError

from ..bus import catalogue_store, held, keys
from ..bus.client import Client
from ..bus.connection import RedisDownError
from ..bus.last_values import LastValues
from ..bus.place import Place
from ..facts import InstrumentFacts
from ..feeds.base import CoverageRule, Feed, FeedError, PermanentFeedError
from ..quotes import Quote
from ..shares import WHOLE, Share
from . import coverage, covering, listing, money
from .coverage import Release
from .covering import Renewal
from .numbering import Numbering

logger = logging.getLogger(__name__)

LIST_EVERY_S: Final = 600.0
# How often it is looked whether the money has moved to strikes that are not covered yet; every second while it is unknown.
MONEY_EVERY_S: Final = 5.0
LOOK_EVERY_S: Final = 1.0
# After a leader began: by then web processes have told a Redis that forgot it what their sockets hold.
SETTLED_S: Final = 5.0
# Between new rules and the first removal by them: web processes say each second what their sockets hold, so whoever asked
# for an instrument before the rules were saved is known by then. What the rules add comes at once.
REPORTED_S: Final = 1.5
# After an expiry the venue is asked for its list, with a moment for it to have the new one.
AFTER_EXPIRY_S: Final = (2.0, 8.0)
RETRY_S: Final = 5.0
# A clock that goes back by less was corrected; by more, a replay was set back.
SET_BACK_MS: Final = 60_000


class Offer:
    """`begin` once, before the feed is read; then `keep` as a task. `catalogue` is the version that was published."""

    def __init__(
        self,
        feed: Feed,
        client: Client,
        numbering: Numbering,
        now_s: Callable[[], float] = time.time,
        share: Share = WHOLE,
        values: LastValues | None = None,
    ) -> None:
        self.instruments: list[InstrumentFacts] = []
        self.catalogue = 0
        self.covered: frozenset[int] = frozenset()
        self.listed_at: float | None = None
        # Sentences on what is not as it should be, by what they are about, for the feed page.
        self.notices: dict[str, str] = {}
        self._feed = feed
        self._share = share
        # What else the feed lists, which other leaders offer; and all that ours ever offered or may have.
        self._others: frozenset[str] = frozenset()
        self._ours: set[int] = set()
        self._client = client
        self._values = values or LastValues(client)
        self._numbering = numbering
        self._now_s = now_s
        self._rules: tuple[CoverageRule, ...] = ()
        self._applied: str | None = None
        self._spots: dict[str, float] = {}
        self._unknown: frozenset[str] = frozenset()
        self._woken = asyncio.Event()
        self._ordered = False
        self._asking: asyncio.Task[Sequence[InstrumentFacts]] | None = None
        self._ask_at = 0.0
        self._money_at = 0.0
        self._settle_at: float | None = None
        # What may leave with the next renewal that succeeds.
        self._owed = Release.NOTHING
        # The rules that were found to be new, and when what they do not want may leave.
        self._found: str | None = None
        self._remove_at: float | None = None
        self._retry_at: float | None = None
        self._expires_ms: float | None = None
        self._feed_ms = 0.0

    @property
    def spots(self) -> Mapping[str, float]:
        """The price of each underlying, as it was known when the coverage was last looked at."""
        return self._spots

    @property
    def is_empty(self) -> bool:
        """Whether no underlying of the feed is in our share."""
        return not self._share.is_whole and not self.instruments

    def now_ms(self) -> float:
        """The time on the feed's clock."""
        return self._feed_now()

    # ── The first time ────────────────────────────────────────────────────────────────────────────────────────────────

    async def begin(self, listed: Sequence[InstrumentFacts]) -> None:
        """Brings the first list in, and tells the feed what to cover. Raises PermanentFeedError for an unusable one."""
        listed = self._own(listed)
        now = time.monotonic()
        self._ask_at = now + LIST_EVERY_S
        self._settle_at = now + SETTLED_S
        self._feed_ms = self._feed_now()
        await self._read_money()
        while True:
            try:
                renewal = await self._renewed(listed, Release.NOTHING, lambda found: found != self._applied)
                break
            except listing.UnusableFactsError as error:
                raise PermanentFeedError(str(error)) from error
            except (RedisDownError, hiredis.ReplyError):
                await asyncio.sleep(0.05)
        self._take(renewal)
        await self.publish()
        await self._feed.cover(self._wanted())

    async def publish(self) -> None:
        """Publishes the catalogue, as soon as Redis takes it."""
        while True:
            try:
                self.catalogue = await catalogue_store.publish(
                    self._client, self._feed.name, self.instruments, self._share
                )
                if self._applied is not None:  # Redis may have forgotten it
                    await self._client.call("SET", keys.applied_rules(self._feed.name, self._share), self._applied)
                return
            except RedisDownError:
                await asyncio.sleep(0.05)

    # ── From then on ──────────────────────────────────────────────────────────────────────────────────────────────────

    def look_again(self) -> None:
        """The administrator changed something, or may have: all is looked at again at once."""
        self._ordered = True
        self._woken.set()

    async def keep(self, leads: Callable[[], bool]) -> None:
        """Never returns. Does nothing while it is not sure that we lead."""
        try:
            while True:
                try:
                    async with asyncio.timeout(self._patience()):
                        await self._woken.wait()
                except TimeoutError:
                    pass
                self._woken.clear()
                try:
                    if leads():
                        await self._look()
                except Exception:
                    logger.exception("what %s offers stays as it is for now", self._feed.name)
                    self._retry_at = time.monotonic() + RETRY_S
        finally:
            if self._asking is not None:
                self._asking.cancel()
                await asyncio.gather(self._asking, return_exceptions=True)

    def _patience(self) -> float:
        """Seconds until there may be something to do, at most a second: the feed's clock may be set at any time."""
        rate = self._feed.clock.rate
        if self._remove_at is not None:
            return min(max(self._remove_at - time.monotonic(), 0.01), LOOK_EVERY_S)
        if self._expires_ms is None or rate <= 0 or self._retry_at is not None:
            return LOOK_EVERY_S
        return min(max((self._expires_ms - self._feed_now()) / 1000 / rate, 0.01), LOOK_EVERY_S)

    async def _look(self) -> None:
        now, feed_ms = time.monotonic(), self._feed_now()
        if self._retry_at is not None and now < self._retry_at:
            return
        listed = self._heard(now)
        due = self._ordered or listed is not None or self._retry_at is not None
        if feed_ms < self._feed_ms - SET_BACK_MS:
            due = True
        if coverage.last_session_end(self._feed.session_end, feed_ms) > self._feed_ms:
            due, self._owed = True, Release.DRIFTED
        if self._remove_at is not None and now >= self._remove_at:
            due = True
        if self._expires_ms is not None and feed_ms >= self._expires_ms:
            due = True
            self._ask_at = min(self._ask_at, now + random.uniform(*AFTER_EXPIRY_S))
        if self._settle_at is not None and now >= self._settle_at:
            self._settle_at = None
            due, self._owed = True, Release.DRIFTED
        self._feed_ms = feed_ms
        self._ask(now)
        if due or await self._money_moved(now):
            self._ordered = False
            await self._renew(listed)

    def _ask(self, now: float) -> None:
        """Asks the venue for its list, in the background, when it is time."""
        if self._feed.listing_changed():
            self._ask_at = now
        if self._asking is None and now >= self._ask_at:
            self._ask_at = now + LIST_EVERY_S
            self._asking = asyncio.ensure_future(self._feed.instruments())
            self._asking.add_done_callback(lambda asked: self._woken.set())

    def _heard(self, now: float) -> Sequence[InstrumentFacts] | None:
        """The list that the venue answered with, once."""
        asking = self._asking
        if asking is None or not asking.done():
            return None
        self._asking = None
        try:
            listed = asking.result()
        except FeedError as error:
            # Also a permanent one: reading decides whether the feed goes on.
            logger.warning("%s cannot be asked for its list: %s", self._feed.name, error)
            self.notices["list"] = f"the venue could not be asked for its list: {error}"
            self._ask_at = min(self._ask_at, now + 6 * RETRY_S)
            return None
        self.notices.pop("list", None)
        return self._own(listed)

    async def _money_moved(self, now: float) -> bool:
        """Whether the rules want what is not covered, as the money is now."""
        if not any(rule.strike_percent is not None for rule in self._rules):
            return False
        if now - self._money_at < (LOOK_EVERY_S if self._unknown else MONEY_EVERY_S):
            return False
        self._money_at = now
        self._look_at_money()
        selection = await asyncio.to_thread(
            coverage.select, self.instruments, self._rules, self._spots, self._feed_now(), (), before=self.covered
        )
        self._unknown = selection.unknown
        self._note_unknown()
        return bool(selection.added)

    # ── Inside ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _renew(self, listed: Sequence[InstrumentFacts] | None) -> None:
        """Works out anew what is offered, and lets everybody know. What fails is tried again; the feed goes on."""
        self._look_at_money()
        self._retry_at = None
        reported = self._remove_at is not None and time.monotonic() >= self._remove_at

        def obeyed(rules: str) -> bool:
            return reported and rules == self._found

        try:
            try:
                renewal = await self._renewed(listed, self._owed, obeyed)
            except listing.UnusableFactsError as error:
                logger.error("the list of %s is not taken: %s", self._feed.name, error)
                self.notices["list"] = f"the venue's list was not taken: {error}"
                renewal = await self._renewed(None, self._owed, obeyed)
        except (DatabaseError, RedisDownError, hiredis.ReplyError) as error:
            logger.warning("what %s offers cannot be looked at now: %s", self._feed.name, error)
            self._retry_at = time.monotonic() + RETRY_S
            return
        self._owed = Release.NOTHING
        before = self.covered
        wanted_before = [facts.id for facts in self._wanted()]
        self._take(renewal)
        await self.publish()
        wanted = self._wanted()
        if [facts.id for facts in wanted] != wanted_before:
            await self._feed.cover(wanted)
        await self._sweep()
        added, removed = len(self.covered - before), len(before - self.covered)
        if added or removed or renewal.created or renewal.retired:
            logger.info(
                "%s covers %d of %d instruments: %d came, %d left; %d were new, %d retired",
                self._feed.name,
                len(self.covered),
                len(self.instruments),
                added,
                removed,
                renewal.created,
                renewal.retired,
            )

    async def _renewed(
        self, listed: Sequence[InstrumentFacts] | None, release: Release, obeyed: Callable[[str], bool]
    ) -> Renewal:
        """The new state of things. Which rules were applied is published with it, for the next leader. `obeyed` says of
        rules, by their fingerprint, whether what they do not want leaves at once."""
        sockets = await held.read(self._client)
        renewal = await asyncio.to_thread(
            covering.renew,
            self._feed.name,
            listed,
            self._feed_now(),
            self._spots,
            sockets,
            release,
            obeyed if self._applied is not None else None,
            self._share,
        )
        if listed is not None:
            self.listed_at = self._now_s()
            self._note_list(len(listed), renewal.vanished)
        if self._settle_at is None:
            found = covering.fingerprint(renewal.rules)
            self._note_rules(found, applied=self._applied in (None, found) or obeyed(found))
        return renewal

    def _note_rules(self, found: str, applied: bool) -> None:
        """Rules count as applied once what they do not want has left: new ones in a while."""
        if applied:
            self._applied, self._found, self._remove_at = found, None, None
        elif found != self._found:
            self._found, self._remove_at = found, time.monotonic() + REPORTED_S

    def _take(self, renewal: Renewal) -> None:
        """From now on this is offered. Rows of what left are published no more."""
        self.instruments = renewal.instruments
        self._note_ours(self.instruments)
        self.covered = renewal.selection.covered
        self._rules = renewal.rules
        self._unknown = renewal.selection.unknown
        self._note_unknown()
        offered = [facts for facts in self.instruments if facts.streaming]
        withheld = {facts.symbol for facts in self.instruments if not facts.streaming}
        self._numbering.know(offered, withheld | self._others)
        instants = [facts.expires_ms for facts in self.instruments if facts.expires_ms is not None]
        self._expires_ms = min(instants, default=None)
        self.notices.pop("share", None)
        if self.is_empty:
            self.notices["share"] = "no underlying of the feed is in this share"

    def _wanted(self) -> list[InstrumentFacts]:
        """What the feed is to quote."""
        return [facts for facts in self.instruments if facts.streaming]

    async def _sweep(self) -> None:
        """Deletes the last values of what is offered no more: whoever subscribes when it comes back is told nothing old."""
        try:
            among = None if self._share.is_whole else self._ours
            await self._values.keep_only(self._feed.name, {facts.id for facts in self._wanted()}, among)
        except (RedisDownError, hiredis.ReplyError) as error:
            logger.warning("last values of what left %s stay for now: %s", self._feed.name, error)

    def _look_at_money(self) -> None:
        """Prices stay known while an underlying is silent."""
        latest = self._numbering.latest
        self._spots.update(money.spots(self.instruments, lambda i: columns_of(latest.get(i))))

    async def _read_money(self) -> None:
        """Prices that a former leader left, so that a new one need not wait for each underlying's first quote."""
        try:
            applied = await self._client.call("GET", keys.applied_rules(self._feed.name, self._share))
            known = self._share.own(await catalogue_store.read_feed(self._client, self._feed.name))
            rows = await self._values.rows(
                {facts.id: Place(self._feed.name, facts.symbol, facts.underlying) for facts in known}
            )
        except (RedisDownError, hiredis.ReplyError, msgspec.DecodeError) as error:
            logger.warning("what the leader of %s before knew cannot be read: %s", self._feed.name, error)
            return
        self._applied = None if applied is None else applied.decode()
        if self._applied is not None:
            self._settle_at = None
        self._note_ours(known)
        self._spots.update(money.spots(known, rows.get))

    def _note_ours(self, instruments: Iterable[InstrumentFacts]) -> None:
        if not self._share.is_whole:
            self._ours.update(facts.id for facts in instruments)

    def _own(self, listed: Sequence[InstrumentFacts]) -> Sequence[InstrumentFacts]:
        """What of a list is for us to offer."""
        if self._share.is_whole:
            return listed
        self._others = frozenset(facts.symbol for facts in listed if not self._share.holds(facts.underlying))
        return self._share.own(listed)

    def _note_list(self, listed: int, vanished: int) -> None:
        self.notices.pop("vanished", None)
        if vanished:
            said = (
                f"the venue lists nothing any more; all {vanished} instruments that have not expired are kept"
                if not listed
                else f"{vanished} instruments that have not expired are not listed any more, and kept"
            )
            self.notices["vanished"] = said
            logger.warning("%s: %s", self._feed.name, said)

    def _note_unknown(self) -> None:
        self.notices.pop("money", None)
        if self._unknown:
            names = ", ".join(sorted(self._unknown)[:10])
            self.notices["money"] = f"the price of {names} is not known yet: no strikes are chosen by it"

    def _feed_now(self) -> float:
        return self._feed.clock.now(self._now_s() * 1000)


def columns_of(quote: Quote | None) -> money.Columns | None:
    """What `money` reads of a quote."""
    if quote is None:
        return None
    return {name: getattr(quote, name) for name in ("mark", "last", "bid", "ask", "underlying_price")}
