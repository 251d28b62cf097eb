"""What ingest tells the history server beside batches: which rows are missing, and how a term ended. Without either a hole
may show nowhere, so what was told shortly before the server went away is told again, as batches are.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from . import keys
from .client import Client, Script
from .connection import RedisDownError
from .history_append import APPEND

# How long a word may not yet be on the server's disk, or not on the server that takes its place; likewise of batches.
KEPT_S: Final = 10.0
# When the file of batches that wait would outgrow its limit: the reason of the gap.
SPILL_FULL: Final = "spill_full"

# The newest row of each instrument in a term: {id: (seq, received ms)}.
Ends = dict[int, tuple[int, float]]

# KEYS gaps · ARGV feed, term, reason, from ms, to ms, count, '1' where it was told before and may be known
_GAP: Final = Script(
    APPEND
    + """
local known = ARGV[7] == '1' and redis.call('HGET', KEYS[1], ARGV[1] .. '|' .. ARGV[2] .. '|' .. ARGV[3])
if known then
  local a, b, n = string.match(known, '^(%S+) (%S+) (%S+)$')
  if tonumber(a) <= tonumber(ARGV[4]) and tonumber(b) >= tonumber(ARGV[5]) and tonumber(n) >= tonumber(ARGV[6]) then
    return 0
  end
end
gap(KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
return 1
"""
)
# KEYS stream · ARGV feed, term, JSON of {instrument: [seq, received ms]}; that it was told before changes nothing
_ENDS: Final = Script("return redis.call('XADD', KEYS[1], '*', 'feed', ARGV[1], 'term', ARGV[2], 'ends', ARGV[3])")


class Word(NamedTuple):
    """`again` says that it was sent before, and may have been taken."""

    script: Script
    key: str
    arguments: Sequence[Any]
    again: bool = False

    async def tell(self, client: Client) -> None:
        """Raises RedisDownError."""
        await client.run(self.script, [self.key], [*self.arguments, int(self.again)])


def gap(feed: str, term: int, from_ms: float, to_ms: float, count: int) -> Word:
    """That so many rows had no room."""
    return Word(_GAP, keys.history_gaps(), (feed, term, SPILL_FULL, from_ms, to_ms, count))


def ends(feed: str, term: int, newest: Ends) -> Word:
    """What the last rows of a term were: the recorder, when it is there, looks whether it has them all. It may be told any
    number of times."""
    return Word(_ENDS, keys.history_stream(), (feed, term, msgspec.json.encode(newest)))


class Words:
    """Those of one leader, in their order."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._told: deque[tuple[float, Word]] = deque()
        self._due: deque[Word] = deque()

    def add(self, word: Word) -> None:
        """It is told by the next `bring_out`."""
        self._due.append(word)

    async def tell(self, word: Word) -> None:
        """At once. Raises RedisDownError."""
        await word.tell(self._client)
        self._told.append((asyncio.get_running_loop().time(), word._replace(again=True)))
        self._forget_old()

    async def bring_out(self) -> None:
        """Never gives up."""
        wait = 0.1
        while self._due:
            word = self._due.popleft()
            try:
                await self.tell(word)
            except RedisDownError:
                self._due.appendleft(word._replace(again=True))
                await asyncio.sleep(wait)
                wait = min(wait * 2, 1.0)

    def server_left(self) -> bool:
        """What was told last is due again. Returns whether there is any."""
        self._forget_old()
        self._due.extendleft(word for _, word in reversed(self._told))
        self._told.clear()
        return bool(self._due)

    def _forget_old(self) -> None:
        oldest = asyncio.get_running_loop().time() - KEPT_S
        while self._told and self._told[0][0] < oldest:
            self._told.popleft()
