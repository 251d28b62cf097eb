"""The history stream on a server of its own: nothing older than the newest term, nothing lost over an outage that fits."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis import Redis

from marketdata import disk
from marketdata.bus import client as client_module
from marketdata.bus import history_stream as module
from marketdata.bus import history_words, keys
from marketdata.bus.client import Client
from marketdata.bus.history_stream import HistoryOptions, HistoryStream
from marketdata.bus.lease import LeaseLostError
from tests import given_time
from tests.valkey import RunningValkey, start_valkey

from .waiting import CONTRACT_S, within

FEED = "simulated"


@pytest.fixture
async def history(server: RunningValkey, tmp_path: Path) -> AsyncIterator[HistoryStream]:
    client = Client(server.url, "test-history")
    history = HistoryStream(client, FEED, HistoryOptions(server.url, tmp_path))
    yield history
    async with asyncio.timeout(5):
        await history.close(0.01)
    client.close()


def entries(server: RunningValkey) -> list[dict[bytes, bytes]]:
    with Redis.from_url(server.url, socket_timeout=5) as admin:
        return [fields for _, fields in admin.xrange(keys.history_stream())]


def rows_of(server: RunningValkey) -> list[bytes]:
    return [entry[b"rows"] for entry in entries(server)]


async def test_a_batch_is_an_entry(history: HistoryStream, server: RunningValkey) -> None:
    assert await history.append(7, 3, b"three rows")
    assert entries(server) == [{b"feed": FEED.encode(), b"term": b"7", b"count": b"3", b"rows": b"three rows"}]
    assert (history.waiting, history.dropped) == (0, 0)


async def test_batches_keep_their_order(history: HistoryStream, server: RunningValkey) -> None:
    for number in range(50):
        await history.append(7, 1, str(number).encode())
    assert rows_of(server) == [str(number).encode() for number in range(50)]


# ── The fence ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_lower_term_than_the_highest_is_refused(history: HistoryStream, server: RunningValkey) -> None:
    await history.append(9, 1, b"of nine")
    await history.append(9, 1, b"of nine again")
    with pytest.raises(LeaseLostError):
        await history.append(8, 1, b"of eight")
    await history.append(10, 1, b"of ten")
    assert rows_of(server) == [b"of nine", b"of nine again", b"of ten"]


async def test_the_highest_term_is_kept_over_an_empty_stream(history: HistoryStream, server: RunningValkey) -> None:
    await history.append(9, 1, b"of nine")
    with Redis.from_url(server.url) as admin:
        admin.delete(keys.history_stream())
        assert admin.get(keys.history_term(FEED)) == b"9"
    with pytest.raises(LeaseLostError):
        await history.append(8, 1, b"of eight")
    assert rows_of(server) == []


async def test_feeds_do_not_fence_each_other(history: HistoryStream, server: RunningValkey, tmp_path: Path) -> None:
    client = Client(server.url, "test-other")
    await history.append(9, 1, b"of nine")
    assert await HistoryStream(client, "other", HistoryOptions(server.url, tmp_path)).append(3, 1, b"of three")
    client.close()


# ── Outages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_comes_during_an_outage_is_added_in_order_afterwards(
    history: HistoryStream, server: RunningValkey, short_path: Path
) -> None:
    await history.append(7, 1, b"before")
    server.kill()
    for number in range(20):
        assert not await history.append(7, 2, str(number).encode())
    assert history.waiting == 1 + 40
    again = start_valkey(short_path)
    try:
        await within(CONTRACT_S, lambda: history.waiting == 0)
        # The restarted server has lost what it had: the last seconds were added again, before the rest.
        assert rows_of(again) == [b"before", *(str(number).encode() for number in range(20))]
        assert await history.append(7, 1, b"after")
        assert rows_of(again)[-1] == b"after"
        assert history.dropped == 0
    finally:
        await history.close(0.01)
        again.stop()


async def test_what_was_added_long_before_the_outage_is_not_added_again(
    history: HistoryStream, server: RunningValkey, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_S", 0.3)
    await history.append(7, 1, b"old")
    await asyncio.sleep(0.4)
    await history.append(7, 1, b"young")
    server.kill()
    await history.append(7, 1, b"during")
    again = start_valkey(short_path)
    try:
        await within(CONTRACT_S, lambda: history.waiting == 0)
        assert rows_of(again) == [b"young", b"during"]
    finally:
        await history.close(0.01)
        again.stop()


async def test_a_second_outage_during_the_adding_again_loses_nothing(
    history: HistoryStream, server: RunningValkey, short_path: Path
) -> None:
    servers = [server]
    expected = []
    try:
        for outage in range(3):
            for number in range(10):
                expected.append(f"{outage}/{number}".encode())
                await history.append(7, 1, expected[-1])
            servers[-1].kill()
            expected.append(f"{outage} away".encode())
            await history.append(7, 1, expected[-1])
            servers.append(start_valkey(short_path))
            await within(CONTRACT_S, lambda: history.waiting == 0)
        assert rows_of(servers[-1]) == expected
    finally:
        await history.close(0.01)
        servers[-1].stop()


async def test_an_outage_holds_nobody_up_after_its_first_batch(
    history: HistoryStream, server: RunningValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "CALL_TIMEOUT_S", 0.5)
    await history.append(7, 1, b"before")
    os.kill(server.pid, signal.SIGSTOP)
    began = given_time.now()
    assert not await history.append(7, 1, b"first")
    assert given_time.now() - began < 3 * 0.5
    began = given_time.now()
    for _ in range(1_000):
        assert not await history.append(7, 1, b"next")
    assert given_time.now() - began < 10
    os.kill(server.pid, signal.SIGCONT)
    monkeypatch.setattr(client_module, "CALL_TIMEOUT_S", 3.0)
    await within(2 * CONTRACT_S, lambda: history.waiting == 0)
    assert set(rows_of(server)) == {b"before", b"first", b"next"}
    assert rows_of(server).count(b"next") >= 1_000


def batch_of(number: int) -> bytes:
    """Three rows, received at `number` ms past 2026."""
    return b"\n".join(f"[{n},{number},{1_767_225_600_000 + number},{n}.5]".encode() for n in range(3))


async def test_a_silent_feeds_last_batches_are_added_again_when_their_connection_ends(
    history: HistoryStream, server: RunningValkey, tmp_path: Path
) -> None:
    """The next append may come much later, and find a server that takes over without them."""
    await history.append(7, 1, b"one")
    await history.append(7, 1, b"two")
    with Redis.from_url(server.url) as admin:
        admin.flushall()
        admin.client_kill_filter(_type="normal", skipme=True)
    await within(CONTRACT_S, lambda: rows_of(server) == [b"one", b"two"])
    await within(CONTRACT_S, lambda: history.waiting == 0)
    assert list(tmp_path.iterdir()) == []


async def test_a_connection_that_we_close_ourselves_makes_nothing_be_added_again(
    server: RunningValkey, tmp_path: Path
) -> None:
    client = Client(server.url, "test-history")
    history = HistoryStream(client, FEED, HistoryOptions(server.url, tmp_path))
    await history.append(7, 1, b"one")
    client.close()
    await asyncio.sleep(0.05)
    assert rows_of(server) == [b"one"]
    assert list(tmp_path.iterdir()) == []


async def test_what_waits_is_bounded_and_what_has_no_room_becomes_a_gap(
    server: RunningValkey, short_path: Path, tmp_path: Path
) -> None:
    client = Client(server.url, "test-history")
    history = HistoryStream(client, FEED, HistoryOptions(server.url, tmp_path, spill_bytes=1_000))
    server.kill()
    for number in range(50):
        await history.append(7 + number // 49, 3, batch_of(number))
    fit = history.waiting // 3
    assert 5 < fit < 12
    assert history.dropped == 3 * (50 - fit)
    again = start_valkey(short_path)
    try:
        # The file goes when the gaps are told too.
        await within(CONTRACT_S, lambda: history.waiting == 0 and not list(tmp_path.iterdir()))
        assert rows_of(again) == [batch_of(number) for number in range(fit)]
        with Redis.from_url(again.url) as admin:
            begin = 1_767_225_600_000
            gaps = {
                f"{FEED}|7|spill_full".encode(): f"{begin + fit + 0.5:.3f} {begin + 50.5:.3f} {3 * (49 - fit)}".encode(),
                f"{FEED}|8|spill_full".encode(): f"{begin + 49.5:.3f} {begin + 49 + 2.5:.3f} 3".encode(),
            }
            assert admin.hgetall(keys.history_gaps()) == gaps
        assert await history.append(7, 1, b"after")
    finally:
        await history.close(0.01)
        client.close()
        await asyncio.sleep(0)
        again.stop()


async def test_a_gap_and_an_end_told_to_a_server_that_forgets_them_are_told_again(
    server: RunningValkey, short_path: Path, tmp_path: Path
) -> None:
    """As the master does that takes over, and was not given them. A server that has them still counts nothing twice."""
    client = Client(server.url, "test-history")
    history = HistoryStream(client, FEED, HistoryOptions(server.url, tmp_path, spill_bytes=1_000))
    server.kill()
    for number in range(20):
        await history.append(7, 3, batch_of(number))
    again = start_valkey(short_path)
    try:
        await within(CONTRACT_S, lambda: history.waiting == 0 and not list(tmp_path.iterdir()))
        await history.tell_ends(6, {1: (99, 5.0)})
        with Redis.from_url(again.url) as admin:
            (told,) = admin.hgetall(keys.history_gaps()).items()
            assert told[0] == f"{FEED}|7|spill_full".encode()
            end = {b"feed": FEED.encode(), b"term": b"6", b"ends": b'{"1":[99,5.0]}'}
            assert entries(again)[-1] == end

            admin.client_kill_filter(_type="normal", skipme=True)
            await within(CONTRACT_S, lambda: entries(again).count(end) == 2)
            await within(CONTRACT_S, lambda: not list(tmp_path.iterdir()))
            assert dict(admin.hgetall(keys.history_gaps())) == dict([told])

            admin.delete(keys.history_gaps(), keys.history_stream())
            admin.client_kill_filter(_type="normal", skipme=True)
            await within(CONTRACT_S, lambda: end in entries(again))
            await within(CONTRACT_S, lambda: dict(admin.hgetall(keys.history_gaps())) == dict([told]))
    finally:
        await history.close(0.01)
        client.close()
        await asyncio.sleep(0)
        again.stop()


async def test_a_gap_that_was_told_long_before_is_not_told_again(
    history: HistoryStream, server: RunningValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_words, "KEPT_S", 0.2)
    await history.tell_ends(6, {1: (99, 5.0)})
    await asyncio.sleep(0.3)
    with Redis.from_url(server.url) as admin:
        admin.flushall()
        admin.client_kill_filter(_type="normal", skipme=True)
    await asyncio.sleep(0.5)
    assert entries(server) == []


async def test_a_disk_that_is_nearly_full_is_not_filled(
    server: RunningValkey, short_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(server.url, "test-history")
    history = HistoryStream(client, FEED, HistoryOptions(server.url, tmp_path))
    server.kill()
    await history.append(7, 3, batch_of(0))
    assert (history.waiting, history.dropped) == (3, 0)
    monkeypatch.setattr(disk, "free_bytes", lambda path: 100_000_000)
    await history.append(7, 3, batch_of(1))
    assert (history.waiting, history.dropped) == (3, 3)
    again = start_valkey(short_path)
    try:
        await within(CONTRACT_S, lambda: history.waiting == 0 and not list(tmp_path.iterdir()))
        assert rows_of(again) == [batch_of(0)]
        with Redis.from_url(again.url) as admin:
            assert list(admin.hgetall(keys.history_gaps())) == [f"{FEED}|7|spill_full".encode()]
    finally:
        await history.close(0.01)
        client.close()
        await asyncio.sleep(0)
        again.stop()


async def test_what_is_kept_for_adding_again_is_bounded_too(
    history: HistoryStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_BYTES", 1_000)
    for _ in range(50):
        await history.append(7, 1, b"x" * 100)
    assert sum(batch.weight for _, batch in history._kept) == history._kept_bytes <= 1_000


async def test_what_was_accepted_comes_late_past_the_fence_and_new_batches_do_not(
    history: HistoryStream, server: RunningValkey, short_path: Path
) -> None:
    server.kill()
    for _ in range(3):
        await history.append(7, 2, b"of seven")
    again = start_valkey(short_path)
    try:
        with Redis.from_url(again.url) as admin:
            admin.set(keys.history_term(FEED), 8)
            await within(CONTRACT_S, lambda: history.waiting == 0)
            assert admin.get(keys.history_term(FEED)) == b"8"
        assert history.dropped == 0
        assert rows_of(again) == 3 * [b"of seven"]
        with pytest.raises(LeaseLostError):
            await history.append(7, 1, b"of seven")
    finally:
        await history.close(0.01)
        again.stop()


async def test_a_full_server_makes_batches_wait(history: HistoryStream, server: RunningValkey) -> None:
    with Redis.from_url(server.url) as admin:
        admin.config_set("maxmemory", "1")
        assert not await history.append(7, 1, b"waits")
        admin.config_set("maxmemory", "0")
    await within(CONTRACT_S, lambda: history.waiting == 0)
    assert rows_of(server) == [b"waits"]


async def test_closing_brings_out_what_waits_if_it_can(
    history: HistoryStream, server: RunningValkey, short_path: Path
) -> None:
    server.kill()
    await history.append(7, 4, b"waits", b"trades too")
    again = start_valkey(short_path)
    try:
        assert await history.close(CONTRACT_S) == 0
        assert [(e[b"rows"], e[b"trades"]) for e in entries(again)] == [(b"waits", b"trades too")]
    finally:
        again.stop()


# ── What a leader leaves ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_next_leader_takes_over_what_one_left_and_nothing_that_another_holds(
    history: HistoryStream, server: RunningValkey, short_path: Path, tmp_path: Path
) -> None:
    await history.append(7, 1, b"added")
    server.kill()
    await history.append(7, 2, b"waits")
    await history.append(7, 2, b"waits too")
    (left,) = tmp_path.iterdir()
    client = Client(server.url, "test-next")
    next_leader = HistoryStream(client, FEED, HistoryOptions(server.url, tmp_path))
    another_feed = HistoryStream(client, "another", HistoryOptions(server.url, tmp_path))
    try:
        await next_leader.take_over()  # the first still has it
        assert left.exists()
        assert await history.close(0.01) == 5
        with left.open("ab") as file:
            file.write(b"a record whose end is mis")
        taking_over = asyncio.create_task(next_leader.take_over())
        await asyncio.sleep(0.3)
        assert next_leader.waiting == 5
        again = start_valkey(short_path)
        try:
            await another_feed.take_over()
            assert next_leader.waiting == 5 or rows_of(again)
            await within(CONTRACT_S, taking_over.done)
            assert rows_of(again) == [b"added", b"waits", b"waits too"]
            assert not left.exists()
        finally:
            again.stop()
    finally:
        client.close()
        await asyncio.sleep(0)


# ── The cap ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_over_its_cap_the_stream_gives_up_its_oldest_as_a_gap(server: RunningValkey, tmp_path: Path) -> None:
    client = Client(server.url, "test-history")
    history = HistoryStream(client, FEED, HistoryOptions(server.url, tmp_path, stream_bytes=10 * len(batch_of(10))))
    for number in range(10, 30):
        assert await history.append(7, 3, batch_of(number))
    assert rows_of(server) == [batch_of(number) for number in range(20, 30)]
    with Redis.from_url(server.url) as admin:
        begin = 1_767_225_600_000
        assert admin.hgetall(keys.history_gaps()) == {
            f"{FEED}|7|stream_full".encode(): f"{begin + 10.5:.3f} {begin + 19 + 2.5:.3f} 30".encode()
        }
        assert int(admin.get(keys.history_size()) or 0) == 10 * len(batch_of(10))
        # A stream that was emptied by hand begins to count anew.
        admin.delete(keys.history_stream())
        await history.append(7, 3, batch_of(40))
        await history.append(7, 3, batch_of(41))
        assert rows_of(server)[-1] == batch_of(41)
    client.close()
    await asyncio.sleep(0)
