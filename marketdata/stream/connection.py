"""One socket, as the phases see it: what it wants, what it may still be sent, and the one door by which every message to
it leaves.

Two things bound what a slow client costs. A credit window: with more than 512 KiB not yet answered for, no rows are sent;
what changes meanwhile is remembered as a set of ids, so the client gets fewer, newer rows. And a deadline on a send that
the server does not take, past which the connection is cut.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Set
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from . import protocol, sending
from .catalogue import encoded
from .wanted import NOTHING, Wanted, shared

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from accounts.identity import Identity

    from ..bus.board import Board
    from .phases import Phase

logger = logging.getLogger(__name__)

UNANSWERED_BYTES: Final = 512 * 1024
PING_BYTES: Final = 256 * 1024
PING_S: Final = 5.0
ANSWER_S: Final = 20.0
SEND_S: Final = 10.0
SNAPSHOT_BYTES: Final = 64 * 1024
# Of these, for all but rows and ids: a source's name and a message's id may each have 64 characters of six bytes.
SNAPSHOT_HEAD_BYTES: Final = 1_024
# `n`, the time and the rows, with commas between.
TICKS: Final = b'{"op":"ticks","n":%d,"sent_ms":%d,"rows":[%b]}'
# Answers that may wait for a client that does not read; one more, and it is cut.
OUTBOX: Final = 256
OUTBOX_BYTES: Final = 4 * 1024 * 1024
# The same bound where the server takes everything at once and never says that the client does not read.
MOST_UNANSWERED_BYTES: Final = 8 * UNANSWERED_BYTES
# Somewhat less than the second that it stands for: what looks each second must not find it missing by a millisecond.
STATUS_S: Final = 0.9


class Mark:
    """A ping that waits for its answer: which frame it named, and how much had been sent by then."""

    __slots__ = ("at", "n", "sent")

    def __init__(self, n: int, sent: int, at: float) -> None:
        self.n = n
        self.sent = sent
        self.at = at


class Snapshot:
    """Rows that are owed before any tick of their instruments: sent in frames, as the credit allows."""

    __slots__ = ("ids", "request", "source")

    def __init__(self, source: str, ids: list[int], request: Any) -> None:
        self.source = source
        self.ids = ids
        self.request = request


class Connection:
    """Made by the consumer once the handshake is accepted. `end` is called once when the connection cuts itself."""

    __slots__ = (
        "_end",
        "_marks",
        "_outbox",
        "_push",
        "_send",
        "_task",
        "address",
        "answered",
        "beat",
        "board",
        "busy",
        "channel",
        "closing",
        "early",
        "framed_at",
        "heard_at",
        "identity",
        "merged",
        "n",
        "name",
        "opened_at",
        "pending",
        "phase",
        "pinged_at",
        "pinged_bytes",
        "requested_ms",
        "rows",
        "rows_at_ping",
        "sent",
        "session_key",
        "wanted",
    )

    def __init__(
        self,
        name: str,
        send: sending.Send,
        board: "Board",
        identity: "Identity",
        channel: str,
        end: Callable[[], None],
        session_key: str = "",
        address: str = "",
        push: sending.Push | None = None,
    ) -> None:
        now = time.monotonic()
        self.name = name
        self.identity = identity
        # Of the session that it stands on, to see whether that still does; empty for a token.
        self.session_key = session_key
        # Of the client, as the outermost trusted proxy saw it.
        self.address = address
        self.channel = channel
        self.board = board
        # Ids whose rows may be sent: subscribed, and their snapshot has left.
        self.wanted: Wanted = NOTHING
        # Changed while nothing could be sent.
        self.pending: set[int] = set()
        # Ids and seqs sent ahead of the beat, so that the beat does not send them twice.
        self.early: dict[int, int] | None = None
        self.phase: Phase | None = None
        self.beat = protocol.DEFAULT_BEAT
        self.requested_ms = protocol.DEFAULT_BEAT
        self.busy = False
        self.closing = False
        self.n = 0
        self.rows = 0
        # Rows that were overtaken by newer ones while nothing could be sent.
        self.merged = 0
        self.sent = 0
        self.answered = 0
        self.opened_at = self.heard_at = self.framed_at = self.pinged_at = now
        self.pinged_bytes = 0
        self.rows_at_ping = 0
        # Neither is kept where it is empty, nor is a deque where a list will do: each deque is 600 bytes a socket.
        self._marks: list[Mark] | None = None
        self._outbox: deque[bytes | Snapshot] | None = None
        self._send = send
        self._push = push if push is not None else sending.push_through(send)
        self._end = end
        self._task: asyncio.Task[None] | None = None

    # ── Rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def deliver(self, ids: Wanted, joined: tuple[int, bytes], now: float) -> None:
        """Sends the latest rows of `ids`, all wanted, in one frame; or remembers them when nothing may be sent. `joined` is
        what the board says of these ids, and serves all connections that want the same; `now` is `time.monotonic()`.

        Half of what a web process does is done here: what follows is in one piece for that reason."""
        if self.busy or self._outbox or self.closing or self.pending or self.sent - self.answered > UNANSWERED_BYTES:
            self._deliver_late(ids)
            return
        count, rows = joined
        if not count:
            return
        self.n = n = self.n + 1
        self.rows += count
        frame = TICKS % (n, time_ns() // 1_000_000, rows)
        self.framed_at = now
        self.sent = sent = self.sent + len(frame)
        try:
            left = self._push(frame)
        except (OSError, RuntimeError):
            # The client has gone, and the server tells the consumer so by itself.
            self.closing = True
            return
        if left is not None:
            self._wait_for(left)
        if sent - self.pinged_bytes >= PING_BYTES:
            self._ping(now)

    def _deliver_late(self, ids: Set[int]) -> None:
        """As `deliver`, where something waits already."""
        if self.busy or self._outbox or self.closing or self.sent - self.answered > UNANSWERED_BYTES:
            waited = len(self.pending)
            self.pending |= ids
            self.merged += waited + len(ids) - len(self.pending)
            return
        ids = (self.pending | ids) & self.wanted
        self.pending.clear()
        count, joined = self.board.joined(ids)
        if count:
            self.n += 1
            self.rows += count
            self._frame(TICKS % (self.n, _now_ms(), joined))

    def snapshot(self, source: str, ids: list[int], request: Any) -> None:
        """Owes the client the present rows of `ids`; from their frame on, changes follow."""
        self._queue(Snapshot(source, ids, request))

    def forget(self, ids: Iterable[int]) -> None:
        """No more rows of these, also not by a snapshot that still waits for credit."""
        gone = set(ids)
        self._want(shared(self.wanted - gone))
        self.pending -= gone
        for waiting in self._outbox or ():
            if isinstance(waiting, Snapshot):
                waiting.ids = [i for i in waiting.ids if i not in gone]

    def _want(self, wanted: Wanted) -> None:
        self.wanted = wanted
        if self.phase is not None:
            self.phase.parties = None

    # ── Messages ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def post(self, message: dict[str, Any] | bytes) -> None:
        """A message that is not rows: sent now, or after what waits before it."""
        frame = message if isinstance(message, bytes) else encoded(message)
        if self.sent - self.answered > MOST_UNANSWERED_BYTES:
            self._give_up()
        elif self.busy or self._outbox:
            self._queue(frame)
        else:
            self._frame(frame)

    def close(self, code: int, reason: str, reconnect_ms: int | None = None) -> None:
        """Says why, and closes. What still waits is not sent: the client is leaving."""
        if self.closing:
            return
        self._outbox = None
        if self.busy:
            self._cut()
            return
        message = {"op": "closing", "code": code, "reason": reason, "reconnect_ms": reconnect_ms}
        self._frame(encoded(message))
        self.closing = True
        self._close_socket(code, reason)
        self._end()

    def _close_socket(self, code: int, reason: str) -> None:
        if self.busy:  # not even the goodbye is taken: the server ends the socket when the consumer does
            return
        try:
            left = sending.start(self._send, {"type": "websocket.close", "code": code, "reason": reason[:100]})
        except (OSError, RuntimeError):
            return
        if left is not None:
            self._wait_for(left)

    # ── Credit ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def pong(self, n: int) -> None:
        """The client has processed everything up to frame `n`. Raises ProtocolError for a frame never sent."""
        if n > self.n:
            raise protocol.ProtocolError("bad_message", f"frame {n} was never sent; the last one was {self.n}", "n")
        while self._marks and self._marks[0].n <= n:
            self.answered = max(self.answered, self._marks.pop(0).sent)
        self.go_on()

    def go_on(self) -> None:
        """Sends what waited, as far as it may be sent now."""
        while self._outbox and not self.busy and not self.closing:
            first = self._outbox[0]
            if isinstance(first, bytes):
                self._outbox.popleft()
                self._frame(first)
            elif self.sent - self.answered > UNANSWERED_BYTES:
                return
            elif self._snapshot_frame(first):
                self._outbox.popleft()
        if not self._outbox:
            self._outbox = None
        if self.pending and not self._outbox and not self.busy:
            ids = self.pending & self.wanted
            self.pending = set()
            if ids:
                self._deliver_late(ids)

    def tick(self, now: float) -> bool:
        """Once a second: pings, and gives up on a client that does not answer. True when it has had no frame for a second
        and wants rows, so that it should be told that the feeds live."""
        if self.closing:
            return False
        if self._marks and now - self._marks[0].at > ANSWER_S:
            self.close(protocol.NO_ANSWER, "no answer to pings for 20 s", 1_000)
            return False
        if self.rows > self.rows_at_ping and now - self.pinged_at >= PING_S:
            self._ping(now)
        return bool(self.wanted) and now - self.framed_at >= STATUS_S and not self._outbox and not self.busy

    def _ping(self, now: float) -> None:
        self.pinged_at, self.pinged_bytes, self.rows_at_ping = now, self.sent, self.rows
        if self._marks is None:
            self._marks = []
        if len(self._marks) >= 16:  # unanswered ones close the connection long before; this only bounds them
            return
        self._marks.append(Mark(self.n, self.sent, now))
        self._transmit(b'{"op":"ping","n":%d}' % self.n)

    def ping_age(self, now: float) -> float | None:
        """How long the oldest ping has waited for its answer, s; None where none does."""
        return now - self._marks[0].at if self._marks else None

    # ── The door ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _queue(self, item: "bytes | Snapshot") -> None:
        if self.closing:
            return
        if self._outbox is None:
            self._outbox = deque()
        waiting = sum(len(waits) for waits in self._outbox if isinstance(waits, bytes))
        if len(self._outbox) >= OUTBOX or waiting > OUTBOX_BYTES:
            self._give_up()
            return
        self._outbox.append(item)
        self.go_on()

    def _snapshot_frame(self, snapshot: Snapshot) -> bool:
        """Sends one frame of the snapshot; True when that was the last."""
        latest = self.board.latest
        rows: list[bytes] = []
        empty: list[int] = []
        size = taken = 0
        for instrument_id in snapshot.ids:
            row = latest.get(instrument_id)
            size += 1 + (len(row) if row is not None else len(str(instrument_id)))
            if size > SNAPSHOT_BYTES - SNAPSHOT_HEAD_BYTES and taken:
                break
            if row is None:
                empty.append(instrument_id)
            else:
                rows.append(row)
            taken += 1
        wanted = self.wanted.union(snapshot.ids[:taken])
        # Not each piece of a long snapshot: nobody else has those.
        self._want(shared(wanted) if taken == len(snapshot.ids) else wanted)
        # The rows are the newest there are: what was remembered of these ids is told by them.
        self.pending.difference_update(snapshot.ids[:taken])
        del snapshot.ids[:taken]
        self.n += 1
        self.rows += len(rows)
        head = encoded({"op": "snapshot", "id": snapshot.request, "source": snapshot.source, "n": self.n})[:-1]
        tail = encoded({"empty": empty, "more": bool(snapshot.ids)})[1:]
        self._frame(b'%b,"sent_ms":%d,"rows":[%b],%b' % (head, _now_ms(), b",".join(rows), tail))
        return not snapshot.ids

    def _frame(self, frame: bytes) -> None:
        self.framed_at = now = time.monotonic()
        self.sent += len(frame)
        self._transmit(frame)
        if self.sent - self.pinged_bytes >= PING_BYTES and not self.closing:
            self._ping(now)

    def _transmit(self, frame: bytes) -> None:
        if self.closing:
            return
        if self.busy:
            # Only a ping beside a frame that waits comes here: it keeps its order behind that frame.
            (self._outbox if self._outbox is not None else self._new_outbox()).appendleft(frame)
            return
        try:
            left = self._push(frame)
        except (OSError, RuntimeError):
            # The client has gone, and the server tells the consumer so by itself.
            self.closing = True
            return
        if left is not None:
            self._wait_for(left)

    def _new_outbox(self) -> "deque[bytes | Snapshot]":
        self._outbox = deque()
        return self._outbox

    def _wait_for(self, left: "Awaitable[None]") -> None:
        self.busy = True
        self._task = asyncio.get_running_loop().create_task(self._finish(left), name="blocked-send")

    async def _finish(self, left: "Awaitable[None]") -> None:
        try:
            async with asyncio.timeout(SEND_S):
                await left
        except (TimeoutError, OSError, RuntimeError):
            self.busy = False
            self._cut()
            return
        self.busy = False
        self._task = None
        self.go_on()

    def _give_up(self) -> None:
        self.close(protocol.NO_ANSWER, "too much was asked for and not read", 1_000)

    def _cut(self) -> None:
        """Ends a connection that takes nothing any more, without a word that it would not read."""
        if not self.closing:
            self.closing = True
            self._outbox = None
            self._end()

    def dispose(self) -> None:
        """The consumer has ended: nothing is kept, and nothing goes out any more."""
        self.closing = True
        self._outbox = None
        self.pending.clear()
        self._want(NOTHING)
        if self._task is not None:
            self._task.cancel()


def _now_ms() -> int:
    return time_ns() // 1_000_000
