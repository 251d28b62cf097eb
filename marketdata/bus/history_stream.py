"""The history stream as ingest writes it: one entry a flush, rows joined by newlines. On a server of its own the stream
has its own fence, since the lease is not there: it keeps the highest term it saw of a feed and refuses lower ones.
"""

import asyncio
import logging
from collections import deque
from typing import Any, Final, NamedTuple

import hiredis

from ..rows import HEADER
from . import keys
from .client import Client, Script
from .connection import RedisDownError
from .lease import LeaseLostError

logger = logging.getLogger(__name__)

# What a leader keeps of its last batches, to add them again when a history server comes back without its newest second.
KEPT_BYTES: Final = 64 * 1024 * 1024
KEPT_S: Final = 10.0

# KEYS stream, highest term · ARGV feed, term, count, rows
_APPEND: Final = Script("""
local known = tonumber(redis.call('GET', KEYS[2]) or '0')
local term = tonumber(ARGV[2])
if term < known then return redis.error_reply('FENCED a leader of a later term has written') end
if term > known then redis.call('SET', KEYS[2], ARGV[2]) end
return redis.call('XADD', KEYS[1], '*', 'feed', ARGV[1], 'term', ARGV[2], 'count', ARGV[3], 'rows', ARGV[4])
""")


class HistoryBatch(NamedTuple):
    term: int
    size: int
    rows: bytes
    at: float


def join_rows(framed: list[bytes]) -> bytes:
    """The JSON rows of a batch, a line each; a row begins with its instrument id and seq, so a line says all."""
    return b"\n".join([row[HEADER.size :] for row in framed])


class HistoryStream:
    """The stream on a second server. An append that fails is kept and tried again, in order, while ingest goes on: it
    must not wait for a disk. What no longer fits is counted in `dropped`, with the term and count, for the recorder's
    gaps."""

    def __init__(self, client: Client, feed: str) -> None:
        self._client = client
        self._feed = feed
        self._keys: list[Any] = [keys.history_stream(), keys.history_term(feed)]
        self._kept: deque[HistoryBatch] = deque()  # acknowledged, but perhaps not yet on its disk
        self._kept_bytes = 0
        self._waiting: deque[HistoryBatch] = deque()  # not acknowledged
        self._waiting_bytes = 0
        self._retrying: asyncio.Task[None] | None = None
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """Rows that the server has not acknowledged."""
        return sum(batch.size for batch in self._waiting)

    async def append(self, term: int, count: int, rows: bytes) -> bool:
        """True when the server has it. Raises LeaseLostError when a later term has written there."""
        batch = HistoryBatch(term, count, rows, asyncio.get_running_loop().time())
        if self._waiting:
            self._wait(batch)
            return False
        try:
            await self._add(batch)
        except RedisDownError as error:
            logger.warning("history does not take batches now: %s", error)
            self._wait(batch)
            return False
        return True

    async def close(self, timeout: float = 2.0) -> int:
        """Tries to bring out what waits; returns how many rows could not be."""
        if self._retrying is not None:
            try:
                async with asyncio.timeout(timeout):
                    await self._retrying
            except TimeoutError:
                pass
        return self.waiting

    async def _add(self, batch: HistoryBatch) -> None:
        try:
            await self._client.run(_APPEND, self._keys, [self._feed, batch.term, batch.size, batch.rows])
        except hiredis.ReplyError as error:
            if str(error).startswith("FENCED"):
                raise LeaseLostError from error
            raise RedisDownError(str(error)) from error
        self._kept.append(batch)
        self._kept_bytes += len(batch.rows)
        oldest = batch.at - KEPT_S
        while self._kept and (self._kept[0].at < oldest or self._kept_bytes > KEPT_BYTES):
            self._kept_bytes -= len(self._kept.popleft().rows)

    def _wait(self, batch: HistoryBatch) -> None:
        if not self._waiting:
            # The server went away: what it acknowledged in its last seconds may not have reached its disk, so it is
            # added again before the rest. Doubles fall out at the database's key.
            self._waiting.extend(self._kept)
            self._waiting_bytes = self._kept_bytes
            self._kept.clear()
            self._kept_bytes = 0
        self._waiting.append(batch)
        self._waiting_bytes += len(batch.rows)
        while self._waiting_bytes > KEPT_BYTES:
            oldest = self._waiting.popleft()
            self._waiting_bytes -= len(oldest.rows)
            self.dropped += oldest.size
        if self._retrying is None or self._retrying.done():
            self._retrying = asyncio.get_running_loop().create_task(self._retry(), name="history-retry")

    async def _retry(self) -> None:
        wait = 0.1
        while self._waiting:
            batch = self._waiting[0]
            try:
                await self._add(batch)
            except RedisDownError:
                await asyncio.sleep(wait)
                wait = min(wait * 2, 1.0)
                continue
            except LeaseLostError:
                # The next append is told; here nobody may be waiting for the answer.
                self.dropped += self.waiting
                logger.error("a later term has written history; %d rows of ours are not in it", self.waiting)
                self._waiting.clear()
                self._waiting_bytes = 0
                return
            wait = 0.1
            if self._waiting and self._waiting[0] is batch:
                self._waiting.popleft()
                self._waiting_bytes -= len(batch.rows)
        logger.info("history takes batches again")
