"""What a client may say, and what it is told when it says something else; meanwhile nobody else notices."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from marketdata.stream.protocol import BEATS
from tests.path.client import StreamClient, open_socket, stream_client
from tests.path.stack import Web

from .conftest import MOVING, QUIET, Floor

pytestmark = pytest.mark.usefixtures("quiet_log")

# What is sent, the error's code, its field, and its id.
BAD: list[tuple[str, str, str | None, Any]] = [
    ("nonsense", "bad_json", None, None),
    ("", "bad_json", None, None),
    ('{"op":"ping"', "bad_json", None, None),
    ('{"op":"ping"} {"op":"ping"}', "bad_json", None, None),
    ('{"op":"ping","id":NaN}', "bad_json", None, None),
    ("\ufeff{}", "bad_json", None, None),
    ("[" * 10_000 + "]" * 10_000, "bad_message", None, None),
    ('{"op":"ping","deep":' + "[" * 10_000 + "]" * 10_000 + "}", "bad_json", None, None),
    ('{"op":"ping","deep":' + '{"a":' * 10_000 + "1" + "}" * 10_001, "bad_json", None, None),
    ("[]", "bad_message", None, None),
    ("null", "bad_message", None, None),
    ("17", "bad_message", None, None),
    ('"ping"', "bad_message", None, None),
    ("{}", "bad_message", "op", None),
    ('{"op":1}', "bad_message", "op", None),
    ('{"op":"","id":5}', "unknown_op", "op", 5),
    ('{"op":"PING","id":"x"}', "unknown_op", "op", "x"),
    ('{"op":"' + "p" * 10_000 + '"}', "unknown_op", "op", None),
    ('{"op":"ping","id":5,"extra":1}', "bad_message", "extra", 5),
    ('{"op":"subscribe","id":5}', "bad_message", "source", 5),
    ('{"op":"subscribe","id":5,"source":"a"}', "bad_message", "symbols", 5),
    ('{"op":"subscribe","id":5,"source":"a","symbols":[],"watchlist":1}', "bad_message", "symbols", 5),
    ('{"op":"subscribe","id":5,"source":7,"symbols":[]}', "bad_message", "source", 5),
    ('{"op":"subscribe","id":5,"source":"","symbols":[]}', "bad_message", "source", 5),
    ('{"op":"subscribe","id":5,"source":"a","symbols":"A"}', "bad_message", "symbols", 5),
    ('{"op":"subscribe","id":5,"source":"a","symbols":[1]}', "bad_message", "symbols[0]", 5),
    ('{"op":"subscribe","id":5,"source":"a","watchlist":"1"}', "forbidden", "watchlist", 5),
    ('{"op":"subscribe","id":5,"source":"a","watchlist":0}', "bad_message", "watchlist", 5),
    ('{"op":"subscribe","id":5,"source":"a","symbols":[],"replace":1}', "bad_message", "replace", 5),
    ('{"op":"subscribe","id":5,"source":"a","chain":{}}', "bad_message", "chain.underlying", 5),
    ('{"op":"subscribe","id":5,"source":"a","chain":{"underlying":"A","expiry":1}}', "bad_message", "chain.expiry", 5),
    ('{"op":"unsubscribe","id":5}', "bad_message", "source", 5),
    ('{"op":"unsubscribe","id":5,"source":"a","all":true}', "bad_message", "source", 5),
    ('{"op":"unsubscribe","id":5,"source":"never"}', "bad_message", "source", 5),
    ('{"op":"configure","id":5}', "bad_message", "interval_ms", 5),
    ('{"op":"configure","id":5,"interval_ms":-1}', "bad_message", "interval_ms", 5),
    ('{"op":"configure","id":5,"interval_ms":1.5}', "bad_message", "interval_ms", 5),
    ('{"op":"configure","id":5,"interval_ms":1e400}', "bad_message", "interval_ms", 5),
    ('{"op":"pong","id":5,"n":99999999}', "bad_message", "n", 5),
    ('{"op":"pong","id":5,"n":-1}', "bad_message", "n", 5),
    ('{"op":"ping","id":1.5}', "bad_message", "id", None),
    ('{"op":"ping","id":true}', "bad_message", "id", None),
    ('{"op":"ping","id":[1]}', "bad_message", "id", None),
    ('{"op":"ping","id":"' + "x" * 65 + '"}', "bad_message", "id", None),
    ('{"op":"ping","id":9007199254740993}', "bad_message", "id", None),
    ('{"op":"ping","id":' + "9" * 400 + "}", "bad_message", "id", None),
    ('{"op":"auth","id":5,"ticket":"x"}', "forbidden", "op", 5),
]


def more_frames(client: StreamClient) -> Callable[[], bool]:
    before = client.frames
    return lambda: client.frames > before


def shows(client: StreamClient, instrument: int, bid: float) -> Callable[[], bool]:
    return lambda: bool(client.rows[instrument][4] == bid)


async def test_each_bad_message_gets_its_error_and_costs_nothing_else(
    floor: Floor, web: Web, bystander: StreamClient
) -> None:
    for start in range(0, len(BAD), 25):  # within the limit on messages
        async with stream_client(web, floor.owner) as client:
            await client.ask("subscribe", "subscribed", source="mine", symbols=floor.symbols(MOVING))
            for sent, code, field, message_id in BAD[start : start + 25]:
                await client.socket.send(sent)
                error = await client.message("error")
                told = (error["code"], error["field"], error["id"])
                assert told == (code, field, message_id), (sent[:100], error)
                assert 0 < len(error["message"]) < 400
                await client.ask("ping", "pong", id=sent[:64])
            await client.until(more_frames(client))


async def test_a_binary_frame_is_not_read(client: StreamClient, bystander: StreamClient) -> None:
    for payload in (b"", b'{"op":"ping"}', bytes(range(256)) * 100):
        await client.socket.send(payload)
        error = await client.message("error")
        assert (error["code"], error["message"]) == ("bad_message", "only text frames are read here")
    await client.ask("ping", "pong")


async def test_a_message_in_fragments_is_one_message(client: StreamClient) -> None:
    await client.socket.send(['{"op":"pi', 'ng","id"', ":77}"])
    assert (await client.message("pong"))["id"] == 77


@pytest.mark.parametrize("size", [65_537, 70_000, 300_000])
async def test_a_message_too_large_closes_with_1009(client: StreamClient, bystander: StreamClient, size: int) -> None:
    await client.socket.send('{"op":"ping","x":"' + "y" * size + '"}')
    assert await client.close_code() == 1009


async def test_a_message_too_large_in_fragments_closes_too(client: StreamClient, bystander: StreamClient) -> None:
    async def fragments() -> AsyncIterator[str]:
        for fragment in ("y" * 20_000, "y" * 20_000, "y" * 30_000):
            yield fragment
            await asyncio.sleep(0.05)  # read before the next: what is left unread may reset the connection

    with contextlib.suppress(ConnectionClosed):  # uvicorn closes while the last fragment is on its way
        await client.socket.send(fragments())
    assert await client.close_code() == 1009


async def test_a_message_too_large_in_characters_of_four_bytes_closes_too(client: StreamClient) -> None:
    await client.socket.send(json.dumps({"op": "ping", "x": "\N{GRINNING FACE}" * 17_000}, ensure_ascii=False))
    assert await client.close_code() == 1009


async def test_the_largest_message_is_read(client: StreamClient) -> None:
    text = '{"op":"ping","x":"' + "y" * 65_516 + '"}'
    assert len(text) == 65_536
    await client.socket.send(text)
    assert (await client.message("error"))["field"] == "x"


async def test_too_large_a_message_before_signing_in_closes_too(web: Web, bystander: StreamClient) -> None:
    client = StreamClient(await open_socket(web, None, program=True))
    await client.socket.send('{"op":"auth","ticket":"' + "y" * 70_000 + '"}')
    assert await client.close_code() == 1009
    await client.aclose()


async def test_too_many_messages_are_refused_until_the_time_said(client: StreamClient, bystander: StreamClient) -> None:
    for number in range(61):
        await client.say("ping", id=number)
    error = await client.message("error")
    assert (error["code"], error["id"], error["limit"]) == ("too_many_messages", 60, 60)
    assert 0 < error["retry_after_ms"] <= 10_000
    assert len([message for message in client.messages if message["op"] == "pong"]) == 60
    assert client.closed is None


async def test_a_flood_closes_the_socket(client: StreamClient, bystander: StreamClient) -> None:
    await _flood(client.socket, '{"op":"ping"}')
    closing = await client.message("closing")
    assert (closing["code"], await client.close_code()) == (4429, 4429)
    assert 0 < closing["reconnect_ms"] <= 10_000


@pytest.mark.parametrize("text", ["nonsense", '{"op":"pong","n":9999}'])
async def test_a_flood_of_what_has_to_be_refused_closes_it_too(
    client: StreamClient, bystander: StreamClient, text: str
) -> None:
    await _flood(client.socket, text)
    assert await client.close_code() == 4429


async def _flood(socket: ClientConnection, text: str) -> None:
    with contextlib.suppress(ConnectionClosed, OSError):
        for _ in range(400):
            await socket.send(text)


async def test_pongs_are_free(client: StreamClient) -> None:
    for _ in range(400):
        await client.say("pong", n=0)
    await client.ask("ping", "pong")
    assert client.messages == []


async def test_a_pong_to_a_ping_tells_the_time(client: StreamClient) -> None:
    loop = asyncio.get_running_loop()
    offset = time.time() - loop.time()
    before = loop.time() + offset
    pong = await client.ask("ping", "pong", id="t")
    assert before * 1000 - 1 <= pong["time_ms"] <= (loop.time() + offset) * 1000 + 1
    assert pong["id"] == "t"


@pytest.mark.parametrize("code", [b"\xff\xfe", b'{"op":"ping","id":"\xc3\x28"}', b"\xed\xa0\x80"])
async def test_text_that_is_not_utf_8_closes_with_1007(
    floor: Floor, web: Web, bystander: StreamClient, quiet_log: Callable[[], str], code: bytes
) -> None:
    async with stream_client(web, floor.owner) as client:
        await client.message("welcome")
        await client.socket.send(code, text=True)
        assert await client.close_code() == 1007


# ── Beats ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("asked", [0, 1, 50, 51, 100, 250, 251, 500, 1000, 1001, 3_600_000])
async def test_a_beat_between_two_is_the_slower_one(client: StreamClient, asked: int) -> None:
    answer = await client.ask("configure", "configured", id="b", interval_ms=asked)
    got = next((beat for beat in BEATS if beat >= asked), 1000)
    assert (answer["id"], answer["interval_ms"], answer["requested_ms"]) == ("b", got, asked)
    assert (answer["reason"] is None) == (asked == got)


async def test_frames_keep_the_beat(floor: Floor, web: Web) -> None:
    """All beats side by side, each of rows that change a hundred times a second."""
    beats = [beat for beat in BEATS if beat]
    clients: list[StreamClient] = []
    async with contextlib.AsyncExitStack() as stack:
        for beat in beats:
            client = await stack.enter_async_context(stream_client(web, floor.owner))
            await client.ask("configure", "configured", interval_ms=beat)
            await client.ask("subscribe", "subscribed", source="mine", symbols=floor.symbols(MOVING))
            clients.append(client)
        await asyncio.sleep(1.1)
        before = [client.frames for client in clients]
        await asyncio.sleep(3)
        counted = [client.frames - start for client, start in zip(clients, before, strict=True)]
    for beat, frames in zip(beats, counted, strict=True):
        due = 3_000 / beat
        assert 0.4 * due - 1 <= frames <= due + 2, (beat, frames)


async def test_beat_nought_shows_each_turn(floor: Floor, web: Web) -> None:
    async with stream_client(web, floor.owner) as client:
        await client.ask("configure", "configured", interval_ms=0)
        await client.ask("subscribe", "subscribed", source="mine", symbols=floor.symbols(MOVING))
        await client.until(lambda: client.frames > 3)
        before = client.frames
        await asyncio.sleep(2)
        # Quotes come in batches of one to three, two hundred turns a second.
        assert client.frames - before > 40


async def test_a_quiet_connection_gets_its_first_change_at_once(floor: Floor, web: Web) -> None:
    loop = asyncio.get_running_loop()
    async with stream_client(web, floor.owner) as client:
        await client.ask("configure", "configured", interval_ms=1_000)
        await client.ask("subscribe", "subscribed", source="mine", symbols=floor.symbols(QUIET))
        await client.message("snapshot")
        waits = []
        for number in range(4):
            await asyncio.sleep(1.1 + 0.21 * number)  # quiet for a beat, and at another place of it each time
            began, bid = loop.time(), 20 + number
            floor.quote(QUIET, bid=bid)
            await client.until(shows(client, floor.ids(QUIET)[0], bid))
            waits.append(loop.time() - began)
        assert sorted(waits)[1] < 0.2, waits
