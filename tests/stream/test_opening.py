"""Who is let in, by which door, and what is said to those who are not."""

import asyncio
import contextlib
import hashlib
import sqlite3
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from marketdata.rows import FIELDS
from marketdata.stream.protocol import BEATS, SUBPROTOCOL
from tests.path.client import StreamClient, open_socket, stream_client
from tests.path.stack import Stack, User, Web

from .conftest import Floor
from .test_watchlist_edits import call

NOBODYS_TOKEN = "0" * 64


async def refusal(socket: Any) -> tuple[dict[str, Any], int]:
    """What a socket that is not let in is told, and its close code."""
    client = StreamClient(socket)
    try:
        told = await client.message("closing")
        code = await client.close_code()
        assert [message["op"] for message in client.messages if message["op"] != "error"] == []
    finally:
        await client.aclose()
    assert told["code"] == code
    assert told["reason"]
    return told, code


def change(stack: Stack, statement: str, *values: Any) -> None:
    """Changes the stack's database behind the back of its processes."""
    database = sqlite3.connect(stack.directory / "stack.sqlite3", timeout=10)
    with database:
        database.execute(statement, values)
    database.close()


async def test_it_is_welcomed_with_all_it_needs(floor: Floor, web: Web) -> None:
    async with stream_client(web, floor.owner) as client:
        welcome = await client.message("welcome")
    assert welcome["protocol"] == 1
    assert welcome["user"] == floor.owner.username
    assert tuple(welcome["fields"]) == FIELDS
    assert welcome["limits"] == {
        "message_bytes": 65_536,
        "symbols": 2_000,
        "connections": 32,
        "messages_per_10_s": 60,
        "intervals_ms": list(BEATS),
    }
    assert welcome["interval_ms"] == 100
    assert abs(welcome["time_ms"] - welcome["feeds"][0]["time_ms"]) < 1_000
    (feed,) = [feed for feed in welcome["feeds"] if feed["feed"] == "scripted"]
    assert (feed["kind"], feed["health"], feed["clock_rate"]) == ("simulated", "ok", 1.0)
    assert feed["age_ms"] < 3_000


async def test_connections_have_names_of_their_own(floor: Floor, web: Web) -> None:
    async with stream_client(web, floor.owner) as one, stream_client(web, floor.owner) as other:
        names = {(await client.message("welcome"))["connection"] for client in (one, other)}
    assert len(names) == 2


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(None, None), ([SUBPROTOCOL], SUBPROTOCOL), (["other.v9", SUBPROTOCOL], SUBPROTOCOL)],
)
async def test_the_subprotocol_is_echoed_or_absent(
    floor: Floor, web: Web, offered: list[Any] | None, chosen: str | None
) -> None:
    headers = {"Cookie": f"sessionid={floor.owner.session}", "Origin": web.url}
    async with connect(web.browser_url, additional_headers=headers, subprotocols=offered) as socket:
        assert socket.subprotocol == chosen
        assert '"welcome"' in str(await asyncio.wait_for(socket.recv(), 10))


async def test_a_foreign_subprotocol_is_refused(floor: Floor, web: Web) -> None:
    headers = {"Cookie": f"sessionid={floor.owner.session}", "Origin": web.url}
    offered: list[Any] = ["strikewire.v9.json"]
    socket = await connect(web.browser_url, additional_headers=headers, subprotocols=offered)
    told, code = await refusal(socket)
    assert code == 4403
    assert SUBPROTOCOL in told["reason"]


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "sessionid=",
        "sessionid=0123456789abcdef0123456789abcdef",
        "sessionid='; DROP TABLE accounts_user; --",
        "sessionid=" + "a" * 4_000,
        "other=1",
        ";;;=",
    ],
)
async def test_a_bad_cookie_is_not_signed_in(web: Web, cookie: str) -> None:
    _, code = await refusal(await open_socket(web, None, Cookie=cookie))
    assert code == 4401


async def test_odd_cookies_beside_ours_do_not_matter(floor: Floor, web: Web) -> None:
    cookie = f'choice={{"x": 1}}; a:b=2; sessionid={floor.owner.session}; last'
    socket = await open_socket(web, None, Cookie=cookie)
    client = StreamClient(socket)
    assert (await client.message("welcome"))["user"] == floor.owner.username
    await client.aclose()


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example.org",
        "http://127.0.0.1:1",
        "http://127.0.0.1",
        "https://127.0.0.1:{port}",
        "ws://127.0.0.1:{port}",
        "http://localhost:{port}",
        "http://127.0.0.1:{port}/path",
        "http://user@127.0.0.1:{port}",
        "https://desk.example.org",
        "http://desk.example.org:8443",
    ],
)
async def test_a_foreign_page_is_sent_away_for_good(floor: Floor, web: Web, origin: str) -> None:
    told, code = await refusal(await open_socket(web, floor.owner, Origin=origin.format(port=web.port)))
    assert code == 4403
    assert told["reconnect_ms"] is None


async def test_what_is_no_origin_opens_nothing(floor: Floor, web: Web) -> None:
    for origin in ("", f"{web.url}.evil.example.org", "http://[", "http://127.0.0.1:99999", "file:///", "data:text"):
        # Daphne judges some of these itself, before the application is asked.
        with contextlib.suppress(InvalidStatus):
            _, code = await refusal(await open_socket(web, floor.owner, Origin=origin))
            assert code == 4403


async def test_no_origin_is_a_foreign_one(floor: Floor, web: Web) -> None:
    socket = await connect(web.browser_url, additional_headers={"Cookie": f"sessionid={floor.owner.session}"})
    _, code = await refusal(socket)
    assert code == 4403


async def test_a_listed_page_is_let_in(floor: Floor, web: Web) -> None:
    socket = await open_socket(web, floor.owner, Origin="https://desk.example.org:8443")
    client = StreamClient(socket)
    await client.message("welcome")
    await client.aclose()


async def test_a_program_shows_its_token(floor: Floor, web: Web) -> None:
    async with stream_client(web, floor.owner, program=True) as client:
        assert (await client.message("welcome"))["user"] == floor.owner.username


@pytest.mark.parametrize("header", ["Bearer ", f"Bearer {NOBODYS_TOKEN}", "Basic dTpw", "Bearer \xff", "Token {token}"])
async def test_a_bad_token_is_not_signed_in(floor: Floor, web: Web, header: str) -> None:
    socket = await open_socket(web, None, program=True, Authorization=header.format(token=floor.owner.token))
    _, code = await refusal(socket)
    assert code == 4401


async def test_an_expired_token_is_not_signed_in(floor: Floor, web: Web) -> None:
    user = floor.leaver
    change(floor.stack, "UPDATE accounts_apitoken SET expiry = '2020-01-01' WHERE user_id = ?", user.id)
    try:
        _, code = await refusal(await open_socket(web, user, program=True))
        assert code == 4401
    finally:
        change(floor.stack, "UPDATE accounts_apitoken SET expiry = NULL WHERE user_id = ?", user.id)


async def test_an_inactive_user_is_let_in_by_neither_door(floor: Floor, web: Web) -> None:
    user = floor.leaver
    change(floor.stack, "UPDATE accounts_user SET is_active = 0 WHERE id = ?", user.id)
    try:
        for program in (True, False):
            _, code = await refusal(await open_socket(web, user, program=program))
            assert code == 4401
    finally:
        change(floor.stack, "UPDATE accounts_user SET is_active = 1 WHERE id = ?", user.id)


async def test_a_cookie_opens_nothing_for_a_program(floor: Floor, web: Web) -> None:
    headers = {"Cookie": f"sessionid={floor.owner.session}", "Origin": web.url}
    socket = await open_socket(web, None, program=True, **headers)
    client = StreamClient(socket)
    await client.say("ping")
    assert (await client.message("error"))["code"] == "forbidden"
    assert await client.close_code() == 4401
    await client.aclose()


async def test_a_secret_in_the_url_opens_nothing(floor: Floor, web: Web) -> None:
    ticket = await _ticket(web, floor.owner)
    query = f"?token={floor.owner.token}&ticket={ticket}&sessionid={floor.owner.session}"
    _, code = await refusal(await connect(web.browser_url + query, origin=web.url))  # type: ignore[arg-type]
    assert code == 4401
    socket = await connect(web.program_url + query)
    client = StreamClient(socket)
    with pytest.raises(AssertionError):
        await client.message("welcome", timeout=0.5)
    await client.aclose()


# ── Tickets ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _ticket(web: Web, user: User) -> str:
    ticket: str = (await call(web, user, "POST", "stream/tickets/", {}))["ticket"]
    return ticket


async def _shows(web: Web, ticket: str) -> StreamClient:
    client = StreamClient(await open_socket(web, None, program=True))
    await client.say("auth", id="me", ticket=ticket)
    return client


async def _is_refused(web: Web, ticket: str) -> None:
    client = await _shows(web, ticket)
    error = await client.message("error")
    assert (error["id"], error["code"], error["field"]) == ("me", "forbidden", "ticket")
    assert await client.close_code() == 4401
    await client.aclose()


async def test_a_ticket_lets_in_once(floor: Floor, web: Web) -> None:
    ticket = await _ticket(web, floor.owner)
    client = await _shows(web, ticket)
    welcome = await client.message("welcome")
    assert (welcome["id"], welcome["user"]) == ("me", floor.owner.username)
    await client.ask("subscribe", "subscribed", source="mine", symbols=floor.symbols(range(3)))
    await client.until(lambda: len(client.rows) == 3)
    again = await client.ask("auth", "error", ticket=ticket)
    assert again["code"] == "forbidden"
    assert client.closed is None
    await client.aclose()
    await _is_refused(web, ticket)


async def test_one_ticket_shown_twice_at_once_lets_one_in(floor: Floor, web: Web) -> None:
    ticket = await _ticket(web, floor.owner)
    clients = await asyncio.gather(*(_shows(web, ticket) for _ in range(4)))
    for client in clients:
        await client.until(client.has_heard)
    first = [client.messages[0]["op"] for client in clients]
    assert sorted(first) == ["error", "error", "error", "welcome"]
    for client in clients:
        await client.aclose()


@pytest.mark.parametrize("ticket", ["x", "A" * 43, "é" * 43, "A" * 256])
async def test_an_unknown_ticket_is_refused(web: Web, ticket: str) -> None:
    await _is_refused(web, ticket)


async def test_an_expired_ticket_is_refused(floor: Floor, web: Web) -> None:
    ticket = await _ticket(web, floor.owner)
    key = f"stack:ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"
    with floor.redis() as redis:
        assert 0 < redis.ttl(key) <= 60
        redis.pexpire(key, 1)
    await asyncio.sleep(0.05)
    await _is_refused(web, ticket)


async def test_a_ticket_dies_with_its_token_and_its_user(floor: Floor, web: Web) -> None:
    user = floor.leaver
    tickets = [await _ticket(web, user), await _ticket(web, user)]
    change(floor.stack, "UPDATE accounts_apitoken SET expiry = '2020-01-01' WHERE user_id = ?", user.id)
    try:
        await _is_refused(web, tickets[0])
    finally:
        change(floor.stack, "UPDATE accounts_apitoken SET expiry = NULL WHERE user_id = ?", user.id)
    change(floor.stack, "UPDATE accounts_user SET is_active = 0 WHERE id = ?", user.id)
    try:
        await _is_refused(web, tickets[1])
    finally:
        change(floor.stack, "UPDATE accounts_user SET is_active = 1 WHERE id = ?", user.id)


async def test_who_says_nothing_is_sent_away_after_five_seconds(web: Web) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    _, code = await refusal(await open_socket(web, None, program=True))
    assert code == 4401
    assert 4.5 < loop.time() - began < 8


@pytest.mark.parametrize(
    "first",
    ['{"op":"subscribe","source":"a","symbols":[]}', "nonsense", '{"op":"auth"}', '{"op":"pong","n":0}', ""],
)
async def test_who_says_something_else_first_is_sent_away(web: Web, first: str) -> None:
    client = StreamClient(await open_socket(web, None, program=True))
    await client.socket.send(first)
    await client.message("error")
    assert await client.close_code() == 4401
    await client.aclose()


@pytest.mark.parametrize("path", ["ws/", "ws/stream", "ws/api/", "ws/stream/more/", "ws/stream/../api/x/"])
async def test_there_is_no_socket_elsewhere(floor: Floor, web: Web, path: str) -> None:
    headers = {"Cookie": f"sessionid={floor.owner.session}", "Authorization": f"Bearer {floor.owner.token}"}
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{web.port}/{path}", additional_headers=headers)
    assert refused.value.response.status_code == 403


async def test_no_secret_reaches_a_log(floor: Floor, web: Web) -> None:
    ticket = await _ticket(web, floor.owner)
    client = await _shows(web, ticket)
    await client.message("welcome")
    await client.aclose()
    await _is_refused(web, ticket)
    for program in (True, False):
        async with stream_client(web, floor.owner, program) as other:
            await other.message("welcome")
    log = web.process.log.read_text()
    for secret in (ticket, floor.owner.token, floor.owner.session):
        assert secret not in log
