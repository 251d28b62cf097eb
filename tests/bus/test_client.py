"""Commands over one connection: each has a deadline, and a loss costs the calls that were under way and no more."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import hiredis
import pytest
from django.conf import settings
from redis import Redis

from marketdata.bus import client as module
from marketdata.bus.client import Client, Script
from marketdata.bus.connection import RedisDownError
from tests import given_time
from tests.valkey import RunningValkey, start_valkey

from .waiting import within


@pytest.fixture
async def client(redis_client: Redis) -> AsyncIterator[Client]:
    client = Client(settings.REDIS_URL, "test-client")
    yield client
    client.close()


def named(redis_client: Redis, name: str) -> list[dict[str, str]]:
    return [client for client in redis_client.client_list() if client["name"] == name]


async def test_calls_at_the_same_time_open_one_connection(client: Client, redis_client: Redis) -> None:
    answers = await asyncio.gather(*(client.call("ECHO", str(number)) for number in range(50)))
    assert answers == [str(number).encode() for number in range(50)]
    assert len(named(redis_client, "test-client")) == 1


async def test_a_refusal_is_raised_as_it_is(client: Client) -> None:
    with pytest.raises(hiredis.ReplyError, match="wrong number of arguments"):
        await client.call("GET")


async def test_a_closed_client_opens_again_when_called(client: Client) -> None:
    await client.call("PING")
    client.close()
    assert await client.call("PING") == b"PONG"


async def test_after_a_killed_connection_the_next_call_works(client: Client, redis_client: Redis) -> None:
    (before,) = [await client.call("CLIENT", "ID")]
    redis_client.client_kill_filter(_id=str(before))
    await within(10, lambda: client._connection is not None and not client._connection.is_open)
    assert await client.call("CLIENT", "ID") != before


async def test_a_call_past_its_deadline_drops_the_connection_and_the_next_works(
    server: RunningValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CALL_TIMEOUT_S", 0.3)
    client = Client(server.url, "test")
    await client.call("SET", "key", "value")
    os.kill(server.pid, signal.SIGSTOP)
    with pytest.raises(RedisDownError, match="no answer to ECHO"):
        await client.call("ECHO", "late")
    os.kill(server.pid, signal.SIGCONT)
    monkeypatch.setattr(module, "CALL_TIMEOUT_S", 3.0)
    assert await client.call("GET", "key") == b"value"
    client.close()


async def test_every_call_to_a_server_that_hangs_ends_within_one_deadline(
    server: RunningValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CALL_TIMEOUT_S", 0.4)
    client = Client(server.url, "test")
    os.kill(server.pid, signal.SIGSTOP)
    began = given_time.now()
    answers = await asyncio.gather(*(client.call("PING") for _ in range(8)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [RedisDownError] * 8
    assert given_time.now() - began < 2 * 0.4
    client.close()


async def test_a_cancelled_call_leaves_the_connection_in_step(client: Client) -> None:
    await client.call("PING")
    call = asyncio.create_task(client.call("ECHO", "given up"))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert await client.call("ECHO", "wanted") == b"wanted"


async def test_a_function_is_sent_whole_only_where_it_is_not_known(client: Client, redis_client: Redis) -> None:
    script = Script("return {KEYS[1], ARGV[1], ARGV[2]}")
    redis_client.script_flush()
    redis_client.config_resetstat()
    for _ in range(3):
        assert await client.run(script, ["key"], ["a", 5]) == [b"key", b"a", b"5"]
    stats = redis_client.info("commandstats")
    assert (stats["cmdstat_evalsha"]["calls"], stats["cmdstat_eval"]["calls"]) == (3, 1)
    redis_client.script_flush()
    assert await client.run(script, ["key"], ["b", 6]) == [b"key", b"b", b"6"]


async def test_an_error_inside_a_function_is_raised_as_it_is(client: Client) -> None:
    with pytest.raises(hiredis.ReplyError, match="MINE says no"):
        await client.run(Script("return redis.error_reply('MINE says no')"), [], [])


async def test_a_server_that_refuses_for_now_counts_as_away(short_path: Path) -> None:
    server = start_valkey(short_path, "--maxmemory", "1", "--maxmemory-policy", "noeviction")
    client = Client(server.url, "test")
    try:
        with pytest.raises(RedisDownError, match="OOM"):
            await client.call("SET", "key", "value")
        with pytest.raises(RedisDownError, match="OOM"):
            await client.run(Script("return redis.call('SET', KEYS[1], ARGV[1])"), ["key"], ["value"])
        await client.call("CONFIG", "SET", "maxmemory", "0")
        assert await client.call("SET", "key", "value") == b"OK"
    finally:
        client.close()
        server.stop()
