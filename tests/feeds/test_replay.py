"""A capture played again: what comes out, when, and on which clock."""

import asyncio
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marketdata import greeks
from marketdata.facts import InstrumentFacts
from marketdata.feeds import registry
from marketdata.feeds.base import Batch, FeedClock, PermanentFeedError
from marketdata.feeds.replay.capture import CaptureWriter
from marketdata.feeds.replay.formats import recognised
from marketdata.feeds.replay.player import PAUSE_S, Player
from marketdata.quotes import STALE_AT_VENUE, Quote

from .deribit_frames import OPTION, TIME_MS, ticker
from .fake_time import START_MS, FakeTime, quotes_of, read

FIXTURE = Path(__file__).parent.parent / "fixtures" / "deribit" / "capture.txt"


def player(path: Path, speed: float = 0, *, loop: bool = False, clock: FakeTime | None = None) -> Player:
    time = clock or FakeTime()
    return Player(recognised(path), speed, loop=loop, now_ms=time.now_ms, sleep=time.sleep)


def written(folder: Path, *messages: tuple[float, str]) -> Path:
    path = folder / "capture.jsonl"
    with CaptureWriter(path, "deribit", messages[0][0]) as writer:
        for received_ms, text in messages:
            writer.write(received_ms, text)
    return path


async def one_pass(path: Path, speed: float = 0) -> list[Batch]:
    """All batches of one pass, by letting the replay begin again."""
    feed = player(path, speed, loop=True)
    return (await read(feed, lambda batches: batches[-1].restarted))[:-1]


# ── What is played ────────────────────────────────────────────────────────────────────────────────────────────────────


def expected(data: dict[str, Any], received_ms: float) -> Quote:
    """A ticker's row worked out from the raw JSON, without the parser."""

    def fraction(percent: float) -> float | None:
        return float(f"{percent:.2f}".replace(".", "") + "e-4") if percent else None

    def side(which: str) -> tuple[float | None, float | None]:
        price, amount = data[f"best_{which}_price"], data[f"best_{which}_amount"]
        return (price, amount) if price or amount else (None, None)

    (bid, bid_size), (ask, ask_size) = side("bid"), side("ask")
    return Quote(
        symbol=data["instrument_name"],
        received_ms=received_ms,
        venue_time_ms=data["timestamp"],
        bid=bid,
        ask=ask,
        bid_size=bid_size,
        ask_size=ask_size,
        last=data["last_price"],
        open_interest=data["open_interest"],
        mark=data["mark_price"],
        underlying_price=data["underlying_price"],
        implied_volatility=fraction(data["mark_iv"]),
        bid_iv=fraction(data["bid_iv"]),
        ask_iv=fraction(data["ask_iv"]),
        flags=0 if data["state"] == "open" else STALE_AT_VENUE,
        **data["greeks"],
    )


def tickers(path: Path) -> list[Quote]:
    """Every whole ticker of a raw capture, in order."""
    found = []
    for line in path.read_bytes().split(b"\n"):
        at, _, text = line.partition(b": ")
        try:
            message = json.loads(text)
            channel, data = message["params"]["channel"], message["params"]["data"]
            if channel.startswith("ticker."):
                found.append(expected(data, round(float(at) * 1000, 3)))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def assert_last_rows_are_the_files(quotes: list[Quote], of_file: list[Quote], options: int) -> None:
    last = {one.symbol: one for one in quotes}
    wanted = {one.symbol: one for one in of_file}
    assert len(wanted) == options
    for symbol, row in wanted.items():
        for column in Quote.__struct_fields__:
            assert getattr(last[symbol], column) == getattr(row, column), (symbol, column)


async def test_the_fixtures_tickers_all_come_and_the_last_are_the_files() -> None:
    """The twin of the recorded capture's test, on invented numbers: the damaged and the impossible are in the file too,
    and do not come."""
    batches = await one_pass(FIXTURE)
    quotes = quotes_of(batches)
    whole = [
        one
        for one in tickers(FIXTURE)
        if "FOO" not in one.symbol and one.bid_size == one.bid_size and (one.ask_size or 0) >= 0
    ]
    assert len(whole) == 26
    assert [one for one in quotes if one.symbol.count("-") == 3] == whole
    assert_last_rows_are_the_files(quotes, whole, options=4)
    assert any(one.bid is not None and one.ask is not None and one.bid > one.ask for one in whole)
    rejected = [one for batch in batches for one in batch.rejected]
    assert len(rejected) == 8
    for reason in ("truncated", "malformed", "-4.0 is negative", "`greeks`", "BTC-99FOO27", "recorder", "`array`"):
        assert any(reason in one.reason for one in rejected), reason
    assert [trade.price for batch in batches for trade in batch.trades] == [0.0455, 0.046]


async def test_the_recorded_capture_is_replayed_whole() -> None:
    folder = os.environ.get("STRIKEWIRE_SAMPLE_DATA")
    if not folder:
        pytest.skip("STRIKEWIRE_SAMPLE_DATA is not set")
    path = Path(folder) / "deribit" / "ws_capture_2021-07-22.txt"
    batches = await one_pass(path)
    quotes = quotes_of(batches)
    of_file = tickers(path)
    assert len(of_file) == 89
    assert [one for one in quotes if one.symbol.count("-") == 3] == of_file
    assert_last_rows_are_the_files(quotes, of_file, options=10)
    assert {one.symbol for one in quotes if one.symbol.count("-") != 3} == {"BTC", "ETH"}
    assert [one for batch in batches for one in batch.rejected] == []


async def test_deribits_greeks_are_ours() -> None:
    """Black-76 on the underlying's price without interest, to Deribit's rounding: five decimals, volatility to 0.01
    points."""
    folder = os.environ.get("STRIKEWIRE_SAMPLE_DATA")
    if not folder:
        pytest.skip("STRIKEWIRE_SAMPLE_DATA is not set")
    path = Path(folder) / "deribit" / "ws_capture_2021-07-22.txt"
    feed = player(path)
    facts = {one.symbol: one for one in await feed.instruments()}
    quotes = [one for one in quotes_of(await one_pass(path)) if one.symbol.count("-") == 3]

    def column(name: str) -> greeks.Array:
        return np.array([np.nan if (value := getattr(one, name)) is None else value for one in quotes], dtype=float)

    def fact(name: str) -> Any:
        return np.array([getattr(facts[one.symbol], name) for one in quotes])

    call, strike = fact("right") == "C", fact("strike")
    years = greeks.years_between(column("venue_time_ms"), fact("expires_ms"))
    forward, volatility = column("underlying_price"), column("implied_volatility")
    ours = greeks.greeks(call, forward, strike, years, volatility)
    assert np.abs(ours.delta - column("delta")).max() < 1.1e-5
    assert np.abs(ours.gamma - column("gamma")).max() < 5.1e-6
    assert np.abs(ours.vega - column("vega")).max() < 0.002
    sensitive = np.abs(column("rho")) > 0.01
    assert np.median(np.abs(ours.rho - column("rho"))[sensitive] / np.abs(column("rho"))[sensitive]) < 1e-4
    # Within a day of expiry Deribit cuts theta to the time value that is left.
    longer = years > 1 / 365
    assert np.median(np.abs(ours.theta - column("theta"))[longer] / np.abs(column("theta"))[longer]) < 1e-4
    worth = greeks.price(call, forward, strike, years, volatility)
    off = np.abs(worth - column("mark") * forward)
    assert np.median(off) < 0.01
    assert off.max() < 0.75
    for side, most in (("bid", 0.0001), ("ask", 0.0011)):
        solved = greeks.implied_volatility(call, column(side) * forward, forward, strike, years)
        known = ~np.isnan(solved) & ~np.isnan(column(f"{side}_iv"))
        assert known.sum() > 30
        assert np.abs(solved - column(f"{side}_iv"))[known].max() < most


# ── Instruments ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def facts_at(path: Path) -> dict[str, InstrumentFacts]:
    return {one.symbol: one for one in await player(path).instruments()}


async def test_instruments_are_those_of_the_capture_as_the_venues_list_has_them() -> None:
    facts = await facts_at(FIXTURE)
    assert list(facts) == [
        *("BTC", "ETH", "BTC-25JUN27-70000-P", "BTC-26MAR27-90000-C", "ETH-26MAR27-4000-P", "ETH-2MAR27-4400-C")
    ]
    assert {one.feed for one in facts.values()} == {"replay"}
    assert facts["BTC-26MAR27-90000-C"].tick == 0.0005
    assert facts["ETH-2MAR27-4400-C"].tick == 0.0001  # not in the list: from the name
    assert facts["BTC"].kind == "index"


async def test_instruments_come_from_names_alone_where_there_is_no_list(tmp_path: Path) -> None:
    shutil.copy(FIXTURE, tmp_path / "capture.txt")
    alone = await facts_at(tmp_path / "capture.txt")
    assert alone["BTC-26MAR27-90000-C"].tick == 0.0001
    beside = await facts_at(FIXTURE)
    assert {name: one.expires_ms for name, one in alone.items()} == {n: one.expires_ms for n, one in beside.items()}


async def test_a_list_named_after_the_capture_goes_before_others(tmp_path: Path) -> None:
    path = tmp_path / "capture.txt"
    shutil.copy(FIXTURE, path)
    entry = {
        "instrument_name": OPTION,
        "kind": "option",
        "strike": 90000,
        "option_type": "call",
        "contract_size": 1,
        "base_currency": "BTC",
        "quote_currency": "BTC",
        "expiration_timestamp": 1_806_048_000_000,
    }
    (tmp_path / "capture.txt.instruments.json").write_text(
        json.dumps({"result": [entry | {"tick_size": 0.25}]}, indent=1)
    )
    (tmp_path / "get_instruments.txt").write_text(json.dumps({"result": [entry | {"tick_size": 0.5}]}))
    assert (await facts_at(path))[OPTION].tick == 0.25


# ── Time ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("speed", [1, 4, 100])
async def test_messages_come_at_their_recorded_pace_on_the_recorded_clock(tmp_path: Path, speed: float) -> None:
    received = [TIME_MS + offset for offset in (0, 40.5, 1000, 1000.25, 5000)]
    path = written(tmp_path, *((at, ticker(timestamp=round(at) - 3)) for at in received))
    clock = FakeTime()
    feed = player(path, speed, clock=clock)
    arrivals: list[float] = []
    async with asyncio.timeout(20):
        async for batch in feed.batches():
            for one in batch.quotes:
                if one.symbol == OPTION:
                    arrivals.append(clock.ms)
                    assert one.received_ms == received[len(arrivals) - 1]
                    late = feed.clock.now(clock.ms) - one.received_ms
                    assert -0.01 <= late <= 2.5 * speed
            if len(arrivals) == len(received):
                break
    for at, arrived in zip(received, arrivals, strict=True):
        assert 0 <= arrived - START_MS - (at - TIME_MS) / speed <= 2.5


async def test_as_fast_as_possible_waits_for_nothing_and_batches_what_was_close(tmp_path: Path) -> None:
    received = [TIME_MS + offset for offset in (0, 1, 2, 3_000_000, 3_000_001, 9_000_000)]
    path = written(tmp_path, *((at, ticker(timestamp=round(at), index_price=None)) for at in received))
    clock = FakeTime()
    feed = player(path, 0, clock=clock)
    batches = await read(feed, lambda so_far: len(quotes_of(so_far)) == len(received))
    assert [len(batch.quotes) for batch in batches] == [3, 2, 1]
    assert clock.ms == START_MS
    assert feed.clock.now(clock.ms) == pytest.approx(received[-1], abs=0.01)


async def test_before_it_plays_the_clock_is_at_the_recordings_begin(tmp_path: Path) -> None:
    path = written(tmp_path, (TIME_MS, ticker()))
    clock = FakeTime()
    assert player(path, 10, clock=clock).clock.now(clock.ms) == pytest.approx(TIME_MS, abs=0.01)


async def test_a_loop_pauses_and_sets_the_clock_back_and_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, (TIME_MS, ticker()), (TIME_MS + 500, ticker(timestamp=TIME_MS + 500)))
    clock = FakeTime()
    feed = player(path, 1, loop=True, clock=clock)
    seen: list[float] = []

    def three_rounds(batches: list[Batch]) -> bool:
        if batches[-1].restarted:
            seen.append(feed.clock.now(clock.ms))
            assert not batches[-1].quotes
        return len(seen) == 3

    batches = await read(feed, three_rounds)
    assert seen == pytest.approx([TIME_MS] * 3, abs=0.01)
    assert clock.ms - START_MS == pytest.approx(3 * (500 + PAUSE_S * 1000), abs=10)
    rounds = [one for one in quotes_of(batches) if one.symbol == OPTION]
    assert [one.received_ms for one in rounds] == [TIME_MS, TIME_MS + 500] * 3
    # The index starts anew too: it is quoted first in every round.
    assert [one.symbol for one in quotes_of(batches)].count("BTC") == 3


async def test_without_a_loop_it_goes_quiet_and_stays(tmp_path: Path) -> None:
    path = written(tmp_path, (TIME_MS, ticker()))
    clock = FakeTime()
    feed = player(path, 1, clock=clock)
    stream = feed.batches().__aiter__()
    async with asyncio.timeout(10):
        assert (await anext(stream)).quotes
        waiting = asyncio.ensure_future(anext(stream))
        while clock.ms < START_MS + 86_400_000:
            await asyncio.sleep(0)
        assert not waiting.done()
        assert feed.clock.now(clock.ms) - TIME_MS >= 86_400_000
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_closing_it_leaves_no_open_file(tmp_path: Path) -> None:
    """An open file would come as a ResourceWarning, which is an error here; and a closed one can be played again."""
    path = written(tmp_path, *((TIME_MS + at * 1000, ticker(timestamp=TIME_MS + at)) for at in range(50)))
    feed = player(path)
    await read(feed, lambda batches: True)
    assert (await read(feed, lambda batches: True))[0].quotes
    descriptors = Path("/proc/self/fd")
    if descriptors.is_dir():
        assert str(path) not in [os.path.realpath(one) for one in descriptors.iterdir()]


async def test_a_file_that_went_away_ends_a_loop_for_good(tmp_path: Path) -> None:
    path = written(tmp_path, (TIME_MS, ticker()))
    feed = player(path, loop=True)

    def never(batches: list[Batch]) -> bool:
        path.unlink(missing_ok=True)
        return False

    with pytest.raises(PermanentFeedError, match="is gone"):
        await read(feed, never)


async def test_a_large_capture_does_not_hold_the_loop(tmp_path: Path) -> None:
    """In processor time, so that a busy machine does not fail it."""
    book = ticker().replace('"channel":"ticker.', '"channel":"book.')
    path = written(tmp_path, (TIME_MS, ticker()), *((TIME_MS + at, book) for at in range(20_000)))
    feed = Player(recognised(path), 0, loop=True)
    longest, last = 0.0, time.thread_time()
    done = False

    async def watch() -> None:
        nonlocal longest, last
        while not done:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, last = max(longest, now - last), now

    watcher = asyncio.ensure_future(watch())
    await asyncio.sleep(0.01)
    await feed.instruments()
    await read(feed, lambda batches: batches[-1].restarted)
    done = True
    await watcher
    assert 0 < longest < 0.1


# ── Options ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({}, "STRIKEWIRE_REPLAY_FILE"),
        ({"file": ""}, "STRIKEWIRE_REPLAY_FILE"),
        ({"file": "absent.txt"}, "no file"),
        ({"file": str(FIXTURE), "speed": -1.0}, "STRIKEWIRE_REPLAY_SPEED"),
        ({"file": str(FIXTURE), "speed": float("nan")}, "STRIKEWIRE_REPLAY_SPEED"),
        ({"file": str(FIXTURE), "speed": "fast"}, "STRIKEWIRE_REPLAY_SPEED"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], what: str) -> None:
    with pytest.raises(PermanentFeedError, match=what):
        registry.build("replay", options)


def test_a_venue_that_nobody_can_parse_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    with CaptureWriter(path, "elsewhere", TIME_MS) as writer:
        writer.write(TIME_MS, "{}")
    with pytest.raises(PermanentFeedError, match="elsewhere"):
        registry.build("replay", {"file": str(path)})


def test_it_is_a_feed_by_the_registry() -> None:
    feed = registry.build("replay", {"file": str(FIXTURE), "speed": 1.0, "loop": True})
    assert (feed.name, feed.kind) == ("replay", "replay")
    assert feed.clock != FeedClock()
