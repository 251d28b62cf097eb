"""What is recorded of a feed is what its venue sent, and a replay of it ends where the venue did."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from marketdata.feeds import registry
from marketdata.feeds.base import Feed, PermanentFeedError
from marketdata.feeds.recording import Recorder, numbered, record
from marketdata.feeds.replay.capture import Message
from marketdata.feeds.replay.formats import recognised

from .deribit_reading import feed_of
from .deribit_recording import FIXTURE, recording
from .deribit_server import DeribitServer
from .fake_time import quotes_of, read


@pytest_asyncio.fixture
async def server() -> AsyncIterator[DeribitServer]:
    async with DeribitServer(recording(FIXTURE)) as made:
        yield made


@contextlib.asynccontextmanager
async def recorded(feed: Feed, path: Path, rotate_bytes: int = 0) -> AsyncIterator[Recorder]:
    begun: asyncio.Future[Recorder] = asyncio.get_running_loop().create_future()
    work = asyncio.create_task(record(feed, path, rotate_bytes, begun.set_result))
    try:
        yield await asyncio.wait_for(begun, 10)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def until(found: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not found():
            await asyncio.sleep(0.01)


def messages(path: Path) -> list[Message]:
    return [one for one in recognised(path).records() if isinstance(one, Message)]


async def session(server: DeribitServer, recorder: Recorder) -> None:
    """The venue's whole session, and that the recorder has heard the end of it."""
    await until(lambda: server.channels)
    await asyncio.wait_for(server.play(10), 20)
    before = recorder.messages
    await server.say_text('{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"heartbeat"}}')
    await until(lambda: recorder.messages > before)


@pytest.mark.parametrize("file", ["a.jsonl", "a.jsonl.gz"])
async def test_a_recording_plays_to_the_venues_last_tickers(server: DeribitServer, tmp_path: Path, file: str) -> None:
    path = tmp_path / file
    async with recorded(feed_of(server), path) as recorder:
        await session(server, recorder)
    player = registry.build("replay", {"file": str(path), "speed": 0, "loop": False})
    ticks = {one.symbol: one.tick for one in await player.instruments()}
    for symbol, entry in server.entries.items():
        assert ticks[symbol] == entry["tick_size"]  # of the venue's own list, and not guessed from the name
    wanted = {(name, server.latest[f"ticker.{name}"]["timestamp"]) for name in server.entries}
    batches = await read(
        player, lambda batches: wanted <= {(quote.symbol, quote.venue_time_ms) for quote in quotes_of(batches)}
    )
    last = {quote.symbol: quote for quote in quotes_of(batches)}
    for name in server.entries:
        data = server.latest[f"ticker.{name}"]
        assert (last[name].venue_time_ms, last[name].mark) == (data["timestamp"], data["mark_price"])


async def test_it_records_the_text_the_time_and_the_connection(server: DeribitServer, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    async with recorded(feed_of(server, instruments_per_connection=2), path) as recorder:
        await until(lambda: server.connections == 2)
        await session(server, recorder)
    found = messages(path)
    assert len(found) == recorder.messages
    assert {message.connection for message in found} == {1, 2}
    assert all(message.text.startswith('{"jsonrpc":"2.0","method":') for message in found)
    assert [message.received_ms for message in found] == sorted(message.received_ms for message in found)


async def test_garbage_is_recorded_as_it_came(server: DeribitServer, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    garbage = '{"half": "\u2028 \\'
    async with recorded(feed_of(server), path) as recorder:
        await until(lambda: server.channels)
        await server.say_text(garbage)
        await session(server, recorder)
    assert garbage in [message.text for message in messages(path)]


async def test_a_new_file_begins_after_so_many_bytes(server: DeribitServer, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    async with recorded(feed_of(server), path, rotate_bytes=3_000) as recorder:
        await session(server, recorder)
    assert len(recorder.files) > 2
    assert [file.name for file in recorder.files[:3]] == ["a.jsonl.gz", "a-2.jsonl.gz", "a-3.jsonl.gz"]
    sizes = [sum(len(message.text) for message in messages(file)) for file in recorder.files]
    assert max(sizes) <= 3_000
    assert sum(len(messages(file)) for file in recorder.files) == recorder.messages
    for file in recorder.files:
        assert file.with_name(file.name + ".instruments.json").is_file()


async def test_a_recording_goes_on_over_a_cut(server: DeribitServer, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    async with recorded(feed_of(server), path) as recorder:
        await until(lambda: server.channels)
        server.cut()
        await until(lambda: not server.channels)
        await session(server, recorder)
    last = messages(path)[-1].text
    assert "heartbeat" in last


async def test_a_feed_without_a_providers_messages_is_refused_by_name(tmp_path: Path) -> None:
    feed = registry.build("simulated", {"quotes_per_second": 10, "seed": 1})
    with pytest.raises(PermanentFeedError, match="simulated has no messages of a provider"):
        await record(feed, tmp_path / "a.jsonl")
    assert list(tmp_path.iterdir()) == []


async def test_a_recording_never_overwrites(server: DeribitServer, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        await asyncio.wait_for(record(feed_of(server), path), 10)
    assert path.read_text() == "precious"


@pytest.mark.parametrize(("name", "second"), [("a.jsonl.gz", "a-2.jsonl.gz"), ("a", "a-2"), ("a.b.c", "a-2.b.c")])
def test_files_after_the_first_are_numbered(name: str, second: str) -> None:
    assert numbered(Path("x") / name, 2) == Path("x") / second
