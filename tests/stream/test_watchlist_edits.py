"""A watchlist that is edited anywhere changes every source that shows it, unasked."""

import asyncio
import json
import urllib.request
from typing import Any

from tests.path.client import StreamClient
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
