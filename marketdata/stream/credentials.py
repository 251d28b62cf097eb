"""Sockets obey the account: whoever was let in by a session or a token leaves when that stands no more, and what a user
may see or use holds for open sockets too. It is looked at as soon as an account or a group says that something changed,
and, for what was not heard or is told by nobody, of all in turn.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

import msgspec
from channels.db import database_sync_to_async
from django.db import DatabaseError

from accounts import access, identity
from accounts.access import Access
from accounts.identity import Identity
from accounts.revocation import EVERYBODY

from . import protocol
from .connection import Connection

logger = logging.getLogger(__name__)

# All that are in are looked at once in so long, some every second.
ROUND_S: Final = 120
# At once for a burst of changes to one user: a password change ends the other sessions one by one.
GATHER_S: Final = 0.1
# Longer than a handshake takes from its look at the account to its place among the connections.
LATELY_S: Final = 10.0
REASON: Final = "signed out, or the account changed"


class Credentials:
    """`by_user` is the hub's. `told` is called with what was published, `keep` runs as a task. `rights_changed` is called
    with a connection whose identity has other rights now, and with what it could see before."""

    def __init__(
        self, by_user: dict[int, set[Connection]], rights_changed: Callable[[Connection, Access], None]
    ) -> None:
        self._by_user = by_user
        self._rights_changed = rights_changed
        self._told: set[int] = set()
        # Whether what groups may see or use changed: of everybody the rights are looked at, and nothing else.
        self._groups_told = False
        self._groups_told_at = float("-inf")
        self._news = asyncio.Event()
        # Whose turn it is in the look round.
        self._turn: list[int] = []
        # When a change of a user was last told of: a socket may be on its way in, checked before it.
        self._lately: dict[int, float] = {}

    def told(self, payload: bytes) -> None:
        if payload == EVERYBODY:
            self._groups_told, self._groups_told_at = True, time.monotonic()
            self._news.set()
        if not payload.isdigit():
            return
        self._lately[int(payload)] = time.monotonic()
        self.came_in(int(payload))

    def came_in(self, user_id: int) -> None:
        """A socket of the user has just come in: what changed while it did counts for it too."""
        lately = user_id in self._lately or time.monotonic() - self._groups_told_at < LATELY_S
        if user_id in self._by_user and lately:
            self._told.add(user_id)
            self._news.set()

    def told_nothing(self) -> None:
        """Something may have been said that was not heard: everybody is looked at."""
        self._told.update(self._by_user)
        self._news.set()

    async def keep(self) -> None:
        """Never returns."""
        while True:
            try:
                async with asyncio.timeout(1):
                    await self._news.wait()
                await asyncio.sleep(GATHER_S)
            except TimeoutError:
                pass
            self._news.clear()
            since = time.monotonic() - LATELY_S
            self._lately = {user_id: at for user_id, at in self._lately.items() if at > since}
            await self._look_at_groups()
            told, self._told = self._told, set()
            for user_id in [*told, *self._next()]:
                try:
                    await self._look_at(user_id)
                except DatabaseError as error:
                    # Nobody is sent away because a database is: the round comes to them again.
                    logger.warning("whether sign-ins stand cannot be seen now: %s", error)
                    self._told |= told
                    await asyncio.sleep(1)
                    self._news.set()
                    break

    def _next(self) -> list[int]:
        """The users whose turn it is this second."""
        if not self._turn:
            self._turn = list(self._by_user)
        most = max(1, -(-len(self._by_user) // ROUND_S))
        due, self._turn = self._turn[:most], self._turn[most:]
        return due

    async def _look_at(self, user_id: int) -> None:
        connections = list(self._by_user.get(user_id, ()))
        if not connections:
            return
        shown = {(one.identity.credential, one.session_key): one.identity for one in connections}
        found: dict[tuple[str, str], Identity | None] = await database_sync_to_async(_standing)(shown)
        for connection in connections:
            now = found.get((connection.identity.credential, connection.session_key))
            if now is None:
                connection.close(protocol.NOT_SIGNED_IN, REASON)
            else:
                self._is_now(connection, now)

    async def _look_at_groups(self) -> None:
        """What everybody who is in may see and use: two queries for some hundred users, where a look at one takes three."""
        if not self._groups_told:
            return
        self._groups_told = False
        try:
            found = await database_sync_to_async(access.rights_of_many)(list(self._by_user))
        except DatabaseError as error:
            logger.warning("what users may see cannot be looked at now: %s", error)
            self._groups_told = True
            return
        for user_id, (seen, limits) in found.items():
            for connection in list(self._by_user.get(user_id, ())):
                self._is_now(connection, msgspec.structs.replace(connection.identity, access=seen, limits=limits))

    def _is_now(self, connection: Connection, now: Identity) -> None:
        before, connection.identity = connection.identity, now
        if (before.access, before.limits) != (now.access, now.limits):
            self._rights_changed(connection, before.access)


def _standing(shown: dict[tuple[str, str], Identity]) -> dict[tuple[str, str], Identity | None]:
    return {key: identity.standing(claimed, key[1]) for key, claimed in shown.items()}
