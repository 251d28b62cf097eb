"""The administrators' feed pages that are open: connections that asked how each feed's ingest and history work, and hear it
each second. It comes from Redis, and is read only while somebody looks.
"""

from typing import Any

import hiredis
import msgspec

from ..bus import keys, said
from ..bus.client import Client
from ..bus.connection import RedisDownError
from ..bus.recorder_vitals import RecorderVitals
from ..bus.vitals import Vitals
from .catalogue import encoded
from .connection import Connection

_decode_recorder = msgspec.json.Decoder(RecorderVitals).decode


class FeedPages:
    """`tell` is called once a second."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._watchers: set[Connection] = set()

    def join(self, connection: Connection) -> None:
        self._watchers.add(connection)

    def leave(self, connection: Connection) -> None:
        self._watchers.discard(connection)

    async def tell(self, feeds: list[dict[str, Any]], to: Connection | None = None) -> None:
        """Each feed as its leader says it is, with its `status`, also those that nobody leads; and the recorders that live.
        Never raises for Redis."""
        watchers = [one for one in (self._watchers if to is None else [to]) if one.identity.is_staff]
        if not watchers:
            return
        for status in feeds:
            frame = encoded({"op": "feed", **status, "vitals": await self._vitals(status["feed"])})
            for connection in watchers:
                connection.post(frame)
        frame = encoded({"op": "history", "recorders": await self._recorders()})
        for connection in watchers:
            connection.post(frame)

    async def _vitals(self, feed: str) -> Vitals | None:
        try:
            return await said.read(self._client, said.VITALS, feed)
        except (RedisDownError, hiredis.ReplyError):
            return None

    async def _recorders(self) -> list[RecorderVitals]:
        try:
            names = await self._client.call("ZRANGE", keys.recorders(), 0, -1)
            if not names:
                return []
            payloads = await self._client.call("MGET", *(keys.recorder(name.decode()) for name in names))
            return [_decode_recorder(payload) for payload in payloads if payload is not None]
        except (RedisDownError, hiredis.ReplyError, msgspec.DecodeError):
            return []
