"""Which instruments open sockets hold: each web process says it of its own, ingest and the administrator's preview read
it of all. What a process that died held is forgotten by itself.
"""

from collections.abc import Collection
from typing import Any, Final

from . import keys
from .client import Client, Script

KEPT_S: Final = 10
CHUNK: Final = 5_000

# KEYS held · ARGV seconds, then ids: one command, so that nobody sees a half
_SAY: Final = Script("""
redis.call('DEL', KEYS[1])
for first = 2, #ARGV, 5000 do
  redis.call('SADD', KEYS[1], unpack(ARGV, first, math.min(first + 4999, #ARGV)))
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
""")


async def say(client: Client, process: str, ids: Collection[int]) -> None:
    """Raises RedisDownError."""
    await client.run(_SAY, [keys.held(process)], [KEPT_S, *ids])


async def read(client: Client) -> set[int]:
    """Raises RedisDownError."""
    held: set[int] = set()
    for process in await client.call("SMEMBERS", keys.webs()):
        held.update(map(int, await client.call("SMEMBERS", keys.held(process.decode()))))
    return held


def read_blocking(client: Any) -> set[int]:
    """The same, with a client of redis-py. Raises redis.RedisError."""
    held: set[int] = set()
    for process in client.smembers(keys.webs()):
        held.update(map(int, client.smembers(keys.held(process.decode()))))
    return held
