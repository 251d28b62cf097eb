"""Reading and clearing the last values of a feed, beside the push path: for what is worked out from prices, and for what
is offered no more. Flushes write them (`fenced`), sockets read them (`board`).
"""

import struct
from collections.abc import Collection, Iterable
from typing import Any, Final

import msgspec

from .. import rows
from . import keys
from .client import Client

CHUNK: Final = 1_000
Row = dict[str, float | None]


async def read(client: Client, feed: str, ids: Iterable[int]) -> dict[int, Row]:
    """The rows that there are, by column. Raises RedisDownError."""
    ids = list(ids)
    found: dict[int, Row] = {}
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        found.update(decoded(part, await client.call("HMGET", keys.last_values(feed), *part)))
    return found


def read_blocking(client: Any, feed: str, ids: Iterable[int]) -> dict[int, Row]:
    """The same, with a client of redis-py. Raises redis.RedisError."""
    ids = list(ids)
    found: dict[int, Row] = {}
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        found.update(decoded(part, client.hmget(keys.last_values(feed), part)))
    return found


async def keep_only(client: Client, feed: str, ids: Collection[int]) -> int:
    """Deletes the last values of all other instruments; returns how many went. Raises RedisDownError."""
    key = keys.last_values(feed)
    gone = [field for field in await client.call("HKEYS", key) if int(field) not in ids]
    for start in range(0, len(gone), CHUNK):
        await client.call("HDEL", key, *gone[start : start + CHUNK])
    return len(gone)


def decoded(ids: Iterable[int], answer: Iterable[bytes | None]) -> dict[int, Row]:
    """What HMGET answered for `ids`, by column, without what is not there."""
    found = {}
    for instrument_id, framed in zip(ids, answer, strict=True):
        if framed is None:
            continue
        try:
            found[instrument_id] = rows.decode(rows.body(framed))
        except (struct.error, msgspec.DecodeError, UnicodeDecodeError):
            continue  # what a foreign hand wrote there is no price
    return found
