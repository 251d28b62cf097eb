"""A watchlist that is edited anywhere changes every source that shows it, unasked."""

import asyncio
import contextlib
import json
import urllib.error
import urllib.request
from typing import Any

from tests.path.client import StreamClient, stream_client
from tests.path.stack import User, Web

from .conftest import QUIET, Floor


async def call(web: Web, user: User, method: str, path: str, body: Any = None) -> Any:
    """A REST call with the user's token; its JSON, or None."""

    def send() -> Any:
        headers = {"Authorization": f"Bearer {user.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{web.url}/api/v1/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            text = response.read()
        return json.loads(text) if text else None

    return await asyncio.to_thread(send)


async def test_an_edit_tells_what_came_and_what_went(floor: Floor, web: Web, client: StreamClient) -> None:
    symbols, ids = floor.symbols(QUIET), floor.ids(QUIET)
    made = await call(web, floor.owner, "POST", "watchlists/", {"name": "Edited"})
    path = f"watchlists/{made['id']}/"
    try:
        answer = await client.ask("subscribe", "subscribed", source="list", watchlist=made["id"])
        assert answer["total"] == 0
        await client.message("snapshot")
        await call(web, floor.owner, "POST", f"{path}entries/", {"symbol": symbols[0]})
        told = await client.message("subscribed")
        assert (told["cause"], told["source"], list(told["added"])) == ("edited", "list", symbols[:1])
        assert [row[0] for row in (await client.message("snapshot"))["rows"]] == ids[:1]
        # One edit that adds and removes: only what is new is sent again.
        await call(web, floor.owner, "PUT", f"{path}entries/", {"symbols": symbols[1:3]})
        told = await client.message("subscribed")
        assert list(told["added"]) == symbols[1:3]
        assert [one["id"] for one in told["removed"]] == ids[:1]
        assert [row[0] for row in (await client.message("snapshot"))["rows"]] == ids[1:3]
        # Another's edit of another list is no news.
        await call(web, floor.stranger, "PATCH", f"watchlists/{floor.stranger.watchlist}/", {"position": 1})
    finally:
        await call(web, floor.owner, "DELETE", path)
    told = await client.message("subscribed")
    assert (told["cause"], told["total"], told["added"]) == ("edited", 0, {})
    assert [one["id"] for one in told["removed"]] == ids[1:3]
    assert not [message for message in client.messages if message["op"] == "subscribed"]


async def test_a_source_that_left_the_watchlist_hears_no_more_of_it(
    floor: Floor, web: Web, client: StreamClient
) -> None:
    made = await call(web, floor.owner, "POST", "watchlists/", {"name": "Left"})
    try:
        for name in ("a", "b", "c"):
            await client.ask("subscribe", "subscribed", source=name, watchlist=made["id"])
        await client.ask("unsubscribe", "subscribed", source="a")
        symbols = floor.symbols(QUIET)
        await client.ask("subscribe", "subscribed", source="b", symbols=symbols[5:6], replace=True)
        await call(web, floor.owner, "POST", f"watchlists/{made['id']}/entries/", {"symbol": symbols[0]})
        told = await client.message("subscribed")
        assert (told["source"], told["total"]) == ("c", 2)
        await client.ask("ping", "pong")
        assert not [message for message in client.messages if message["op"] == "subscribed"]
    finally:
        await call(web, floor.owner, "DELETE", f"watchlists/{made['id']}/")


async def test_what_changes_no_instrument_is_told_too(floor: Floor, web: Web, client: StreamClient) -> None:
    symbols = floor.symbols(QUIET)
    made = await call(web, floor.owner, "POST", "watchlists/", {"name": "Sections"})
    path = f"watchlists/{made['id']}/"
    try:
        await call(web, floor.owner, "PUT", f"{path}entries/", {"symbols": symbols[:2]})
        await client.ask("subscribe", "subscribed", source="list", watchlist=made["id"])
        section = await call(web, floor.owner, "POST", f"{path}sections/", {"name": "Banks", "position": 1})
        items = (await call(web, floor.owner, "GET", path))["items"]
        order = [{"kind": one["kind"], "id": one["id"]} for one in reversed(items)]
        for method, address, body in (
            (None, None, None),
            ("PATCH", f"{path}sections/{section['id']}/", {"name": "Bonds"}),
            ("PUT", f"{path}items/", {"items": order}),
            ("PATCH", path, {"name": "Another name"}),
            ("DELETE", f"{path}sections/{section['id']}/", None),
        ):
            if method is not None:
                await call(web, floor.owner, method, str(address), body)
            told = await client.message("subscribed")
            assert (told["cause"], told["added"], told["removed"], told["total"]) == ("edited", {}, [], 2)
            await client.message("watchlists")
        # A list that no source follows: the user's pages show it in their own way.
        other = await call(web, floor.owner, "POST", "watchlists/", {"name": "Elsewhere"})
        await client.message("watchlists")
        await call(web, floor.owner, "DELETE", f"watchlists/{other['id']}/")
        await client.message("watchlists")
        await call(web, floor.stranger, "PATCH", f"watchlists/{floor.stranger.watchlist}/", {"position": 1})
        await client.ask("ping", "pong")
        assert not [one for one in client.messages if one["op"] in ("subscribed", "watchlists")]
    finally:
        await call(web, floor.owner, "DELETE", path)


async def test_a_reader_of_a_shared_list_follows_it_until_it_is_withdrawn(
    floor: Floor, web: Web, client: StreamClient
) -> None:
    """The client is the owner; the reader another user."""
    symbols, ids = floor.symbols(QUIET), floor.ids(QUIET)
    made = await call(web, floor.owner, "POST", "watchlists/", {"name": "Shared"})
    path = f"watchlists/{made['id']}/"
    try:
        await call(web, floor.owner, "PUT", f"{path}entries/", {"symbols": symbols[:2]})
        key = (await call(web, floor.owner, "POST", f"{path}share/"))["share_key"]
        async with stream_client(web, floor.stranger) as reader:
            await reader.message("welcome")
            # The id is another's, which reads as absent; so does a key that is none.
            for watchlist in (made["id"], "x" * 43, "x"):
                error = await reader.ask("subscribe", "error", source="theirs", watchlist=watchlist)
                assert (error["code"], error["field"]) == ("forbidden", "watchlist")
            error = await reader.ask("subscribe", "error", source="theirs", watchlist="")
            assert (error["code"], error["field"]) == ("bad_message", "watchlist")
            told = await reader.ask("subscribe", "subscribed", source="theirs", watchlist=key)
            assert list(told["added"]) == symbols[:2]
            assert [row[0] for row in (await reader.message("snapshot"))["rows"]] == ids[:2]
            await call(web, floor.owner, "PUT", f"{path}entries/", {"symbols": symbols[1:3]})
            told = await reader.message("subscribed")
            assert (told["cause"], list(told["added"])) == ("edited", symbols[2:3])
            assert [one["id"] for one in told["removed"]] == ids[:1]
            await call(web, floor.owner, "DELETE", f"{path}share/")
            told = await reader.message("subscribed")
            assert (told["cause"], told["added"], told["total"]) == ("forbidden", {}, 0)
            assert [(one["id"], one["code"]) for one in told["removed"]] == [(one, "forbidden") for one in ids[1:3]]
            # From now on it is none of the reader's business, however it is shared.
            await call(web, floor.owner, "PUT", f"{path}entries/", {"symbols": symbols[:5]})
            again = (await call(web, floor.owner, "POST", f"{path}share/"))["share_key"]
            error = await reader.ask("subscribe", "error", source="theirs", watchlist=key)
            assert error["code"] == "forbidden"
            assert not [one for one in reader.messages if one["op"] in ("subscribed", "watchlists")]
            # By the new key it comes back; the owner deletes the list, and that reads the same.
            told = await reader.ask("subscribe", "subscribed", source="theirs", watchlist=again)
            assert told["total"] == 5
            await call(web, floor.owner, "DELETE", path)
            told = await reader.message("subscribed")
            assert (told["cause"], told["total"]) == ("forbidden", 0)
    finally:
        with contextlib.suppress(urllib.error.HTTPError):
            await call(web, floor.owner, "DELETE", path)
