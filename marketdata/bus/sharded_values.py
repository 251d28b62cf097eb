"""The last values on a cluster: as `last_values`, a hash for each underlying of a feed."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from . import keys
from .client import CALL_TIMEOUT_S
from .cluster_client import ClusterClient, Command
from .connection import RedisDownError
from .last_values import CHUNK, LastValues, PartlyReadError, Take
from .place import Place
from .topology import slot_of

# What a node that hangs may hold up of those that do not: below the contract's two seconds.
PATIENCE_S: Final = 0.7
SCANNED: Final = 1_000


class ShardedValues(LastValues):
    """`read` and `rows` raise PartlyReadError where some nodes are away, after all that the others have."""

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
        names = await self._shards(feed)
        answers = await self._answers([Command(slot_of(name), "HVALS", name) for name in names])
        return [framed for answer in answers for framed in answer]

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

    async def _shards(self, feed: str) -> list[str]:
        """The names of the feed's hashes, from every master: which underlyings there were, nobody else knows."""
        names: dict[str, None] = {}
        for client in await self._cluster.masters():
            cursor = b"0"
            while True:
                cursor, found = await client.call(
                    "SCAN", cursor, "MATCH", keys.shards(feed), "COUNT", SCANNED, "TYPE", "hash"
                )
                names.update(dict.fromkeys(name.decode() for name in found))
                if cursor == b"0":
                    break
        return list(names)

    async def _answers(self, commands: Iterable[Command]) -> list[list[bytes]]:
        commands = list(commands)
        await self._cluster.execute(commands, CALL_TIMEOUT_S)
        for command in commands:
            if isinstance(command.answer, Exception):
                raise RedisDownError(str(command.answer)) from command.answer
        return [command.answer for command in commands]
