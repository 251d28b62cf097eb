"""Notes which feeds the sockets use, once a user, feed and month: a task writes it, so that no subscription waits."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from typing import Final

from channels.db import database_sync_to_async

from accounts import feed_use
from accounts.feed_use import Use

from .connection import Connection

logger = logging.getLogger(__name__)

# How soon after its begin the open sockets are looked at for a new month; and again after a failure.
EVERY_S: Final = 60.0
# Sockets looked at in one go.
SLICE: Final = 200


class Uses:
    """`connections` are the hub's, `feed_of` names the feed of an instrument's id. `keep` runs as a task."""

    def __init__(self, connections: Collection[Connection], feed_of: Callable[[int], str | None]) -> None:
        self._connections = connections
        self._feed_of = feed_of
        self._new: dict[Use, None] = {}
        self._news = asyncio.Event()
        self._month = feed_use.this_month()

    def note(self, connection: Connection, ids: Iterable[int]) -> None:
        """The user is about to be told values of these instruments."""
        who = connection.identity
        feeds = {feed for feed in map(self._feed_of, ids) if feed is not None}
        for feed in feed_use.unknown(who.user_id, feeds):
            self._new[Use(who.user_id, who.username, feed)] = None
            self._news.set()

    async def keep(self) -> None:
        """Never returns."""
        while True:
            try:
                async with asyncio.timeout(EVERY_S):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            if self._month != feed_use.this_month():
                self._month = feed_use.this_month()
                await self._note_all()
            new = list(self._new)
            try:
                written = not new or await database_sync_to_async(feed_use.note_all)(new)
            except Exception:
                logger.exception("which feeds are used could not be noted; it is tried again")
                written = False
            if written:
                for use in new:
                    self._new.pop(use, None)

    async def _note_all(self) -> None:
        """A socket that was open as the month began is used in it too."""
        connections = list(self._connections)
        for start in range(0, len(connections), SLICE):
            for connection in connections[start : start + SLICE]:
                self.note(connection, connection.wanted)
            await asyncio.sleep(0)
