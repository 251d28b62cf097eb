"""The live line, from what the parts leave in Redis."""

import io
from pathlib import Path

import msgspec
import pytest
from django.conf import settings
from redis import Redis

from marketdata.bus import keys
from marketdata.shares import Share
from project.console import Console
from project.live_figures import FiguresReader, LiveFigures

STATUS = b'{"feed": "replay", "kind": "replay", "health": "ok", "quotes_per_second": 1234.5, "lag_ms": 0.4, "term": 9}'


async def read(url: str | None = None) -> LiveFigures:
    async with FiguresReader(url or settings.REDIS_URL, settings.INSTALLATION, "replay") as reader:
        return await reader.read()


async def test_the_sockets_of_all_web_processes_are_added(redis_client: Redis) -> None:
    prefix = settings.INSTALLATION
    redis_client.set(f"{prefix}:status:replay", STATUS)
    redis_client.sadd(f"{prefix}:webs", "a", "b", "gone")
    redis_client.set(f"{prefix}:web:a", b'{"sockets": 1200, "frames_per_second": 10.5, "added_later": []}')
    redis_client.set(f"{prefix}:web:b", b'{"sockets": 34}')
    figures = await read()
    assert (figures.sockets, figures.frames_per_second, figures.webs) == (1234, 10.5, 2)
    assert figures.leads
    assert figures.line() == "feed replay (ok)   1,234 quotes/s   1,234 sockets   lag 0 ms"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"health": "ok", "behind_ms": 200}, ""),
        ({"health": "behind", "behind_ms": 72_400}, "72 s behind"),
        ({"health": "down", "reason": "away", "behind_ms": 0}, "down"),
        ({"health": "down", "reason": "away", "behind_ms": 9_000}, "down, 9 s behind"),
        ({"health": "near_cap", "behind_ms": 9_000}, "NEARLY FULL, see the recorder's log"),
    ],
)
async def test_a_recorder_that_is_not_well_is_said(said: dict[str, object], shown: str, redis_client: Redis) -> None:
    prefix = settings.INSTALLATION
    redis_client.zadd(f"{prefix}:recorders", {"gone": 1, "here": 2})
    redis_client.set(f"{prefix}:recorder:here", msgspec.json.encode(said))
    redis_client.sadd(f"{prefix}:webs", "a")
    redis_client.set(f"{prefix}:web:a", b'{"sockets": 3}')
    figures = await read()
    assert (figures.history, figures.sockets) == (shown, 3)
    assert figures.line().endswith(f"history {shown}" if shown else "lag unknown")


@pytest.mark.parametrize(
    ("second", "health", "rate", "reason"),
    [
        ({"health": "ok", "quotes_per_second": 20.5}, "ok", "32", None),
        ({"health": "stale", "quotes_per_second": 0, "reason": "silent"}, "stale", "12", "share 2 of 2: silent"),
        (None, "down", "12", "share 2 of 2: its ingest is not heard"),
    ],
)
async def test_a_split_feed_is_shown_whole(
    second: dict[str, object] | None, health: str, rate: str, reason: str | None, redis_client: Redis
) -> None:
    every = {"feed": "replay", "kind": "replay", "term": 9, "n": 1, "flushes": 1, "shares": 2, "lag_ms": 3}
    first = msgspec.json.encode({**every, "share": 1, "health": "ok", "quotes_per_second": 11.5})
    redis_client.set(keys.status("replay"), first)
    redis_client.set(keys.status("replay", Share(1, 2)), first)
    if second is not None:
        redis_client.set(keys.status("replay", Share(2, 2)), msgspec.json.encode({**every, "share": 2, **second}))
    figures = await read()
    assert figures.line() == f"feed replay in 2 shares ({health})   {rate} quotes/s   0 sockets   lag 3 ms"
    assert (figures.leads, figures.reason) == (True, reason)


async def test_with_nothing_there_it_is_nothing_and_not_an_error(redis_client: Redis) -> None:
    figures = await read()
    assert not figures.leads
    assert figures.line() == "feed replay (no leader)   0 quotes/s   0 sockets   lag unknown"


@pytest.mark.parametrize("value", [b"", b"nonsense", b"[]", b'{"term": {}}', b'{"sockets": "many"}', b"\xff"])
async def test_what_another_version_wrote_is_left_out(value: bytes, redis_client: Redis) -> None:
    prefix = settings.INSTALLATION
    redis_client.set(f"{prefix}:status:replay", value)
    redis_client.sadd(f"{prefix}:webs", "a")
    redis_client.set(f"{prefix}:web:a", value)
    figures = await read()
    assert (figures.leads, figures.sockets) == (False, 0)


async def test_a_server_that_is_not_there_is_no_error(short_path: Path) -> None:
    assert not (await read(f"unix://{short_path}/none.sock")).leads


def test_a_leader_that_has_not_heard_from_its_feed_does_not_lead_yet() -> None:
    assert not LiveFigures("replay", term=9, health="taking_over").leads


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_line_stands_above_the_live_one() -> None:
    stream = Terminal()
    console = Console(stream)
    console.live("1 quotes/s")
    console.say("web ended")
    console.end_live()
    assert stream.getvalue() == "\r\x1b[2K1 quotes/s\r\x1b[2Kweb ended\n1 quotes/s\n"


def test_elsewhere_every_line_is_whole() -> None:
    stream = io.StringIO()
    console = Console(stream)
    console.live("1 quotes/s")
    console.say("web ended")
    console.end_live()
    assert stream.getvalue() == "1 quotes/s\nweb ended\n"


def test_a_reader_that_left_is_no_error() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    Console(Closed()).say("anybody?")
