"""Silence is visible: a feed that says nothing, an ingest that is gone, a web process that hears no Redis."""

import asyncio
import itertools
import os
import signal
import statistics
import time

from tests import given_time
from tests.path.client import StreamClient, stream_client
from tests.path.stack import Web

from .conftest import MOVING, QUIET, Floor
from .second_feed import option, second_feed

# Within 3 s, says the contract; a busy machine is given three times that.
SOON_S = 9.0


async def test_a_silent_socket_is_told_of_its_feeds_each_second(floor: Floor, web: Web) -> None:
    async with stream_client(web, floor.owner) as client:
        await client.ask("subscribe", "subscribed", source="mine", symbols=floor.symbols(QUIET))
        await client.message("snapshot")
        times = []
        for _ in range(6):
            await client.message("status", feed="scripted", health="ok")
            times.append(time.monotonic())
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        # What comes late makes the next gap the shorter.
        assert 0.5 < statistics.median(gaps) < 1.5, gaps


async def test_a_socket_with_frames_or_without_sources_is_told_nothing(client: StreamClient, floor: Floor) -> None:
    await asyncio.sleep(1.6)
    assert client.messages == []
    await client.ask("subscribe", "subscribed", source="mine", symbols=floor.symbols(MOVING))
    for _ in range(5):
        interval = given_time.Interval()
        client.messages.clear()
        await asyncio.sleep(1.6)
        if interval.lost_s() < 0.3:  # a feed on a machine that stands still is silent, and said to be
            break
    assert [message for message in client.messages if message["op"] == "status"] == []


async def test_a_killed_ingest_is_down_and_its_successor_ok(floor: Floor, web: Web) -> None:
    async with stream_client(web, floor.owner) as client:
        await client.ask("subscribe", "subscribed", source="mine", symbols=floor.symbols(MOVING))
        await client.until(lambda: client.frames > 2)
        client.messages.clear()
        floor.mover.process.kill()
        try:
            told = await client.message("status", SOON_S, feed="scripted", health="down")
            assert told["reason"]
            assert told["age_ms"] > 1_000
        finally:
            floor.start_ingest()  # not on a thread: it would end with that
        await client.message("status", 20, feed="scripted", health="ok")
        frames = client.frames
        await client.until(lambda: client.frames > frames + 2)
        floor.quote(QUIET, bid=1.0)


async def test_a_stopped_ingest_is_down_until_it_goes_on(floor: Floor, web: Web) -> None:
    async with stream_client(web, floor.owner) as client:
        await client.ask("subscribe", "subscribed", source="mine", symbols=floor.symbols(MOVING))
        await client.until(lambda: client.frames > 2)
        client.messages.clear()
        began = time.monotonic()
        os.kill(floor.mover.process.pid, signal.SIGSTOP)
        try:
            await client.message("status", SOON_S, feed="scripted", health="down")
            assert time.monotonic() - began > 1
        finally:
            os.kill(floor.mover.process.pid, signal.SIGCONT)
        await client.message("status", 20, feed="scripted", health="ok")


async def test_a_feed_is_told_of_as_its_beacon_says(floor: Floor, web: Web) -> None:
    one = option(1, feed="said")
    async with (
        stream_client(web, floor.owner) as client,
        second_feed(floor.stack.valkey.url, "stack", "said") as feed,
    ):
        await client.message("welcome")
        await feed.lists(one)
        await feed.says("ok", age_ms=5, clock_offset_ms=-1000.0, clock_rate=2.0)
        told = await client.message("status", SOON_S, feed="said", health="ok")
        assert (told["kind"], told["clock_rate"]) == ("replay", 2.0)
        for health, reason in (("stale", "the feed has said nothing for 6 s"), ("closed", "weekend"), ("ok", None)):
            await feed.says(health, age_ms=6_000, reason=reason, opens_ms=123)
            told = await client.message("status", SOON_S, feed="said", health=health)
            assert (told["reason"], told["opens_ms"]) == (reason, 123)
            assert told["age_ms"] >= 6_000
        # No further beacon: that is said by this server itself.
        await client.message("status", SOON_S, feed="said", health="down")


async def test_a_feed_that_falls_silent_is_stale(floor: Floor, web: Web) -> None:
    async with stream_client(web, floor.owner) as client:
        await client.message("welcome")
        floor.mover.say("run", numbers=[], rate=0)
        try:
            told = await client.message("status", 15, feed="scripted", health="stale")
            assert "said nothing" in told["reason"]
        finally:
            floor.mover.say("run", numbers=list(MOVING), rate=100)
        await client.message("status", SOON_S, feed="scripted", health="ok")
