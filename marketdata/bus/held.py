"""Which instruments open sockets hold: each web process says it of its own, ingest and the administrator's preview read
it of all. What a process that died held is forgotten by itself; whoever reads takes its name off the list.
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
    for name in await client.call("SMEMBERS", keys.webs()):
        process = name.decode()
        ids = await client.call("SMEMBERS", keys.held(process))
        held.update(map(int, ids))
        # One that is only late with its report puts its name there again with the next.
        if not ids and not await client.call("EXISTS", keys.web(process)):
            await client.call("SREM", keys.webs(), name)
    return held


def read_blocking(client: Any) -> set[int]:
    """The same, with a client of redis-py. Raises redis.RedisError."""
    held: set[int] = set()
    for name in client.smembers(keys.webs()):
        process = name.decode()
        ids = client.smembers(keys.held(process))
        held.update(map(int, ids))
        if not ids and not client.exists(keys.web(process)):
            client.srem(keys.webs(), name)
    return held
