"""Who stands by for a feed, or for a share of one: each says so every second, and is counted while it did in the last
three. The times are Redis's own, so that machines need not agree on theirs.
"""

from typing import Any, Final

from ..shares import WHOLE, Share
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


async def say(client: Client, feed: str, owner: str, share: Share = WHOLE) -> None:
    """Raises RedisDownError."""
    await client.run(_SAY, _keys(feed, share), [owner, FORGOTTEN_S])


async def count(client: Client, feed: str, share: Share = WHOLE) -> int:
    """Raises RedisDownError."""
    return int(await client.run(_COUNT, _keys(feed, share), [FORGOTTEN_S]))


async def leave(client: Client, feed: str, owner: str, share: Share = WHOLE) -> None:
    """Raises RedisDownError."""
    await client.call("ZREM", keys.standbys(feed, share), owner)


def _keys(feed: str, share: Share) -> list[Any]:
    return [keys.standbys(feed, share)]
