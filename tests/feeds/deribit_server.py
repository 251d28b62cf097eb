"""A venue on the loopback that speaks Deribit's protocol and misbehaves as it is told: JSON-RPC over one socket, heartbeats
that must be answered, subscribe credits, a ticker for each listed option, news of the list.
"""

import asyncio
import contextlib
import json
import random
import time
from collections import Counter, deque
from types import TracebackType
from typing import Any, Literal, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request

from .deribit_recording import Recording, now_ms

# Where a connection may be cut, in the order in which it comes there.
Step = Literal[
    "accepted",
    "requested",
    "half answered",
    "upgraded",
    "get_instruments",
    "set_heartbeat",
    "subscribe",
    "subscribed",
    "half a frame",
]
STEPS: tuple[Step, ...] = (
    "accepted",
    "requested",
    "half answered",
    "upgraded",
    "get_instruments",
    "set_heartbeat",
    "subscribe",
    "subscribed",
    "half a frame",
)
# As the venue counts them: 3,000 of 30,000 credits a subscribe, 10,000 back a second.
SUBSCRIBE_BURST, SUBSCRIBE_RATE = 10.0, 10 / 3
CHANNELS_A_CALL = 500
# Of what it did lately, for whoever has to tell why a test failed.
EVENTS = 500


class _Session:
    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.channels: set[str] = set()
        self.heartbeats: asyncio.Task[None] | None = None
        self.opened_at = time.monotonic()
        self.answered = asyncio.Event()
        self.was_asked_for_its_list = False

    async def send(self, message: dict[str, Any]) -> None:
        await self.send_text(json.dumps(message, separators=(",", ":")))

    async def send_text(self, text: str) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self.connection.send(text)

    def cut(self) -> None:
        self.connection.transport.abort()


class DeribitServer:
    """`latest` is the newest data of each channel without its interval: what a client must end on. The rest is what it is
    told to do, and what it saw."""

    def __init__(self, recording: Recording, port: int = 0) -> None:
        self.entries = dict(recording.entries)
        self.latest: dict[str, Any] = {}
        self.port = port
        # To be done to the connections to come, one each.
        self.cuts: deque[Step] = deque()
        self.too_many = 0  # so many subscribes to come are refused with 10028, and cut
        self.absent: Counter[str] = Counter()  # so often the channel is left out of a result
        self.heartbeat_s: float | None = None  # instead of what the client asks for
        self.answer_s: float | None = None  # how long it waits for a sign of life; by default a heartbeat, but a second
        self.mute = False  # says nothing, not even heartbeats
        self.errors: dict[str, tuple[int, str]] = {}  # by method
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.opened = 0
        self.tests_answered = 0
        self.unanswered = 0
        self.out_of_credit = 0
        self.events: deque[tuple[float, str]] = deque(maxlen=EVENTS)
        self._recording = recording
        self._sessions: set[_Session] = set()
        self._server: Server | None = None
        self._playing: set[asyncio.Task[None]] = set()
        self._credit, self._credit_at = SUBSCRIBE_BURST, time.monotonic()
        self._random = random.Random(5)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/api/v2"

    @property
    def connections(self) -> int:
        return len(self._sessions)

    @property
    def length_s(self) -> float:
        """How long what it plays took when it was recorded."""
        return self._recording.frames[-1][0]

    @property
    def channels(self) -> Counter[str]:
        """What is subscribed to, and by how many connections."""
        return Counter(channel for session in self._sessions for channel in session.channels)

    def lists_are_read(self, within_s: float) -> bool:
        """Whether each connection was asked for the list, or is older than the time within which it would be."""
        oldest = time.monotonic() - within_s
        return all(session.was_asked_for_its_list or session.opened_at < oldest for session in self._sessions)

    async def behave(self) -> None:
        """Forgets all that it was told to do, and lists what the recording does."""
        for task in self._playing:
            task.cancel()
        await asyncio.gather(*self._playing, return_exceptions=True)
        self._playing.clear()
        self.cuts.clear()
        self.absent.clear()
        self.errors.clear()
        self.too_many, self.mute = 0, False
        self.entries = dict(self._recording.entries)
        if self._server is None:
            await self.listen()

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._playing:
            task.cancel()
        await asyncio.gather(*self._playing, return_exceptions=True)
        if self._server is not None:
            await self.stop_listening()

    async def listen(self) -> None:
        server = self

        class Connection(ServerConnection):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                server.opened += 1
                server._note("a connection comes")
                super().connection_made(transport)
                if server._is_cut_at("accepted"):
                    self.transport.abort()

        self._server = await serve(
            self._serve,
            "127.0.0.1",
            self.port,
            process_request=self._process_request,
            create_connection=Connection,
            compression=None,
            ping_interval=None,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        self._note(f"listens at {self.port}")

    async def stop_listening(self) -> None:
        """Refuses connections and cuts those there are, until `listen`."""
        assert self._server is not None
        server, self._server = self._server, None
        self.cut()
        server.close(close_connections=True)
        await asyncio.wait_for(server.wait_closed(), 10)
        self._note("does not listen any more")

    def cut(self) -> None:
        """Drops every connection without a word."""
        self._note(f"cuts {len(self._sessions)} connections")
        for session in list(self._sessions):
            session.cut()

    def cut_one(self, channel: str) -> None:
        """Drops the connection that carries `channel`."""
        for session in list(self._sessions):
            if channel in session.channels:
                session.cut()

    # ── The market ────────────────────────────────────────────────────────────────────────────────────────────────────

    def play(self, speed: float = 1.0) -> "asyncio.Task[None]":
        """Plays the recorded tickers, once."""
        task = asyncio.create_task(self._play(speed))
        self._playing.add(task)
        return task

    async def _play(self, speed: float) -> None:
        started = time.monotonic()
        for after, lag_ms, data in self._recording.frames:
            await asyncio.sleep(max(0.0, started + after / speed - time.monotonic()))
            await self.tick(data, lag_ms)

    async def tick(self, data: dict[str, Any], lag_ms: float = 2.0) -> None:
        """One ticker, stamped with the venue's time, which never goes back."""
        topic = f"ticker.{data['instrument_name']}"
        before = self.latest.get(topic, {}).get("timestamp", 0)
        await self.say(topic, data | {"timestamp": max(round(now_ms() - lag_ms), before)})

    async def say(self, topic: str, data: Any) -> None:
        """Publishes on `topic` at every interval, and remembers it for who subscribes later."""
        self.latest[topic] = data
        self._note(f"says {topic} of {data.get('timestamp') if isinstance(data, dict) else 'many'}")
        for session in list(self._sessions):
            for channel in _names(topic):
                if channel in session.channels and not self.mute:
                    await session.send(_notification(channel, data))

    async def say_text(self, text: str) -> None:
        """Sends any text frame to everyone."""
        for session in list(self._sessions):
            await session.send_text(text)

    async def list_new(self, entry: dict[str, Any], data: dict[str, Any]) -> None:
        """A new listing, with its first ticker."""
        name = entry["instrument_name"]
        self.entries[name] = entry
        await self._say_state(name, "created")
        await self.tick(data | {"instrument_name": name})

    async def expire(self, name: str) -> None:
        """The instrument is not listed any more, and never quotes again."""
        del self.entries[name]
        self.latest.pop(f"ticker.{name}", None)
        await self._say_state(name, "terminated")
        for session in self._sessions:
            session.channels.difference_update(_names(f"ticker.{name}"))

    async def _say_state(self, name: str, state: str) -> None:
        topic = f"instrument.state.option.{name.partition('-')[0].partition('_')[0]}"
        await self.say(topic, {"timestamp": now_ms(), "state": state, "instrument_name": name})
        del self.latest[topic]  # news, not a value: nobody hears it later

    # ── Its end of the socket ─────────────────────────────────────────────────────────────────────────────────────────

    def _is_cut_at(self, step: Step) -> bool:
        if not self.cuts or self.cuts[0] != step:
            return False
        self.cuts.popleft()
        self._note(f"cuts: {step}")
        return True

    def _note(self, what: str) -> None:
        self.events.append((time.time(), what))

    async def _process_request(self, connection: ServerConnection, request: Request) -> None:
        if self._is_cut_at("requested"):
            connection.transport.abort()
        if self._is_cut_at("half answered"):
            connection.transport.write(b"HTTP/1.1 101 Switching Proto")
            connection.transport.close()

    async def _serve(self, connection: ServerConnection) -> None:
        session = _Session(connection)
        if self._is_cut_at("upgraded"):
            session.cut()
            return
        self._sessions.add(session)
        try:
            async for raw in connection:
                await self._answer(session, json.loads(raw))
        except ConnectionClosed:
            pass
        finally:
            self._sessions.discard(session)
            if session.heartbeats is not None:
                session.heartbeats.cancel()

    async def _answer(self, session: _Session, call: dict[str, Any]) -> None:
        number, method, params = call["id"], call["method"], call.get("params", {})
        self.calls.append((method, params))
        self._note(f"is asked {method} {len(params.get('channels', ())) or ''}")
        short = method.removeprefix("public/")
        if self._is_cut_at(short):
            session.cut()
            return
        if method in self.errors:
            await session.send(_error(number, *self.errors[method]))
        elif short == "test":
            session.answered.set()
            self.tests_answered += 1
            await session.send(_reply(number, {"version": "1.2.26"}))
        elif short == "set_heartbeat":
            self._set_heartbeat(session, params["interval"])
            await session.send(_reply(number, "ok"))
        elif short == "get_instruments":
            session.was_asked_for_its_list = True
            listed = [entry for entry in self.entries.values() if _currency(entry) == params["currency"]]
            await session.send(_reply(number, listed))
        elif short == "subscribe":
            await self._subscribe(session, number, params["channels"])
        elif short == "unsubscribe":
            session.channels.difference_update(params["channels"])
            await session.send(_reply(number, params["channels"]))
        else:
            await session.send(_error(number, -32601, "Method not found"))

    async def _subscribe(self, session: _Session, number: int, channels: list[str]) -> None:
        if self.too_many > 0 or not self._has_credit():
            self.out_of_credit += self.too_many <= 0
            self.too_many -= 1
            self._note("refuses: too many requests")
            await session.send(_error(number, 10028, "too_many_requests"))
            await asyncio.sleep(0.01)
            session.cut()
            return
        if len(channels) > CHANNELS_A_CALL:
            await session.send(_error(number, -32602, "Invalid params"))
            return
        if any(channel.endswith(".raw") for channel in channels):
            await session.send(_error(number, 13778, "raw_subscriptions_not_available_for_unauthorized"))
            return
        accepted = [channel for channel in channels if self._accepts(channel)]
        self._random.shuffle(accepted)
        session.channels.update(accepted)
        await session.send(_reply(number, accepted))
        if self._is_cut_at("subscribed"):
            session.cut()
            return
        for channel in accepted:
            topic = _topic(channel)
            if topic in self.latest and not self.mute:
                await session.send(_notification(channel, self.latest[topic]))
        if self._is_cut_at("half a frame"):
            session.connection.transport.write(b'\x81\x7e\x10\x00{"jsonrpc":"2.0","method":"subscri')
            session.connection.transport.close()

    def _accepts(self, channel: str) -> bool:
        topic = _topic(channel)
        if self.absent[topic] > 0:
            self.absent[topic] -= 1
            return False
        return not topic.startswith("ticker.") or topic.removeprefix("ticker.") in self.entries

    def _has_credit(self) -> bool:
        now = time.monotonic()
        self._credit = min(SUBSCRIBE_BURST, self._credit + (now - self._credit_at) * SUBSCRIBE_RATE)
        self._credit_at = now
        if self._credit < 1:
            return False
        self._credit -= 1
        return True

    def _set_heartbeat(self, session: _Session, interval: float) -> None:
        if session.heartbeats is not None:
            session.heartbeats.cancel()
        session.heartbeats = asyncio.create_task(self._beat(session, self.heartbeat_s or interval))

    async def _beat(self, session: _Session, interval: float) -> None:
        """Every interval a heartbeat, and one that asks for an answer, without which the session ends."""
        while True:
            await asyncio.sleep(interval)
            if self.mute:
                continue
            session.answered.clear()
            for kind in ("heartbeat", "test_request"):
                await session.send({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": kind}})
            try:
                await asyncio.wait_for(session.answered.wait(), self.answer_s or max(interval, 1.0))
            except TimeoutError:
                self.unanswered += 1
                self._note("cuts: no sign of life")
                session.cut()
                return


def _names(topic: str) -> list[str]:
    """The channels on which a topic can be subscribed to."""
    if topic.startswith(("ticker.", "trades.")):
        return [f"{topic}.{interval}" for interval in ("raw", "100ms", "agg2")]
    return [topic]


def _topic(channel: str) -> str:
    return channel.rpartition(".")[0] if channel.startswith(("ticker.", "trades.")) else channel


def _currency(entry: dict[str, Any]) -> str:
    name = entry["instrument_name"].partition("-")[0]
    return "USDC" if name.endswith("_USDC") else name


def _reply(number: int, result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "result": result, "usIn": 1, "usOut": 2, "usDiff": 1, "testnet": False}


def _error(number: int, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}, "testnet": False}


def _notification(channel: str, data: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}
