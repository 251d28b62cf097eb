"""The board holds the newest row of each watched instrument, whichever way rows come, and asks Redis little for it."""

import asyncio
import logging

import pytest
from redis import Redis

from marketdata import rows
from marketdata.bus import board as module
from marketdata.bus import keys
from marketdata.bus.board import Board
from marketdata.bus.channel_layer import StreamChannelLayer
from marketdata.bus.connection import RedisDownError
from marketdata.bus.last_values import LastValues
from marketdata.bus.place import Place
from tests import given_time

from .layers import loop_layer
from .rows_on_redis import group_channel, keep, places, publish, row
from .waiting import CONTRACT_S, within

ANNE, BERT = "anne", "bert"


@pytest.fixture
async def board(layer: StreamChannelLayer) -> Board:
    return loop_layer(layer).board


def commands(redis_client: Redis) -> dict[str, int]:
    """How often Redis was asked what, the test's own questions aside."""
    ours = {"hset", "publish", "config|resetstat", "info", "pubsub|channels", "pubsub|numsub", "client|list", "hello"}
    stats = redis_client.info("commandstats")
    asked = {name.removeprefix("cmdstat_"): int(values["calls"]) for name, values in stats.items()}
    return {name: calls for name, calls in asked.items() if name not in ours}


# ── Rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_row_shows_as_it_was_published(board: Board, redis_client: Redis) -> None:
    await board.join(ANNE, places(1))
    assert publish(redis_client, 1, 5) == 1
    await within(10, lambda: 1 in board.latest)
    assert board.latest[1] == rows.body(row(1, 5))
    assert board.seqs[1] == 5


async def test_an_older_row_never_replaces_a_newer(board: Board) -> None:
    await board.join(ANNE, places(1))
    for seq in (5, 4, 5, 1):
        board.put(row(1, seq))
    assert (board.seqs[1], board.latest[1], board.older) == (5, rows.body(row(1, 5)), 3)


async def test_a_row_of_a_later_term_is_newer_whatever_its_count(board: Board) -> None:
    await board.join(ANNE, places(1))
    board.put(row(1, rows.seq_of(7, 900)))
    board.put(row(1, rows.seq_of(8, 0)))
    assert board.seqs[1] == rows.seq_of(8, 0)


async def test_a_row_that_nobody_watches_is_passed_over(board: Board) -> None:
    board.put(row(9, 1))
    assert (board.latest, board.received) == ({}, 1)


@pytest.mark.parametrize("garbage", [b"", b"x", b"\x00" * (rows.HEADER.size - 1)])
async def test_a_payload_without_a_header_is_counted_and_passed_over(
    board: Board, redis_client: Redis, garbage: bytes
) -> None:
    await board.join(ANNE, places(1))
    redis_client.publish(group_channel(1), garbage)
    publish(redis_client, 1, 5)
    await within(10, lambda: board.seqs.get(1) == 5)
    assert board.malformed == 1


async def test_garbage_in_the_last_values_is_counted_and_passed_over(board: Board, redis_client: Redis) -> None:
    keep(redis_client, {2: 5})
    redis_client.hset(keys.last_values("simulated"), "1", b"junk")
    await board.join(ANNE, places(1, 2))
    assert (board.seqs, board.malformed) == ({2: 5}, 1)


async def test_a_flood_of_garbage_is_not_a_flood_of_lines(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(1_000):
        board.put(b"junk")
    assert board.malformed == 1_000
    assert 1 <= len(caplog.records) <= 5


async def test_what_changed_is_told_once_a_turn(board: Board, redis_client: Redis) -> None:
    await board.join(ANNE, places(1, 2, 3))
    turns: list[set[int]] = []
    board.on_turn = turns.append
    for seq in range(1, 6):
        board.put(row(1, seq))
        board.put(row(2, seq))
        board.end_of_chunk()
    assert turns == []
    await asyncio.sleep(0.01)
    assert turns == [{1, 2}]


async def test_a_chunk_without_news_is_not_told(board: Board) -> None:
    await board.join(ANNE, places(1))
    turns: list[set[int]] = []
    board.on_turn = turns.append
    board.put(row(1, 5))
    board.end_of_chunk()
    await asyncio.sleep(0.01)
    board.put(row(1, 5))
    board.end_of_chunk()
    await asyncio.sleep(0.01)
    assert turns == [{1}]


# ── Joining ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_join_reads_the_last_values(board: Board, redis_client: Redis) -> None:
    keep(redis_client, {1: 10, 2: 20, 3: 30})
    await board.join(ANNE, places(1, 2, 4))
    assert board.seqs == {1: 10, 2: 20}
    assert board.latest[2] == rows.body(row(2, 20))


@pytest.mark.parametrize(("kept", "live"), [(10, 11), (11, 10)])
async def test_a_join_ends_with_the_newer_of_what_was_kept_and_what_came_meanwhile(
    board: Board, redis_client: Redis, monkeypatch: pytest.MonkeyPatch, kept: int, live: int
) -> None:
    original = board._read

    async def read_while_rows_come(instrument_ids: list[int]) -> None:
        assert publish(redis_client, 1, live) == 1  # subscribed before the read
        await within(10, lambda: board.seqs.get(1) == live)
        await original(instrument_ids)

    monkeypatch.setattr(board, "_read", read_while_rows_come)
    keep(redis_client, {1: kept})
    await board.join(ANNE, places(1))
    assert board.seqs[1] == max(kept, live)
    assert board.latest[1] == rows.body(row(1, max(kept, live)))


async def test_two_thousand_cold_symbols_join_quickly_and_in_few_commands(board: Board, redis_client: Redis) -> None:
    await board.join(BERT, places(5_000))  # the connections are open
    seqs = {i: i for i in range(1, 2_001)}
    keep(redis_client, seqs)
    redis_client.config_resetstat()
    began = given_time.now()
    await board.join(ANNE, places(*seqs))
    took = given_time.now() - began
    assert board.seqs == seqs
    assert commands(redis_client) == {"subscribe": 2, "ping": 1, "hmget": 2}
    assert took < 3 * 0.2


async def test_a_second_watcher_costs_redis_nothing(board: Board, redis_client: Redis) -> None:
    keep(redis_client, {1: 10, 2: 20})
    await board.join(ANNE, places(1, 2))
    redis_client.config_resetstat()
    await board.join(BERT, places(1, 2))
    assert commands(redis_client) == {}
    assert board.watchers == {1: {ANNE, BERT}, 2: {ANNE, BERT}}


async def test_watchers_that_join_at_the_same_time_share_one_reading(board: Board, redis_client: Redis) -> None:
    keep(redis_client, {1: 10})
    await board.join(ANNE, places(9))
    redis_client.config_resetstat()
    await asyncio.gather(*(board.join(f"watcher {n}", places(1)) for n in range(20)))
    assert board.seqs[1] == 10
    assert commands(redis_client) == {"subscribe": 1, "ping": 1, "hmget": 1}


async def test_who_joins_a_join_has_the_value_also_when_the_first_is_cancelled(
    board: Board, redis_client: Redis
) -> None:
    keep(redis_client, {1: 10})
    first = asyncio.create_task(board.join(ANNE, places(1)))
    await asyncio.sleep(0)
    second = asyncio.create_task(board.join(BERT, places(1)))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    board.leave(ANNE, [1])
    async with asyncio.timeout(10):
        await second
    assert board.seqs == {1: 10}
    assert publish(redis_client, 1, 11) == 1


async def test_instruments_of_two_feeds_are_read_from_each(board: Board, redis_client: Redis) -> None:
    keep(redis_client, {1: 10})
    redis_client.hset(keys.last_values("other"), "2", row(2, 20))
    await board.join(ANNE, {**places(1), 2: Place("other", "BTC-X", "BTC")})
    assert board.seqs == {1: 10, 2: 20}


# ── Leaving ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_last_to_leave_is_forgotten_by_redis_too(board: Board, redis_client: Redis) -> None:
    keep(redis_client, {1: 10, 2: 20})
    await board.join(ANNE, places(1, 2))
    await board.join(BERT, places(2))
    board.leave(ANNE, [1, 2, 77])
    await within(10, lambda: redis_client.pubsub_channels() == [group_channel(2).encode()])
    assert (board.seqs, board.watchers) == ({2: 20}, {2: {BERT}})
    board.leave(BERT, [2])
    await within(10, lambda: redis_client.pubsub_channels() == [])
    assert (board.seqs, board.latest, board.watchers, board._places, board._warm) == ({}, {}, {}, {}, set())


async def test_leaving_and_joining_within_a_turn_keeps_the_rows_coming(board: Board, redis_client: Redis) -> None:
    keep(redis_client, {1: 10})
    await board.join(ANNE, places(1))
    board.leave(ANNE, [1])
    await board.join(ANNE, places(1))
    assert board.seqs == {1: 10}
    assert publish(redis_client, 1, 11) == 1
    await within(10, lambda: board.seqs == {1: 11})


async def test_leaving_and_joining_during_the_first_join_keeps_the_rows_coming(
    board: Board, redis_client: Redis
) -> None:
    keep(redis_client, {1: 10})
    first = asyncio.create_task(board.join(ANNE, places(1)))
    await asyncio.sleep(0)
    board.leave(ANNE, [1])
    second = asyncio.create_task(board.join(BERT, places(1)))
    async with asyncio.timeout(10):
        await asyncio.gather(first, second)
    assert board.seqs == {1: 10}
    assert publish(redis_client, 1, 11) == 1
    await within(10, lambda: board.seqs == {1: 11})
    board.leave(BERT, [1])
    await within(10, lambda: redis_client.pubsub_channels() == [])


async def test_who_left_during_the_join_leaves_nothing(board: Board, redis_client: Redis) -> None:
    keep(redis_client, {1: 10})
    joining = asyncio.create_task(board.join(ANNE, places(1)))
    await asyncio.sleep(0)
    board.leave(ANNE, [1])
    await joining
    assert (board.seqs, board.watchers, board._places, board._warm, board._warming) == ({}, {}, {}, set(), {})
    await within(10, lambda: redis_client.pubsub_channels() == [])


# ── Reading again ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_after_a_break_all_that_is_held_is_read_again(
    layer: StreamChannelLayer, board: Board, redis_client: Redis
) -> None:
    keep(redis_client, {1: 10, 2: 20})
    await board.join(ANNE, places(1, 2))
    keep(redis_client, {1: 11})  # told to nobody, as during a break
    redis_client.client_kill_filter(_type="pubsub")
    await within(CONTRACT_S, lambda: board.seqs == {1: 11, 2: 20})
    assert board.latest[1] == rows.body(row(1, 11))


async def test_what_was_read_again_is_told_as_changed(board: Board, redis_client: Redis) -> None:
    keep(redis_client, {1: 10, 2: 20})
    await board.join(ANNE, places(1, 2))
    await asyncio.sleep(0.01)
    turns: list[set[int]] = []
    board.on_turn = turns.append
    keep(redis_client, {1: 11})
    board.resynchronise_soon("a test asked")
    await within(10, lambda: turns)
    assert turns == [{1}]


async def test_asking_again_during_a_reading_reads_once_more(board: Board, redis_client: Redis) -> None:
    keep(redis_client, {1: 10})
    await board.join(ANNE, places(1))
    redis_client.config_resetstat()
    board.resynchronise_soon("a test asked")
    await asyncio.sleep(0)
    for _ in range(9):
        board.resynchronise_soon("a test asked")
    await within(10, lambda: board._resync is not None and board._resync.done())
    assert commands(redis_client)["hmget"] == 2


async def test_without_resynchronising_a_lost_row_stays_lost(redis_client: Redis, layer: StreamChannelLayer) -> None:
    inside = loop_layer(layer)
    board = Board(LastValues(inside.client), inside.subscriber, inside._row_channel, resynchronise=False)
    keep(redis_client, {1: 10})
    await board.join(ANNE, places(1))
    keep(redis_client, {1: 11})
    board.resynchronise_soon("a test asked")
    board.keep_backstop()
    await asyncio.sleep(0.1)
    assert board.seqs == {1: 10}
    assert (board._resync, board._backstop) == (None, None)


@pytest.mark.parametrize("held", [1, 29, 30, 31, 45, 59, 61, 100])
async def test_the_backstop_reads_everything_again_within_its_thirty_steps(
    board: Board, redis_client: Redis, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(module, "BACKSTOP_STEP_S", 0.0)
    await board.join(ANNE, places(*range(1, held + 1)))
    steps: list[list[int]] = []

    async def read(instrument_ids: list[int]) -> None:
        steps.append(list(instrument_ids))

    monkeypatch.setattr(board, "_read", read)
    board.keep_backstop()
    await within(10, lambda: len(steps) >= 200)
    for start in range(150):
        assert {i for step in steps[start : start + module.BACKSTOP_STEPS] for i in step} == set(range(1, held + 1))
    assert max(map(len, steps)) <= -(-held // module.BACKSTOP_STEPS)


async def test_the_backstop_brings_what_no_other_sign_told_of(
    board: Board, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKSTOP_STEP_S", 0.01)
    keep(redis_client, {1: 10, 2: 20, 3: 30})
    await board.join(ANNE, places(1, 2, 3))
    board.keep_backstop()
    keep(redis_client, {1: 11, 2: 21, 3: 31})
    await within(10, lambda: board.seqs == {1: 11, 2: 21, 3: 31})


async def test_the_backstop_outlives_an_outage(
    board: Board, redis_client: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "BACKSTOP_STEP_S", 0.01)
    caplog.set_level(logging.CRITICAL)
    await board.join(ANNE, places(1))
    original, failures = board._read, [RedisDownError("away")] * 3

    async def read(instrument_ids: list[int]) -> None:
        if failures:
            raise failures.pop()
        await original(instrument_ids)

    monkeypatch.setattr(board, "_read", read)
    keep(redis_client, {1: 11})
    board.keep_backstop()
    await within(10, lambda: board.seqs == {1: 11})
    assert failures == []
