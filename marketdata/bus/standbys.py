"""Who stands by for a feed: each says so every second, and is counted while it did in the last three. The times are
Redis's own, so that machines need not agree on theirs.
"""

from typing import Any, Final

from . import keys
from .client import Client, Script

SAID_EVERY_S: Final = 1.0
FORGOTTEN_S: Final = 3

# KEYS standbys · ARGV owner, seconds
_SAY: Final = Script("""
local now = redis.call('TIME')
redis.call('ZADD', KEYS[1], now[1], ARGV[1])
return redis.call('EXPIRE', KEYS[1], ARGV[2])
""")
# KEYS standbys · ARGV seconds → how many
_COUNT: Final = Script("""
local now = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. (now[1] - ARGV[1]))
return redis.call('ZCARD', KEYS[1])
""")


async def say(client: Client, feed: str, owner: str) -> None:
    """Raises RedisDownError."""
    await client.run(_SAY, _keys(feed), [owner, FORGOTTEN_S])


async def count(client: Client, feed: str) -> int:
    """Raises RedisDownError."""
    return int(await client.run(_COUNT, _keys(feed), [FORGOTTEN_S]))


async def leave(client: Client, feed: str, owner: str) -> None:
    """Raises RedisDownError."""
    await client.call("ZREM", keys.standbys(feed), owner)


def _keys(feed: str) -> list[Any]:
    return [keys.standbys(feed)]
