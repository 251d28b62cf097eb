"""The history stream as recorders read it: a consumer group whose members share the entries, take over what one of them
left, and take off the stream what is committed.
"""

from typing import Any, Final, NamedTuple

import msgspec
import redis

from . import keys
from .blocking import open_client

GROUP: Final = "recorders"
# An entry that its reader has not finished for so long is another's to take.
ABANDONED_S: Final = 10.0

# KEYS stream, size · ARGV group, then id and bytes of each entry → how many were still there
_DONE: Final = """
local there = 0
for i = 2, #ARGV, 2 do
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
  if redis.call('XDEL', KEYS[1], ARGV[i]) == 1 then
    there = there + 1
    redis.call('DECRBY', KEYS[2], ARGV[i + 1])
  end
end
return there
"""
# KEYS gaps · ARGV field, value as it was read
_GAP_MOVED: Final = """
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return redis.call('HDEL', KEYS[1], ARGV[1]) end
return 0
"""


class Entry(msgspec.Struct, frozen=True):
    """One batch, or, with `ends`, what the last rows of a term were. `again` where it was given to a reader before."""

    id: bytes
    feed: str
    term: int
    count: int
    rows: bytes
    trades: bytes
    ends: bytes
    again: bool

    @property
    def weight(self) -> int:
        return len(self.rows) + len(self.trades)


class Backlog(NamedTuple):
    """What the stream holds: `entries` of them, `size` bytes, and since when (ms since 1970; None where it is empty)."""

    entries: int
    size: int
    oldest_ms: int | None


class HistoryReader:
    """One member of the group, named `name`. Every method blocks, and raises redis.RedisError where the server is away."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self._redis = open_client(url, socket_timeout=10, socket_connect_timeout=2)
        self._stream = keys.history_stream()
        self._done = self._redis.register_script(_DONE)
        self._gap_moved = self._redis.register_script(_GAP_MOVED)

    def read(self, most: int, wait_ms: int) -> list[Entry]:
        """Up to `most` entries that no member has had, waiting for the first so long."""
        block = wait_ms or None  # to Redis, 0 is for ever
        try:
            answer: Any = self._redis.xreadgroup(GROUP, self.name, {self._stream: ">"}, count=most, block=block)
        except redis.ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            self._join()
            return []
        if not answer:
            return []
        pairs = next(iter(answer.values()))[0] if isinstance(answer, dict) else answer[0][1]
        return [_entry(name, fields, False) for name, fields in pairs]

    def take_over(self, most: int, idle_s: float = ABANDONED_S) -> list[Entry]:
        """Up to `most` entries that their reader, also a former life of this one, has not finished for `idle_s`."""
        try:
            answer: Any = self._redis.xautoclaim(
                self._stream, GROUP, self.name, round(idle_s * 1000), start_id="0-0", count=most
            )
        except redis.ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            self._join()
            return []
        return [_entry(name, fields, True) for name, fields in answer[1] if fields]

    def hold(self, entries: list[Entry]) -> None:
        """Says that this member is still at these."""
        if entries:
            ids: Any = [entry.id for entry in entries]
            self._redis.xclaim(self._stream, GROUP, self.name, 0, ids, justid=True)

    def is_first(self, entry: Entry) -> bool:
        """Whether everything that came onto the stream before it is off it."""
        oldest: Any = self._redis.xrange(self._stream, count=1)
        return not oldest or _place(oldest[0][0]) >= _place(entry.id)

    def done(self, entries: list[Entry]) -> None:
        """These are committed: they leave the stream."""
        if entries:
            arguments: list[Any] = [GROUP]
            for entry in entries:
                arguments += [entry.id, entry.weight]
            self._done(keys=[self._stream, keys.history_size()], args=arguments)

    def gaps(self) -> dict[bytes, bytes]:
        """`feed|term|reason` → `from to count`, in ms since 1970."""
        found: Any = self._redis.hgetall(keys.history_gaps())
        return dict(found)

    def gap_moved(self, field: bytes, value: bytes) -> None:
        """That gap is committed; where it has grown since, it stays to be committed again."""
        self._gap_moved(keys=[keys.history_gaps()], args=[field, value])

    def backlog(self) -> Backlog:
        pipe = self._redis.pipeline(transaction=False)
        pipe.xlen(self._stream)
        pipe.get(keys.history_size())
        pipe.xrange(self._stream, count=1)
        entries, size, oldest = pipe.execute()
        return Backlog(int(entries), max(0, int(size or 0)), _place(oldest[0][0])[0] if oldest else None)

    def close(self) -> None:
        self._redis.close()

    def _join(self) -> None:
        """Makes the group, where the server does not know it (any more): from the beginning of what is there."""
        try:
            self._redis.xgroup_create(self._stream, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise


def in_order(entries: list[Entry]) -> list[Entry]:
    """As they came onto the stream."""
    return sorted(entries, key=lambda entry: _place(entry.id))


def _place(entry_id: bytes) -> tuple[int, int]:
    ms, _, number = entry_id.partition(b"-")
    return int(ms), int(number)


def _entry(entry_id: bytes, fields: dict[bytes, bytes], again: bool) -> Entry:
    return Entry(
        entry_id,
        fields.get(b"feed", b"").decode("utf-8", "replace"),
        int(fields.get(b"term", b"0")),
        int(fields.get(b"count", b"0")),
        fields.get(b"rows", b""),
        fields.get(b"trades", b""),
        fields.get(b"ends", b""),
        again,
    )
