"""Follows docs/adding-a-feed.md to the letter: writes the files of its blocks, registers the feed as it says, and runs it
under the real leader against the venue that it describes.
"""

import asyncio
import contextlib
import importlib
import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from redis import Redis
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

import marketdata.feeds
from marketdata import rows
from marketdata.bus import keys
from marketdata.feeds import registry
from marketdata.feeds.base import Feed, PermanentFeedError
from marketdata.feeds.doctor import examine
from marketdata.ingest.leader import Leader
from marketdata.models import Instrument

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "adding-a-feed.md"
BLOCKS = dict(re.findall(r"^```python\n# (\S+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))
NAMES = ["ACME280121C00100000", "ACME280121P00100000", "ACME280121C00110000"]


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The feed of the page, in a folder that stands in for `marketdata/feeds`; its name in the registry."""
    folder = tmp_path / "feeds" / "toy"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    for path, code in BLOCKS.items():
        if path.startswith("marketdata/feeds/toy/"):
            (folder / Path(path).name).write_text(code)
    monkeypatch.setattr(marketdata.feeds, "__path__", [*marketdata.feeds.__path__, str(folder.parent)])
    name, where = re.findall(r'"([\w.]+)"', BLOCKS["marketdata/feeds/registry.py"])
    monkeypatch.setitem(registry.FEEDS, name, where)
    importlib.invalidate_caches()
    yield name
    for module in [module for module in sys.modules if module.startswith("marketdata.feeds.toy")]:
        del sys.modules[module]


class ToyVenue:
    """The venue of the page. `quotes` are what it last said of each."""

    def __init__(self) -> None:
        self.quotes: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self.url = ""
        self._wanted: dict[ServerConnection, list[str]] = {}

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["ToyVenue"]:
        async with serve(self._serve, "127.0.0.1", 0) as server:
            self.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            yield self

    async def quote(self, name: str, bid: float) -> None:
        self.quotes[name] = {"quote": name, "at": round(time.time() * 1000), "bid": bid, "ask": bid + 0.1}
        for socket, wanted in list(self._wanted.items()):
            if name in wanted:
                await socket.send(json.dumps(self.quotes[name]))

    def cut(self) -> None:
        for socket in list(self._wanted):
            socket.transport.abort()

    async def _serve(self, socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for raw in socket:
                call = json.loads(raw)
                self.asked.append(call)
                if call["ask"] == "list":
                    await socket.send(json.dumps({"list": NAMES}))
                    continue
                self._wanted[socket] = call["of"]
                await socket.send("garbage")
                for name in call["of"]:
                    if name in self.quotes:
                        await socket.send(json.dumps(self.quotes[name]))
        self._wanted.pop(socket, None)


async def until(found: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not found():
            await asyncio.sleep(0.02)


def built(name: str, venue: ToyVenue) -> Feed:
    return registry.build(name, {"url": venue.url})


def test_the_page_has_every_file_that_it_names() -> None:
    files = re.findall(r"^\| `(\w+\.py)` \|", PAGE.read_text(), re.MULTILINE)
    assert {f"marketdata/feeds/toy/{file}" for file in files} <= BLOCKS.keys()
    assert len(files) == 4


def test_the_code_of_the_page_is_clean(toy: str, tmp_path: Path) -> None:
    code = [str(path) for path in (tmp_path / "feeds" / "toy").glob("*.py")]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--config", str(ROOT / "pyproject.toml"), *code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_settings_line_is_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    from project import environment

    line = BLOCKS["project/settings.py"].strip()
    entry = eval("{" + line + "}", {"env": environment})
    assert entry["toy"]["url"].startswith("wss://")


async def test_the_doctor_finds_its_connection_open(toy: str) -> None:
    async with ToyVenue().open() as venue:
        for name in NAMES:
            await venue.quote(name, 1.0)
        found = await asyncio.wait_for(examine(built(toy, venue), 0.5), 20)
    assert any(line.startswith("connection toy: open") for line in found.seen), found.seen


@pytest.mark.django_db(transaction=True)
async def test_the_feed_of_the_page_runs_under_the_leader(toy: str, redis_client: Redis) -> None:
    async with ToyVenue().open() as venue:
        for number, name in enumerate(NAMES):
            await venue.quote(name, 1.0 + number)
        leader = Leader(built(toy, venue), settings.REDIS_URL, lambda group: group)
        work = asyncio.create_task(leader.run())
        try:
            await until(lambda: bids(redis_client) == [1.0, 2.0, 3.0] or work.done())
            await venue.quote(NAMES[0], 9.0)
            await until(lambda: bids(redis_client) == [2.0, 3.0, 9.0] or work.done())
            venue.cut()
            await venue.quote(NAMES[1], 8.0)
            await until(lambda: bids(redis_client) == [3.0, 8.0, 9.0] or work.done())
            assert not work.done()
            assert sum(leader.complaints.counts.values()) >= 2  # the garbage of each connection
        finally:
            work.cancel()
            await asyncio.wait_for(asyncio.gather(work, return_exceptions=True), 20)
    kinds = [kind async for kind in Instrument.objects.filter(feed="toy").order_by("id").values_list("kind", flat=True)]
    assert sorted(kinds) == ["option"] * 3 + ["stock"]


def bids(redis_client: Redis) -> list[float]:
    held: Any = redis_client.hvals(keys.last_values("toy"))
    return sorted(rows.decode(rows.body(framed))["bid"] or 0.0 for framed in held)


async def test_coverage_changes_while_it_is_read(toy: str) -> None:
    async with ToyVenue().open() as venue:
        feed = built(toy, venue)
        listed = [facts for facts in await feed.instruments() if facts.kind == "option"]
        await feed.cover(listed[:1])
        reading = asyncio.create_task(_read(feed))
        try:
            await until(lambda: venue.asked[-1] == {"ask": "quotes", "of": NAMES[:1]})
            await feed.cover(listed)
            await until(lambda: venue.asked[-1] == {"ask": "quotes", "of": NAMES})
            assert [state.state for state in feed.connections()] == ["open"]
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def _read(feed: Feed) -> None:
    async for _ in feed.batches():
        pass


async def test_the_doctor_finds_the_feed_of_the_page_well(toy: str) -> None:
    async with ToyVenue().open() as venue:
        for name in NAMES:
            await venue.quote(name, 2.0)
        found = await asyncio.wait_for(examine(built(toy, venue), 1.0), 30)
        assert [problem.what for problem in found.problems if "garbage" not in problem.what] == []
        assert any("the first quote after" in line for line in found.seen)


def test_a_wrong_option_is_named(toy: str) -> None:
    with pytest.raises(PermanentFeedError, match="toy: url is 7"):
        registry.build(toy, {"url": 7})
