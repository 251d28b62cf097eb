"""Which instruments open sockets hold, as ingest and the administrator's preview read it."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from django.conf import settings
from redis import Redis

from marketdata.bus import held, keys
from marketdata.bus.client import Client

Read = Callable[[], Awaitable[set[int]]]


@pytest.fixture
async def client(redis_client: Redis) -> AsyncIterator[Client]:
    client = Client(settings.REDIS_URL, "test-held")
    yield client
    client.close()


@pytest.fixture(params=["from a loop", "blocking"])
def read(request: pytest.FixtureRequest, client: Client, redis_client: Redis) -> Read:
    async def blocking() -> set[int]:
        return held.read_blocking(redis_client)

    return blocking if request.param == "blocking" else lambda: held.read(client)


async def report(client: Client, process: str, ids: set[int]) -> None:
    """What a web process says each second."""
    await client.call("SET", keys.web(process), "{}", "EX", 5)
    await client.call("SADD", keys.webs(), process)
    await held.say(client, process, ids)


async def test_all_that_any_process_holds_is_read(client: Client, read: Read) -> None:
    many = set(range(1, 12_001))
    await report(client, "one", many)
    await report(client, "two", {12_000, 12_001})
    assert await read() == many | {12_001}
    await report(client, "one", set())
    assert await read() == {12_000, 12_001}


async def test_a_process_that_died_leaves_the_list_of_processes_and_no_other_does(
    client: Client, redis_client: Redis, read: Read
) -> None:
    for process in ("alive", "idle", "stalled", "dead"):
        await report(client, process, set() if process in ("idle", "dead") else {1})
    redis_client.delete(keys.web("dead"), keys.web("stalled"))  # their reports expired; what one holds has not yet
    assert await read() == {1}
    assert redis_client.smembers(keys.webs()) == {b"alive", b"idle", b"stalled"}


async def test_one_that_was_only_late_is_read_again_from_its_next_report_on(client: Client, read: Read) -> None:
    await report(client, "one", {7})
    await client.call("DEL", keys.web("one"), keys.held("one"))
    assert await read() == set()
    await report(client, "one", {7})
    assert await read() == {7}
