"""A board without Redis, and a connection to look into: for tests of phases and connections alone."""

import asyncio
import time
from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from accounts.identity import Identity
from marketdata.bus.board import Board
from marketdata.stream.connection import Connection
from marketdata.stream.wanted import shared


class StillBoard(Board):
    """Rows come by `change`, a turn of the loop at a time."""

    def __init__(self) -> None:
        super().__init__(None, None, str)  # type: ignore[arg-type]

    def change(self, *ids: int, turn: bool = True) -> None:
        for instrument_id in ids:
            self.seqs[instrument_id] = seq = self.seqs.get(instrument_id, 0) + 1
            self.latest[instrument_id] = b"[%d,%d]" % (instrument_id, seq)
        if turn:
            self.on_turn(set(ids))

    def watch(self, connection: Connection, ids: Iterable[int]) -> None:
        for instrument_id in ids:
            self.watchers.setdefault(instrument_id, set()).add(connection)


class Wire:
    """What a connection sends to. While `writable` is not set, a send waits, as on uvicorn."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.closed: int | None = None
        self.writable = asyncio.Event()
        self.writable.set()
        self.gone = False

    async def send(self, message: dict[str, Any]) -> None:
        await self.writable.wait()
        if self.gone:
            raise ConnectionResetError
        if message["type"] == "websocket.close":
            self.closed = message["code"]
        else:
            self.sent.append(msgspec.json.decode(message["text"]))

    def take(self, op: str | None = None) -> list[dict[str, Any]]:
        """What was sent since, of one op or all; forgotten."""
        taken, self.sent = self.sent, []
        return [message for message in taken if op in (None, message["op"])]

    def rows(self) -> dict[int, int]:
        """Id to seq of the rows sent since; raises where one came twice."""
        pairs = [(row[0], row[1]) for message in self.take() for row in message.get("rows", ())]
        assert len(pairs) == len(set(pairs)), pairs
        return dict(pairs)


class Seat:
    """A connection with its wire. `ended` counts how often it cut itself."""

    def __init__(self, board: StillBoard, ids: Iterable[int] = ()) -> None:
        self.ended = 0
        self.wire = Wire()
        who = Identity(1, "owner", False, "session:x")
        self.connection = Connection("c", self.wire.send, board, who, "channel", self._end)
        self.connection.wanted = shared(self.connection.wanted.union(ids))
        board.watch(self.connection, ids)

    def deliver(self, ids: Collection[int]) -> None:
        """As a phase does."""
        connection = self.connection
        connection.deliver(frozenset(ids), connection.board.joined(ids), time.monotonic())

    def _end(self) -> None:
        self.ended += 1
