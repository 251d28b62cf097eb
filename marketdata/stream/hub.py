"""What all sockets of a process share: the board's phases, the catalogue, the feeds' state, and the register of the
connections themselves. One a running event loop, made when first asked for.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable
from typing import Any, Final
from weakref import WeakKeyDictionary

import hiredis
import msgspec
from channels.layers import get_channel_layer

from accounts.access import EVERYTHING, Access

from ..bus import catalogue_store, held, keys, said
from ..bus.channel_layer import LoopLayer
from ..bus.connection import RedisDownError
from . import presence, protocol
from .catalogue import Catalogue, encoded
from .connection import Connection
from .credentials import Credentials
from .feed_pages import FeedPages
from .feed_watch import FeedWatch
from .phases import Phases
from .presence import Presence
from .sources import Holds
from .uses import Uses

logger = logging.getLogger(__name__)

TICK_S: Final = 0.1
TICKS: Final = 10
CATALOGUE_S: Final = 2.0
# How far apart clients that are sent away together are told to come back.
RECONNECT_MS: Final = (200, 5_000)
# Connections told of something in one go; the rest follow in the next turns of the loop.
SLICE: Final = 500

_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


async def get_hub() -> "Hub":
    """The hub of the running loop, started. Raises RedisDownError while it has never reached Redis."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        layer = get_channel_layer()._get_layer()
        hub = _hubs[loop] = Hub(layer)
    await hub.start()
    return hub


def running_hub() -> "Hub | None":
    """The hub of the running loop, if there is one."""
    return _hubs.get(asyncio.get_running_loop())


class Hub:
    def __init__(self, layer: LoopLayer) -> None:
        self.layer = layer
        self.board = layer.board
        self.phases = Phases(layer.board, self._stretched)
        self.catalogue = Catalogue()
        self.feeds = FeedWatch()
        self.connections: set[Connection] = set()
        self.by_user: dict[int, set[Connection]] = {}
        self.holds = Holds()
        self.credentials = Credentials(self.by_user, self._rights_changed)
        self.presence = Presence(layer, self.connections, self.by_user)
        self.uses = Uses(self.connections, self._feed_of)
        self.feed_pages = FeedPages(layer.client)
        self._starting = asyncio.Lock()
        self._started = False
        self._tasks: list[asyncio.Task[None]] = []
        self._stale_catalogue = asyncio.Event()
        self._announced_at = 0.0
        self._frames_before = 0
        self._held: set[int] = set()
        self._held_at = 0.0
        self._breaks = 0

    # ── Life ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Returns when the catalogue is known and the beacons are listened to; again at once from then on."""
        if not self._started:
            async with self._starting:
                await self._start()

    async def _start(self) -> None:
        if not self._started:
            await self.layer.listen(keys.beacons(), self._beacon)
            await self.layer.listen(keys.catalogue_channel(), self._catalogue_announced)
            await self.layer.listen(keys.credentials(), self.credentials.told)
            await self._load_catalogue()
            await self._first_status()
            await self._report()  # what is counted of a process that says nothing is taken out again
            self.board.keep_backstop()
            self._tasks = [
                asyncio.create_task(self._keep_house(), name="hub-house"),
                asyncio.create_task(self._keep_catalogue(), name="hub-catalogue"),
                asyncio.create_task(self.credentials.keep(), name="hub-credentials"),
                asyncio.create_task(self.presence.keep(), name="hub-presence"),
                asyncio.create_task(self.uses.keep(), name="hub-uses"),
            ]
            self._started = True

    async def stop(self) -> None:
        """Sends everybody away, each with a moment of its own to come back, and ends."""
        for connection in list(self.connections):
            connection.close(protocol.RESTARTING, "the server restarts", random.randint(*RECONNECT_MS))
        self.phases.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._started = False
        _hubs.pop(asyncio.get_running_loop(), None)

    @property
    def connected(self) -> bool:
        """Whether Redis is heard."""
        return self.layer.subscriber.is_connected

    # ── Connections ───────────────────────────────────────────────────────────────────────────────────────────────────

    def register(self, connection: Connection) -> None:
        """Takes a new connection in. Where its user has as many as allowed, over all web processes, the one longest without
        an answer gives way; while Redis is away, of those here."""
        own = self.by_user.setdefault(connection.identity.user_id, set())
        limit = connection.identity.limits.connections
        while not self.connected and len(own) >= limit:
            victim = min(own, key=lambda other: other.heard_at)
            own.discard(victim)
            victim.close(protocol.TOO_MANY, f"more than {limit} connections of one user", presence.RECONNECT_MS)
        own.add(connection)
        self.connections.add(connection)
        self.presence.came(connection)
        self.phases.add(connection, connection.beat)
        self.credentials.came_in(connection.identity.user_id)

    def forget(self, connection: Connection, held: Iterable[int]) -> None:
        """Takes a connection out, and with it all that was kept for it."""
        self.phases.remove(connection)
        self.connections.discard(connection)
        self.presence.gone(connection)
        self.feed_pages.leave(connection)
        own = self.by_user.get(connection.identity.user_id)
        if own is not None:
            own.discard(connection)
            if not own:
                del self.by_user[connection.identity.user_id]
        self.board.leave(connection, held)
        connection.dispose()

    def statuses(self, access: Access = EVERYTHING) -> list[dict[str, Any]]:
        """How each feed is that may be seen."""
        now = time.monotonic()
        names = sorted({*self.feeds.states, *self.catalogue.feeds})
        return [self.feeds.status(feed, now, self.layer.hears_rows) for feed in names if access.may_see_feed(feed)]

    def _tell_status(self, status: dict[str, Any], to: Iterable[Connection]) -> None:
        """How a feed is, to those who may see it."""
        feed = status["feed"]
        self.tell({"op": "status", **status}, [one for one in to if one.identity.access.may_see_feed(feed)])

    def _rights_changed(self, connection: Connection, before: Access) -> None:
        """What its user may see or use is not what it was. The consumer trims its sources; one that takes no more messages
        comes back as a new one, since no later look would find a difference."""
        for status in self.statuses(connection.identity.access):
            if not before.may_see_feed(status["feed"]):
                self._tell_status(status, [connection])
        mailbox = self.layer.mailboxes.get(connection.channel)
        if mailbox is not None and mailbox.is_full:
            connection.close(protocol.RESTARTING, "what you may see changed", random.randint(*RECONNECT_MS))
        else:
            self.layer.post(connection.channel, {"type": "rights.changed"})

    def _feed_of(self, instrument_id: int) -> str | None:
        facts = self.catalogue.by_id.get(instrument_id)
        return None if facts is None else facts.feed

    def tell(self, message: dict[str, Any], to: Iterable[Connection] | None = None) -> None:
        """The same message to many, encoded once, in slices so that the loop breathes between them."""
        frame = encoded(message)
        self._in_slices(lambda connection: connection.post(frame), list(self.connections if to is None else to))

    def _in_slices(self, do: Callable[[Connection], None], connections: list[Connection], start: int = 0) -> None:
        for connection in connections[start : start + SLICE]:
            do(connection)
        if start + SLICE < len(connections):
            asyncio.get_running_loop().call_soon(self._in_slices, do, connections, start + SLICE)

    # ── House ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _keep_house(self) -> None:
        tick = 0
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + TICK_S, loop.time())
            await asyncio.sleep(due - loop.time())
            tick = (tick + 1) % TICKS
            try:
                self._tell_health()
                self._look_after(tick)
                if tick == 0:
                    self.phases.measure()
                    if self.layer.subscriber.breaks != self._breaks:
                        self._breaks = self.layer.subscriber.breaks
                        self.credentials.told_nothing()
                    await self._report()
                    await self._say_held()
                    await self.feed_pages.tell(self.statuses())
            except (RedisDownError, hiredis.ReplyError):
                pass  # the report is for whoever looks; without Redis nobody can
            except Exception:
                logger.exception("the hub's housekeeping failed; it goes on")

    def _look_after(self, tick: int) -> None:
        """A tenth of the connections: pings, time-outs, and a sign of life for the silent."""
        now = time.monotonic()
        silent = [connection for connection in list(self.connections)[tick::TICKS] if connection.tick(now)]
        if silent:
            for status in self.statuses():
                self._tell_status(status, silent)

    def _tell_health(self) -> None:
        now = time.monotonic()
        hears = self.layer.hears_rows
        for feed in self.feeds.changed(now, hears):
            self._tell_status(self.feeds.status(feed, now, hears), self.connections)

    def _stretched(self, beats: tuple[int, ...]) -> None:
        if len(beats) > 1:
            logger.warning("beats are stretched %d times", self.phases.stretch)

        def say(connection: Connection) -> None:
            if connection.beat in beats:
                interval = self.phases.interval_ms(connection.beat)
                connection.post(configured(connection, interval, "load" if interval > connection.beat else "recovered"))

        self._in_slices(say, list(self.connections))

    async def _report(self) -> None:
        """What this process does, for `up` and whoever else looks into Redis."""
        frames, self._frames_before = self.phases.frames - self._frames_before, self.phases.frames
        report = {
            "sockets": len(self.connections),
            "users": len(self.by_user),
            "instruments": len(self.board.watchers),
            "frames_per_second": frames,
            "stretch": self.phases.stretch,
            "breaks": self.layer.subscriber.breaks,
        }
        process = self.layer.process
        await self.layer.client.call("SET", keys.web(process), msgspec.json.encode(report), "EX", 5)
        await self.layer.client.call("SADD", keys.webs(), process)

    async def _say_held(self) -> None:
        """What open sockets here hold in the coverage: at once when it changed, and before it is forgotten."""
        ids, now = self.holds.ids, time.monotonic()
        if ids == self._held and now - self._held_at < held.KEPT_S / 3:
            return
        if ids or self._held:
            await held.say(self.layer.client, self.layer.process, ids)
        self._held, self._held_at = ids, now

    # ── Feeds and catalogue ───────────────────────────────────────────────────────────────────────────────────────────

    def _beacon(self, payload: bytes) -> None:
        try:
            feed, why = self.feeds.take(payload, time.monotonic())
        except msgspec.DecodeError:
            logger.warning("a beacon that cannot be read: %r", payload[:200])
            return
        if why is not None:
            self.board.resynchronise_soon(f"{feed}: {why}")
        if self.feeds.states[feed].catalogue > self.catalogue.version:
            self._stale_catalogue.set()

    async def _first_status(self) -> None:
        """The newest beacons, so that a first connection need not wait a second for one."""
        for feed in self.catalogue.feeds:
            for payload in await said.payloads(self.layer.client, said.BEACONS, feed):
                self.feeds.take(payload, time.monotonic())

    def _catalogue_announced(self, payload: bytes) -> None:
        self._stale_catalogue.set()

    async def _load_catalogue(self) -> None:
        version = await catalogue_store.version(self.layer.client)
        by_feed = await catalogue_store.read(self.layer.client)
        instruments = [facts for feed in by_feed.values() for facts in feed]
        if not instruments and self.catalogue.by_id:
            return  # Redis was emptied; the leaders fill it again, and announce that
        newer = version > self.catalogue.version
        changes = self.catalogue.take(version, instruments)
        if not self._started or not (changes or newer):
            return
        touched = changes.changed | changes.gone
        told = {"type": "instruments.changed", "changed": sorted(changes.changed)}
        watching = {watcher for i in touched for watcher in self.board.watchers.get(i, ())}
        # What a chain or watchlist contains may have grown by the new ones, whoever watched anything of it before.
        for connection in list(self.connections) if changes.added else watching:
            self.layer.post(connection.channel, told)
        # Also where nothing is new to us: a reading that fell into the writing of a version told of the one before it.
        self.tell({"op": "catalogue", "version": version})

    async def _keep_catalogue(self) -> None:
        while True:
            await self._stale_catalogue.wait()
            # At most one reading, and so one message to every client, in two seconds.
            await asyncio.sleep(max(0.0, self._announced_at + CATALOGUE_S - time.monotonic()))
            self._stale_catalogue.clear()
            try:
                await self._load_catalogue()
                self._announced_at = time.monotonic()
            except (RedisDownError, hiredis.ReplyError, msgspec.DecodeError) as error:
                logger.warning("the catalogue cannot be read: %s", error)
                self._stale_catalogue.set()
                await asyncio.sleep(0.5)


def configured(connection: Connection, interval_ms: int, reason: str | None, message_id: Any = None) -> dict[str, Any]:
    """The `configured` message."""
    return {
        "op": "configured",
        "id": message_id,
        "interval_ms": interval_ms,
        "requested_ms": connection.requested_ms,
        "reason": reason,
    }
