"""`up --feed deribit`, whole: with a local venue that speaks its protocol, and with none."""

import asyncio
import contextlib
import datetime as dt
import json
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from marketdata.symbols import OptionName, format_deribit, parse_deribit
from tests.feeds.deribit_frames import ticker_data
from tests.feeds.deribit_recording import Recording, entry_of, now_ms
from tests.feeds.deribit_server import DeribitServer
from tests.valkey import free_port

from .running_up import WHOLE, RunningUp

pytestmark = pytest.mark.timeout(400)

SPOT = 90_000.0
STRIKES = [60_000.0 + 3_000 * step for step in range(21)]
# A whole start on two cores was measured to take 41 s among a dozen busy processes.
SOON_S = 120.0


def market() -> Recording:
    """BTC calls and puts from 60,000 to 120,000 that expire in 3, 9 and 40 days, around a price of 90,000."""
    today = dt.datetime.now(dt.UTC).date()
    names = [
        format_deribit(OptionName("BTC", today + dt.timedelta(days), right, strike))
        for days in (3, 9, 40)
        for strike in STRIKES
        for right in ("C", "P")
    ]
    frames = [(0.0, 2.0, ticker_data(name, index_price=SPOT, underlying_price=SPOT)) for name in names]
    return Recording({name: entry_of(name) for name in names}, frames)


async def quote(server: DeribitServer) -> None:
    """The index, and a ticker of every option, over and over."""
    while True:
        await server.say("deribit_price_index.btc_usd", {"index_name": "btc_usd", "timestamp": now_ms(), "price": SPOT})
        await server.play(speed=1)
        await asyncio.sleep(0.3)


@contextlib.asynccontextmanager
async def quoting(server: DeribitServer) -> AsyncIterator[None]:
    async with server:
        task = asyncio.create_task(quote(server))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def running(directory: Path, url: str) -> AsyncIterator[RunningUp]:
    extra = {"STRIKEWIRE_DERIBIT_URL": url, "STRIKEWIRE_DERIBIT_CURRENCIES": "BTC"}
    up = RunningUp(directory, "--feed", "deribit", command=WHOLE, **extra)
    try:
        yield up
        up.process.terminate()
        assert await asyncio.to_thread(up.process.wait, 10) == 0
    finally:
        await asyncio.to_thread(up.end)


async def said(up: RunningUp, part: str) -> str:
    return await asyncio.to_thread(up.wait_for, part, SOON_S)


async def ask(up: RunningUp, path: str) -> Any:
    """What REST answers to the token that `up` printed."""
    url, token = [(await said(up, f"{word}: ")).partition(": ")[2] for word in ("url", "token")]
    request = urllib.request.Request(f"{url}api/v1/{path}", headers={"Authorization": f"Bearer {token}"})

    def answer() -> Any:
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    return await asyncio.to_thread(answer)


async def eventually(holds: Callable[[Any], bool], up: RunningUp, path: str) -> Any:
    """The first answer that holds."""
    async with asyncio.timeout(SOON_S):
        while not holds(answer := await ask(up, path)):
            await asyncio.sleep(0.2)
    return answer


async def test_it_covers_two_weeks_near_the_money_and_shows_an_example_of_them(short_path: Path) -> None:
    async with quoting(server := DeribitServer(market())), running(short_path, server.url) as up:
        lists = await eventually(lambda answer: bool(answer["results"]), up, "watchlists/")
        (example,) = lists["results"]
        assert example["name"] == "Deribit"
        assert {entry["feed"] for entry in example["entries"]} == {"deribit"}
        index, *contracts = [entry["symbol"] for entry in example["entries"]]
        assert index == "BTC"
        shown = [parse_deribit(symbol) for symbol in contracts]
        today = dt.datetime.now(dt.UTC).date()
        assert [(option.expiry - today).days for option in shown] == [3] * 4 + [9] * 2
        assert all(abs(option.strike - SPOT) <= 3_000 for option in shown)

        tickers = {channel.split(".")[1] for channel in server.channels if channel.startswith("ticker.")}
        covered = [parse_deribit(name) for name in tickers]
        assert {(option.expiry - today).days for option in covered} == {3, 9}
        assert {option.strike for option in covered} == {strike for strike in STRIKES if abs(strike - SPOT) <= 9_000}
        await said(up, "feed deribit (ok)")


async def test_a_venue_that_cannot_be_reached_is_told_once_and_why_and_that_it_is_back(short_path: Path) -> None:
    server = DeribitServer(market(), free_port())
    log = short_path / "var" / "log" / "ingest.log"
    async with running(short_path, server.url) as up:
        down = await said(up, "feed deribit is down")
        assert f"no connection to {server.url}: " in down
        assert "manage.py feed_doctor deribit" in await said(up, "tried again by itself")
        async with asyncio.timeout(SOON_S):
            while log.read_text().count("trying again") < 3:
                await asyncio.sleep(0.1)
        await said(up, "feed deribit (down)")
        assert len([line for line in up.lines if "is down" in line]) == 1
        assert not [line for line in up.lines if "WARNING" in line]
        assert (await ask(up, "watchlists/"))["results"] == []
        async with quoting(server):
            await said(up, "feed deribit is back")
            await eventually(lambda answer: bool(answer["results"]), up, "watchlists/")
