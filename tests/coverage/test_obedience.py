"""The running ingest obeys: rules, switches, expiries, new listings and orders, without a restart."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest
from channels.db import database_sync_to_async
from django.db import OperationalError

from accounts.models import User, Watchlist, WatchlistEntry
from marketdata.bus import keys
from marketdata.facts import InstrumentFacts
from marketdata.feeds.base import Batch, TemporaryFeedError
from marketdata.ingest import covering, offer
from marketdata.ingest.leader import StandAsideError
from marketdata.models import Coverage, Instrument
from tests.builders import NOON_MS, make_facts, make_quote
from tests.ingest.told_feed import FEED

from .board import DAY_MS, EXPIRIES, instant
from .conftest import Room

pytestmark = pytest.mark.timeout(60)


def in_database(work: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    return database_sync_to_async(work)(*arguments, **more)


async def rule(**values: Any) -> Coverage:
    made: Coverage = await in_database(Coverage.objects.create, feed=FEED, **values)
    return made


def instruments() -> dict[str, Instrument]:
    return {one.symbol: one for one in Instrument.objects.filter(feed=FEED)}


def near(*strikes: float) -> set[str]:
    return {f"ACME-{expiry}-{strike:g}" for expiry in EXPIRIES for strike in strikes} | {"ACME"}


def catalogue(room: Room) -> dict[str, InstrumentFacts]:
    """What web processes know of the feed."""
    stored = cast(dict[bytes, bytes], room.redis.hgetall(keys.catalogue(FEED)))
    return {
        facts.symbol: facts for facts in (msgspec.json.decode(one, type=InstrumentFacts) for one in stored.values())
    }


def streaming(room: Room) -> set[str]:
    return {symbol for symbol, facts in catalogue(room).items() if facts.streaming}


async def test_a_rule_that_is_saved_is_obeyed_within_five_seconds_and_told_everywhere(room: Room) -> None:
    async with room.leading():
        await room.settle()
        every = streaming(room)
        await rule(strike_percent=10)
        async with asyncio.timeout(5):
            await room.order()
            await room.until(lambda: streaming(room) == near(90, 100, 110))
        known = await in_database(instruments)
        offered = {one.pk for one in known.values() if one.covered}
        assert {symbol for symbol, one in known.items() if one.covered} == near(90, 100, 110)
        await room.until(lambda: room.feed.covers[-1] == near(90, 100, 110))
        await room.until(lambda: room.valued() == offered)
        assert catalogue(room).keys() == every  # known by name, and not offered
        # What the venue sends of them all the same is no mistake of anybody, and reaches nobody.
        accepted = room.leader.flush.accepted
        room.feed.prices()
        await room.until(lambda: room.leader.flush.accepted > accepted)
        assert room.valued() == offered
        assert not room.leader.complaints.counts


async def test_a_wider_rule_brings_back_what_went(room: Room) -> None:
    made = await rule(strike_percent=10)
    async with room.leading():
        await room.until(lambda: streaming(room) == near(90, 100, 110))
        made.strike_percent = 11
        await in_database(made.save)
        async with asyncio.timeout(5):
            await room.order()
            await room.until(lambda: streaming(room) == near(89, 90, 100, 110, 111))


async def test_what_a_watchlist_or_an_open_socket_holds_stays(room: Room, owner: User) -> None:
    async with room.leading():
        await room.settle()
        known = await in_database(instruments)
        watched, opened = known["ACME-2026-02-20-80"], known["ACME-2026-02-20-120"]
        watchlist = await in_database(Watchlist.objects.create, owner=owner, name="Mine")
        await in_database(WatchlistEntry.objects.create, watchlist=watchlist, instrument=watched)
        room.redis.sadd(keys.webs(), "one")
        room.redis.sadd(keys.held("one"), opened.pk)
        await rule(strike_percent=10)
        await room.order()
        await room.until(lambda: streaming(room) == near(90, 100, 110) | {watched.symbol, opened.symbol})


async def test_what_is_switched_off_goes_whoever_holds_it(room: Room, owner: User) -> None:
    async with room.leading():
        await room.settle()
        one = (await in_database(instruments))["ACME-2026-02-20-80"]
        watchlist = await in_database(Watchlist.objects.create, owner=owner, name="Mine")
        await in_database(WatchlistEntry.objects.create, watchlist=watchlist, instrument=one)
        room.redis.sadd(keys.webs(), "one")
        room.redis.sadd(keys.held("one"), one.pk)
        await in_database(Instrument.objects.filter(pk=one.pk).update, streaming=False)
        await room.order()
        await room.until(lambda: one.symbol not in streaming(room))
        await room.until(lambda: one.symbol not in room.feed.covers[-1] and one.pk not in room.valued())


async def test_rules_that_changed_while_nobody_led_are_obeyed_by_the_next_leader(room: Room) -> None:
    made = await rule(strike_percent=11)
    async with room.leading():
        await room.settle()
        await room.until(lambda: streaming(room) == near(89, 90, 100, 110, 111))
    made.strike_percent = 10
    await in_database(made.save)
    room.feed.covers.clear()
    async with room.leading():
        # By the prices that the former leader left: there was no new one yet.
        assert room.feed.covers[0] == near(90, 100, 110)


async def test_the_drift_of_the_money_adds_at_once_and_removes_at_the_days_end(room: Room) -> None:
    await rule(strike_percent=10)
    async with room.leading():
        await room.until(lambda: streaming(room) == near(90, 100, 110))
        await room.settle()
        room.feed.prices(spot=120.0)
        await room.until(lambda: streaming(room) == near(90, 100, 110, 111, 120))
        room.feed.set_clock(NOON_MS + DAY_MS / 2 + 1_000)
        gone = {symbol for symbol in near(110, 111, 120) if EXPIRIES[0] not in symbol}
        await room.until(lambda: streaming(room) == gone)


async def test_the_day_of_a_venue_ends_when_it_says(room: Room) -> None:
    room.feed.session_end = dt.time(8, tzinfo=dt.UTC)
    await rule(strike_percent=10)
    async with room.leading():
        await room.until(lambda: streaming(room) == near(90, 100, 110))
        await room.settle()
        room.feed.prices(spot=120.0)
        both = near(90, 100, 110, 111, 120)
        await room.until(lambda: streaming(room) == both)
        eight = NOON_MS + 20 * 3_600_000
        room.feed.set_clock(eight - 1)  # after midnight
        left = {symbol for symbol in both if EXPIRIES[0] not in symbol}
        await room.until(lambda: streaming(room) == left)
        await asyncio.sleep(0.5)
        assert streaming(room) == left
        room.feed.set_clock(eight)
        await room.until(lambda: streaming(room) == left & near(110, 111, 120))


async def test_what_was_asked_for_just_before_the_rules_were_saved_stays_though_it_was_not_reported_yet(
    room: Room,
) -> None:
    async with room.leading():
        await room.settle()
        opened = (await in_database(instruments))["ACME-2026-02-20-120"]
        await rule(strike_percent=10)
        await room.order()
        await asyncio.sleep(1.0)  # as late as a web process says what its sockets hold
        room.redis.sadd(keys.webs(), "one")
        room.redis.sadd(keys.held("one"), opened.pk)
        await room.until(lambda: streaming(room) == near(90, 100, 110) | {opened.symbol})


async def test_what_the_rules_add_comes_at_once_and_what_they_do_not_want_goes_by_the_last_of_them(room: Room) -> None:
    made = await rule(strike_percent=10)
    async with room.leading():
        await room.settle()
        await room.until(lambda: streaming(room) == near(90, 100, 110))
        made.underlying, made.strike_percent = "ACME", 11
        await in_database(made.save)
        async with asyncio.timeout(3):
            await room.order()
            await room.until(lambda: streaming(room) == near(89, 90, 100, 110, 111))
        # Narrower, and narrower still before that was obeyed: in one step, to the last.
        seen = []
        for percent in (10, 0):
            made.strike_percent = percent
            await in_database(made.save)
            await room.order()
            await asyncio.sleep(0.7)
            seen.append(streaming(room))
        assert seen == [near(89, 90, 100, 110, 111)] * 2
        await room.until(lambda: streaming(room) == near(100))


async def test_an_expiry_retires_its_contracts_at_its_instant_and_asks_for_the_list_again(room: Room) -> None:
    async with room.leading():
        known = await in_database(instruments)
        dying = {one.pk for symbol, one in known.items() if EXPIRIES[0] in symbol}
        asked = room.feed.asked
        room.feed.set_clock(instant(EXPIRIES[0]) - 1)
        await asyncio.sleep(0.3)
        assert catalogue(room).keys() == known.keys()
        room.feed.set_clock(instant(EXPIRIES[0]))
        # The venue lists them still; they are over all the same.
        await room.until(lambda: not any(EXPIRIES[0] in symbol for symbol in catalogue(room)))
        retired = await in_database(lambda: set(Instrument.objects.filter(active=False).values_list("pk", flat=True)))
        assert retired == dying
        await room.until(lambda: not room.valued() & dying)
        await room.until(lambda: room.feed.asked > asked)


async def test_a_replay_that_begins_again_brings_back_what_had_expired(room: Room) -> None:
    async with room.leading():
        every = catalogue(room).keys()
        room.feed.set_clock(instant(EXPIRIES[0]))
        await room.until(lambda: len(catalogue(room)) < len(every))
        room.feed.set_clock(NOON_MS)
        room.feed.say(Batch(restarted=True))
        await room.until(lambda: catalogue(room).keys() == every)


async def test_a_new_listing_appears_by_coverage_when_the_venue_says_so(room: Room) -> None:
    await rule(strike_percent=10)
    async with room.leading():
        await room.until(lambda: streaming(room) == near(90, 100, 110))
        more = {"feed": FEED, "expiry": "2026-03-20", "expires_ms": instant("2026-02-20") + 28 * DAY_MS}
        room.feed.facts += [make_facts("NEW-100", strike=100.0, **more), make_facts("NEW-150", strike=150.0, **more)]
        room.feed.changed = True
        await room.until(lambda: streaming(room) == near(90, 100, 110) | {"NEW-100"})
        assert not catalogue(room)["NEW-150"].streaming
        room.feed.say(Batch([make_quote("NEW-100")]))
        fresh = (await in_database(instruments))["NEW-100"].pk
        await room.until(lambda: fresh in room.valued())


async def test_a_list_that_shrinks_to_nothing_is_kept_and_said(room: Room) -> None:
    async with room.leading():
        every = catalogue(room).keys()
        room.feed.facts = []
        room.feed.changed = True
        await room.until(lambda: room.leader.offer.notices)
        assert room.leader.offer.notices["vanished"] == (
            f"the venue lists nothing any more; all {len(every)} instruments that have not expired are kept"
        )
        assert catalogue(room).keys() == every
        await room.until(lambda: "lists nothing" in str(room.redis.get(keys.vitals(FEED))))
        assert json.loads(cast(bytes, room.redis.get(keys.vitals(FEED))))["covered"] == len(every)


@pytest.mark.parametrize(
    ("trouble", "words"),
    [("refused", "could not be asked"), ("unusable", "was not taken")],
)
async def test_a_list_that_cannot_be_had_or_used_leaves_things_as_they_are_and_is_said(
    room: Room, trouble: str, words: str
) -> None:
    async with room.leading():
        every = catalogue(room).keys()
        if trouble == "refused":
            room.feed.refusals.append(TemporaryFeedError("busy"))
        else:
            room.feed.facts = [make_facts("not a symbol", feed=FEED)]
        room.feed.changed = True
        await room.until(lambda: words in room.leader.offer.notices.get("list", ""))
        assert catalogue(room).keys() == every
        accepted = room.leader.flush.accepted
        room.feed.say(Batch([make_quote("ACME-2026-01-16-100")]))
        await room.until(lambda: room.leader.flush.accepted > accepted)


async def test_what_the_database_refuses_is_tried_again_and_nothing_is_forgotten(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rule(strike_percent=10)
    async with room.leading():
        await room.settle()
        room.feed.prices(spot=120.0)
        await room.until(lambda: streaming(room) == near(90, 100, 110, 111, 120))
        whole, tries = covering.renew, list[None]()

        def refuse(*arguments: Any) -> Any:
            tries.append(None)
            if len(tries) < 3:
                raise OperationalError("the database is locked")
            return whole(*arguments)

        monkeypatch.setattr(offer, "RETRY_S", 0.3)
        monkeypatch.setattr(covering, "renew", refuse)
        began = asyncio.get_running_loop().time()
        room.feed.set_clock(NOON_MS + DAY_MS / 2 + 1_000)  # an expiry, and the end of the day
        gone = {symbol for symbol in near(110, 111, 120) if EXPIRIES[0] not in symbol}
        await room.until(lambda: streaming(room) == gone)
        assert asyncio.get_running_loop().time() - began > 0.6
        accepted = room.leader.flush.accepted
        room.feed.say(Batch([make_quote("ACME-2026-01-16-110")]))
        await room.until(lambda: room.leader.flush.accepted > accepted)


async def test_it_reconnects_when_it_is_told_to(room: Room) -> None:
    async with room.leading():
        await room.order("reconnect")
        await room.until(lambda: room.feed.reconnects == 1)


async def test_it_does_not_hand_over_where_nobody_stands_by(room: Room) -> None:
    async with room.leading() as task:
        await room.order("hand_over")
        await room.until(lambda: "hand over" in room.leader.offer.notices)
        assert not task.done()
        assert room.redis.exists(keys.lease(FEED))


@pytest.mark.parametrize("how", ["standby", "force", "restart"])
async def test_told_to_stand_aside_it_gives_the_lease_back_at_once(room: Room, how: str) -> None:
    async with room.leading() as task:
        if how == "standby":
            room.redis.zadd(keys.standbys(FEED), {"another": cast(Any, room.redis.time())[0] + 60})
            await room.until(lambda: room.leader.vital_signs.standbys == 1)
        await room.order("restart" if how == "restart" else "hand_over", **({"force": True} if how == "force" else {}))
        async with asyncio.timeout(10):
            with pytest.raises(StandAsideError) as told:
                await task
        assert (told.value.pause_s > 0) is (how != "restart")
        assert not room.redis.exists(keys.lease(FEED))
        room.task = None


async def test_an_order_that_cannot_be_read_changes_nothing(room: Room) -> None:
    async with room.leading() as task:
        for payload in (b"", b"{", b'{"do":"explode"}', b"\xff", b"[]"):
            room.redis.publish(keys.orders(FEED), payload)
        await room.order("reconnect")
        await room.until(lambda: room.feed.reconnects == 1)
        assert not task.done()


async def test_it_says_each_second_how_its_work_goes(room: Room) -> None:
    async with room.leading():
        room.feed.say(Batch([make_quote("NOBODY")]))
        await room.until(lambda: "NOBODY" in str(room.redis.get(keys.vitals(FEED))))
        vitals = json.loads(cast(bytes, room.redis.get(keys.vitals(FEED))))
        assert (vitals["term"], vitals["covered"], vitals["listed"]) == (room.leader.numbering.term, 29, 29)
        (complaint,) = vitals["complaints"]
        assert (complaint["reason"], complaint["count"], complaint["text"]) == ("unknown instrument", 1, "NOBODY")
        assert abs(complaint["at_ms"] - dt.datetime.now(dt.UTC).timestamp() * 1000) < 60_000
        assert vitals["accepted"] == 29


async def test_a_standby_is_counted_and_no_longer_once_it_leads(room: Room) -> None:
    other = Room(room.redis)
    async with room.leading():
        waiting = asyncio.create_task(other.leader.run())
        await room.until(lambda: room.leader.vital_signs.standbys == 1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await room.until(lambda: room.leader.vital_signs.standbys == 0)


async def test_a_standby_leads_as_soon_as_it_is_handed_over_with_the_same_coverage(room: Room) -> None:
    await rule(strike_percent=10)
    other = Room(room.redis)
    waiting = None
    try:
        async with room.leading() as task:
            await room.until(lambda: streaming(room) == near(90, 100, 110))
            await room.settle()
            term = room.leader.numbering.term
            waiting = asyncio.create_task(other.leader.run())
            await room.until(lambda: room.leader.vital_signs.standbys == 1)
            await room.order("hand_over")
            room.task = None
            async with asyncio.timeout(10):
                with pytest.raises(StandAsideError):
                    await task
                await other.until(lambda: other.feed.covers)
            assert other.feed.covers[0] == near(90, 100, 110)
            assert other.leader.numbering.term > term
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
