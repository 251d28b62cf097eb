"""A board whose Redis goes away: joins do not hang, and every value is there when Redis is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis import Redis

from marketdata.bus.board import Board
from marketdata.bus.channel_layer import LoopLayer
from tests import given_time
from tests.valkey import RunningValkey, start_valkey

from .layers import loop_layer, make_layer
from .rows_on_redis import keep, places, publish
from .waiting import CONTRACT_S, within

ANNE, BERT = "anne", "bert"


@pytest.fixture
async def inside(server: RunningValkey) -> AsyncIterator[LoopLayer]:
    layer = make_layer(server.url)
    yield loop_layer(layer)
    async with asyncio.timeout(5):
        await layer.flush()


@pytest.fixture
async def board(inside: LoopLayer) -> Board:
    return inside.board


def restarted(path: Path, seqs: dict[int, int]) -> RunningValkey:
    server = start_valkey(path)
    with Redis.from_url(server.url) as admin:
        keep(admin, seqs)
    return server


@pytest.mark.parametrize("ever_connected", [True, False])
async def test_a_join_while_redis_is_away_returns_and_values_follow(
    inside: LoopLayer, board: Board, server: RunningValkey, short_path: Path, ever_connected: bool
) -> None:
    if ever_connected:
        await board.join(BERT, places(9))
    server.kill()
    await within(10, lambda: not inside.subscriber.is_connected)
    began = given_time.now()
    async with asyncio.timeout(5):
        await board.join(ANNE, places(1, 2))
    assert given_time.now() - began < 3
    assert board.seqs == {}
    again = restarted(short_path, {1: 10, 2: 20})
    try:
        await within(CONTRACT_S, lambda: board.seqs == {1: 10, 2: 20})
        await within(CONTRACT_S, lambda: inside.subscriber.is_connected)
        with Redis.from_url(again.url) as admin:
            assert publish(admin, 1, 11) == 1
        await within(10, lambda: board.seqs[1] == 11)
    finally:
        again.stop()


async def test_after_a_restart_the_newest_rows_show_also_of_what_is_silent_since(
    inside: LoopLayer, board: Board, server: RunningValkey, short_path: Path
) -> None:
    with Redis.from_url(server.url) as admin:
        keep(admin, {1: 10, 2: 20})
    await board.join(ANNE, places(1, 2))
    server.kill()
    again = restarted(short_path, {1: 11, 2: 21})
    try:
        await within(CONTRACT_S, lambda: board.seqs == {1: 11, 2: 21})
    finally:
        again.stop()


async def test_rows_told_between_an_early_reading_and_a_late_subscription_are_not_lost(
    inside: LoopLayer, board: Board, server: RunningValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands and subscriptions go over two connections, and either may be back first."""
    with Redis.from_url(server.url) as admin:
        keep(admin, {1: 10})
        admin.acl_setuser("default", enabled=True, nopass=True, keys=["*"], channels=["*"], commands=["+@all", "-ping"])
        # Without PING no subscription is ever acknowledged, while last values can be read.
        async with asyncio.timeout(6):
            await board.join(ANNE, places(1))
        await within(CONTRACT_S, lambda: board.seqs == {1: 10})
        keep(admin, {1: 11})
        admin.acl_setuser("default", enabled=True, nopass=True, keys=["*"], channels=["*"], commands=["+@all"])
        await within(CONTRACT_S, lambda: board.seqs == {1: 11})


async def test_a_layer_that_ends_during_an_outage_ends_clean(
    inside: LoopLayer, board: Board, server: RunningValkey
) -> None:
    await board.join(ANNE, places(1))
    board.keep_backstop()
    server.kill()
    await within(10, lambda: not inside.subscriber.is_connected)
    board.resynchronise_soon("a test asked")
    await asyncio.sleep(0.05)
    async with asyncio.timeout(10):
        await inside.flush()
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == {asyncio.current_task()}
