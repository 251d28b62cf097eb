"""A storm of sockets asks the database a bounded number of times: at most two queries a socket, by session and by token."""

import asyncio
import contextlib
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db.backends.utils import CursorWrapper

from accounts.asked_together import AskedTogether
from tests.path.client import stream_client
from tests.path.stack import User

from .in_process import House, make_user
from .second_feed import SecondFeed, option

USERS = 20
EACH = 2
MOST_A_SOCKET = 2.0
CONTRACT = option(100)


@pytest.fixture
async def users(house: House) -> list[User]:
    return [await make_user(f"one-of-many-{number}") for number in range(USERS)]


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that this process sends to a database, in whichever thread."""
    sent: list[str] = []
    for name in ("execute", "executemany"):
        real = getattr(CursorWrapper, name)

        def counted(self: CursorWrapper, sql: str, *arguments: Any, real: Any = real) -> Any:
            sent.append(sql)
            return real(self, sql, *arguments)

        monkeypatch.setattr(CursorWrapper, name, counted)
    return sent


async def storm(house: House, users: list[User], program: bool) -> int:
    """All come at once, subscribe, and have their snapshot; how many sockets that were."""

    async def come(user: User, sockets: contextlib.AsyncExitStack) -> None:
        client = await sockets.enter_async_context(stream_client(house, user, program=program))
        await client.message("welcome")
        await client.say("subscribe", source="all", symbols=[CONTRACT.symbol])
        await client.message("snapshot")

    async with contextlib.AsyncExitStack() as sockets:
        coming = [come(user, sockets) for user in users for _ in range(EACH)]
        await asyncio.gather(*coming)
        await asyncio.sleep(0.2)  # what is noted of them afterwards is counted too
        return len(coming)


@pytest.mark.parametrize("program", [False, True], ids=["session", "token"])
async def test_a_storm_asks_at_most_two_queries_a_socket(
    house: House, users: list[User], feed: SecondFeed, queries: list[str], program: bool
) -> None:
    await feed.lists(CONTRACT)
    await feed.quotes([CONTRACT])
    queries.clear()
    sockets = await storm(house, users, program)
    assert 0 < len(queries) <= MOST_A_SOCKET * sockets, queries


async def test_without_asking_together_it_would_ask_more(
    house: House, users: list[User], feed: SecondFeed, queries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def alone(self: AskedTogether[Any], key: str) -> Any:
        return (await database_sync_to_async(self._answer)([key])).get(key)

    monkeypatch.setattr(AskedTogether, "ask", alone)
    await feed.lists(CONTRACT)
    await feed.quotes([CONTRACT])
    queries.clear()
    sockets = await storm(house, users, program=False)
    assert len(queries) > MOST_A_SOCKET * sockets
