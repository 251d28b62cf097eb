"""Records what a provider sends, as it comes, in captures that `replay` plays: `capture_feed` runs it. Beside each file it
puts the provider's own list of instruments, so that a replay knows ticks and multipliers.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol, Self, runtime_checkable

from ..facts import InstrumentFacts
from .base import Feed, PermanentFeedError, TemporaryFeedError
from .connection_loop import Backoff
from .replay.capture import CaptureWriter

# At most so much of a recording is lost when the machine goes.
FLUSH_S: Final = 1.0

logger = logging.getLogger(__name__)

# Takes when a message was received, ms, its text, and the number of its connection.
Tap = Callable[[float, str, int], None]


@runtime_checkable
class Recordable(Protocol):
    """What a feed has, besides what every feed has, when its messages can be recorded: `venue` names the parser that reads
    them again, `tap` is called with each message, `listed_replies` are the newest lists of instruments as they came."""

    venue: str
    tap: Tap | None

    @property
    def listed_replies(self) -> Sequence[str]: ...


class Recorder:
    """Writes one recording: one file, or where `rotate_bytes` is not 0 a new one after so many bytes of text, whose name
    ends in a rising number. A context manager; raises FileExistsError rather than overwrite."""

    def __init__(self, path: Path, venue: str, replies: Callable[[], Sequence[str]], rotate_bytes: int = 0) -> None:
        self.files: list[Path] = []
        self.messages = 0
        self.bytes = 0
        self._path = path
        self._venue = venue
        self._replies = replies
        self._rotate_bytes = rotate_bytes
        self._in_file = 0
        self._flushed = time.monotonic()
        self._writer = self._open(time.time() * 1000)

    def write(self, received_ms: float, text: str, connection: int) -> None:
        size = len(text)
        if self._rotate_bytes and self._in_file and self._in_file + size > self._rotate_bytes:
            self._writer.close()
            self._writer = self._open(received_ms)
        self._writer.write(received_ms, text, connection)
        self._in_file += size
        self.messages += 1
        self.bytes += size
        if time.monotonic() - self._flushed >= FLUSH_S:
            self._flushed = time.monotonic()
            self._writer.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def _open(self, started_ms: float) -> CaptureWriter:
        path = self._path if not self.files else numbered(self._path, len(self.files) + 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = CaptureWriter(path, self._venue, started_ms)
        self.files.append(path)
        self._in_file = 0
        if replies := self._replies():
            beside = path.with_name(path.name + ".instruments.json")
            beside.write_text("".join(f"{reply.strip()}\n" for reply in replies), encoding="utf-8")
        return writer


def numbered(path: Path, number: int) -> Path:
    """`path` with a number before its endings: `btc.jsonl.gz` becomes `btc-2.jsonl.gz`."""
    stem, dot, endings = path.name.partition(".")
    return path.with_name(f"{stem}-{number}{dot}{endings}")


async def record(
    feed: Feed, path: Path, rotate_bytes: int = 0, started: Callable[[Recorder], None] | None = None
) -> None:
    """Records all that `feed` lists, over its failures, until it is cancelled. `started` is given the recorder once
    something can be seen of it. Raises PermanentFeedError, also for a feed without messages of its own."""
    source: object = feed
    if not isinstance(source, Recordable):
        raise PermanentFeedError(f"{feed.name} has no messages of a provider: there is nothing to record")
    backoff = Backoff()
    await feed.cover(await _listed(feed, backoff))
    with Recorder(path, source.venue, lambda: source.listed_replies, rotate_bytes) as recorder:
        source.tap = recorder.write
        if started is not None:
            started(recorder)
        try:
            while True:
                try:
                    async with contextlib.aclosing(feed.batches()) as batches:  # type: ignore[type-var]
                        async for _ in batches:
                            backoff.reset()
                            if feed.listing_changed():
                                await feed.cover(await feed.instruments())
                    raise TemporaryFeedError("the feed ended")
                except TemporaryFeedError as error:
                    await _wait(feed, error, backoff)
        finally:
            source.tap = None


async def _listed(feed: Feed, backoff: Backoff) -> Sequence[InstrumentFacts]:
    while True:
        try:
            return await feed.instruments()
        except TemporaryFeedError as error:
            await _wait(feed, error, backoff)


async def _wait(feed: Feed, error: TemporaryFeedError, backoff: Backoff) -> None:
    pause = backoff.next()
    logger.warning("%s: %s; trying again in %.1f s", feed.name, error, pause)
    await asyncio.sleep(pause)
