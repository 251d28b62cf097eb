"""The flush where rows are on a cluster: the lease is checked and history appended on the first server, as ever; then each
underlying's rows go to the node that has its slot, where a function writes last values and publishes.

What fences it there: the function keeps the highest term that wrote, and that term's last flush, and takes nothing older.
So a leader that was replaced is refused by each slot once its successor has written there; until then its rows are newer
than all that is there, were accepted while it led, and are overwritten by the successor's. And what was sent over a
connection that was given up cannot come late over what was sent after it.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

import hiredis

from . import keys
from .client import Client, Script
from .cluster_client import ClusterClient, Command
from .connection import Connection
from .fenced import MAX_ROWS, FencedWriter
from .lease import LeaseLostError
from .topology import slot_of

logger = logging.getLogger(__name__)

# What a node that hangs may hold up a flush, once; then it is passed over until it answers again.
PATIENCE_S: Final = 0.5
MOST_CHANNELS: Final = 200_000
# id, channel, row
_WIDTH: Final = 3

# KEYS highest term and its last flush, last values · ARGV term, flush, then row by row id, channel, framed row
_ROWS: Final = Script("""
local term, flush = tonumber(ARGV[1]), tonumber(ARGV[2])
local told = redis.call('GET', KEYS[1])
if told then
  local a, b = string.match(told, '^(%d+) (%d+)$')
  a, b = tonumber(a), tonumber(b)
  if a and a > term then return redis.error_reply(string.format('FENCED term %.0f has written here', a)) end
  if a == term and b > flush then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2])
local values = {}
for i = 3, #ARGV, 3 do
  values[#values + 1] = ARGV[i]
  values[#values + 1] = ARGV[i + 2]
end
redis.call('HSET', KEYS[2], unpack(values))
for i = 3, #ARGV, 3 do redis.call('SPUBLISH', ARGV[i + 1], ARGV[i + 2]) end
return #values / 2
""")


class ShardedWriter(FencedWriter):
    """A node that is away does not fail a flush, which is accepted all the same: `owed` names the underlyings whose rows
    are to be told whole, by `tell_whole`, as soon as there is a node that takes them; likewise those whose node is not the
    one that was told before, and may know less."""

    def __init__(self, client: Client, cluster: ClusterClient, feed: str, *arguments: Any, **options: Any) -> None:
        super().__init__(client, feed, *arguments, **options)
        self._cluster = cluster
        self._owed: set[str] = set()
        # By which connection each underlying was told last.
        self._told: dict[str, Connection] = {}
        self._seen = cluster.version
        self._flushes = 0
        # Of each channel its underlying, of each underlying its keys and their slot: worked out once.
        self._begins = len(keys.shard_channel(feed, "", "").rpartition("}")[0])
        self._underlyings: dict[str, str] = {}
        self._shards: dict[str, tuple[list[str], int]] = {}

    @property
    def owed(self) -> frozenset[str]:  # type: ignore[override]
        if self._seen != self._cluster.version:
            self._seen = self._cluster.version
            self._owed |= {
                underlying
                for underlying, connection in self._told.items()
                if not self._cluster.is_current(self._shard(underlying)[1], connection)
            }
        return frozenset(self._owed)

    def forget(self, underlyings: frozenset[str]) -> None:
        """Nothing is known of these any more: nothing is owed."""
        self._owed -= underlyings
        for underlying in underlyings:
            self._told.pop(underlying, None)

    async def flush(
        self, token: str, term: int, rows: list[Any], count: int = 0, history: bytes = b"", trades: bytes = b""
    ) -> None:
        await super().flush(token, term, [], count, history, trades)
        by_underlying: dict[str, list[Any]] = {}
        for i in range(0, len(rows), _WIDTH):
            underlying = self._underlyings.get(rows[i + 1]) or self._underlying(rows[i + 1])
            by_underlying.setdefault(underlying, []).extend(rows[i : i + _WIDTH])
        for underlying, told in (await self._write(token, by_underlying)).items():
            if told is None or self._told.setdefault(underlying, told) is not told:
                self._owed.add(underlying)

    async def tell_whole(self, token: str, term: int, rows: Mapping[str, list[Any]]) -> None:
        """All that is known of each of these underlyings, which have been flushed before."""
        await super().flush(token, term, [])
        for underlying, told in (await self._write(token, rows)).items():
            if told is not None:
                self._told[underlying] = told
                self._owed.discard(underlying)
        if not self._owed:
            logger.info("every node has the rows of %s again", self._feed)

    async def _write(self, token: str, rows: Mapping[str, list[Any]]) -> dict[str, Connection | None]:
        """By which connection each underlying's rows were taken; None where not all were. The term that counts is that
        of the lease: what goes to history may be of the one before, whose acknowledgement was lost."""
        term = int(token.partition(":")[0])
        self._flushes += 1
        most = _WIDTH * 3 * MAX_ROWS
        commands: list[tuple[str, list[Any], Command]] = []
        for underlying, flat in rows.items():
            names, slot = self._shard(underlying)
            for start in range(0, len(flat), most):
                part = flat[start : start + most]
                command = Command.run(slot, _ROWS, names, [term, self._flushes, *part])
                commands.append((underlying, part, command))
        await self._cluster.execute([command for _, _, command in commands], PATIENCE_S)
        await self._tell_former_nodes(commands)
        refused = [str(one.answer) for _, _, one in commands if isinstance(one.answer, hiredis.ReplyError)]
        if fenced := [LeaseLostError.told(refusal) for refusal in refused if refusal.startswith("FENCED")]:
            raise max(fenced, key=lambda lost: lost.term)
        told: dict[str, Connection | None] = {}
        for underlying, _, command in commands:
            if isinstance(command.answer, hiredis.ReplyError):
                raise command.answer
            by = command.connection
            if command.has_failed or told.setdefault(underlying, by) is not by:
                told[underlying] = None
        failed = {underlying: command.answer for underlying, _, command in commands if command.has_failed}
        if fresh := failed.keys() - self._owed:
            why = failed[next(iter(fresh))]
            logger.warning("rows of %s on %d underlyings wait for their node: %s", self._feed, len(fresh), why)
        return told

    async def _tell_former_nodes(self, commands: list[tuple[str, list[Any], Command]]) -> None:
        """Where a slot is on its way its keys are at the new node already, and the subscribers still at the old one."""
        late = [
            Command(command.slot, "SPUBLISH", part[i + 1], part[i + 2])
            for _, part, command in commands
            if command.asked and not isinstance(command.answer, Exception)
            for i in range(0, len(part), _WIDTH)
        ]
        if late:
            await self._cluster.execute(late, PATIENCE_S)

    def _underlying(self, channel: str) -> str:
        if len(self._underlyings) >= MOST_CHANNELS:
            self._underlyings.clear()  # most of them have expired
        found = channel[self._begins : channel.index("}", self._begins)]
        self._underlyings[channel] = found
        return found

    def _shard(self, underlying: str) -> tuple[list[str], int]:
        shard = self._shards.get(underlying)
        if shard is None:
            names = [keys.shard_told(self._feed, underlying), keys.shard(self._feed, underlying)]
            shard = self._shards[underlying] = names, slot_of(names[1])
        return shard
