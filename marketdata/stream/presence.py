"""Says to all web processes which sockets are open here: as each comes and goes, so that a user's are counted together,
and every two seconds what they are like, for the administrator. None of it is on the path of rows.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from typing import Final

import hiredis

from ..bus import presence
from ..bus.channel_layer import LoopLayer
from ..bus.connection import RedisDownError
from ..bus.presence import Counted, Said, Socket
from . import protocol
from .connection import Connection

logger = logging.getLogger(__name__)

# Each socket is counted again within so long: Redis may have been emptied.
ROUND_S: Final = 5
SAY_S: Final = 2.0
# What an administrator can look over; of a process with more sockets the rest is only counted.
MOST: Final = 2_000
# Sockets described in one go: about a millisecond of the loop.
SLICE: Final = 200
# It would only push another one out.
RECONNECT_MS: Final = 60_000


class Presence:
    """`connections` and `by_user` are the hub's. `keep` runs as a task."""

    def __init__(
        self, layer: LoopLayer, connections: Collection[Connection], by_user: Mapping[int, Collection[Connection]]
    ) -> None:
        self._layer = layer
        self._connections = connections
        self._by_user = by_user
        self._came: list[Connection] = []
        # By user and channel; kept until Redis has heard it, or the user would be counted one too many.
        self._gone: dict[tuple[int, str], None] = {}
        self._turn: list[Connection] = []
        self._news = asyncio.Event()
        self._said_at = 0.0

    def came(self, connection: Connection) -> None:
        self._came.append(connection)
        self._news.set()

    def gone(self, connection: Connection) -> None:
        self._gone[connection.identity.user_id, connection.channel] = None
        self._news.set()

    async def keep(self) -> None:
        """Never returns."""
        round_at = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(1):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            try:
                await self._count_new()
                if time.monotonic() - round_at >= 1:
                    round_at = time.monotonic()
                    await presence.count(self._layer.client, [self._counted(one, 0) for one in self._next()])
                if time.monotonic() - self._said_at >= SAY_S:
                    self._said_at = time.monotonic()
                    await self._say()
            except (RedisDownError, hiredis.ReplyError):
                await asyncio.sleep(0.5)  # it is said again, of all, when Redis is back
            except Exception:
                logger.exception("the open sockets could not be told; it goes on")
                await asyncio.sleep(0.5)

    async def _count_new(self) -> None:
        if self._gone:
            gone = list(self._gone)
            await presence.discount(self._layer.client, gone)
            for one in gone:
                self._gone.pop(one, None)
        came, self._came = self._came, []
        new = [one for one in came if not one.closing]
        # Who gives way follows from when each last answered: of those here that is said first as it is now.
        fresh, users = set(new), {one.identity.user_id for one in new}
        others = [one for user in users for one in self._by_user.get(user, ()) if one not in fresh and not one.closing]
        said = [self._counted(one, 0) for one in others]
        said += [self._counted(one, one.identity.limits.connections) for one in new]
        try:
            give_way = await presence.count(self._layer.client, said)
        except (RedisDownError, hiredis.ReplyError):
            self._came = new + self._came
            raise
        limits = {one.identity.limits.connections for one in new}
        most = f" {min(limits)}" if len(limits) == 1 else ""
        for channel in give_way:
            reason = f"more than{most} connections of one user"
            await self._layer.send(channel, dismissal(protocol.TOO_MANY, reason, RECONNECT_MS))

    def _next(self) -> list[Connection]:
        """Those whose turn it is this second."""
        if not self._turn:
            self._turn = list(self._connections)
        most = max(1, -(-len(self._connections) // ROUND_S))
        due, self._turn = self._turn[:most], self._turn[most:]
        return [one for one in due if not one.closing]

    def _counted(self, connection: Connection, limit: int) -> Counted:
        heard_ms = round((time.time() - (time.monotonic() - connection.heard_at)) * 1000)
        return Counted(connection.identity.user_id, connection.channel, heard_ms, limit)

    async def _say(self) -> None:
        shown = list(self._connections)
        sockets: list[Socket] = []
        for start in range(0, min(len(shown), MOST), SLICE):
            now, wall = time.monotonic(), time.time()
            sockets += [_described(one, now, wall) for one in shown[start : min(start + SLICE, MOST)]]
            await asyncio.sleep(0)
        await presence.say(self._layer.client, Said(self._layer.process, len(shown), sockets))


def dismissal(code: int, reason: str, reconnect_ms: int | None = None) -> dict[str, object]:
    """The message to a socket's channel that closes it, whichever process it is in."""
    return {"type": "stream.dismiss", "code": code, "reason": reason, "reconnect_ms": reconnect_ms}


def _described(connection: Connection, now: float, wall: float) -> Socket:
    who = connection.identity
    return Socket(
        connection.name,
        connection.channel,
        who.user_id,
        who.username,
        connection.address,
        who.credential.partition(":")[0],
        wall - (now - connection.opened_at),
        len(connection.wanted),
        connection.beat,
        connection.sent - connection.answered,
        connection.ping_age(now),
        connection.rows,
        connection.merged,
    )
