"""A feed that is split over several leaders, in one process on a real server: each instrument is one leader's, the others
are not disturbed when one ends, and nobody writes an instrument beside another.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from channels.db import database_sync_to_async
from redis.asyncio import Redis

from accounts import watchlists
from accounts.models import RollingEntry, User
from marketdata import rows
from marketdata.bus import keys, orders
from marketdata.bus.beacon import Beacon
from marketdata.bus.history_stream import HistoryOptions
from marketdata.bus.orders import Order
from marketdata.feeds.base import Batch
from marketdata.ingest import campaign
from marketdata.ingest.leader import DeposedError, Leader
from marketdata.models import Instrument
from marketdata.shares import Share, shares_of
from marketdata.stream.feed_watch import FeedWatch
from tests import given_time
from tests.bus.waiting import within
from tests.path.split_feed import FEED, SYMBOLS, UNDERLYING_OF, UNDERLYINGS, SplitFeed
from tests.valkey import RunningValkey

pytestmark = pytest.mark.django_db(transaction=True)

LISTED_S = 15.0
# A takeover may take what a lease lives and a little; the machine is shared.
TAKEOVER_S = 3.0 * 3
PREFIX = "test__group__"


class Judge:
    """Hears all that is published: the newest (term, count) of each instrument, what went wrong, and the feed's health as
    a web process sees it."""

    def __init__(self, url: str) -> None:
        self.newest: dict[int, tuple[int, int]] = {}
        self.faults: list[str] = []
        self.longest: dict[int, float] = {}
        self.watch = FeedWatch()
        self._at: dict[int, float] = {}
        self._redis = Redis.from_url(url)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        async with self._redis.pubsub() as heard:
            await heard.psubscribe(f"{PREFIX}*")
            await heard.subscribe(keys.beacons())
            task = asyncio.create_task(self._listen(heard))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._redis.aclose()

    async def _listen(self, heard: Any) -> None:
        async for message in heard.listen():
            if message["type"] == "message":
                self.watch.take(message["data"], time.monotonic())
            elif message["type"] == "pmessage":
                self._take(message["data"])

    def _take(self, framed: bytes) -> None:
        instrument_id, seq = rows.header(framed)
        term, count = divmod(seq, rows.TERM)
        now, before = time.monotonic(), self.newest.get(instrument_id, (0, 0))
        if (term, count) <= before:
            self.faults.append(f"{instrument_id}: {term}/{count} after {before}")
        self.newest[instrument_id] = max((term, count), before)
        if instrument_id in self._at:
            silence = now - self._at[instrument_id]
            self.longest[instrument_id] = max(silence, self.longest.get(instrument_id, 0.0))
        self._at[instrument_id] = now

    def forget_silences(self) -> None:
        self.longest.clear()

    def health(self) -> tuple[str, str | None]:
        return self.watch.health(FEED, time.monotonic(), connected=True)[:2]


class Obedient(SplitFeed):
    """Says nothing of what is not in its share: here, nothing at all."""

    async def batches(self) -> AsyncIterator[Batch]:
        await asyncio.Event().wait()
        yield Batch()


class Room:
    def __init__(self, url: str, history: HistoryOptions | None = None) -> None:
        self.url = url
        self.redis = Redis.from_url(url)
        self.judge = Judge(url)
        self.leaders: dict[Leader, asyncio.Task[None]] = {}
        self.ids: dict[str, int] = {}
        self._history = history

    def start(self, share: Share, feed: SplitFeed | None = None) -> Leader:
        leader = Leader(feed or SplitFeed(), self.url, lambda group: f"{PREFIX}{group}", self._history, share=share)
        self.leaders[leader] = asyncio.create_task(leader.run())
        return leader

    async def end(self, leader: Leader) -> None:
        task = self.leaders.pop(leader)
        task.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(task, return_exceptions=True)

    async def kill(self, leader: Leader) -> None:
        """It gives nothing back, as a process that is killed."""
        leader._lease._stop.set()
        leader._lease._held = False
        await self.end(leader)

    async def all_quote(self, terms: Callable[[str], int]) -> None:
        """Until each instrument was heard under the term that `terms` says of its underlying."""

        def heard() -> bool:
            return all(
                self.judge.newest.get(self.ids.get(symbol, 0), (0, 0))[0] == terms(UNDERLYING_OF[symbol]) > 0
                for symbol in SYMBOLS
            )

        deadline = time.monotonic() + LISTED_S
        while not heard():
            assert time.monotonic() < deadline, self.judge.newest
            for leader, task in self.leaders.items():
                assert not task.done(), (leader.share, task)
            self.ids = {symbol: i async for symbol, i in Instrument.objects.values_list("symbol", "id")}
            await asyncio.sleep(0.05)

    def ids_of(self, share: Share) -> set[int]:
        return {self.ids[symbol] for symbol in SYMBOLS if share.holds(UNDERLYING_OF[symbol])}

    async def catalogue(self) -> set[int]:
        return {int(i) for i in await self.redis.hkeys(keys.catalogue(FEED))}


@contextlib.asynccontextmanager
async def opened(url: str, history: HistoryOptions | None = None) -> AsyncIterator[Room]:
    room = Room(url, history)
    async with room.judge.listening():
        try:
            yield room
        finally:
            for leader in list(room.leaders):
                await room.end(leader)
            await room.redis.aclose()


def term_of(*leaders: Leader) -> Callable[[str], int]:
    """The term under which an underlying's leader leads."""
    return lambda underlying: next(one.numbering.term for one in leaders if one.share.holds(underlying))


async def test_a_share_that_ends_leaves_the_others_alone_and_another_number_waits_for_all(
    server: RunningValkey,
) -> None:
    async with opened(server.url) as room:
        judge = room.judge
        first, second = (room.start(share) for share in shares_of(2))
        await room.all_quote(term_of(first, second))
        assert first.numbering.term != second.numbering.term
        assert await room.catalogue() == set(room.ids.values())
        assert {int(i) for i in await room.redis.hkeys(keys.last_values(FEED))} == set(room.ids.values())
        # The feed says everything to both: what is the other's is no mistake.
        assert not first.complaints.counts
        assert not second.complaints.counts
        await within(LISTED_S, lambda: judge.health() == ("ok", None))

        standby = room.start(Share(1, 2))
        late = [room.start(share) for share in shares_of(3)]
        await within(LISTED_S, lambda: standby._lease.holder)
        await within(LISTED_S, lambda: all(one._lease.split_otherwise == 2 for one in late))
        judge.forget_silences()
        kept = second.numbering.term
        await room.kill(first)
        killed = given_time.now()
        await within(TAKEOVER_S, lambda: judge.health()[0] in ("down", "taking_over"))
        assert given_time.now() - killed < TAKEOVER_S
        assert (judge.health()[1] or "share 1 of 2").startswith("share 1 of 2")
        await room.all_quote(term_of(standby, second))
        assert second.numbering.term == kept < standby.numbering.term
        assert await room.catalogue() == set(room.ids.values())
        silent, disturbed = room.ids_of(Share(1, 2)), room.ids_of(Share(2, 2))
        # Until the lease had run out nobody quoted these; the others' quotes came all the time.
        assert min(judge.longest[i] for i in silent) > 1.0
        assert max(judge.longest[i] for i in disturbed) < min(judge.longest[i] for i in silent)

        # Nobody stands by: the feed is down, and says which share is.
        await room.kill(standby)
        await within(TAKEOVER_S, lambda: judge.health()[0] == "down")
        assert (judge.health()[1] or "").startswith("share 1 of 2: its ingest has not been heard")

        # Three leaders, once the last of the two has gone; nobody before.
        assert not any(one.numbering.term for one in late)
        await room.end(second)
        await room.all_quote(term_of(*late))
        await within(LISTED_S, lambda: judge.health() == ("ok", None))
        assert not judge.faults, judge.faults[:5]


async def test_without_the_number_in_force_two_leaders_write_one_instrument(
    server: RunningValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what keeps another number out is what the test before relies on."""
    async with opened(server.url) as room:
        room.start(Share(1, 2))
        await within(LISTED_S, lambda: room.judge.newest)
        monkeypatch.setattr(keys, "shares", lambda feed: f"elsewhere:{time.monotonic_ns()}")
        for share in shares_of(3):
            room.start(share)
        await within(LISTED_S, lambda: room.judge.faults)


async def test_all_lead_on_after_redis_was_emptied_and_tell_again_what_they_know(server: RunningValkey) -> None:
    async with opened(server.url) as room:
        leaders = [room.start(share) for share in shares_of(2)]
        await room.all_quote(term_of(*leaders))
        terms = [one.numbering.term for one in leaders]
        await room.redis.flushall()
        await within(TAKEOVER_S, lambda: all(one.numbering.term > was for one, was in zip(leaders, terms, strict=True)))
        await room.all_quote(term_of(*leaders))
        assert not room.judge.faults, room.judge.faults[:5]

        async def is_whole() -> bool:
            return await room.catalogue() == set(room.ids.values())

        async with asyncio.timeout(TAKEOVER_S):
            while not await is_whole():
                await asyncio.sleep(0.05)


async def test_what_leaves_a_share_takes_nothing_of_another_with_it(server: RunningValkey) -> None:
    async with opened(server.url) as room:
        leaders = [room.start(share) for share in shares_of(2)]
        await room.all_quote(term_of(*leaders))
        off = min(room.ids_of(Share(1, 2)))
        await Instrument.objects.filter(id=off).aupdate(streaming=False)
        assert await asyncio.to_thread(_ordered, room.url, Order("list")) == 2

        async def left() -> set[int]:
            return {int(i) for i in await room.redis.hkeys(keys.last_values(FEED))}

        async with asyncio.timeout(LISTED_S):
            while off in await left():
                await asyncio.sleep(0.05)
        assert await left() == set(room.ids.values()) - {off}
        assert await room.catalogue() == set(room.ids.values())


async def test_an_order_for_one_share_is_obeyed_by_its_leader_alone(server: RunningValkey) -> None:
    async with opened(server.url) as room:
        first, second = (room.start(share) for share in shares_of(2))
        await room.all_quote(term_of(first, second))
        assert await asyncio.to_thread(_ordered, room.url, Order("restart", share=2)) == 2
        await within(LISTED_S, room.leaders[second].done)
        room.leaders.pop(second)
        await asyncio.sleep(0.3)
        assert not room.leaders[first].done()


async def test_a_deposed_leader_says_who_leads(server: RunningValkey) -> None:
    async with opened(server.url) as room:
        leader = room.start(Share(1, 2))
        await within(LISTED_S, lambda: room.judge.newest)
        await room.redis.set(keys.lease(FEED, Share(1, 2)), "99:another")
        task = room.leaders.pop(leader)
        with pytest.raises(DeposedError, match="split, share 1/2 is led by 99:another now"):
            await asyncio.wait_for(task, 10)


async def test_a_share_without_an_underlying_is_well(server: RunningValkey) -> None:
    empty = next(
        share for share in shares_of(40) if not any(share.holds(underlying) for underlying in UNDERLYING_OF.values())
    )
    async with opened(server.url) as room:
        leader = room.start(empty, Obedient())

        async def beacon() -> Beacon | None:
            kept = await room.redis.get(keys.status(FEED, empty))
            return None if kept is None else msgspec.json.decode(kept, type=Beacon)

        async with asyncio.timeout(LISTED_S):
            while (said := await beacon()) is None or said.health != "ok":
                await asyncio.sleep(0.05)
        assert leader.offer.notices["share"] == "no underlying of the feed is in this share"
        assert not leader.complaints.counts


async def test_processes_that_may_lead_any_share_spread_and_one_more_stands_by_for_all(server: RunningValkey) -> None:
    tries = [asyncio.create_task(campaign.win_any(FEED, server.url, shares_of(3))) for _ in range(4)]
    await within(5, lambda: sum(task.done() for task in tries) == 3)
    done, waiting = await asyncio.wait(tries, timeout=1)
    leases = [task.result() for task in done]
    assert {lease.share for lease in leases} == set(shares_of(3))
    assert len(waiting) == 1
    given = leases[0]
    await asyncio.to_thread(given.release)
    taken = await asyncio.wait_for(waiting.pop(), 5)
    assert taken.share == given.share
    assert taken.term > max(lease.term for lease in leases)
    for lease in (*leases[1:], taken):
        await asyncio.to_thread(lease.release)


async def test_a_new_leader_tells_the_end_of_its_own_shares_terms_alone(server: RunningValkey, tmp_path: Any) -> None:
    """The other share's term goes on: told as ended, what is on its way would become a gap."""
    async with opened(server.url, HistoryOptions(server.url, tmp_path)) as room:
        first, second = (room.start(share) for share in shares_of(2))
        await room.all_quote(term_of(first, second))
        former = first.numbering.term
        await room.end(first)
        again = room.start(Share(1, 2))
        await room.all_quote(term_of(again, second))

        async def ended() -> dict[int, set[int]]:
            found: dict[int, set[int]] = {}
            entries: Any = await room.redis.xrange(keys.history_stream())
            for _, fields in entries:
                if b"ends" in fields:
                    ids = {int(i) for i in msgspec.json.decode(fields[b"ends"])}
                    found.setdefault(int(fields[b"term"]), set()).update(ids)
            return found

        async with asyncio.timeout(LISTED_S):
            while not (told := await ended()):
                await asyncio.sleep(0.05)
        assert told == {former: room.ids_of(Share(1, 2))}


async def test_rolling_entries_of_others_are_left_to_them(server: RunningValkey) -> None:
    """A leader knows no contract of another share, and would take it that there are none."""
    share = next(share for share in shares_of(2) if share.holds("ACME"))
    other = next(one for one in shares_of(2) if one != share)
    foreign = next(name for name in UNDERLYINGS if other.holds(name))
    async with opened(server.url) as room:
        both = [room.start(one) for one in (share, other)]
        await within(LISTED_S, lambda: all(leader.offer.instruments for leader in both))
        for leader in both:
            await room.end(leader)
        names = await database_sync_to_async(_follow)("ACME", foreign)
        room.start(share)

        async with asyncio.timeout(LISTED_S):
            while (states := await database_sync_to_async(_states)())[names[0]] != "following":
                await asyncio.sleep(0.1)
        await asyncio.sleep(1.5)  # another look
        assert states[names[1]] == "waiting"


def _follow(*underlyings: str) -> list[int]:
    """A rolling entry on each, as if nobody had looked at it yet."""
    made = watchlists.create(User.objects.create(username="owner"), "Tech")
    symbols = {one.symbol: one for one in Instrument.objects.filter(symbol__in=underlyings)}
    return [
        RollingEntry.objects.create(watchlist=made, underlying=symbols[name], rule="next", strikes=0).pk
        for name in underlyings
    ]


def _states() -> dict[int, str]:
    return dict(RollingEntry.objects.values_list("pk", "state"))


def _ordered(url: str, order: Order) -> int:
    from django.test import override_settings

    with override_settings(REDIS_URL=url):
        return orders.give(FEED, order)
