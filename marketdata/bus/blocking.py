"""A client of redis-py for code that blocks, as views and signals do: one a server and process, with a pool behind it."""

from functools import cache
from typing import Any, Final

from redis import Redis

# redis-py would wait 5 s and try again for longer: whoever waits for an answer is told sooner that Redis is down.
TIMEOUTS: Final[dict[str, Any]] = {"socket_timeout": 2.0, "socket_connect_timeout": 2.0}


@cache
def blocking_client(url: str) -> Redis:
    client: Redis = Redis.from_url(url, **TIMEOUTS)
    return client
