"""Sockets obey the account: what they were let in by is taken away, and they leave; nobody else notices."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError
from redis import Redis

from accounts import identity, models, tickets
from accounts.identity import identity_of_session
from accounts.models import ApiToken
from marketdata.bus import keys
from marketdata.stream import credentials
from tests import given_time
from tests.path.client import StreamClient, open_socket, stream_client
from tests.path.stack import User

from .in_process import House, make_user

pytestmark = pytest.mark.django_db(transaction=True)

# What the account promises, three times for a busy machine.
OBEYED_S = 3 * 2.0


def account(user: User) -> models.User:
    return models.User.objects.get(pk=user.id)


def sign_out(user: User) -> None:
    SessionStore(user.session).flush()


def change_password(user: User) -> None:
    one = account(user)
    one.set_password("another one of many words")
    one.save()


def deactivate(user: User) -> None:
    one = account(user)
    one.is_active = False
    one.save(update_fields=["is_active"])


def revoke(user: User) -> None:
    for token in ApiToken.objects.filter(user_id=user.id):
        token.delete()


def delete(user: User) -> None:
    account(user).delete()


async def leaves(client: StreamClient) -> None:
    began = given_time.now()
    closing = await client.message("closing", timeout=OBEYED_S)
    assert (closing["code"], await client.close_code(OBEYED_S)) == (4401, 4401)
    assert given_time.now() - began < OBEYED_S


@pytest.mark.parametrize(
    ("change", "browser_leaves", "program_leaves"),
    [
        (sign_out, True, False),
        (change_password, True, False),
        (revoke, False, True),
        (deactivate, True, True),
        (delete, True, True),
    ],
)
async def test_who_stands_on_it_leaves_and_nobody_else(
    house: House, resident: User, change: Callable[[User], None], browser_leaves: bool, program_leaves: bool
) -> None:
    other = await make_user("another")
    async with (
        stream_client(house, resident) as browser,
        stream_client(house, resident, program=True) as program,
        stream_client(house, other) as bystander,
    ):
        for client in (browser, program, bystander):
            await client.message("welcome")
        await database_sync_to_async(change)(resident)
        for client, has_to_leave in ((browser, browser_leaves), (program, program_leaves)):
            if has_to_leave:
                await leaves(client)
        await asyncio.sleep(3 * credentials.GATHER_S)
        assert (browser.closed is None, program.closed is None) == (not browser_leaves, not program_leaves)
        assert bystander.closed is None
        await bystander.ask("ping", "pong")


async def test_a_socket_by_ticket_stands_on_the_session_that_the_ticket_was_made_from(
    house: House, resident: User
) -> None:
    who = await database_sync_to_async(identity_of_session)(resident.session)
    assert who is not None
    ticket = await database_sync_to_async(tickets.issue)(who, resident.session)
    client = StreamClient(await open_socket(house, None, program=True))
    try:
        await client.ask("auth", "welcome", ticket=ticket.ticket)
        await database_sync_to_async(revoke)(resident)
        await asyncio.sleep(3 * credentials.GATHER_S)
        assert client.closed is None
        await database_sync_to_async(sign_out)(resident)
        await leaves(client)
    finally:
        await client.aclose()


async def test_a_change_that_nobody_told_is_found_by_the_look_round(
    house: House, resident: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "ROUND_S", 1)
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        # Past all signals, as a statement by hand does it.
        await database_sync_to_async(models.User.objects.filter(pk=resident.id).update)(is_active=False)
        await leaves(client)


async def test_a_change_during_a_break_of_redis_is_found_when_it_is_back(
    house: House, resident: User, redis_client: Redis
) -> None:
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        await database_sync_to_async(models.User.objects.filter(pk=resident.id).update)(is_active=False)
        for one in redis_client.client_list(_type="pubsub"):
            redis_client.client_kill_filter(_id=one["id"])
        await leaves(client)


async def test_a_change_while_a_socket_comes_in_counts_for_it(
    house: House, resident: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the account and the place among the connections."""
    real = identity.from_session

    async def slow(cookies: Any) -> Any:
        found = await real(cookies)
        await database_sync_to_async(sign_out)(resident)
        await asyncio.sleep(0.3)
        return found

    monkeypatch.setattr(identity, "from_session", slow)
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        await leaves(client)


async def test_nobody_is_sent_away_because_the_database_is_away(
    house: House, resident: User, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, refusals = identity.standing, 2

    def standing(*arguments: Any) -> Any:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise OperationalError("the database is away")
        return real(*arguments)

    monkeypatch.setattr(identity, "standing", standing)
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        redis_client.publish(keys.credentials(), str(resident.id))
        await client.until(lambda: not refusals, 10)
        await client.ask("ping", "pong")
        assert client.closed is None
        await database_sync_to_async(sign_out)(resident)
        await leaves(client)


async def test_an_administrator_who_is_none_any_more_is_told_no_more(house: House, resident: User) -> None:
    await database_sync_to_async(models.User.objects.filter(pk=resident.id).update)(is_staff=True)
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        await client.ask("watch_feeds", "history")
        user = await database_sync_to_async(account)(resident)
        user.is_staff = False
        await database_sync_to_async(user.save)()
        await asyncio.sleep(3 * credentials.GATHER_S)
        await client.ask("ping", "pong")
        client.messages.clear()
        await asyncio.sleep(1.5)
        assert not [one for one in client.messages if one["op"] in ("feed", "history")]
        assert (await client.ask("watch_feeds", "error"))["code"] == "forbidden"


async def test_what_is_no_user_is_passed_over(house: House, resident: User, redis_client: Redis) -> None:
    async with stream_client(house, resident) as client:
        await client.message("welcome")
        for payload in ("", "nobody", "-1", "9" * 30):
            redis_client.publish(keys.credentials(), payload)
        await asyncio.sleep(3 * credentials.GATHER_S)
        await client.ask("ping", "pong")
