"""The last values on one server: reading and clearing them. Flushes write them (`fenced`); sockets read them (`board`), and
so does whatever is worked out from prices.
"""

import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from .. import rows
from . import keys
from .client import Client
from .connection import RedisDownError
from .place import Place

# Fields in one HMGET: some 200 kB of answer, a millisecond of Redis's time.
CHUNK: Final = 1_000
Row = dict[str, float | None]
Take = Callable[[Sequence[int], Sequence[bytes | None]], None]


class PartlyReadError(RedisDownError):
    """The values of these instruments could not be read now; all others were."""

    def __init__(self, ids: Collection[int], reason: object) -> None:
        super().__init__(f"{len(ids)} of them: {reason}")
        self.ids = ids


class LastValues:
    """Every method raises RedisDownError. On a cluster it is `ShardedValues`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def read(self, places: Mapping[int, Place], take: Take) -> None:
        """Calls `take(ids, framed rows)` with one part after the other; None where there is no row yet."""
        by_feed: dict[str, list[int]] = {}
        for instrument_id, place in places.items():
            by_feed.setdefault(place.feed, []).append(instrument_id)
        for feed, ids in by_feed.items():
            for start in range(0, len(ids), CHUNK):
                part = ids[start : start + CHUNK]
                take(part, await self._client.call("HMGET", keys.last_values(feed), *part))

    async def rows(self, places: Mapping[int, Place]) -> dict[int, Row]:
        """The rows that there are, by column."""
        found: dict[int, Row] = {}
        await self.read(places, lambda ids, answer: found.update(decoded(ids, answer)))
        return found

    async def all(self, feed: str) -> list[bytes]:
        """Every framed row of the feed."""
        return list((await self._client.call("HGETALL", keys.last_values(feed))).values())

    async def keep_only(self, feed: str, ids: Collection[int], among: Collection[int] | None = None) -> int:
        """Deletes the last values of all other instruments, or of the others `among` these; returns how many went."""
        key = keys.last_values(feed)
        fields = await self._client.call("HKEYS", key)
        gone = [i for i in fields if int(i) not in ids and (among is None or int(i) in among)]
        for start in range(0, len(gone), CHUNK):
            await self._client.call("HDEL", key, *gone[start : start + CHUNK])
        return len(gone)


def read_blocking(client: Any, feed: str, ids: Sequence[int]) -> dict[int, Row]:
    """The rows that there are, with a client of redis-py. Raises redis.RedisError."""
    found: dict[int, Row] = {}
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        found.update(decoded(part, client.hmget(keys.last_values(feed), part)))
    return found


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
