"""The history stream as ingest writes it where it is on a server of its own: one entry a flush, rows joined by newlines.
That server has its own fence, since the lease is not there: it keeps the highest term it saw of a feed, and refuses a
leader of a lower one. Of a split feed each share has a highest term of its own, since all count one term; and a leader of a
feed that was split otherwise since is refused by the highest term of all.
"""

import asyncio
import logging
from collections import deque
from pathlib import Path
from typing import Any, Final

import hiredis
import msgspec

from ..rows import HEADER
from ..shares import WHOLE, Share
from . import history_words, keys
from .client import Client, Script
from .connection import RedisDownError
from .history_append import APPEND
from .history_words import KEPT_S, Ends, Words
from .lease import LeaseLostError
from .spill import HistoryBatch, Spill

logger = logging.getLogger(__name__)

# What a leader keeps of the batches of its last KEPT_S, to add them again when a history server comes back without its
# newest second.
KEPT_BYTES: Final = 64 * 1024 * 1024

# KEYS stream, highest term, size, gaps, terms of the shares · ARGV feed, term, count, rows, trades, cap, '1' for the
# leader's own or '0' for what was accepted before and comes late, the share, the share's `of` ('' for both where the feed
# is not split)
_APPEND: Final = Script(
    APPEND
    + """
local known = tonumber(redis.call('GET', KEYS[2]) or '0')
local term = tonumber(ARGV[2])
local own = ARGV[7] == '1'
if ARGV[8] == '' then
  if term < known and own then return redis.error_reply(string.format('FENCED term %.0f has written', known)) end
  if term > known then redis.call('SET', KEYS[2], ARGV[2]) end
elseif own then
  local terms = redis.call('HMGET', KEYS[5], ARGV[8], ARGV[9])
  local share, all = tonumber(terms[1] or '0'), tonumber(terms[2] or '0')
  -- Above `all` the feed's highest term is of leaders that split it otherwise.
  if term < share or (known > all and term < known) then
    return redis.error_reply(string.format('FENCED term %.0f has written', math.max(share, known)))
  end
  redis.call('HSET', KEYS[5], ARGV[8], ARGV[2], ARGV[9], string.format('%.0f', math.max(all, term)))
  if term > known then redis.call('SET', KEYS[2], ARGV[2]) end
end
append(KEYS[1], KEYS[3], KEYS[4], ARGV[6], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5])
return 1
"""
)


class HistoryOptions(msgspec.Struct, frozen=True):
    """Where history goes and how much of it may wait: `url` the server of the stream, `spill` the folder for what that
    server does not take, `stream_bytes` and `spill_bytes` how much each may hold."""

    url: str
    spill: Path
    stream_bytes: int = 512_000_000
    spill_bytes: int = 1_024_000_000


class _Lost(msgspec.Struct):
    from_ms: float
    to_ms: float
    count: int


def join_rows(framed: list[bytes]) -> bytes:
    """The JSON rows of a batch, a line each; a row begins with its instrument id and seq, so a line says all."""
    return b"\n".join([row[HEADER.size :] for row in framed])


class HistoryStream:
    """An append that the server does not take goes to a file and is tried again from there, in order, while ingest goes
    on: it must not wait for a disk elsewhere. What the file has no room for is counted in `dropped`, and becomes a recorded
    gap as soon as the server is back."""

    def __init__(self, client: Client, feed: str, options: HistoryOptions, share: Share = WHOLE) -> None:
        self._client = client
        self._feed = feed
        self._options = options
        self._keys: list[Any] = [
            keys.history_stream(),
            keys.history_term(feed),
            keys.history_size(),
            keys.history_gaps(),
            keys.history_share_terms(feed),
        ]
        self._share_names = ("", "") if share.is_whole else (str(share), f"/{share.of}")
        self._kept: deque[tuple[float, HistoryBatch]] = deque()  # acknowledged, but perhaps not yet on its disk
        self._kept_bytes = 0
        self._spill: Spill | None = None
        self._left: Spill | None = None
        self._lost: dict[int, _Lost] = {}
        self._words = Words(client)
        self._retrying: asyncio.Task[None] | None = None
        self.dropped = 0
        client.on_lost = self._server_left

    @property
    def waiting(self) -> int:
        """Rows that the server has not acknowledged."""
        return (self._spill.waiting if self._spill else 0) + (self._left.waiting if self._left else 0)

    async def append(self, term: int, count: int, rows: bytes, trades: bytes = b"") -> bool:
        """True when the server has it. Raises LeaseLostError when a later term has written there."""
        batch = HistoryBatch(term, count, rows, trades)
        if self._spill is not None or self._lost:
            self._wait(batch)
            return False
        try:
            await self._add(batch)
        except RedisDownError as error:
            logger.warning("history does not take batches now: %s", error)
            self._wait(batch)
            return False
        return True

    async def tell_ends(self, term: int, newest: Ends) -> None:
        """What the last rows of a term were. Raises RedisDownError."""
        await self._words.tell(history_words.ends(self._feed, term, newest))

    async def take_over(self) -> None:
        """Brings out what earlier leaders of this feed on this machine left; returns when all of it is. Never gives up."""
        for spill in Spill.left_behind(self._options.spill, self._feed):
            self._left = spill
            logger.warning("%d rows that an earlier leader left are brought to history: %s", spill.waiting, spill.path)
            try:
                await self._bring_out(spill)
                spill.done()
            finally:
                spill.close()
                self._left = None

    async def close(self, timeout: float = 2.0) -> int:
        """Tries to bring out what waits; returns how many rows could not be, and stay in their file."""
        if self._retrying is not None:
            try:
                async with asyncio.timeout(timeout):
                    await self._retrying
            except TimeoutError:
                pass
            self._retrying = None
        waiting = self.waiting
        if self._spill is not None:
            self._spill.close()
            self._spill = None
        return waiting

    # ── The server ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _add(self, batch: HistoryBatch, late: bool = False) -> None:
        fence = "0" if late else "1"
        cap = self._options.stream_bytes
        arguments = [self._feed, batch.term, batch.size, batch.rows, batch.trades, cap, fence, *self._share_names]
        try:
            await self._client.run(_APPEND, self._keys, arguments)
        except hiredis.ReplyError as error:
            if str(error).startswith("FENCED"):
                raise LeaseLostError.told(str(error)) from error
            raise RedisDownError(str(error)) from error
        now = asyncio.get_running_loop().time()
        self._kept.append((now, batch))
        self._kept_bytes += batch.weight
        while self._kept and (self._kept[0][0] < now - KEPT_S or self._kept_bytes > KEPT_BYTES):
            self._kept_bytes -= self._kept.popleft()[1].weight

    # ── The file ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _wait(self, batch: HistoryBatch) -> None:
        if self._spill is None:
            self._wait_with_kept()
        try:
            self._keep(batch)
        except OSError as error:
            self._drop(batch, error)
        self._retry_soon()

    def _server_left(self) -> None:
        """Not only when a batch is refused: the feed may be silent, and the next append may find another server."""
        now = asyncio.get_running_loop().time()
        while self._kept and self._kept[0][0] < now - KEPT_S:
            self._kept_bytes -= self._kept.popleft()[1].weight
        told = self._words.server_left()
        if self._kept:
            self._wait_with_kept()
        if self._kept or told or self._spill is not None:
            self._retry_soon()

    def _wait_with_kept(self) -> None:
        """The server went away: what it acknowledged in its last seconds may not have reached its disk, or not the server
        that takes its place, so it is added again. Doubles fall out at the database's key."""
        try:
            if self._spill is None:
                self._spill = Spill.create(self._options.spill, self._feed)
            while self._kept:
                self._keep(self._kept.popleft()[1])
        except OSError as error:
            logger.error("nothing can be kept for history: %s", error)
        self._kept_bytes = sum(batch.weight for _, batch in self._kept)

    def _retry_soon(self) -> None:
        if self._retrying is None or self._retrying.done():
            self._retrying = asyncio.get_running_loop().create_task(self._retry(), name="history-retry")

    def _keep(self, batch: HistoryBatch) -> None:
        if self._spill is None:
            raise OSError("there is no file")
        self._spill.add(batch, self._options.spill_bytes)

    def _drop(self, batch: HistoryBatch, error: OSError) -> None:
        if not self._lost:
            logger.error("%s: from now on quotes are missing in history: %s", self._feed, error)
        self.dropped += batch.size
        if not batch.size:
            return
        first, last = (_received(line) for line in (batch.rows.partition(b"\n")[0], batch.rows.rpartition(b"\n")[2]))
        known = self._lost.get(batch.term)
        if known is None:
            self._lost[batch.term] = _Lost(first, last, batch.size)
        else:
            known.from_ms, known.to_ms = min(known.from_ms, first), max(known.to_ms, last)
            known.count += batch.size

    async def _retry(self) -> None:
        had_file = False
        while True:
            if self._spill is not None:
                had_file = True
                await self._bring_out(self._spill)
            for term, lost in self._lost.items():
                self._words.add(history_words.gap(self._feed, term, lost.from_ms, lost.to_ms, lost.count))
            self._lost.clear()
            await self._words.bring_out()
            # Or else more came, or was lost, while the gaps were told.
            if not self._lost and (self._spill is None or self._spill.first() is None):
                break
        if self._spill is not None:
            self._spill.done()
            self._spill = None
        if had_file:
            logger.info("history takes batches again")

    async def _bring_out(self, spill: Spill) -> None:
        """Everything in the file, also what comes to it meanwhile. It was accepted before, so no fence holds it up."""
        wait = 0.1
        while (batch := spill.first()) is not None:
            try:
                await self._add(batch, late=True)
            except RedisDownError:
                await asyncio.sleep(wait)
                wait = min(wait * 2, 1.0)
                continue
            wait = 0.1
            spill.next(batch)


def _received(line: bytes) -> float:
    row: list[float] = msgspec.json.decode(line)
    return round(row[2] + row[3], 3)
