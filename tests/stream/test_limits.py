"""Limits of a user at the socket: sockets counted over all web processes, and what each may do, as groups say and as it
changes."""

import asyncio
import time
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import Group
from redis import Redis

from accounts.models import GroupLimits
from marketdata.bus import keys
from marketdata.bus.presence import read_blocking
from marketdata.stream import presence
from tests.path.client import stream_client
from tests.path.stack import User

from .in_process import House
from .second_feed import SecondFeed, option

OBEYED_S = 3 * 2.0
OPTIONS = [option(number) for number in range(1, 7)]


@database_sync_to_async
def limit(user: User, **limits: Any) -> None:
    group, _ = Group.objects.get_or_create(name="desk")
    group.user_set.add(user.id)
    GroupLimits.objects.update_or_create(group=group, defaults=limits)


@database_sync_to_async
def unlimit() -> None:
    GroupLimits.objects.all().delete()


@pytest.mark.django_db(transaction=True)
async def test_welcome_says_the_users_own(house: House, resident: User) -> None:
    await limit(resident, connections=3, symbols=4, messages_per_10_s=7, fastest_interval_ms=250)
    async with stream_client(house, resident) as client:
        welcome = await client.message("welcome")
        said = {name: welcome["limits"][name] for name in ("connections", "symbols", "messages_per_10_s")}
        assert said == {"connections": 3, "symbols": 4, "messages_per_10_s": 7}
        assert welcome["limits"]["intervals_ms"] == [250, 500, 1000]
        assert welcome["interval_ms"] == 250


@pytest.mark.django_db(transaction=True)
async def test_symbols_beyond_ones_own_limit_are_refused_one_by_one(
    house: House, resident: User, feed: SecondFeed
) -> None:
    await feed.lists(*OPTIONS)
    await limit(resident, symbols=4)
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        told = await client.ask("subscribe", "subscribed", source="a", symbols=[one.symbol for one in OPTIONS])
        assert told["total"] == 4
        assert [(one["code"], one["limit"]) for one in told["refused"]] == [("too_many_symbols", 4)] * 2
        error = await client.ask("subscribe", "error", source="a", symbols=["A"] * 9)
        assert (error["code"], error["limit"]) == ("too_many_symbols", 8)


@pytest.mark.django_db(transaction=True)
async def test_a_beat_is_not_faster_than_the_limit_and_open_sockets_follow_it(house: House, resident: User) -> None:
    async with stream_client(house, resident, program=True) as client:
        await client.message("welcome")
        assert (await client.ask("configure", "configured", interval_ms=0))["interval_ms"] == 0
        await limit(resident, fastest_interval_ms=250)
        told = await client.message("configured", timeout=OBEYED_S)
        assert (told["interval_ms"], told["requested_ms"], told["reason"]) == (250, 0, "your limit is 250 ms")
        told = await client.ask("configure", "configured", interval_ms=50)
        assert (told["interval_ms"], told["reason"]) == (250, "your limit is 250 ms")
        told = await client.ask("configure", "configured", interval_ms=500)
        assert (told["interval_ms"], told["reason"]) == (500, None)
        await client.ask("configure", "configured", interval_ms=0)
        await unlimit()
        told = await client.message("configured", timeout=OBEYED_S)
        assert (told["interval_ms"], told["requested_ms"]) == (0, 0)


@pytest.mark.django_db(transaction=True)
async def test_the_number_of_messages_follows_at_once(house: House, resident: User) -> None:
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        for _ in range(6):
            await client.ask("ping", "pong")
        await limit(resident, messages_per_10_s=5)
        refused: list[dict[str, Any]] = []
        async with asyncio.timeout(OBEYED_S):
            while not refused:
                await client.say("ping")
                answer = await client.until(
                    lambda: [one for one in client.messages if one["op"] in ("pong", "error")], OBEYED_S
                )
                refused = [one for one in answer if one["op"] == "error"]
                client.messages.clear()
                await asyncio.sleep(0.05)
        assert (refused[0]["code"], refused[0]["limit"]) == ("too_many_messages", 5)


# ── Sockets of a user, counted over all web processes ─────────────────────────────────────────────────────────────────


@pytest.mark.django_db(transaction=True)
async def test_a_socket_that_ends_is_counted_no_more(house: House, resident: User, redis_client: Redis) -> None:
    await limit(resident, connections=2)
    key = keys.sockets_of_user(resident.id)
    async with stream_client(house, resident) as first:
        await first.message("welcome")
        for _ in range(3):
            async with stream_client(house, resident) as client:
                await client.message("welcome")
                await until_counted(redis_client, key, 2)
            await until_counted(redis_client, key, 1)
        assert first.closed is None
    await until_counted(redis_client, key, 0)


@pytest.mark.django_db(transaction=True)
async def test_they_are_counted_again_after_redis_was_emptied(
    house: House, resident: User, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "ROUND_S", 1)
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        key = keys.sockets_of_user(resident.id)
        await until_counted(redis_client, key, 1)
        redis_client.delete(key)
        await until_counted(redis_client, key, 1)


@pytest.mark.django_db(transaction=True)
async def test_what_is_counted_of_a_process_that_is_gone_takes_nobodys_place(
    house: House, resident: User, redis_client: Redis
) -> None:
    await limit(resident, connections=2)
    ghosts = {f"specific.0123456789ab!{number}": time.time() * 1000 + 60_000 for number in range(5)}
    redis_client.zadd(keys.sockets_of_user(resident.id), ghosts)
    async with stream_client(house, resident) as first, stream_client(house, resident) as second:
        await first.message("welcome")
        await second.message("welcome")
        await until_counted(redis_client, keys.sockets_of_user(resident.id), 2)
        await asyncio.sleep(0.3)  # as long as it takes to be sent away
        assert (first.closed, second.closed) == (None, None)


@pytest.mark.django_db(transaction=True)
async def test_a_thousand_sockets_are_said_in_bounded_pieces(
    house: House, resident: User, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "MOST", 1)
    async with stream_client(house, resident) as first, stream_client(house, resident) as second:
        await first.message("welcome")
        await second.message("welcome")
        hub = await house.hub()
        await hub.presence._say()
        (said,) = read_blocking(redis_client)
        assert (said.process, said.total, len(said.sockets)) == (house.layer.process, 2, 1)
        assert (said.sockets[0].username, said.sockets[0].address) == ("resident", "127.0.0.1")


async def until_counted(redis: Redis, key: str, count: int, timeout: float = 10.0) -> None:
    async with asyncio.timeout(timeout):
        while redis.zcard(key) != count:
            await asyncio.sleep(0.02)
