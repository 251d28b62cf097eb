"""The doctor says what it saw of a feed, and names what is wrong with a hint that fits."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from marketdata.feeds import registry
from marketdata.feeds.base import Feed, FeedError, PermanentFeedError, TemporaryFeedError
from marketdata.feeds.doctor import CONTRACTS, Examination, choose, examine
from marketdata.feeds.hints import hint_for
from tests.builders import NOON_MS, make_facts

from .deribit_frames import ticker_data
from .deribit_reading import feed_of
from .deribit_recording import FIXTURE, board
from .deribit_server import DeribitServer

WATCH_S = 1.0


@pytest_asyncio.fixture
async def server() -> AsyncIterator[DeribitServer]:
    async with DeribitServer(board(20)) as made:
        await made.play(1000)
        yield made


async def examined(feed: Feed) -> Examination:
    return await asyncio.wait_for(examine(feed, WATCH_S), 30)


def words(found: Examination) -> str:
    return " ".join(f"{problem.what} {problem.hint}" for problem in found.problems)


async def test_a_feed_that_is_well_is_described(server: DeribitServer) -> None:
    found = await examined(feed_of(server))
    assert found.problems == []
    said = "\n".join(found.seen)
    assert "lists 21 instruments" in said
    assert "1 index, 20 option; 1 expiries" in said
    assert "the first quote after" in said
    assert "bid 0.0445 ask 0.046 mark 0.045123 implied volatility 1.151" in said
    assert "3 quotes of 3 contracts" in said
    assert "connection deribit 1: open, 3 instruments" in said
    tickers = [channel for channel in server.calls[-1][1]["channels"] if channel.startswith("ticker.")]
    assert len(tickers) == CONTRACTS


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("simulated", {"quotes_per_second": 2000, "seed": 1}),
        ("replay", {"file": str(FIXTURE), "speed": 1, "loop": True}),
    ],
)
async def test_feeds_without_a_provider_can_be_examined_too(name: str, options: dict[str, object]) -> None:
    found = await examined(registry.build(name, options))
    said = "\n".join(found.seen)
    assert "the first quote after" in said
    assert not any("not one quote" in problem.what for problem in found.problems)


async def test_nobody_listening_is_told(server: DeribitServer) -> None:
    feed = feed_of(server)
    await server.stop_listening()
    found = await examined(feed)
    await server.listen()
    assert "Nothing listens there" in words(found)


async def test_a_name_that_is_none_is_told() -> None:
    found = await examined(registry.build("deribit", {"url": "wss://venue.invalid/"}))
    assert "cannot be resolved" in words(found)


async def test_a_server_without_tls_is_told(server: DeribitServer) -> None:
    found = await examined(registry.build("deribit", {"url": server.url.replace("ws://", "wss://")}))
    assert "TLS" in words(found)


async def test_an_empty_list_is_told(server: DeribitServer) -> None:
    server.entries.clear()
    assert "it lists no options" in words(await examined(feed_of(server)))


async def test_silence_is_told(server: DeribitServer) -> None:
    server.mute = True
    assert "not one quote of the 3" in words(await examined(feed_of(server)))


async def test_a_channel_that_the_venue_does_not_know_is_told(server: DeribitServer) -> None:
    for name in server.entries:
        server.absent[f"ticker.{name}"] = 9
    found = words(await examined(feed_of(server)))
    assert "does not know the channel" in found
    assert "renamed its channels" in found


@pytest.mark.parametrize(
    ("lag_ms", "words_of_it"),
    [
        (-600_000, "are 600 s apart"),
        (600_000, "are 600 s apart"),
        (8_000, "8.0 s late"),
        (-2_000, "before they were made"),
    ],
)
async def test_a_wrong_clock_is_told(server: DeribitServer, lag_ms: float, words_of_it: str) -> None:
    async def quote() -> None:
        while True:
            for data in [server.latest[f"ticker.{name}"] for name in server.entries]:
                await server.tick(data, lag_ms)
            await asyncio.sleep(0.1)

    server.latest = {f"ticker.{name}": ticker_data(name, timestamp=0) for name in server.entries}
    quoting = asyncio.create_task(quote())
    try:
        assert words_of_it in words(await examined(feed_of(server)))
    finally:
        quoting.cancel()


async def test_contracts_that_did_not_change_for_hours_are_no_wrong_clock(server: DeribitServer) -> None:
    for data in server.latest.values():
        data["timestamp"] -= 7_200_000
    assert (await examined(feed_of(server))).problems == []


async def test_a_cut_is_told(server: DeribitServer) -> None:
    server.cuts.extend(["subscribe"] * 5)
    assert "the connection failed" in words(await examined(feed_of(server)))


async def test_a_refused_method_is_told(server: DeribitServer) -> None:
    server.errors["public/subscribe"] = (-32602, "Invalid params")
    assert "it gave up" in words(await examined(feed_of(server)))


def test_the_nearest_expiries_middle_strikes_are_chosen() -> None:
    soon = NOON_MS + 86_400_000
    near = [make_facts(f"N{n}", strike=n, expires_ms=round(soon)) for n in range(9)]
    far = [make_facts(f"F{n}", strike=n, expires_ms=round(soon) + 1) for n in range(9)]
    gone = make_facts("GONE", expires_ms=round(NOON_MS) - 1)
    assert [facts.symbol for facts in choose([gone, *far, *near], NOON_MS)] == ["N3", "N4", "N5"]
    assert [facts.symbol for facts in choose([*far, near[0]], NOON_MS)] == ["N0", "F3", "F4"]


def test_without_options_something_is_chosen() -> None:
    index = make_facts("IDX", kind="index", expires_ms=None)
    assert choose([index], NOON_MS) == [index]


@pytest.mark.parametrize(
    ("cause", "hint"),
    [
        (ssl.SSLCertVerificationError("x"), "certificate is not trusted"),
        (ssl.SSLError("x"), "TLS failed"),
        (TimeoutError(), "Nobody answered"),
        (ConnectionRefusedError(), "Nothing listens"),
        (ConnectionResetError(), "was cut while it opened"),
        (EOFError(), "was cut while it opened"),
        (OSError(101, "x"), "no route"),
        (ValueError("x"), "may pass by itself"),
    ],
)
def test_a_hint_follows_the_cause(cause: Exception, hint: str) -> None:
    error: FeedError
    try:
        raise TemporaryFeedError("no connection") from cause
    except TemporaryFeedError as caught:
        error = caught
    assert hint in hint_for(error)


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (TemporaryFeedError("it answered with HTTP status 403"), "opens no WebSocket"),
        (TemporaryFeedError("nothing came for 60 s"), "open but silent"),
        (TemporaryFeedError("a call was refused: too_many_requests (10028)"), "too many calls"),
        (PermanentFeedError("a call was refused: no (13009)"), "said no"),
        (PermanentFeedError("replay: no file to play"), "change the setting"),
    ],
)
def test_a_hint_follows_the_words(error: FeedError, hint: str) -> None:
    assert hint in hint_for(error)
