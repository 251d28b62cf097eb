"""What an administrator decides holds on every web process: what groups may see, how many sockets a user may have, and who
is sent away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest

from accounts.revocation import EVERYBODY
from tests.path.client import StreamClient, stream_client
from tests.path.stack import User, Web

from .conftest import MOVING, Floor
from .pair import Pair, running_pair
from .test_limits import until_counted

# What the account promises, three times for a busy machine.
OBEYED_S = 3 * 2.0


@pytest.fixture(scope="module")
def pair(floor: Floor) -> Iterator[Pair]:
    with running_pair(floor) as pair:
        yield pair


async def test_every_web_process_obeys_what_groups_are_granted(pair: Pair) -> None:
    floor, do = pair.floor, pair.administrator.do
    user = floor.stack.users[4]
    do("join", group="desk", user=user.id)
    do("grant", group="desk", feed="scripted")
    symbols = floor.symbols(MOVING)
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(stream_client(web, user, program=program))
            for web, program in zip(pair.webs, (False, True), strict=True)
        ]
        for client in clients:
            await client.message("welcome")
            await client.ask("subscribe", "subscribed", source="mine", symbols=symbols)
            await client.until(partial(_has_rows, client))

        async def all_hear(cause: str) -> None:
            for client in clients:
                told = await client.message("subscribed", timeout=OBEYED_S, source="mine", cause=cause)
                assert len(told["removed" if cause == "forbidden" else "added"]) == len(symbols)

        for lose, gain in (
            (("withdraw", {"feed": "scripted"}), ("grant", {"group": "desk", "feed": "scripted"})),
            (("leave", {"group": "desk", "user": user.id}), ("join", {"group": "desk", "user": user.id})),
        ):
            await asyncio.to_thread(do, lose[0], **lose[1])
            await all_hear("forbidden")
            frames = [client.frames for client in clients]
            await asyncio.sleep(0.3)
            assert [client.frames for client in clients] == frames
            await asyncio.to_thread(do, gain[0], **gain[1])
            await all_hear("listed")
        # The control: what nobody tells of is not heard in the time that the others took, and then it is told.
        await asyncio.to_thread(do, "withdraw", feed="scripted")
        await all_hear("forbidden")
        await asyncio.to_thread(do, "grant", group="desk", feed="scripted", told=False)
        await asyncio.sleep(1.5)
        assert not [one for client in clients for one in client.messages if one["op"] == "subscribed"]
        with floor.redis() as redis:
            redis.publish("stack:credentials", EVERYBODY)
        await all_hear("listed")


@contextlib.asynccontextmanager
async def sockets(user: User, *webs: Web, program: bool = False) -> AsyncIterator[list[StreamClient]]:
    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for web in webs:
            client = await stack.enter_async_context(stream_client(web, user, program=program))
            await client.message("welcome")
            clients.append(client)
        yield clients


async def test_the_limit_holds_over_web_processes(pair: Pair) -> None:
    user = pair.floor.stack.users[5]
    first, second = pair.webs
    await asyncio.to_thread(pair.administrator.do, "join", group="few", user=user.id)
    await asyncio.to_thread(pair.administrator.do, "limit", group="few", connections=3)
    async with sockets(user, first, second, second) as three:
        for client in three[1:]:
            await client.say("pong", n=0)
            await client.ask("ping", "pong")
        async with sockets(user, second) as (fourth,):
            # The one longest without an answer, on the other process.
            closing = await three[0].message("closing", timeout=OBEYED_S)
            assert (closing["code"], await three[0].close_code()) == (4429, 4429)
            assert "more than 3 connections" in closing["reason"]
            assert [one.closed for one in (*three[1:], fourth)] == [None] * 3


async def test_a_session_and_a_token_end_their_sockets_on_every_web_process(pair: Pair) -> None:
    user = pair.floor.stack.users[8]
    async with sockets(user, *pair.webs) as browsers, sockets(user, *pair.webs, program=True) as programs:
        await asyncio.to_thread(pair.administrator.do, "sign_out", session=user.session)
        for client in browsers:
            assert (await client.message("closing", timeout=OBEYED_S))["code"] == 4401
        for client in programs:
            await client.ask("ping", "pong")
        await asyncio.to_thread(pair.administrator.do, "revoke", user=user.id)
        for client in programs:
            assert (await client.message("closing", timeout=OBEYED_S))["code"] == 4401
            assert await client.close_code() == 4401


async def test_the_admins_page_sends_sockets_away_wherever_they_are(pair: Pair) -> None:
    user, other = pair.floor.stack.users[6:8]
    async with sockets(user, *pair.webs) as clients, sockets(other, *pair.webs) as others:
        await asyncio.to_thread(pair.administrator.do, "disconnect", user=user.id, sockets=2)
        for client in clients:
            closing = await client.message("closing", timeout=OBEYED_S)
            assert (closing["code"], closing["reconnect_ms"]) == (4403, None)
            assert closing["reason"] == "disconnected by an administrator"
            assert await client.close_code() == 4403
        for client in others:
            await client.ask("ping", "pong")


async def test_sockets_of_a_killed_web_process_take_nobodys_place(pair: Pair) -> None:
    """The last of the module: it kills one of the two."""
    user = pair.floor.stack.users[5]
    first, second = pair.webs
    await asyncio.to_thread(pair.administrator.do, "join", group="few", user=user.id)
    await asyncio.to_thread(pair.administrator.do, "limit", group="few", connections=3)
    async with sockets(user, second, second, second) as lost:
        second.process.kill()
        for client in lost:
            await client.close_code()
    async with sockets(user, first, first, first) as three:
        with pair.floor.redis() as redis:
            await until_counted(redis, f"stack:user-sockets:{user.id}", 3)
        for client in three:
            await client.ask("ping", "pong")
            assert client.closed is None


def _has_rows(client: StreamClient) -> bool:
    return client.frames > 1
