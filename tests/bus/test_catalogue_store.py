"""The catalogue in Redis: exactly what a feed lists, under a version that rises with each change and never otherwise."""

import time
from collections.abc import AsyncIterator

import pytest
from django.conf import settings
from redis import Redis

from marketdata.bus import catalogue_store, keys
from marketdata.bus.client import Client
from marketdata.bus.connection import RedisDownError
from marketdata.facts import InstrumentFacts
from tests.builders import make_facts


@pytest.fixture
async def client(redis_client: Redis) -> AsyncIterator[Client]:
    client = Client(settings.REDIS_URL, "test-catalogue")
    yield client
    client.close()


def facts(instrument_id: int, **changes: object) -> InstrumentFacts:
    return make_facts(f"ACME-{instrument_id}", id=instrument_id, **changes)


async def test_what_is_published_is_read_as_it_was(client: Client) -> None:
    listed = [facts(1), facts(2, kind="index", strike=None, expiry=None, expires_ms=None, right=None, root=None)]
    await catalogue_store.publish(client, "simulated", listed)
    assert await catalogue_store.read(client) == {"simulated": listed}


async def test_each_feed_has_its_own(client: Client) -> None:
    await catalogue_store.publish(client, "simulated", [facts(1)])
    await catalogue_store.publish(client, "replay", [facts(2, feed="replay")])
    await catalogue_store.publish(client, "simulated", [facts(3)])
    assert await catalogue_store.read(client) == {"simulated": [facts(3)], "replay": [facts(2, feed="replay")]}


async def test_nothing_published_is_an_empty_catalogue_of_version_0(client: Client) -> None:
    assert await catalogue_store.read(client) == {}
    assert await catalogue_store.version(client) == 0


@pytest.mark.parametrize(
    "then",
    [[facts(1), facts(2), facts(3)], [facts(1)], [facts(1), facts(2, streaming=False)], []],
    ids=["added", "removed", "changed", "emptied"],
)
async def test_every_change_has_a_higher_version_and_is_announced(
    client: Client, redis_client: Redis, then: list[InstrumentFacts]
) -> None:
    before = await catalogue_store.publish(client, "simulated", [facts(1), facts(2)])
    heard = redis_client.pubsub()  # type: ignore[no-untyped-call]
    heard.subscribe(keys.catalogue_channel())
    assert heard.get_message(timeout=10)["type"] == "subscribe"
    after = await catalogue_store.publish(client, "simulated", then)
    assert after > before
    assert await catalogue_store.version(client) == after
    message = heard.get_message(timeout=10)
    assert message is not None
    assert int(message["data"]) == after
    by_id = {each.id: each for each in (await catalogue_store.read(client)).get("simulated", [])}
    assert by_id == {each.id: each for each in then}


async def test_the_same_again_has_the_same_version_and_is_not_announced(client: Client, redis_client: Redis) -> None:
    before = await catalogue_store.publish(client, "simulated", [facts(1), facts(2)])
    redis_client.config_resetstat()
    assert await catalogue_store.publish(client, "simulated", [facts(2), facts(1)]) == before
    assert "cmdstat_publish" not in redis_client.info("commandstats")


async def test_versions_rise_within_a_millisecond(client: Client) -> None:
    versions = [await catalogue_store.publish(client, "simulated", [facts(number)]) for number in range(1, 30)]
    assert versions == sorted(set(versions))


async def test_the_version_rises_over_a_server_that_forgot_everything(client: Client, redis_client: Redis) -> None:
    versions = []
    for _ in range(3):
        versions.append(await catalogue_store.publish(client, "simulated", [facts(1)]))
        redis_client.flushall()
        time.sleep(0.002)
    assert versions == sorted(set(versions))


async def test_five_thousand_instruments_pass(client: Client) -> None:
    listed = [facts(number) for number in range(1, 5_001)]
    first = await catalogue_store.publish(client, "simulated", listed)
    assert {each.id for each in (await catalogue_store.read(client))["simulated"]} == set(range(1, 5_001))
    assert await catalogue_store.publish(client, "simulated", listed) == first
    assert await catalogue_store.publish(client, "simulated", listed[:10]) > first
    assert len((await catalogue_store.read(client))["simulated"]) == 10


async def test_a_redis_that_is_away_is_said_so() -> None:
    client = Client("unix:///tmp/strikewire-no-such-server.sock", "test")
    with pytest.raises(RedisDownError):
        await catalogue_store.publish(client, "simulated", [facts(1)])
    with pytest.raises(RedisDownError):
        await catalogue_store.read(client)
