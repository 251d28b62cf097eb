"""The leader: it leads alone, tells what the feed says, and survives all that is not worth dying of."""

import asyncio
import os
import random
import signal
import time
from pathlib import Path

import msgspec
import pytest
from redis import Redis

from marketdata import rows
from marketdata.bus import keys
from marketdata.bus.beacon import Beacon
from marketdata.bus.history_stream import HistoryOptions
from marketdata.feeds.base import Batch, PermanentFeedError, Rejected, TemporaryFeedError
from marketdata.ingest import leader as module
from marketdata.ingest.campaign import STANDBY_S
from marketdata.ingest.leader import DeposedError
from marketdata.models import Instrument
from tests.bus.waiting import CONTRACT_S, within
from tests.valkey import RunningValkey, start_valkey

from .leading import Leading
from .told_feed import FEED, SYMBOLS, quotes

pytestmark = pytest.mark.django_db(transaction=True)

LISTED_S = 10.0


@pytest.fixture
async def leading(server: RunningValkey) -> Leading:
    return Leading(server.url)


async def ends_with(task: "asyncio.Task[None]", error: type[Exception], match: str = "") -> None:
    async with asyncio.timeout(CONTRACT_S):
        with pytest.raises(error, match=match):
            await task


# ── Leading ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_it_lists_publishes_and_says_that_it_lives(leading: Leading) -> None:
    async with leading.running():
        leading.feed.quote(*SYMBOLS, SYMBOLS[0], bid=2.5)
        await within(LISTED_S, lambda: leading.accepted == 6)
        ids = {symbol: number async for symbol, number in Instrument.objects.values_list("symbol", "id")}
        base = rows.seq_of(leading.term, 0)
        assert leading.last_values() == {ids[s]: (base + (2 if s == SYMBOLS[0] else 1), 2.5) for s in SYMBOLS}
        assert leading.redis.hlen(keys.catalogue(FEED)) == len(SYMBOLS)
        await within(10, lambda: (beacon := leading.beacon()) is not None and beacon.health == "ok")
        beacon = leading.beacon()
        assert beacon is not None
        assert (beacon.feed, beacon.kind, beacon.term) == (FEED, "simulated", leading.term)
        assert beacon.catalogue == leading.catalogue_version()


async def test_beacons_count_without_holes_and_tell_of_flushes(
    leading: Leading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BEACON_S", 0.05)
    heard = leading.redis.pubsub()  # type: ignore[no-untyped-call]
    heard.subscribe(keys.beacons())
    async with leading.running():
        await within(LISTED_S, lambda: leading.feed.openings == 1)
        leading.feed.quote(SYMBOLS[0])
        await within(10, lambda: leading.accepted == 1)
        await asyncio.sleep(0.3)
        said: list[Beacon] = []
        while message := heard.get_message(timeout=0.02):
            if message["type"] == "message":
                said.append(msgspec.json.decode(message["data"], type=Beacon))
        heard.close()
    assert [beacon.n for beacon in said] == list(range(1, len(said) + 1))
    assert len(said) > 3
    assert said[0].health == "taking_over"
    assert (said[-1].flushes, said[-1].accepted, said[-1].health) == (1, 1, "ok")


async def test_a_feed_that_falls_silent_is_told_as_stale(leading: Leading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEACON_S", 0.05)
    monkeypatch.setattr(module, "SILENT_S", 0.2)
    async with leading.running():
        leading.feed.quote(SYMBOLS[0])
        await within(LISTED_S, lambda: (beacon := leading.beacon()) is not None and beacon.health == "stale")
        leading.feed.quote(SYMBOLS[0])
        await within(10, lambda: (beacon := leading.beacon()) is not None and beacon.health == "ok")


async def test_what_the_feed_rejected_is_complained_of(leading: Leading) -> None:
    async with leading.running():
        leading.feed.say(Batch(rejected=[Rejected("{]", "not JSON")] * 3, quotes=quotes(SYMBOLS[0], "NOBODY")))
        await within(LISTED_S, lambda: leading.accepted == 1)
        assert leading.leader.complaints.counts == {"not JSON": 3, "unknown instrument": 1}


async def test_a_cancelled_leader_gives_its_lease_back_and_closes_the_feed(leading: Leading) -> None:
    async with leading.running() as task:
        leading.feed.quote(SYMBOLS[0])
        await within(LISTED_S, lambda: leading.accepted == 1)
        assert leading.redis.exists(keys.lease(FEED))
        task.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        assert not leading.redis.exists(keys.lease(FEED))
        assert leading.feed.closings == leading.feed.openings == 1
        await within(10, lambda: not [c for c in leading.redis.client_list() if c["name"].startswith("ingest-")])
    assert asyncio.all_tasks() == {asyncio.current_task()}


# ── Standing by ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_standby_waits_and_leads_once_the_leader_lets_go(server: RunningValkey) -> None:
    first, second = Leading(server.url), Leading(server.url)
    async with first.running():
        first.feed.quote(SYMBOLS[0])
        await within(LISTED_S, lambda: first.accepted == 1)
        async with second.running():
            second.feed.quote(SYMBOLS[0], bid=9.0)
            await asyncio.sleep(4 * STANDBY_S)
            assert (second.term, second.feed.openings) == (0, 0)
            assert first.task is not None
            first.task.cancel()
            await within(LISTED_S, lambda: second.accepted == 1)
            assert second.term > first.term
            assert second.bids() == [9.0]


async def test_a_standby_leads_when_a_lease_runs_out(leading: Leading) -> None:
    leading.redis.set(keys.term(FEED), 2**28)
    leading.redis.set(keys.lease(FEED), f"{2**28}:one that was killed", px=800)
    async with leading.running():
        await within(LISTED_S, lambda: leading.feed.openings == 1)
        assert leading.term == 2**28 + 1


async def test_a_leader_waits_for_a_redis_that_is_not_there_yet(server: RunningValkey, short_path: Path) -> None:
    leading = Leading(server.url)
    server.kill()
    async with leading.running() as task:
        await asyncio.sleep(0.5)
        assert not task.done()
        again = start_valkey(short_path)
        try:
            leading.feed.quote(SYMBOLS[0])
            await within(LISTED_S, lambda: leading.accepted == 1)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            again.stop()


async def test_who_finds_another_in_its_place_is_deposed(leading: Leading) -> None:
    async with leading.running() as task:
        leading.feed.quote(SYMBOLS[0])
        await within(LISTED_S, lambda: leading.accepted == 1)
        leading.redis.set(keys.term(FEED), leading.term + 1)
        leading.redis.set(keys.lease(FEED), f"{leading.term + 1}:another")
        leading.feed.quote(SYMBOLS[0], bid=9.0)
        await ends_with(task, DeposedError, "is led by")
        assert leading.bids() == [1.0]
        assert leading.redis.get(keys.lease(FEED)) == f"{leading.term + 1}:another".encode()


async def test_who_finds_that_another_has_led_is_deposed(leading: Leading) -> None:
    async with leading.running() as task:
        leading.feed.quote(SYMBOLS[0])
        await within(LISTED_S, lambda: leading.accepted == 1)
        leading.redis.set(keys.term(FEED), leading.term + 1)
        leading.redis.delete(keys.lease(FEED))
        await ends_with(task, DeposedError, "may have led meanwhile")


# ── A feed that fails ─────────────────────────────────────────────────────────────────────────────────────────────────


def pauses(caplog: pytest.LogCaptureFixture) -> list[float]:
    """How long the leader said that it would wait before it tried the feed again."""
    return [
        float(record.args[2])  # type: ignore[arg-type, index]
        for record in caplog.records
        if record.name == module.__name__ and "trying again" in str(record.msg)
    ]


async def test_temporary_errors_are_retried_ever_later_up_to_a_cap_and_data_resets_that(
    leading: Leading, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FIRST_RETRY_S", 0.01)
    monkeypatch.setattr(module, "LONGEST_RETRY_S", 0.04)
    monkeypatch.setattr(random, "random", lambda: 0.5)
    async with leading.running():
        for _ in range(4):
            leading.feed.say(TemporaryFeedError("cut"))
        leading.feed.say(Batch())  # a login is not data
        leading.feed.say(TemporaryFeedError("cut"))
        leading.feed.quote(SYMBOLS[0])
        leading.feed.say(None)  # an end is a cut, too
        leading.feed.quote(SYMBOLS[0])
        await within(LISTED_S, lambda: leading.accepted == 2)
        assert pauses(caplog) == [0.01, 0.02, 0.04, 0.04, 0.04, 0.01]
        assert leading.feed.openings == 7
        assert leading.feed.closings == 6


async def test_retries_of_many_processes_do_not_come_together(
    leading: Leading, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FIRST_RETRY_S", 0.01)
    monkeypatch.setattr(module, "LONGEST_RETRY_S", 0.01)
    async with leading.running():
        for _ in range(20):
            leading.feed.say(TemporaryFeedError("cut"))
        await within(LISTED_S, lambda: leading.feed.openings == 21)
    told = pauses(caplog)
    assert len(set(told)) > 10
    assert all(0.005 <= pause <= 0.015 for pause in told)


async def test_a_cut_feed_is_told_as_down_with_its_reason(leading: Leading, monkeypatch: pytest.MonkeyPatch) -> None:
    async with leading.running():
        leading.feed.quote(SYMBOLS[0])
        await within(LISTED_S, lambda: leading.accepted == 1)
        leading.feed.say(TemporaryFeedError("the venue hung up"))
        await within(10, lambda: (beacon := leading.beacon()) is not None and beacon.health == "down")
        beacon = leading.beacon()
        assert beacon is not None
        assert beacon.reason == "the venue hung up"


async def test_a_permanent_error_is_raised_and_the_lease_given_back(leading: Leading) -> None:
    async with leading.running() as task:
        leading.feed.say(PermanentFeedError("the key is wrong"))
        await ends_with(task, PermanentFeedError, "the key is wrong")
        assert not leading.redis.exists(keys.lease(FEED))


async def test_a_permanent_error_of_the_listing_is_raised(leading: Leading) -> None:
    leading.feed.refusals = [PermanentFeedError("no such file")]
    async with leading.running() as task:
        await ends_with(task, PermanentFeedError, "no such file")
        assert not leading.redis.exists(keys.lease(FEED))


async def test_a_listing_that_cannot_be_had_now_is_tried_again(
    leading: Leading, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FIRST_RETRY_S", 0.01)
    leading.feed.refusals = [TemporaryFeedError("busy"), TemporaryFeedError("busy")]
    async with leading.running():
        leading.feed.quote(SYMBOLS[0])
        await within(LISTED_S, lambda: leading.accepted == 1)
    assert len(pauses(caplog)) == 2


async def test_a_listing_that_cannot_be_used_is_a_permanent_error(leading: Leading) -> None:
    leading.feed.facts.append(msgspec.structs.replace(leading.feed.facts[0], symbol="not a symbol"))
    async with leading.running() as task:
        await ends_with(task, PermanentFeedError, "'not a symbol' cannot be a symbol")


async def test_a_new_pass_over_the_same_time_is_a_new_term(leading: Leading) -> None:
    async with leading.running():
        leading.feed.quote(SYMBOLS[0], SYMBOLS[0], bid=1.0)
        leading.feed.say(Batch(quotes(SYMBOLS[0], bid=2.0), restarted=True))
        await within(LISTED_S, lambda: leading.accepted == 3)
        ((seq, bid),) = leading.last_values().values()
        assert (seq, bid) == (rows.seq_of(leading.term, 1), 2.0)
        former = leading.term
        leading.feed.say(Batch(quotes(SYMBOLS[1]), restarted=True))
        await within(CONTRACT_S, lambda: leading.accepted == 4)
        assert leading.term > former
        assert leading.redis.get(keys.lease(FEED)) == leading.leader._lease.token.encode()


async def test_a_term_whose_counts_run_out_is_followed_by_another(
    leading: Leading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketdata.ingest.numbering.MOST", 2)
    async with leading.running():
        leading.feed.quote(SYMBOLS[0], SYMBOLS[0], SYMBOLS[0])
        await within(LISTED_S, lambda: leading.accepted == 3)
        former, sent = leading.term, 3
        while leading.term == former and sent < 200:  # it is looked at with the beacons
            await asyncio.sleep(0.05)
            leading.feed.quote(SYMBOLS[0])
            sent += 1
        assert leading.term > former
        await within(CONTRACT_S, lambda: leading.accepted == sent)


# ── A Redis that fails ────────────────────────────────────────────────────────────────────────────────────────────────


async def lead(leading: Leading) -> int:
    """Quotes every instrument once, with its number as bid; returns the term."""
    for number, symbol in enumerate(SYMBOLS, 1):
        leading.feed.quote(symbol, bid=float(number))
    await within(LISTED_S, lambda: leading.accepted == len(SYMBOLS))
    return leading.term


async def test_a_redis_that_forgot_everything_is_told_everything_under_a_new_term(leading: Leading) -> None:
    async with leading.running() as task:
        former = await lead(leading)
        version = leading.catalogue_version()
        began = time.monotonic()
        leading.redis.flushall()
        await within(
            CONTRACT_S,
            lambda: (
                leading.bids() == [1.0, 2.0, 3.0, 4.0, 5.0]
                and leading.redis.hlen(keys.catalogue(FEED)) == len(SYMBOLS)
                and leading.catalogue_version() > version
            ),
        )
        assert time.monotonic() - began < CONTRACT_S
        assert leading.term > former
        assert {seq for seq, _ in leading.last_values().values()} == {rows.seq_of(leading.term, 0)}
        assert leading.accepted == len(SYMBOLS)  # telling again is not accepting again
        leading.feed.quote(SYMBOLS[0], bid=7.0)
        await within(CONTRACT_S, lambda: leading.bids()[0] == 7.0)
        assert leading.last_values()[min(leading.last_values())][0] == rows.seq_of(leading.term, 1)
        assert not task.done()


async def test_a_restarted_redis_gets_what_was_known_and_what_came_meanwhile(
    leading: Leading, server: RunningValkey, short_path: Path
) -> None:
    async with leading.running() as task:
        former = await lead(leading)
        server.kill()
        leading.feed.quote(SYMBOLS[1], bid=20.0)
        await asyncio.sleep(0.3)
        again = start_valkey(short_path)
        try:
            await within(CONTRACT_S, lambda: leading.bids() == [1.0, 20.0, 3.0, 4.0, 5.0])
            assert leading.term > former
            await within(10, lambda: leading.accepted == len(SYMBOLS) + 1)
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            again.stop()


async def test_a_redis_that_hangs_for_a_while_costs_no_quote(leading: Leading, server: RunningValkey) -> None:
    async with leading.running() as task:
        await lead(leading)
        os.kill(server.pid, signal.SIGSTOP)
        for number in range(20):
            leading.feed.quote(SYMBOLS[0], bid=100.0 + number)
            await asyncio.sleep(0.05)
        os.kill(server.pid, signal.SIGCONT)
        await within(CONTRACT_S, lambda: leading.bids()[0] == 119.0)
        await within(10, lambda: leading.accepted == len(SYMBOLS) + 20)
        assert not task.done()


async def test_a_redis_that_is_full_costs_no_quote(leading: Leading) -> None:
    async with leading.running() as task:
        await lead(leading)
        leading.redis.config_set("maxmemory", "1")
        leading.feed.quote(SYMBOLS[0], bid=100.0)
        await asyncio.sleep(0.3)
        leading.redis.config_set("maxmemory", "0")
        await within(CONTRACT_S, lambda: leading.bids()[0] == 100.0)
        assert not task.done()


async def test_a_redis_that_goes_away_during_the_listing_is_waited_for(
    server: RunningValkey, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leading = Leading(server.url)
    original = leading.feed.instruments

    async def instruments() -> object:
        server.kill()
        return await original()

    monkeypatch.setattr(leading.feed, "instruments", instruments)
    async with leading.running() as task:
        await within(LISTED_S, lambda: server.process.poll() is not None)
        await asyncio.sleep(0.5)
        assert not task.done()
        again = start_valkey(short_path)
        try:
            leading.feed.quote(SYMBOLS[0], bid=3.0)
            await within(2 * CONTRACT_S, lambda: leading.bids() == [3.0])
            assert leading.redis.hlen(keys.catalogue(FEED)) == len(SYMBOLS)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            again.stop()


# ── History ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def history(url: str) -> list[tuple[int, int, list[bytes]]]:
    """(term, count, rows) of every entry of the stream."""
    with Redis.from_url(url, socket_timeout=5) as admin:
        entries = admin.xrange(keys.history_stream()) or []
        return [(int(e[b"term"]), int(e[b"count"]), e[b"rows"].split(b"\n")) for _, e in entries if b"rows" in e]


async def test_history_on_the_same_server_has_every_accepted_row(server: RunningValkey, tmp_path: Path) -> None:
    leading = Leading(server.url, HistoryOptions(server.url, tmp_path))
    async with leading.running():
        leading.feed.quote(SYMBOLS[0], SYMBOLS[0], SYMBOLS[1])
        await within(LISTED_S, lambda: leading.accepted == 3)
        ((term, count, batch),) = history(server.url)
        assert (term, count, len(batch)) == (leading.term, 3, 3)


async def test_without_recording_there_is_no_history(leading: Leading, server: RunningValkey) -> None:
    async with leading.running():
        leading.feed.quote(SYMBOLS[0])
        await within(LISTED_S, lambda: leading.accepted == 1)
        assert history(server.url) == []


async def test_history_on_a_second_server_catches_up_after_its_outage_while_quotes_go_on(
    server: RunningValkey, short_path: Path
) -> None:
    apart = start_valkey(short_path / "history")
    leading = Leading(server.url, HistoryOptions(apart.url, short_path / "spill"))
    try:
        async with leading.running():
            await lead(leading)
            apart.kill()
            for number in range(20):
                leading.feed.quote(SYMBOLS[0], bid=100.0 + number)
                await within(10, lambda number=number: leading.bids()[0] == 100.0 + number)  # type: ignore[misc]
            apart = start_valkey(short_path / "history")
            assert leading.leader.history is not None
            await within(CONTRACT_S, lambda: leading.leader.history.waiting == 0)  # type: ignore[union-attr]
            lines = {line.split(b",")[1] for _, _, batch in history(apart.url) for line in batch}
            assert len([row for _, _, batch in history(apart.url) for row in batch]) >= 25
            newest = leading.last_values()[min(leading.last_values())][0]
            assert {str(newest - n).encode() for n in range(20)} <= lines
            assert history(server.url) == []
    finally:
        apart.stop()


async def test_a_history_server_ahead_of_our_term_is_overtaken(server: RunningValkey, short_path: Path) -> None:
    apart = start_valkey(short_path / "history")
    leading = Leading(server.url, HistoryOptions(apart.url, short_path / "spill"))
    try:
        async with leading.running() as task:
            await within(LISTED_S, lambda: leading.feed.openings == 1)
            with Redis.from_url(apart.url) as admin:
                admin.set(keys.history_term(FEED), leading.term + 5)
            leading.feed.quote(SYMBOLS[0])
            await within(CONTRACT_S, lambda: leading.accepted == 1)
            assert not task.done()
            assert [count for _, count, _ in history(apart.url)] == [1]
    finally:
        apart.stop()
