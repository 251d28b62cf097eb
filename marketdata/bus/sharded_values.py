"""The last values on a cluster: as `last_values`, a hash for each underlying of a feed."""

import logging
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from typing import Final

from . import keys
from .client import CALL_TIMEOUT_S, Client
from .cluster_client import ClusterClient, Command
from .connection import RedisDownError
from .last_values import CHUNK, LastValues, PartlyReadError, Take
from .place import Place
from .topology import slot_of

logger = logging.getLogger(__name__)

# What a node that hangs may hold up of those that do not: below the contract's two seconds.
PATIENCE_S: Final = 0.7
SCANNED: Final = 1_000


class ShardedValues(LastValues):
    """Where some nodes are away, `read` and `rows` raise PartlyReadError after all that the others have, and `all` is
    without what these have."""

    def __init__(self, client: ClusterClient) -> None:
        self._cluster = client

    async def read(self, places: Mapping[int, Place], take: Take) -> None:
        by_shard: dict[str, list[int]] = {}
        for instrument_id, place in places.items():
            by_shard.setdefault(keys.shard(place.feed, place.underlying), []).append(instrument_id)
        parts = [
            (ids[start : start + CHUNK], key) for key, ids in by_shard.items() for start in range(0, len(ids), CHUNK)
        ]
        commands = [Command(slot_of(key), "HMGET", key, *ids) for ids, key in parts]
        await self._cluster.execute(commands, PATIENCE_S)
        unread: set[int] = set()
        reason: object = None
        for (ids, _), command in zip(parts, commands, strict=True):
            if isinstance(command.answer, Exception):
                unread.update(ids)
                reason = command.answer
            else:
                take(ids, command.answer)
        if unread:
            raise PartlyReadError(unread, reason)

    async def all(self, feed: str) -> list[bytes]:
        commands = [Command(slot_of(name), "HVALS", name) for name in await self._shards(feed, partly=True)]
        await self._cluster.execute(commands, CALL_TIMEOUT_S)
        for command in commands:
            if isinstance(command.answer, Exception):
                logger.warning("last values of %s cannot be read: %s", command.arguments[1], command.answer)
        return [framed for one in commands if not isinstance(one.answer, Exception) for framed in one.answer]

    async def keep_only(self, feed: str, ids: Collection[int], among: Collection[int] | None = None) -> int:
        names = await self._shards(feed)
        found = await self._answers([Command(slot_of(name), "HKEYS", name) for name in names])
        commands: list[Command] = []
        count = 0
        for name, fields in zip(names, found, strict=True):
            gone = [i for i in fields if int(i) not in ids and (among is None or int(i) in among)]
            count += len(gone)
            commands += [
                Command(slot_of(name), "HDEL", name, *gone[start : start + CHUNK])
                for start in range(0, len(gone), CHUNK)
            ]
        await self._answers(commands)
        return count

    async def _shards(self, feed: str, partly: bool = False) -> list[str]:
        """The names of the feed's hashes, from every master: which underlyings there were, nobody else knows. `partly`
        passes over masters that are away."""
        names: dict[str, None] = {}
        for client in await self._cluster.masters():
            try:
                async for name in _scanned(client, keys.shards(feed)):
                    names[name] = None
            except RedisDownError as error:
                if not partly:
                    raise
                logger.warning("last values of %s on one node cannot be read: %s", feed, error)
        return list(names)

    async def _answers(self, commands: Iterable[Command]) -> list[list[bytes]]:
        commands = list(commands)
        await self._cluster.execute(commands, CALL_TIMEOUT_S)
        for command in commands:
            if isinstance(command.answer, Exception):
                raise RedisDownError(str(command.answer)) from command.answer
        return [command.answer for command in commands]


async def _scanned(client: Client, pattern: str) -> AsyncIterator[str]:
    """The names of a master's hashes that match."""
    cursor = b"0"
    while True:
        cursor, found = await client.call("SCAN", cursor, "MATCH", pattern, "COUNT", SCANNED, "TYPE", "hash")
        for name in found:
            yield name.decode()
        if cursor == b"0":
            return
