"""One connection: it says hello in RESP3, answers come in order, and its end is told to whoever waits."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import hiredis
import pytest
from django.conf import settings
from redis import Redis

from marketdata.bus import connection as module
from marketdata.bus.connection import Connection, RedisDownError
from tests.valkey import RunningValkey, free_port, start_valkey

from .waiting import within


@pytest.fixture
async def connection(redis_client: Redis) -> AsyncIterator[Connection]:
    connection = await Connection.open(settings.REDIS_URL, "test-connection")
    yield connection
    connection.close()


async def ask(connection: Connection, *arguments: object) -> object:
    async with asyncio.timeout(10):
        return await connection.command(*arguments)


async def test_it_speaks_resp3_under_its_name(connection: Connection, redis_client: Redis) -> None:
    (client,) = [client for client in redis_client.client_list() if client["name"] == "test-connection"]
    assert client["resp"] == "3"


async def test_pipelined_commands_are_answered_in_order(connection: Connection) -> None:
    answers = [connection.command("ECHO", str(number)) for number in range(500)]
    async with asyncio.timeout(5):
        assert await asyncio.gather(*answers) == [str(number).encode() for number in range(500)]


async def test_an_answer_that_nobody_waits_for_is_not_taken_for_the_next_one(connection: Connection) -> None:
    connection.command("ECHO", "given up").cancel()
    assert await ask(connection, "ECHO", "wanted") == b"wanted"


async def test_a_refusal_of_redis_is_raised_and_costs_nothing_else(connection: Connection) -> None:
    refused, fine = connection.command("NO_SUCH_COMMAND"), connection.command("ECHO", "fine")
    async with asyncio.timeout(10):
        with pytest.raises(hiredis.ReplyError, match="unknown command"):
            await refused
        assert await fine == b"fine"


async def test_an_answer_larger_than_a_read_is_whole(connection: Connection) -> None:
    text = os.urandom(3_000_000)
    assert await ask(connection, "ECHO", text) == text


async def test_pushes_between_answers_go_to_their_callback_in_order(redis_client: Redis) -> None:
    heard: list[tuple[bytes, bytes]] = []
    chunks = []
    connection = await Connection.open(
        settings.REDIS_URL, "test", lambda channel, payload: heard.append((channel, payload)), lambda: chunks.append(1)
    )
    connection.tell("SUBSCRIBE", "one", "two")
    assert await ask(connection, "ECHO", "subscribed") == b"subscribed"
    for number in range(20):
        redis_client.publish("two" if number % 2 else "one", str(number))
    assert await ask(connection, "ECHO", "after") == b"after"
    await within(10, lambda: len(heard) == 20)
    assert heard == [(b"two" if n % 2 else b"one", str(n).encode()) for n in range(20)]
    assert chunks
    connection.close()


@pytest.mark.parametrize("number", [0, 3])
async def test_the_url_selects_the_database(number: int, redis_client: Redis) -> None:
    separator = "?db=" if settings.REDIS_URL.startswith("unix://") else "/"
    base = settings.REDIS_URL if separator == "?db=" else settings.REDIS_URL.rsplit("/", 1)[0]
    connection = await Connection.open(f"{base}{separator}{number}", "test-database")
    (client,) = [client for client in redis_client.client_list() if client["name"] == "test-database"]
    assert client["db"] == str(number)
    connection.close()


async def test_it_connects_over_tcp_with_a_password(short_path: Path) -> None:
    port = free_port()
    server = start_valkey(short_path, port=port)
    try:
        with Redis.from_url(server.url) as admin:
            admin.config_set("requirepass", "s3cret")
        connection = await Connection.open(f"redis://:s3cret@127.0.0.1:{port}/0", "test")
        assert await ask(connection, "ECHO", "in") == b"in"
        connection.close()
        with pytest.raises(RedisDownError, match="NOAUTH"):
            await Connection.open(f"redis://127.0.0.1:{port}/0", "test")
        with pytest.raises(RedisDownError, match="WRONGPASS"):
            await Connection.open(f"redis://:wrong@127.0.0.1:{port}/0", "test")
    finally:
        server.stop()


async def test_it_connects_as_a_user_of_the_server(short_path: Path) -> None:
    server = start_valkey(short_path, "--user", "reader", "on", ">pass", "~*", "&*", "+@all", port=0)
    try:
        url = server.url.replace("redis://", "redis://reader:pass@")
        connection = await Connection.open(url, "test")
        assert await ask(connection, "ACL", "WHOAMI") == b"reader"
        connection.close()
    finally:
        server.stop()


async def test_nobody_there_is_said_at_once() -> None:
    with pytest.raises(RedisDownError, match="ConnectionRefusedError"):
        await Connection.open(f"redis://127.0.0.1:{free_port()}/0", "test")


async def test_a_server_that_does_not_say_hello_is_given_up(
    server: RunningValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OPEN_TIMEOUT_S", 0.2)
    os.kill(server.pid, signal.SIGSTOP)
    async with asyncio.timeout(10):
        with pytest.raises(RedisDownError, match="TimeoutError"):
            await Connection.open(server.url, "test")


async def test_an_opening_that_is_cancelled_leaves_no_connection(server: RunningValkey) -> None:
    os.kill(server.pid, signal.SIGSTOP)
    opening = asyncio.create_task(Connection.open(server.url, "test-cancelled"))
    await asyncio.sleep(0.1)
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    os.kill(server.pid, signal.SIGCONT)
    with Redis.from_url(server.url) as admin:
        await within(10, lambda: all(client["name"] != "test-cancelled" for client in admin.client_list()))


async def test_a_loss_is_told_once_and_to_everybody_who_waits(server: RunningValkey) -> None:
    lost = []
    connection = await Connection.open(server.url, "test", on_lost=lambda: lost.append(1))
    os.kill(server.pid, signal.SIGSTOP)
    waiting = [connection.command("PING") for _ in range(3)]
    server.kill()
    async with asyncio.timeout(10):
        answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [RedisDownError] * 3
    assert lost == [1]
    assert not connection.is_open
    with pytest.raises(RedisDownError, match="closed"):
        await ask(connection, "PING")


async def test_a_loss_that_nobody_waits_for_is_quiet(connection: Connection, redis_client: Redis) -> None:
    connection.command("ECHO", "not awaited")
    connection.close()
    await within(10, lambda: not connection.is_open)


async def test_bytes_that_are_not_the_protocol_end_the_connection() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port := free_port()):
        async with asyncio.timeout(4):
            with pytest.raises(RedisDownError):
                await Connection.open(f"redis://127.0.0.1:{port}/0", "test")
