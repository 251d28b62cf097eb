"""`/healthz` and `/readyz`: what supervisors and load balancers ask. Answered before Django, so that neither the name by
which they ask nor HTTPS matters.
"""

import asyncio
import time
from typing import Any, Final
from weakref import WeakKeyDictionary

import hiredis
from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import connection

from marketdata.bus.cluster import Cluster
from marketdata.stream.hub import get_hub

# What does not answer within this is away.
WITHIN_S: Final = 1.0
# However many ask, Redis and the database are asked no more often.
KEPT_S: Final = 0.5
HEADERS: Final = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]


class HealthChecks:
    """`/healthz` is 200 while the process answers at all, `/readyz` while what it stands on answers too, else 503 with
    what is away. All else is the application's."""

    def __init__(self, application: ASGI3Application) -> None:
        self._application = application
        # A loop has its own: the question under way belongs to one.
        self._asked: WeakKeyDictionary[asyncio.AbstractEventLoop, Readiness] = WeakKeyDictionary()

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http" or scope["path"] not in ("/healthz", "/readyz"):
            await self._application(scope, receive, send)
            return
        away = []
        if scope["path"] == "/readyz":
            away = await self._asked.setdefault(asyncio.get_running_loop(), Readiness()).away()
        body = f"away: {', '.join(away)}\n".encode() if away else b"ok\n"
        # Typed dictionaries of asgiref name optional parts as required.
        start: Any = {
            "type": "http.response.start",
            "status": 503 if away else 200,
            "headers": [*HEADERS, (b"content-length", str(len(body)).encode())],
        }
        end: Any = {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        await send(start)
        await send(end)


class Readiness:
    """What a process needs and does not have."""

    def __init__(self) -> None:
        self._away: list[str] = []
        self._known_until = 0.0
        self._looking = asyncio.Lock()
        self._database: asyncio.Task[None] | None = None

    async def away(self) -> list[str]:
        """The names of what does not answer, as found within the last half second."""
        async with self._looking:
            if time.monotonic() >= self._known_until:
                redis, rows, database = await asyncio.gather(
                    self._redis_answers(), self._rows_answer(), self._database_answers()
                )
                answers = {"Redis": redis, "the cluster for rows": rows, "database": database}
                self._away = [name for name in answers if not answers[name]]
                self._known_until = time.monotonic() + KEPT_S
            return self._away

    async def _redis_answers(self) -> bool:
        """With it the hub is started, so that the first socket finds the catalogue read."""
        try:
            async with asyncio.timeout(WITHIN_S):
                hub = await get_hub()
                await hub.layer.client.call("PING")
        except (ConnectionError, TimeoutError, hiredis.ReplyError):
            return False
        return hub.connected

    async def _rows_answer(self) -> bool:
        """Of the cluster for rows, where there is one, any node: what one of them lacks is lacking on all web hosts. The
        topology asks each second anyway."""
        cluster: Cluster | None = get_channel_layer()._get_layer().cluster
        if cluster is None:
            return True
        try:
            async with asyncio.timeout(WITHIN_S):
                await cluster.topology.ready()
        except TimeoutError:
            return False
        return cluster.topology.answers

    async def _database_answers(self) -> bool:
        # A thread cannot be called back: while one hangs no second one is sent after it.
        if self._database is None:
            self._database = asyncio.create_task(database_sync_to_async(_ask_database)(), name="readiness-database")
        done, _ = await asyncio.wait({self._database}, timeout=WITHIN_S)
        if not done:
            return False
        asked, self._database = self._database, None
        return asked.exception() is None


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
