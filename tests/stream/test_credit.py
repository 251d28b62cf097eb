"""A client that does not answer gets no more rows than a window of them, the newest as soon as it does, and is cut when it
never does.
"""

import asyncio
import contextlib
import re

import pytest
from django.conf import settings

from marketdata.stream import connection
from tests.path.client import stream_client
from tests.path.stack import User, Web

from .conftest import Floor
from .in_process import House
from .raw_socket import RawSocket
from .second_feed import SecondFeed, option

WINDOW = 512 * 1024
MANY = range(30, 230)


async def test_rows_stop_at_the_window_and_go_on_with_the_newest(floor: Floor, web: Web) -> None:
    async with stream_client(web, floor.owner, answers_pings=False) as client:
        await client.ask("configure", "configured", interval_ms=50)
        await client.ask("subscribe", "subscribed", source="many", symbols=floor.symbols(MANY))
        await client.message("snapshot")
        floor.mover.say("run", numbers=list(MANY), rate=2_500)
        try:
            await client.until(lambda: client.received > WINDOW, timeout=30)
            frames, received = client.frames, client.received
            await asyncio.sleep(1.5)
            more = client.frames - frames
            # What was on its way, and then nothing but words of how the feeds are.
            assert client.received - received < 64 * 1024
            stopped_at = client.frame_n
            await asyncio.sleep(1.5)
            assert client.frame_n == stopped_at, more
            assert client.received < WINDOW + 192 * 1024
            pings = [message["n"] for message in client.messages if message["op"] == "ping"]
            assert pings
            await client.message("status", 3, feed="scripted")  # silence is told also to the silent
        finally:
            floor.mover.say("run", numbers=list(range(10)), rate=100)
        floor.quote(MANY, bid=8.125)
        await asyncio.sleep(0.3)
        await client.say("pong", n=pings[-1])
        await client.until(lambda: all(client.rows[i][4] == 8.125 for i in floor.ids(MANY)))


async def test_a_ping_comes_within_five_seconds_of_rows(floor: Floor, web: Web) -> None:
    async with stream_client(web, floor.owner, answers_pings=False) as client:
        await client.ask("subscribe", "subscribed", source="mine", symbols=floor.symbols(range(2)))
        ping = await client.message("ping", timeout=9)
        assert 0 < ping["n"] <= client.frame_n


async def test_who_never_answers_is_closed(
    house: House, resident: User, feed: SecondFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PING_S", 0.2)
    monkeypatch.setattr(connection, "ANSWER_S", 1.5)
    one = option(1)
    await feed.lists(one)
    async with (
        stream_client(house, resident, answers_pings=False) as mute,
        stream_client(house, resident) as other,
    ):
        for client in (mute, other):
            await client.ask("subscribe", "subscribed", source="a", symbols=[one.symbol])
        await feed.quotes([one])
        closing = await mute.message("closing")
        assert (closing["code"], await mute.close_code()) == (4408, 4408)
        await feed.quotes([one])
        await other.until(lambda: other.rows[one.id][1] % 2**24 == 2)
        assert other.closed is None


@pytest.mark.slow
async def test_who_never_answers_is_closed_after_twenty_seconds(floor: Floor, web: Web) -> None:
    loop = asyncio.get_running_loop()
    async with stream_client(web, floor.owner, answers_pings=False) as client:
        await client.ask("subscribe", "subscribed", source="mine", symbols=floor.symbols(range(2)))
        await client.message("ping")
        began = loop.time()
        assert await client.close_code(40) == 4408
        assert 18 < loop.time() - began < 30


async def test_asking_much_and_reading_nothing_costs_bounded_memory(
    house: House, resident: User, feed: SecondFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "STREAM_MESSAGES_PER_10_S", 1_000)
    await feed.lists(option(1))
    sock = await RawSocket.open(house, resident)
    symbols = ["x"] * 3_900
    largest = 0
    hub = await house.hub()
    with contextlib.suppress(OSError):
        for _ in range(60):
            await sock.say("subscribe", source="a", symbols=symbols)
            await asyncio.sleep(0.02)
            for one in hub.connections:
                waiting = sum(len(text) for text in one._outbox or () if isinstance(text, bytes))
                largest = max(largest, waiting)
    assert 0 < largest < 6 * 1024 * 1024
    assert not hub.connections
    sock.close()


# ── Slow clients ──────────────────────────────────────────────────────────────────────────────────────────────────────

SLOW = 20_000  # bytes a second
WIDE = range(30, 530)


@pytest.mark.chaos
@pytest.mark.timeout(240)  # it reads slowly for half a minute, and on a busy machine for more than one
async def test_slow_clients_cost_a_window_each_and_nobody_elses_time(floor: Floor, web: Web) -> None:
    """One never reads, one reads 20 kB/s of some 450: what the server keeps for them is bounded, what the slow one sees is
    not older than its window takes to read, and a fast one notices nothing."""
    mover = floor.mover
    async with stream_client(web, floor.stranger) as fast, contextlib.AsyncExitStack() as ended:
        await fast.ask("configure", "configured", interval_ms=50)
        await fast.ask("subscribe", "subscribed", source="wide", symbols=floor.symbols(WIDE))
        mover.say("run", numbers=list(WIDE), rate=2_500)
        try:
            await fast.until(lambda: fast.frames > 20)
            before = web.process.resident_kib()
            deaf = [await RawSocket.open(web, floor.owner) for _ in range(4)]
            slow = await RawSocket.open(web, floor.owner)
            for sock in (*deaf, slow):
                ended.callback(sock.close)
            for sock in (*deaf, slow):
                for start in range(0, len(WIDE), 125):
                    symbols = floor.symbols(WIDE[start : start + 125])
                    await sock.say("subscribe", source=f"wide{start}", symbols=symbols)
                await sock.say("configure", interval_ms=50)
            fast.longest_wait = 0.0
            reading = asyncio.create_task(slow.read_for(60, 1e7))
            # Past its snapshots, which on a busy machine may take longer than a second.
            for _ in range(150):
                await asyncio.sleep(0.1)
                if slow.ages:
                    break
            await asyncio.sleep(1)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            slow.ages.clear()
            held = 0
            for _ in range(6):
                await slow.read_for(3, SLOW)
                held = max(held, web.process.resident_kib() - before)
            growing = len(slow.ages)
            newest = {row[0]: row[1] for row in slow.rows.values()}
            await slow.read_for(3, SLOW)
        finally:
            mover.say("run", numbers=list(range(10)), rate=100)
        # Five windows of text, twice for the parts of the way, and what a process takes for five sockets.
        assert held < 5 * 2 * 512 + 16 * 1024, held
        # Each byte of a window waits for those before it; what left the window is the newest there was.
        assert not slow.closed
        assert max(slow.ages) < (WINDOW + 512 * 1024) / SLOW + 5, max(slow.ages)
        assert slow.went_back == 0
        assert len(slow.ages) > growing
        assert any(row[1] > newest[row[0]] for row in slow.rows.values())
        assert fast.closed is None
        assert fast.longest_wait < 1.0
    assert not re.search("Traceback", web.process.log.read_text())
