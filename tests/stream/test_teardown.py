"""However a socket ends, nothing of it is left: no connection, mailbox, group, watcher, subscription or task."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from django.conf import settings
from redis import Redis
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from marketdata.bus import keys
from marketdata.bus.connection import RedisDownError
from tests.path.client import open_socket, stream_client
from tests.path.stack import User

from .in_process import House
from .second_feed import SecondFeed, index, option

OPTIONS = [option(number) for number in range(1, 41)]
SUBSCRIBE = '{"op":"subscribe","source":"a","symbols":[' + ",".join(f'"{o.symbol}"' for o in OPTIONS) + "]}"


async def leftovers(house: House) -> dict[str, object]:
    """What there is of sockets inside, by the name of where it is."""
    hub, layer = await house.hub(), house.layer
    own = {keys.beacons(), keys.catalogue_channel(), keys.credentials()}
    tasks = [task for task in asyncio.all_tasks() if not task.done()]
    with Redis.from_url(settings.REDIS_URL, socket_timeout=5) as redis:
        counted = sum(redis.zcard(key) for key in redis.scan_iter(match=keys.sockets_of_user(0)[:-1] + "*"))
        channels = {name.decode() for name in redis.pubsub_channels(f"{settings.INSTALLATION}*")}
    return {
        "connections": len(hub.connections),
        "users": len(hub.by_user),
        "mailboxes": len(layer.mailboxes),
        "groups": len(layer.groups),
        "watchers": len(layer.board.watchers),
        "rows": len(layer.board.latest) + len(layer.board.seqs),
        "phases": len(hub.phases._running) + len(hub.phases._immediate),
        "counted": counted,
        "subscribed": sorted(layer.subscriber.subscribed - own),
        "channels": sorted(channels - own),
        "consumers": sum("run_asgi" in repr(task.get_coro()) for task in tasks),
        "sends": sum(task.get_name() == "blocked-send" for task in tasks),
    }


async def nothing_is_left(house: House, timeout: float = 15) -> None:
    deadline = asyncio.get_running_loop().time() + timeout
    while any((left := await leftovers(house)).values()):
        assert asyncio.get_running_loop().time() < deadline, left
        await asyncio.sleep(0.05)


# ── Ways to end. Each takes an open socket ────────────────────────────────────────────────────────────────────────────


async def closes(socket: ClientConnection) -> None:
    await socket.send(SUBSCRIBE)
    await socket.recv()
    await socket.close()


async def aborts(socket: ClientConnection) -> None:
    await socket.send(SUBSCRIBE)
    await socket.recv()
    socket.transport.abort()


async def closes_while_it_subscribes(socket: ClientConnection) -> None:
    await socket.send(SUBSCRIBE)
    await socket.close()


async def aborts_while_it_subscribes(socket: ClientConnection) -> None:
    await socket.send('{"op":"configure","interval_ms":0}')
    await socket.send(SUBSCRIBE)
    socket.transport.abort()


async def aborts_within_a_frame(socket: ClientConnection) -> None:
    await socket.send(SUBSCRIBE)
    socket.transport.write(b"\x81\xfe\x10\x00" + os.urandom(40))  # forty bytes of a frame of four thousand
    await asyncio.sleep(0.01)
    socket.transport.abort()


async def sends_garbage(socket: ClientConnection) -> None:
    await socket.send(SUBSCRIBE)
    socket.transport.write(b"\xff" * 100)
    with contextlib.suppress(ConnectionClosed):
        async for _ in socket:
            pass


async def leaves_before_the_welcome(socket: ClientConnection) -> None:
    socket.transport.abort()


async def never_reads(socket: ClientConnection) -> None:
    socket.transport.pause_reading()
    await socket.send(SUBSCRIBE)
    await asyncio.sleep(0.2)
    socket.transport.abort()


ENDS: list[Callable[[ClientConnection], Awaitable[None]]] = [
    closes,
    aborts,
    closes_while_it_subscribes,
    aborts_while_it_subscribes,
    aborts_within_a_frame,
    sends_garbage,
    leaves_before_the_welcome,
    never_reads,
]


@pytest.fixture
async def quoting(house: House, feed: SecondFeed) -> AsyncIterator[None]:
    """Rows for all while sockets come and go."""

    async def quote() -> None:
        while True:
            # Server, clients and feed share this loop: where it stands still for long, an answer comes too late.
            with contextlib.suppress(RedisDownError):
                await feed.quotes(OPTIONS)
            await asyncio.sleep(0.02)

    await feed.lists(index(), *OPTIONS)
    task = asyncio.create_task(quote())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "STREAM_CONNECTIONS_PER_USER", 10_000)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
@pytest.mark.usefixtures("quoting", "many")
async def test_an_ended_socket_leaves_nothing(
    house: House, resident: User, end: Callable[[ClientConnection], Awaitable[None]]
) -> None:
    async def one(program: bool) -> None:
        await end(await open_socket(house, resident, program))

    await asyncio.gather(*(one(bool(number % 2)) for number in range(20)))
    await nothing_is_left(house)


@pytest.mark.usefixtures("quoting", "many")
async def test_a_thousand_sockets_leave_nothing(house: House, resident: User) -> None:
    """Ended in every way at once, two hundred at a time, the refused and the silent among them."""

    async def refused() -> None:
        socket = await open_socket(house, None)
        with contextlib.suppress(ConnectionClosed):
            async for _ in socket:
                pass

    async def silent() -> None:
        socket = await open_socket(house, None, program=True)
        await asyncio.sleep(0.1)
        socket.transport.abort()

    async def one(number: int) -> None:
        way = number % (len(ENDS) + 2)
        if way < len(ENDS):
            await ENDS[way](await open_socket(house, resident, program=bool(number % 3)))
        elif way == len(ENDS):
            await refused()
        else:
            await silent()

    for start in range(0, 1_000, 200):
        async with asyncio.timeout(30):
            await asyncio.gather(*(one(start + number) for number in range(200)))
    await nothing_is_left(house)
    async with stream_client(house, resident) as client:  # and the house goes on
        await client.ask("subscribe", "subscribed", source="a", symbols=[OPTIONS[0].symbol])
        await client.until(lambda: client.frames > 2)


@pytest.mark.usefixtures("quoting")
async def test_a_watchlist_that_was_refused_leaves_no_group(house: House, resident: User) -> None:
    async with stream_client(house, resident) as client:
        for watchlist in (10**6, 10**6 + 1):
            await client.ask("subscribe", "error", source="a", watchlist=watchlist)
        # Once a list was asked for it hears of its user's lists.
        own = f"{settings.INSTALLATION}__group__user.{resident.id}"
        assert set(house.layer.groups) == {own}
        await client.ask("subscribe", "subscribed", source="a", watchlist=resident.watchlist)
        await client.ask("subscribe", "error", source="a", watchlist=10**6)
        group = f"{settings.INSTALLATION}__group__watchlist.{resident.watchlist}"
        assert set(house.layer.groups) == {own, group}
        await client.ask("unsubscribe", "subscribed", source="a")
        assert set(house.layer.groups) == {own}
    await nothing_is_left(house)


@pytest.mark.usefixtures("quoting")
async def test_what_nobody_watches_any_more_is_left_while_the_socket_stays(house: House, resident: User) -> None:
    async with stream_client(house, resident) as client:
        await client.socket.send(SUBSCRIBE)
        await client.message("subscribed")
        await client.message("snapshot")
        assert len(house.layer.board.watchers) == len(OPTIONS)
        await client.ask("unsubscribe", "subscribed", all=True)
        assert house.layer.board.watchers == {}
        assert house.layer.board.latest == {}


async def test_the_thirty_third_connection_ends_the_one_longest_without_an_answer(
    house: House, resident: User, feed: SecondFeed
) -> None:
    await feed.lists(*OPTIONS)
    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for _ in range(32):
            client = await stack.enter_async_context(stream_client(house, resident))
            await client.message("welcome")
            clients.append(client)
        # All but the sixth say something that shows that they live.
        for client in [*clients[:5], *clients[6:]]:
            await client.say("pong", n=0)
            await client.ask("ping", "pong")
        newest = await stack.enter_async_context(stream_client(house, resident))
        await newest.message("welcome")
        closing = await clients[5].message("closing")
        assert (closing["code"], await clients[5].close_code()) == (4429, 4429)
        assert closing["reconnect_ms"] > 0
        assert all(client.closed is None for client in clients if client is not clients[5])
    await nothing_is_left(house)


async def test_the_source_after_two_hundred_is_refused(
    house: House, resident: User, feed: SecondFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "STREAM_MESSAGES_PER_10_S", 1_000)
    await feed.lists(*OPTIONS)
    async with stream_client(house, resident) as client:
        for number in range(200):
            await client.ask("subscribe", "subscribed", source=f"s{number}", symbols=[OPTIONS[0].symbol])
        error = await client.ask("subscribe", "error", source="s200", symbols=[OPTIONS[0].symbol])
        assert (error["code"], error["field"], error["limit"]) == ("too_many_symbols", "source", 200)
        await client.ask("subscribe", "subscribed", source="s199", symbols=[OPTIONS[1].symbol])
        await client.ask("unsubscribe", "subscribed", source="s0")
        await client.ask("subscribe", "subscribed", source="s200", symbols=[OPTIONS[0].symbol])
