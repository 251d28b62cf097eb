"""Rolling entries move with the money and the feed's clock while a leader leads, and whoever shows them is told."""

import asyncio
import contextlib
import datetime as dt
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import OperationalError
from redis import Redis

from accounts import rolling, watchlists
from accounts.models import RollingEntry, User, Watchlist
from accounts.rolling import Entry
from marketdata.bus import keys
from marketdata.facts import InstrumentFacts
from marketdata.following import Standing, Wish
from marketdata.ingest import rolling as module
from marketdata.models import Coverage, Instrument
from tests.builders import NOON_MS
from tests.coverage.board import DAY_MS, board, instant
from tests.coverage.conftest import WAIT_S, Room, room

from .told_feed import FEED

__all__ = ["room"]


# ── What is worked out, without a feed ────────────────────────────────────────────────────────────────────────────────

LISTED = board()
NOTHING = Standing()


def symbols(ids: Sequence[int], listed: Sequence[InstrumentFacts] = LISTED) -> list[str]:
    by_id = {facts.id: facts.symbol for facts in listed}
    return [by_id[one] for one in ids]


def entry(number: int, wish: Wish, standing: Standing = NOTHING, underlying: str = "ACME") -> Entry:
    return Entry(number, underlying, wish, standing)


def test_only_what_moved_is_named_and_what_is_asked_alike_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    known = module.boards(LISTED, ["ACME"])
    asked: list[Wish] = []
    standing = module.Board.standing

    def counted(self: module.Board, wish: Wish, *rest: Any) -> Standing:
        asked.append(wish)
        return standing(self, wish, *rest)

    monkeypatch.setattr(module.Board, "standing", counted)
    next_, far = Wish("next", 0, "CP"), Wish("30d", 1, "CP")
    entries = [entry(1, next_), entry(2, next_), entry(3, far)]
    found = module.moved(entries, known, {"ACME": 101.0}, NOON_MS)
    assert [one.id for one in found] == [1, 2, 3]
    assert symbols(found[0].standing.held) == ["ACME-2026-01-15-100"]
    assert symbols(found[2].standing.held) == [f"ACME-2026-02-20-{strike}" for strike in (90, 100, 110)]
    assert asked == [next_, far]
    assert module.moved(found, known, {"ACME": 101.0}, NOON_MS) == []
    # The first expires, and only those at it move; the 20 % are not there yet.
    later = module.moved(found, known, {"ACME": 106.0}, instant("2026-01-15"))
    assert [(one.id, one.standing.expiry) for one in later] == [(1, dt.date(2026, 1, 16)), (2, dt.date(2026, 1, 16))]


def test_what_is_not_offered_is_not_chosen() -> None:
    withheld = [msgspec.structs.replace(facts, streaming=facts.strike != 100) for facts in LISTED]
    known = module.boards(withheld, ["ACME", "NONE"])
    found = module.moved([entry(1, Wish("next", 0, "C"))], known, {"ACME": 101.0}, NOON_MS)
    assert symbols(found[0].standing.held) == ["ACME-2026-01-15-110"]
    nobody = module.moved([entry(2, Wish("next", 0, "C"), underlying="NONE")], known, {"NONE": 1.0}, NOON_MS)
    assert nobody[0].standing.state == "none"


def test_ten_thousand_entries_are_looked_at_in_a_fraction_of_a_second() -> None:
    """On 20 underlyings, each with what 20 users ask for in five ways."""
    listed = [facts for n in range(20) for facts in board(f"U{n}", 1 + 100 * n)]
    known = module.boards(listed, [f"U{n}" for n in range(20)])
    wishes = [Wish(rule, strikes, "CP") for rule in ("next", "weekly", "monthly", "30d", "60d") for strikes in range(5)]
    entries = [entry(n, wishes[n % 25], underlying=f"U{n % 20}") for n in range(rolling.ROLLING_PER_FEED)]
    entries = module.moved(entries, known, {f"U{n}": 100.0 for n in range(20)}, NOON_MS) and entries
    taken = []
    for _ in range(3):
        began = time.process_time()
        module.moved(entries, known, {f"U{n}": 100.0 for n in range(20)}, NOON_MS)
        taken.append(time.process_time() - began)
    assert min(taken) < 0.25, taken


# ── With a leader ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY_S", 0.05)
    monkeypatch.setattr(module, "RETRY_S", 0.1)
    monkeypatch.setattr("marketdata.ingest.offer.REPORTED_S", 0.2)


def in_database(work: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    return database_sync_to_async(work)(*arguments, **more)


def make_list(*rules: str) -> Watchlist:
    user, _ = User.objects.get_or_create(username="owner")
    made = watchlists.create(user, f"Tech {Watchlist.objects.count()}")
    for rule in rules:
        rolling.make(made, "ACME", rule, strikes=0)
    return made


def held() -> list[list[str]]:
    names = dict(Instrument.objects.values_list("pk", "symbol"))
    return [[names[one] for one in entry.held] for entry in RollingEntry.objects.order_by("pk")]


@contextlib.asynccontextmanager
async def listening(watchlist: Watchlist) -> AsyncIterator[Callable[[], Any]]:
    """What the watchlist's group is told next."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(f"watchlist.{watchlist.pk}", channel)

    async def told() -> Any:
        async with asyncio.timeout(5):
            return await layer.receive(channel)

    try:
        yield told
    finally:
        layer._get_layer().close_channel(channel)
        await layer._get_layer().flush()


async def until(condition: Callable[[], object], otherwise: str = "it did not happen") -> None:
    """In the one thread that gives its connection back: a pool of PostgreSQL's has four."""
    try:
        async with asyncio.timeout(WAIT_S):
            while not await in_database(condition):
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(otherwise) from None


async def until_held(*expected: list[str]) -> None:
    await until(lambda: held() == list(expected), f"it does not hold {expected}")


async def test_entries_follow_the_money_and_the_clock(room: Room) -> None:
    async with room.leading():
        made = await in_database(make_list, "next", "30d")
        await until_held(["ACME-2026-01-15-100"], ["ACME-2026-02-20-100"])
        async with listening(made) as told:
            room.feed.prices(107.1)
            await until_held(["ACME-2026-01-15-110"], ["ACME-2026-02-20-110"])
            said = await told()
            assert (said["type"], said["cause"], said["watchlist"]) == ("watchlist.changed", "rolled", made.pk)
            assert said["version"] == made.version + 1
            room.feed.prices(104.0)  # within the margin of 110
            room.feed.set_clock(instant("2026-01-15"))
            await until_held(["ACME-2026-01-16-100"], ["ACME-2026-02-20-110"])
            assert (await told())["version"] == made.version + 2
        # A replay that is set back: what had expired is alive again.
        room.feed.set_clock(NOON_MS)
        await until(lambda: held()[0][0].startswith("ACME-2026-01-15"))
        row = await in_database(Watchlist.objects.get, pk=made.pk)
        assert row.rolled == row.version - made.version >= 3


async def test_one_that_waits_is_resolved_by_the_first_look_and_none_is_said(room: Room) -> None:
    async with room.leading():
        room.redis.delete(keys.status(FEED))
        made = await in_database(make_list)
        acme = await in_database(Instrument.objects.get, symbol="ACME", feed=FEED)
        # As a web process makes it that hears no feed, and cannot tell ingest: it is found by time.
        await in_database(RollingEntry.objects.create, watchlist=made, underlying=acme, rule="next", strikes=0)
        room.leader.rolling._read_at = 0
        await until_held(["ACME-2026-01-15-100"])
        room.feed.set_clock(NOON_MS + 60 * DAY_MS)
        await until(lambda: RollingEntry.objects.get().state == "none")
        assert await in_database(held) == [[]]


async def test_what_it_holds_stays_covered_when_the_money_has_left(room: Room) -> None:
    async with room.leading():
        await in_database(make_list, "monthly")
        await until_held(["ACME-2026-01-16-100"])
        await in_database(Coverage.objects.create, feed=FEED, expiry_days=0, strike_percent=0)
        await room.settle()
        await room.order()
        covered = Instrument.objects.filter(feed=FEED, covered=True, kind="option", strike__lt=110).values_list
        await until(lambda: "ACME-2026-01-16-90" not in covered("symbol", flat=True))
        assert "ACME-2026-01-16-100" in await in_database(list, covered("symbol", flat=True))


async def test_an_entry_removed_or_changed_is_not_moved_any_more(room: Room) -> None:
    async with room.leading():
        made = await in_database(make_list, "next", "30d")
        await until_held(["ACME-2026-01-15-100"], ["ACME-2026-02-20-100"])
        first = await in_database(lambda: RollingEntry.objects.order_by("pk")[0])
        await in_database(RollingEntry.objects.filter(pk=first.pk).delete)  # and nobody told ingest
        room.feed.prices(110.0)
        await until_held(["ACME-2026-02-20-110"])
        await until(lambda: first.pk not in room.leader.rolling._entries)
        await in_database(rolling.change, made, first.pk + 1, "next")
        await until_held(["ACME-2026-01-15-110"])
        await in_database(watchlists.delete, made)


async def test_an_error_of_the_database_is_outlived(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[str] = []
    entries_of = rolling.entries_of

    def failing(feed: str) -> list[Entry]:
        if len(failed) < 2:
            failed.append(feed)
            raise OperationalError("database is locked")
        return entries_of(feed)

    monkeypatch.setattr(rolling, "entries_of", failing)
    async with room.leading():
        await in_database(make_list, "next")
        await until(lambda: len(failed) == 2)
        room.feed.prices(110.0)
        await until_held(["ACME-2026-01-15-110"])
    assert failed == [FEED, FEED]
    assert Redis.from_url(settings.REDIS_URL).get(keys.rolling(FEED)) == b"1"
