"""Which sockets are open, over all web processes: each process says what its own are like every few seconds, for the
administrator, and each user's are counted in one place, so that the limit holds whichever process lets them in.

What a process said is forgotten by itself. A process that has died without a word says nothing any more within five
seconds; what is counted for it is taken out by whoever meets the limit next.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from . import keys
from .client import Client, Script

# What a process said of its sockets; it says so every 2 s.
KEPT_S: Final = 7
# What is counted of a user; each process says it again every 5 s.
COUNTED_S: Final = 30
CHUNK: Final = 200

# KEYS a user's sockets, for each socket · ARGV prefix of web processes, seconds, then by socket: channel, last answer,
# limit (0: none is looked at) → channels that have to give way. A channel's name holds its process: `specific.PROCESS!…`
_COUNT: Final = Script("""
local lives = {}
local function is_alive(channel)
  local process = string.match(channel, '%.(%w+)!') or ''
  if lives[process] == nil then lives[process] = redis.call('EXISTS', ARGV[1] .. process) == 1 end
  return lives[process]
end
local give_way = {}
for place, key in ipairs(KEYS) do
  local first = 3 * place
  local channel, limit = ARGV[first], tonumber(ARGV[first + 2])
  redis.call('ZADD', key, ARGV[first + 1], channel)
  redis.call('EXPIRE', key, ARGV[2])
  if limit > 0 and redis.call('ZCARD', key) > limit then
    for _, other in ipairs(redis.call('ZRANGE', key, 0, -1)) do
      if other ~= channel and not is_alive(other) then redis.call('ZREM', key, other) end
    end
    local over = redis.call('ZCARD', key) - limit
    if over > 0 then
      for _, other in ipairs(redis.call('ZRANGE', key, 0, over)) do
        if other ~= channel and over > 0 then
          redis.call('ZREM', key, other)
          table.insert(give_way, other)
          over = over - 1
        end
      end
    end
  end
end
return give_way
""")


class Counted(NamedTuple):
    """One socket as it is counted. `heard_ms` is when its client last answered, ms since 1970; with `limit` 0 it is only
    said that it is still there."""

    user_id: int
    channel: str
    heard_ms: int
    limit: int


class Socket(msgspec.Struct, frozen=True):
    """One open socket, as its process last said. `since` is in seconds since 1970; `unanswered_bytes` were sent and not
    yet answered for, and `ping_age_s` is how long the oldest ping has waited, None where none does. `rows` were sent;
    `merged` are those that were overtaken by newer ones while the client was behind."""

    name: str
    channel: str
    user_id: int
    username: str
    address: str
    by: str
    since: float
    symbols: int
    interval_ms: int
    unanswered_bytes: int
    ping_age_s: float | None
    rows: int
    merged: int


class Said(msgspec.Struct, frozen=True):
    """What a web process says: how many sockets it has, and what some of them are like."""

    process: str
    total: int
    sockets: list[Socket]


_decode: Final = msgspec.json.Decoder(Said).decode


async def count(client: Client, sockets: Sequence[Counted]) -> list[str]:
    """Counts these sockets; returns the channels of those that give way. Raises RedisDownError, hiredis.ReplyError."""
    give_way: list[str] = []
    prefix = keys.web("")
    for start in range(0, len(sockets), CHUNK):
        some = sockets[start : start + CHUNK]
        users = [keys.sockets_of_user(one.user_id) for one in some]
        said = [part for one in some for part in (one.channel, one.heard_ms, one.limit)]
        answer = await client.run(_COUNT, users, [prefix, COUNTED_S, *said])
        give_way += [channel.decode() for channel in answer]
    return give_way


async def discount(client: Client, gone: Iterable[tuple[int, str]]) -> None:
    """These sockets, by user and channel, are closed. Raises as `count` does."""
    by_user: dict[int, list[str]] = {}
    for user_id, channel in gone:
        by_user.setdefault(user_id, []).append(channel)
    for user_id, channels in by_user.items():
        await client.call("ZREM", keys.sockets_of_user(user_id), *channels)


async def say(client: Client, said: Said) -> None:
    """Raises as `count` does."""
    await client.call("SET", keys.sockets(said.process), msgspec.json.encode(said), "EX", KEPT_S)


def read_blocking(client: Any) -> list[Said]:
    """What every web process last said, with a client of redis-py. Raises redis.RedisError."""
    processes = sorted(name.decode() for name in client.smembers(keys.webs()))
    if not processes:
        return []
    answers = client.mget([keys.sockets(process) for process in processes])
    return [_decode(answer) for answer in answers if answer is not None]
