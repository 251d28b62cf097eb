"""The stream's two doors: `/ws/stream/` for browsers and `/ws/api/stream/` for programs. They differ in who is let in; what
is said afterwards is the same protocol.

Handlers are named after their message. None of them waits for the client: all that goes out leaves through `Connection`.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from typing import Any, ClassVar, Final

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.conf import settings
from django.http import parse_cookie

from accounts import identity, queries
from accounts import limits as site_limits
from accounts.identity import Identity
from accounts.limits import Limits
from accounts.models import READ
from accounts.queries import Followed
from accounts.tickets import TicketsUnavailableError

from ..bus.connection import RedisDownError
from ..bus.place import Place
from ..facts import InstrumentFacts
from ..rows import FIELDS
from . import origin, protocol
from .catalogue import encoded, forbidden, wire_facts
from .connection import Connection
from .hub import Hub, configured, get_hub
from .protocol import ProtocolError
from .sending import push_of
from .sources import Change, Source, Sources
from .turnstile import turnstile

logger = logging.getLogger(__name__)

AUTH_S: Final = 5.0
WINDOW_S: Final = 10.0
# A client this far over its messages is not mistaken but flooding.
FLOOD: Final = 5
SOURCES: Final = 200
# Symbols in a message, times those that a connection may have: each is answered, and 64 KiB of empty names are 20,000.
SYMBOLS_ASKED: Final = 2
# Refused symbols are echoed, and may be as long as a message: this much of one is enough to recognise it.
ECHO: Final = 80


class StreamConsumer(AsyncConsumer):
    """One socket. Subclasses say who it is."""

    ops: ClassVar[dict[type[protocol.Message], str]] = {
        protocol.Auth: "auth",
        protocol.Subscribe: "subscribe",
        protocol.Unsubscribe: "unsubscribe",
        protocol.Configure: "configure",
        protocol.Ping: "ping",
        protocol.WatchFeeds: "watch_feeds",
    }

    def __init__(self) -> None:
        self.hub: Hub | None = None
        self.connection: Connection | None = None
        self.sources = Sources(settings.STREAM_SYMBOLS_PER_CONNECTION)
        self.watchlists: dict[Followed, set[str]] = {}
        # Of each followed watchlist, what it names and is not streamed now.
        self.missing: dict[Followed, set[int]] = {}
        self.hears_of_own_lists = False
        # By source of symbols: those that it held and the user may not see any more. They come back with the right.
        self.withheld: dict[str, dict[int, None]] = {}
        self.window_started = 0.0
        self.window_messages = 0
        self.auth_deadline: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        except OSError:
            pass  # the client went away while it was being told something
        finally:
            self._tear_down()

    def _tear_down(self) -> None:
        """However the socket ended: nothing of it is left in the hub, on the board, or in a group."""
        if self.auth_deadline is not None:
            self.auth_deadline.cancel()
        if self.connection is not None and self.hub is not None:
            self.hub.forget(self.connection, self.sources.held)
        self.sources.release()
        channel = getattr(self, "channel_name", None)
        if channel is not None:
            self.channel_layer.close_channel(channel)

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Straight to the handler: what Channels does before each, closing old database connections on a thread, is done
        where the database is used (`database_sync_to_async`). An unknown control message is not worth a socket."""
        handler = getattr(self, str(message.get("type", "")).replace(".", "_").lstrip("_"), None)
        if handler is None:
            logger.warning("a control message of unknown type %r", message.get("type"))
            return
        await handler(message)

    # ── Opening ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        offered = self.scope.get("subprotocols") or []
        chosen = protocol.SUBPROTOCOL if protocol.SUBPROTOCOL in offered else None
        await self.base_send({"type": "websocket.accept", "subprotocol": chosen})
        if offered and chosen is None:
            await self.refuse(protocol.NOT_ALLOWED, f"the subprotocol here is {protocol.SUBPROTOCOL}")
        try:
            self.hub = await get_hub()
        except ConnectionError:
            await self.refuse(protocol.RESTARTING, "the server is starting", 1_000)
        await self.let_in()

    async def let_in(self) -> None:
        """Calls `welcome` with an identity, or `refuse`."""
        raise NotImplementedError

    async def refuse(self, code: int, reason: str, reconnect_ms: int | None = None) -> None:
        """Says why and closes, for a socket that never became a connection."""
        closing = {"op": "closing", "code": code, "reason": reason, "reconnect_ms": reconnect_ms}
        # The client may have gone, or the server have closed on it for what it sent meanwhile.
        with contextlib.suppress(OSError, RuntimeError):
            await self.base_send({"type": "websocket.send", "text": encoded(closing).decode()})
            await self.base_send({"type": "websocket.close", "code": code, "reason": reason[:100]})
        raise StopConsumer

    def welcome(self, who: Identity, message_id: Any = None, session_key: str = "") -> None:
        hub = self._hub
        name, address = secrets.token_hex(6), str((self.scope.get("client") or ("",))[0])
        push = push_of(self.scope, self.base_send)
        self.connection = connection = Connection(
            name, self.base_send, hub.board, who, self.channel_name, self._end, session_key, address, push
        )
        limits = who.limits
        connection.beat = max(connection.beat, protocol.beat_for(limits.fastest_interval_ms))
        self.sources = Sources(limits.symbols, hub.holds)
        if self.auth_deadline is not None:
            self.auth_deadline.cancel()
        connection.post(
            {
                "op": "welcome",
                "id": message_id,
                "protocol": protocol.VERSION,
                "connection": connection.name,
                "user": who.username,
                "time_ms": time.time_ns() // 1_000_000,
                "fields": FIELDS,
                "limits": {
                    "message_bytes": settings.STREAM_MESSAGE_BYTES,
                    "symbols": limits.symbols,
                    "connections": limits.connections,
                    "messages_per_10_s": limits.messages_per_10_s,
                    "intervals_ms": [beat for beat in protocol.BEATS if beat >= limits.fastest_interval_ms],
                },
                "interval_ms": connection.beat,
                "feeds": hub.statuses(who.access),
            }
        )
        hub.register(connection)
        # They have done their work, and are a twentieth of what an open socket costs.
        self.scope["headers"].clear()

    @property
    def _hub(self) -> Hub:
        assert self.hub is not None
        return self.hub

    def _end(self) -> None:
        """The connection cut itself: this consumer ends too, also if the server never says that the client has gone."""
        self.channel_layer.post(self.channel_name, {"type": "stream.end"})

    @property
    def _limits(self) -> Limits:
        return site_limits.of_site() if self.connection is None else self.connection.identity.limits

    async def stream_dismiss(self, message: dict[str, Any]) -> None:
        """Another socket of the user takes its place, or an administrator sends it away."""
        if self.connection is not None:
            self.connection.close(message["code"], message["reason"], message["reconnect_ms"])

    async def stream_end(self, message: dict[str, Any]) -> None:
        raise StopConsumer

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        raise StopConsumer

    # ── What the client says ──────────────────────────────────────────────────────────────────────────────────────────

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        text = message.get("text")
        if text is not None and _is_too_large(text):
            await self._too_large()
            return
        said: protocol.Message | None = None
        try:
            if text is None:
                raise ProtocolError("bad_message", "only text frames are read here")
            said = protocol.decode(text)
            if isinstance(said, protocol.Pong):
                self._count_pong()
                self._signed_in().pong(said.n)
                return
            self._count_message()
            await getattr(self, self.ops[type(said)])(said)
        except ProtocolError as error:
            # A pong is free, but not one that has to be answered.
            if (said is None or isinstance(said, protocol.Pong)) and not self._counted():
                return
            self._answer_error(error, said)

    def _signed_in(self) -> Connection:
        if self.connection is None:
            raise ProtocolError("forbidden", "the first message has to be `auth`", "op")
        return self.connection

    async def auth(self, said: protocol.Auth) -> None:
        raise ProtocolError("forbidden", "this socket is signed in already", "op")

    async def subscribe(self, said: protocol.Subscribe) -> None:
        connection = self._signed_in()
        asked = [name for name in ("symbols", "watchlist", "chain") if getattr(said, name) is not None]
        if len(asked) != 1:
            raise ProtocolError("bad_message", "give exactly one of symbols, watchlist and chain", "symbols")
        if self.sources.get(said.source) is None and len(self.sources) >= SOURCES:
            raise ProtocolError("too_many_symbols", f"at most {SOURCES} sources", "source", limit=SOURCES)
        connection.heard_at = time.monotonic()
        await turnstile().passed()
        refused: list[dict[str, Any]] = []
        key: Any = None
        followed: Followed | None = None
        if said.symbols is not None:
            most = SYMBOLS_ASKED * self.sources.limit
            if len(said.symbols) > most:
                raise ProtocolError("too_many_symbols", f"at most {most} symbols in a message", "symbols", limit=most)
            ids = self._found(said.symbols, refused)
            kind, replace = "symbols", said.replace
            source = self.sources.get(said.source)
            if source is not None and source.kind != "symbols" and not replace:
                raise ProtocolError("bad_message", f"this source is a {source.kind}; say replace: true", "replace")
        elif said.chain is not None:
            ids = self._hub.catalogue.chain(said.chain.underlying, said.chain.expiry, connection.identity.access)
            kind, key, replace = "chain", (said.chain.underlying, said.chain.expiry), True
        else:
            assert said.watchlist is not None
            followed = await self._follow(said.watchlist, said.source)
            try:
                ids = await self._of_watchlist(followed, refused)
            except ProtocolError:
                held = self.sources.get(said.source)
                self._unfollow(said.source, keep=held.key if held is not None else None)
                raise
            kind, key, replace = "watchlist", followed, True
        self._unfollow(said.source, keep=followed)
        if replace:
            self.withheld.pop(said.source, None)
        change = self.sources.put(said.source, kind, key, ids, replace)  # type: ignore[arg-type]
        await self._apply(said.source, change, refused, "request", said.id, asked=ids)

    async def unsubscribe(self, said: protocol.Unsubscribe) -> None:
        self._signed_in()
        if (said.source is None) == (not said.all):
            raise ProtocolError("bad_message", "give either source or all: true", "source")
        if said.source is not None and self.sources.get(said.source) is None:
            raise ProtocolError("bad_message", f"there is no source {said.source[:ECHO]!r}", "source")
        for name in [said.source] if said.source is not None else self.sources.names():
            self._unfollow(name)
            self.withheld.pop(name, None)
            change = self.sources.take(name)
            await self._apply(name, change, [], "request", said.id, asked=[])
        if said.all and not self.sources.total and said.id is not None:
            self._signed_in().post(self._subscribed(None, Change([], [], [], [], []), [], "request", said.id))

    async def configure(self, said: protocol.Configure) -> None:
        connection = self._signed_in()
        connection.requested_ms = said.interval_ms
        reason = self._beat()
        connection.post(configured(connection, self._hub.phases.interval_ms(connection.beat), reason, said.id))

    def _beat(self) -> str | None:
        """Gives the connection the beat that was asked for, as far as there is one and the user may have it; why it is
        another one."""
        connection = self._signed_in()
        asked, fastest = connection.requested_ms, connection.identity.limits.fastest_interval_ms
        beat = protocol.beat_for(max(asked, fastest))
        if beat != connection.beat:
            self._hub.phases.add(connection, beat)
        if asked < fastest:
            return f"your limit is {fastest} ms"
        return None if beat == asked else f"beats are {', '.join(map(str, protocol.BEATS))} ms"

    async def ping(self, said: protocol.Ping) -> None:
        self._signed_in().post({"op": "pong", "id": said.id, "time_ms": round(time.time() * 1000, 3)})

    async def watch_feeds(self, said: protocol.WatchFeeds) -> None:
        connection = self._signed_in()
        if not connection.identity.is_staff:
            raise ProtocolError("forbidden", "how feeds are run is for administrators", "op")
        pages = self._hub.feed_pages
        if not said.on:
            pages.leave(connection)
            return
        pages.join(connection)
        await pages.tell(self._hub.statuses(), connection)

    # ── What others say ───────────────────────────────────────────────────────────────────────────────────────────────

    async def watchlist_changed(self, message: dict[str, Any]) -> None:
        """The list was edited, here or in another tab, or a rolling entry of it moved, or it is gone. Told also where it
        holds the same as before: its name, order and headings are its readers' to show."""
        cause = "rolled" if message.get("cause") == "rolled" else "edited"
        shown = {name for one, names in self.watchlists.items() if one.id == message.get("watchlist") for name in names}
        for name in sorted(shown):
            await self._again(name, cause, tell=True)

    async def watchlists_changed(self, message: dict[str, Any]) -> None:
        """A list of the user's own came, went or was edited."""
        if self.connection is not None:
            self.connection.post({"op": "watchlists"})

    async def instruments_changed(self, message: dict[str, Any]) -> None:
        """The catalogue changed: facts, listings, retirements, or what is covered."""
        connection = self.connection
        if connection is None:
            return
        catalogue = self._hub.catalogue
        held = set(self.sources.held)
        facts = {i: wire_facts(catalogue.by_id[i]) for i in message["changed"] if i in held and i in catalogue.by_id}
        if facts:
            connection.post({"op": "changed", "instruments": facts})
        for name in self.sources.names():
            source = self.sources.get(name)
            # A watchlist costs a query: it is read again only where something that it names is back.
            if source is None or (source.kind == "watchlist" and not self._is_back(source.key)):
                await self._withdraw(name)
            else:
                await self._again(name, "listed")

    async def rights_changed(self, message: dict[str, Any]) -> None:
        """What the user may see or use is not what it was: sources are trimmed, or get back what was taken out."""
        connection = self.connection
        if connection is None:
            return
        before = connection.beat
        reason = self._beat()
        if connection.beat != before:
            connection.post(configured(connection, self._hub.phases.interval_ms(connection.beat), reason or "limits"))
        for name in self.sources.names():
            await self._trim(name)
            source = self.sources.get(name)
            if source is None:
                continue
            if source.kind == "chain" or (source.kind == "watchlist" and self._is_back(source.key)):
                await self._again(name, "listed")
            elif source.kind == "symbols":
                await self._give_back(name)

    async def auth_expired(self, message: dict[str, Any]) -> None:
        if self.connection is None:
            await self.refuse(protocol.NOT_SIGNED_IN, f"no ticket in {AUTH_S:g} s")

    # ── Inside ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _again(self, name: str, cause: str, tell: bool = False) -> None:
        """Works out anew what a source holds, and tells the client what that changed; with `tell` also that nothing did."""
        source = self.sources.get(name)
        if source is None:
            return
        refused: list[dict[str, Any]] = []
        await self._withdraw(name)
        try:
            ids = await self._now(source, refused)
        except ProtocolError:  # deleted; or not shared any more, and from now on none of this reader's business
            ids = []
            if source.key.share_key is not None:
                cause, tell = "forbidden", False
                self._unfollow(name)
        if ids is not None:
            change = self.sources.put(name, source.kind, source.key, ids, replace=True)
            await self._apply(name, change, refused, cause, None, tell=tell)

    async def _withdraw(self, name: str) -> None:
        """Takes out of a source what streams no more."""
        source = self.sources.get(name)
        gone = [i for i in source.ids if not self._streams(i)] if source is not None else []
        if source is not None and gone:
            if source.kind == "watchlist":
                self.missing.setdefault(source.key, set()).update(gone)
            await self._apply(name, self.sources.take(name, gone), [], "retired", None)

    async def _trim(self, name: str) -> None:
        """Takes out of a source what the user may not see."""
        source = self.sources.get(name)
        gone = [i for i in source.ids if not self._is_seen(i)] if source is not None else []
        if source is None or not gone:
            return
        if source.kind == "watchlist":
            self.missing.setdefault(source.key, set()).update(gone)
        elif source.kind == "symbols":
            self.withheld.setdefault(name, {}).update(dict.fromkeys(gone))
        await self._apply(name, self.sources.take(name, gone), [], "forbidden", None)

    async def _give_back(self, name: str) -> None:
        """Puts into a source of symbols again what was taken out of it and may be seen now."""
        withheld = self.withheld.get(name, {})
        back = [i for i in withheld if self._streams(i) and self._is_seen(i)]
        for instrument_id in back:
            del withheld[instrument_id]
        if back:
            await self._apply(name, self.sources.put(name, "symbols", None, back, replace=False), [], "listed", None)

    def _is_back(self, watchlist: Followed) -> bool:
        """Whether something streams again, and may be seen, that the watchlist named in vain."""
        return any(self._streams(i) and self._is_seen(i) for i in self.missing.get(watchlist, ()))

    async def _now(self, source: Source, refused: list[dict[str, Any]]) -> list[int] | None:
        """The ids that a source that follows something should hold; None where it follows nothing, or that cannot be
        told now. Raises ProtocolError where the watchlist that it follows is not there for this user any more."""
        if source.kind == "watchlist":
            return await self._of_watchlist(source.key, refused)
        if source.kind == "chain":
            with contextlib.suppress(ProtocolError):  # the whole expiry has gone: its rows were taken out one by one
                underlying, expiry = source.key
                return self._hub.catalogue.chain(underlying, expiry, self._signed_in().identity.access)
        return None

    def _streams(self, instrument_id: int) -> bool:
        facts = self._hub.catalogue.by_id.get(instrument_id)
        return facts is not None and facts.streaming

    def _is_seen(self, instrument_id: int) -> bool:
        """Whether the user may see it; true of what is not there."""
        facts = self._hub.catalogue.by_id.get(instrument_id)
        return facts is None or self._signed_in().identity.access.may_see(facts)

    def _found(self, symbols: list[str], refused: list[dict[str, Any]]) -> list[int]:
        ids: list[int] = []
        access = self._signed_in().identity.access
        for symbol in symbols:
            try:
                ids.append(self._hub.catalogue.find(symbol, access).id)
            except ProtocolError as error:
                refused.append({"symbol": symbol[:ECHO], "code": error.code, "message": str(error)})
        return ids

    async def _of_watchlist(self, watchlist: Followed, refused: list[dict[str, Any]]) -> list[int]:
        """Ids of those of its instruments that stream and may be seen; the others are refused by name. Raises ProtocolError
        where the user has no such list, which includes everybody else's that is not shared."""
        found = await queries.instrument_ids(self._signed_in().identity.user_id, watchlist)
        if found is None:
            raise _no_watchlist(watchlist.share_key)
        ids = []
        for instrument_id in found:
            facts = self._hub.catalogue.by_id.get(instrument_id)
            if facts is not None and not self._is_seen(instrument_id):
                error = forbidden([facts.feed])
            elif self._streams(instrument_id):
                ids.append(instrument_id)
                continue
            else:
                error = ProtocolError("not_streaming", "this instrument is not streamed now")
            name = facts.symbol if facts is not None else f"#{instrument_id}"
            refused.append({"id": instrument_id, "symbol": name, "code": error.code, "message": str(error)})
        self.missing[watchlist] = set(found).difference(ids)
        return ids

    async def _follow(self, watchlist: int | str, name: str) -> Followed:
        """Joins the watchlist's group before it is read, so that an edit in between is not missed. Raises ProtocolError
        where nothing is shared by such a key."""
        if isinstance(watchlist, str):
            shared = await queries.shared_id(watchlist)
            if shared is None:
                raise _no_watchlist(watchlist)
            followed = Followed(shared, watchlist)
        else:
            followed = Followed(watchlist)
        groups = [f"watchlist.{followed.id}"] if followed not in self.watchlists else []
        if not self.hears_of_own_lists:
            self.hears_of_own_lists = True
            groups.append(f"user.{self._signed_in().identity.user_id}")
        for group in groups:
            with contextlib.suppress(RedisDownError):  # stays wanted, and is subscribed when Redis is back
                await self.channel_layer.group_add(group, self.channel_name)
        self.watchlists.setdefault(followed, set()).add(name)
        return followed

    def _unfollow(self, name: str, keep: Followed | None = None) -> None:
        for watchlist in [w for w, names in self.watchlists.items() if name in names and w != keep]:
            self.watchlists[watchlist].discard(name)
            if not self.watchlists[watchlist]:
                del self.watchlists[watchlist]
                self.missing.pop(watchlist, None)
                if all(other.id != watchlist.id for other in self.watchlists):
                    self.channel_layer.leave_group(f"watchlist.{watchlist.id}", self.channel_name)

    async def _apply(
        self,
        name: str,
        change: Change,
        refused: list[dict[str, Any]],
        cause: str,
        message_id: Any,
        asked: list[int] | None = None,
        tell: bool = False,
    ) -> None:
        """Makes the board and the client follow a change of a source: `subscribed`, then the snapshot of what is new.

        What a client `asked` for it is sent afresh, new or not; what changes by itself tells only what changed, and with
        `tell` also that nothing did."""
        connection = self._signed_in()
        catalogue = self._hub.catalogue
        if asked is None and not tell and not change.added and not change.removed:
            return
        for instrument_id in change.refused:
            facts = catalogue.by_id[instrument_id]
            refused.append(
                {
                    "symbol": catalogue.name_of(facts, connection.identity.access),
                    "code": "too_many_symbols",
                    "message": f"at most {self.sources.limit} symbols a connection",
                    "limit": self.sources.limit,
                }
            )
        if change.ended:
            connection.forget(change.ended)
            self._hub.board.leave(connection, change.ended)
        connection.post(self._subscribed(name, change, refused, cause, message_id))
        if change.added:
            self._hub.uses.note(connection, change.added)
        if change.begun:
            places = {i: _place(catalogue.by_id[i]) for i in change.begun}
            await self._hub.board.join(connection, places)
        source = self.sources.get(name)
        if asked is not None and source is not None:
            connection.snapshot(name, [i for i in dict.fromkeys(asked) if i in source.ids], message_id)
        elif change.added:
            connection.snapshot(name, list(change.added), message_id)

    def _subscribed(
        self, name: str | None, change: Change, refused: list[dict[str, Any]], cause: str, message_id: Any
    ) -> dict[str, Any]:
        catalogue, access = self._hub.catalogue, self._signed_in().identity.access
        added = {
            catalogue.name_of(facts, access): wire_facts(facts)
            for facts in map(catalogue.by_id.__getitem__, change.added)
        }
        removed = []
        for instrument_id in change.removed:
            facts = catalogue.by_id.get(instrument_id)
            symbol = catalogue.name_of(facts, access) if facts is not None else None
            # It is listed still: the administrator switched it off, or wants it covered no more.
            withheld = cause == "retired" and facts is not None and facts.active
            removed.append({"id": instrument_id, "symbol": symbol, "code": "not_streaming" if withheld else cause})
        return {
            "op": "subscribed",
            "id": message_id,
            "source": name,
            "added": added,
            "removed": removed,
            "refused": refused,
            "total": self.sources.total,
            "cause": cause,
        }

    def _count_message(self) -> None:
        """Raises ProtocolError beyond the messages that a client may send in ten seconds."""
        now = time.monotonic()
        if now - self.window_started >= WINDOW_S:
            self.window_started, self.window_messages = now, 0
        self.window_messages += 1
        limit = self._limits.messages_per_10_s
        if self.window_messages > limit:
            left = round((self.window_started + WINDOW_S - now) * 1000)
            if self.window_messages > FLOOD * limit:
                self._flooded(left)
            message = f"at most {limit} messages in {WINDOW_S:g} s"
            raise ProtocolError("too_many_messages", message, limit=limit, retry_after_ms=left)

    def _counted(self) -> bool:
        """Counts a message that could not be read; False when the answer to it would be one too many."""
        try:
            self._count_message()
        except ProtocolError as error:
            self._answer_error(error, None)
            return False
        return True

    def _count_pong(self) -> None:
        if self.connection is not None:
            self.connection.heard_at = time.monotonic()

    def _flooded(self, left_ms: int) -> None:
        if self.connection is not None:
            self.connection.close(protocol.TOO_MANY, "far too many messages", left_ms)
        raise StopConsumer

    async def _too_large(self) -> None:
        reason = f"a message may have {settings.STREAM_MESSAGE_BYTES} bytes"
        if self.connection is None:
            await self.refuse(protocol.TOO_LARGE, reason)
        else:
            self.connection.close(protocol.TOO_LARGE, reason)

    def _answer_error(self, error: ProtocolError, said: protocol.Message | None) -> None:
        answer = {
            "op": "error",
            "id": said.id if said is not None else error.more.get("id"),
            "code": error.code,
            "field": error.field,
            "message": str(error),
            "limit": error.more.get("limit"),
            "retry_after_ms": error.more.get("retry_after_ms"),
        }
        if self.connection is not None:
            self.connection.post(answer)
        else:
            # Not signed in: one error is one too many, and the deadline is near anyway.
            self.channel_layer.post(self.channel_name, {"type": "auth.failed", "answer": encoded(answer).decode()})

    async def auth_failed(self, message: dict[str, Any]) -> None:
        if self.connection is None:
            with contextlib.suppress(OSError, RuntimeError):
                await self.base_send({"type": "websocket.send", "text": message["answer"]})
            await self.refuse(protocol.NOT_SIGNED_IN, "the first message has to be `auth` with a good ticket")


class BrowserStream(StreamConsumer):
    """Signed in by the session cookie, from a page of this site."""

    async def let_in(self) -> None:
        if not origin.is_allowed(self.scope):
            await self.refuse(protocol.NOT_ALLOWED, "this page may not open the stream")
        cookies = _cookies(self.scope)
        who = await identity.from_session(cookies)
        await turnstile().passed()  # hundreds are answered at once
        if who is None:
            await self.refuse(protocol.NOT_SIGNED_IN, "not signed in")
        else:
            self.welcome(who, session_key=cookies[settings.SESSION_COOKIE_NAME])


class ProgramStream(StreamConsumer):
    """Signed in by a token in the Authorization header, or by a ticket as the first message. Cookies are not looked at, so
    no page can open it in a visitor's name."""

    async def let_in(self) -> None:
        header = next((value for name, value in self.scope["headers"] if name == b"authorization"), None)
        if header is None:
            loop = asyncio.get_running_loop()
            expired = {"type": "auth.expired"}
            self.auth_deadline = loop.call_later(AUTH_S, self.channel_layer.post, self.channel_name, expired)
            return
        scheme, _, token = header.decode("latin-1").partition(" ")
        who = await identity.from_token(token.strip()) if scheme.lower() == "bearer" else None
        await turnstile().passed()  # hundreds are answered at once
        if who is None:
            await self.refuse(protocol.NOT_SIGNED_IN, "the token is not a good one")
        elif READ not in who.scopes:
            await self.refuse(protocol.NOT_ALLOWED, f"the token does not have the scope {READ}")
        else:
            self.welcome(who)

    async def auth(self, said: protocol.Auth) -> None:
        if self.connection is not None:
            await super().auth(said)
        try:
            redeemed = await identity.redeemed(said.ticket)
        except TicketsUnavailableError:
            await self.refuse(protocol.RESTARTING, "tickets cannot be checked now", 1_000)
        else:
            if redeemed is None:
                raise ProtocolError("forbidden", "the ticket is unknown, expired or used", "ticket")
            if READ not in redeemed[0].scopes:
                await self.refuse(protocol.NOT_ALLOWED, f"the token does not have the scope {READ}")
            self.welcome(redeemed[0], said.id, redeemed[1])


def _no_watchlist(share_key: str | None) -> ProtocolError:
    shared = "no watchlist is shared by this key, or no longer"
    return ProtocolError("forbidden", "you have no such watchlist" if share_key is None else shared, "watchlist")


def _place(facts: InstrumentFacts) -> Place:
    return Place(facts.feed, facts.symbol, facts.underlying)


def _is_too_large(text: str) -> bool:
    # Four bytes is the most that a character takes: most messages need not be encoded to know.
    most = settings.STREAM_MESSAGE_BYTES
    return len(text) * 4 > most and len(text.encode()) > most


def _cookies(scope: dict[str, Any]) -> dict[str, str]:
    # Django's reader: the one of the standard library stops at the first cookie that it finds odd, whosever it is.
    return parse_cookie("; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"))
