"""The flush: one server-side function that appends to history, writes last values and publishes to the groups, in that
order, and does none of it unless the lease still holds the flush's term.
"""

from collections.abc import Mapping
from typing import Any, Final

import hiredis

from ..shares import WHOLE, Share
from . import keys
from .client import Client, Script
from .history_append import APPEND
from .lease import LeaseLostError

# Rows in one call: HSET takes them in one go, and Lua's unpack() ends at some 8,000 arguments.
MAX_ROWS: Final = 1_000

# KEYS lease, last values, history stream, its size, its gaps · ARGV token, feed, term, count, rows and trades for history
# ('' for none), what the stream may hold, then row by row id, channel, framed row
_FLUSH: Final = Script(
    """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('FENCED the lease is not of this term') end
if ARGV[5] ~= '' or ARGV[6] ~= '' then
"""
    + APPEND
    + """
  append(KEYS[3], KEYS[4], KEYS[5], ARGV[7], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
end
local values = {}
for i = 8, #ARGV, 3 do
  values[#values + 1] = ARGV[i]
  values[#values + 1] = ARGV[i + 2]
end
if #values > 0 then redis.call('HSET', KEYS[2], unpack(values)) end
for i = 8, #ARGV, 3 do redis.call('PUBLISH', ARGV[i + 1], ARGV[i + 2]) end
return #values / 2
"""
)

# KEYS lease, status, of a share also the feed's status · ARGV token, channel, beacon, seconds to keep it
_BEACON: Final = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('FENCED the lease is not of this term') end
for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[3], 'EX', ARGV[4]) end
return redis.call('PUBLISH', ARGV[2], ARGV[3])
""")


class FencedWriter:
    """What a leader may do to the shared state of its feed, or of its share of it. Every method raises LeaseLostError when
    it leads no more, and RedisDownError when Redis is away."""

    def __init__(self, client: Client, feed: str, stream_bytes: int = 512_000_000, share: Share = WHOLE) -> None:
        self._client = client
        self._feed = feed
        self._stream_bytes = stream_bytes
        self._keys: list[Any] = [
            keys.lease(feed, share),
            keys.last_values(feed),
            keys.history_stream(),
            keys.history_size(),
            keys.history_gaps(),
        ]
        self._status_keys = list(dict.fromkeys((keys.status(feed, share), keys.status(feed))))
        self._beacons = keys.beacons()

    # What a cluster owes its nodes; on one server a flush is told whole or not at all.
    owed: frozenset[str] = frozenset()

    def forget(self, underlyings: frozenset[str]) -> None:
        """Nothing is owed of these any more."""

    async def tell_whole(self, token: str, term: int, rows: Mapping[str, list[Any]]) -> None:
        """Tells all rows of underlyings that are owed."""

    async def flush(
        self, token: str, term: int, rows: list[Any], count: int = 0, history: bytes = b"", trades: bytes = b""
    ) -> None:
        """`rows` is flat: id, channel, framed row, and so on, at most MAX_ROWS of them, one an instrument. `history` is
        the batch that goes to the stream, `count` rows of it, beside its `trades`; empty where the history is elsewhere or
        off."""
        arguments = [token, self._feed, term, count, history, trades, self._stream_bytes]
        await self._run(_FLUSH, self._keys, [*arguments, *rows])

    async def beacon(self, token: str, beacon: bytes) -> None:
        """Says that the feed lives, and keeps the saying for 5 s."""
        await self._run(_BEACON, [self._keys[0], *self._status_keys], [token, self._beacons, beacon, 5])

    async def _run(self, script: Script, key_names: list[Any], arguments: list[Any]) -> Any:
        try:
            return await self._client.run(script, key_names, arguments)
        except hiredis.ReplyError as error:
            if str(error).startswith("FENCED"):
                raise LeaseLostError from error
            raise
