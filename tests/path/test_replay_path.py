"""A recorded venue, all the way: the capture goes through ingest, Redis and a web process to a client's socket, and what
the client holds at the end is the file's last frame of each option, column by column.
"""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from marketdata.rows import FIELDS, TERM

from .client import StreamClient, stream_client
from .stack import Stack

FIXTURE = Path(__file__).parent.parent / "fixtures" / "deribit" / "capture.txt"
SPEED = "20"
# In the fixture on purpose: no calendar has its day, so it is no instrument.
NOT_A_NAME = "BTC-99FOO27-90000-C"


class Recorded(NamedTuple):
    """What a raw capture says, read without any code of the feed: how many tickers, and the last one of each option."""

    tickers: dict[str, int]
    last: dict[str, tuple[float, dict[str, Any]]]


def recorded(path: Path) -> Recorded:
    tickers: dict[str, int] = {}
    last: dict[str, tuple[float, dict[str, Any]]] = {}
    for line in path.read_bytes().splitlines():
        stamp, _, text = line.partition(b": ")
        try:
            message = json.loads(text)
            channel, data = message["params"]["channel"], message["params"]["data"]
            received = round(float(stamp) * 1000, 3)
        except (ValueError, KeyError, TypeError):
            continue
        if channel.startswith("ticker.") and NOT_A_NAME not in channel and _is_whole(data):
            name = data["instrument_name"]
            tickers[name] = tickers.get(name, 0) + 1
            last[name] = (received, data)
    return Recorded(tickers, last)


def _is_whole(data: dict[str, Any]) -> bool:
    """The fixture holds damaged tickers on purpose, which are passed over."""
    needed = ("instrument_name", "timestamp", "best_bid_price", "best_ask_price", "mark_price", "greeks")
    if not all(name in data for name in needed):
        return False
    numbers = [value for value in data.values() if isinstance(value, float)]
    sizes = (data["best_bid_amount"], data["best_ask_amount"])
    return all(number == number for number in numbers) and all(size >= 0 for size in sizes)


def expected_row(received_ms: float, data: dict[str, Any]) -> dict[str, Any]:
    """A ticker's row by column, after the venue's documentation: implied volatilities in percent, a price of 0 for a side
    without quotes, coin prices."""

    def fraction(percent: float) -> float | None:
        return float(Decimal(repr(percent)) / 100) if percent else None

    def side(which: str) -> tuple[float | None, float | None]:
        price, amount = data[f"best_{which}_price"], data[f"best_{which}_amount"]
        return (price, amount) if price or amount else (None, None)

    (bid, bid_size), (ask, ask_size) = side("bid"), side("ask")
    greeks = data["greeks"]
    crossed = 1 if bid is not None and ask is not None and bid > ask else 0
    return {
        "venue_time_ms": data["timestamp"],
        "lag_ms": pytest.approx(received_ms - data["timestamp"], abs=0.002),
        "bid": bid,
        "ask": ask,
        "bid_size": bid_size,
        "ask_size": ask_size,
        "last": data["last_price"],
        "last_size": None,
        "last_time_ms": None,
        "volume": None,
        "open_interest": data["open_interest"],
        "mark": data["mark_price"],
        "underlying_price": data["underlying_price"],
        "reference_price": None,
        "implied_volatility": fraction(data["mark_iv"]),
        "bid_iv": fraction(data["bid_iv"]),
        "ask_iv": fraction(data["ask_iv"]),
        **{name: greeks[name] for name in ("delta", "gamma", "theta", "vega", "rho")},
        "flags": crossed
        + (2 if bid is None else 0)
        + (4 if ask is None else 0)
        + (16 if data.get("state", "open") != "open" else 0),
    }


@pytest.fixture
def sample() -> Path:
    folder = os.environ.get("STRIKEWIRE_SAMPLE_DATA")
    if not folder:
        pytest.skip("STRIKEWIRE_SAMPLE_DATA is not set")
    return Path(folder) / "deribit" / "ws_capture_2021-07-22.txt"


@pytest.fixture
def replaying(request: pytest.FixtureRequest) -> Iterator[tuple[Stack, Recorded]]:
    """A stack on the capture that the test asked for by its own fixture `capture`."""
    capture: Path = request.getfixturevalue(request.param) if isinstance(request.param, str) else request.param
    directory = Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp"))
    replay = {
        "STRIKEWIRE_REPLAY_FILE": str(capture),
        "STRIKEWIRE_REPLAY_SPEED": SPEED,
        "STRIKEWIRE_REPLAY_LOOP": "0",
    }
    try:
        with Stack(directory, symbols=1, user_count=1, extra=replay) as stack:
            yield stack, recorded(capture)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def play(stack: Stack, names: list[str], enough: dict[str, int]) -> tuple[StreamClient, dict[str, int]]:
    """Runs the replay with a client on all options; returns it, closed, when it holds the last ticker of each."""
    web = stack.start_web()
    stack.start("ingest", "manage.py", "ingest_feed", "replay")
    async with stream_client(web, stack.users[0], program=True) as client:
        await client.message("welcome")
        ids: dict[str, int] = {}
        async with asyncio.timeout(30):
            while len(ids) < len(names):
                answer = await client.ask("subscribe", "subscribed", source="all", symbols=names, replace=True)
                ids.update({facts["symbol"]: facts["id"] for facts in answer["added"].values()})
                await asyncio.sleep(0.2)

        def counts() -> dict[str, int]:
            return {name: client.rows.get(i, [0, 0])[1] % TERM for name, i in ids.items()}

        await client.until(lambda: counts() == enough, timeout=40)
        await asyncio.sleep(1)  # a row too many would show
        assert counts() == enough
    return client, ids


@pytest.mark.parametrize("replaying", [FIXTURE, "sample"], indirect=True, ids=["fixture", "recorded"])
async def test_a_client_ends_on_the_last_frame_of_every_option(replaying: tuple[Stack, Recorded]) -> None:
    stack, said = replaying
    names = sorted(said.last)
    client, ids = await play(stack, names, said.tickers)
    for name in names:
        row = dict(zip(FIELDS, client.rows[ids[name]], strict=False))
        expected = expected_row(*said.last[name])
        assert {
            column: row.get(column) if column != "flags" else row.get(column) or 0 for column in expected
        } == expected


def test_the_recorded_capture_has_the_tickers_that_it_is_known_for(sample: Path) -> None:
    said = recorded(sample)
    assert (sum(said.tickers.values()), len(said.tickers)) == (89, 10)
