"""The sockets of a benchmark: picows clients in a process of their own, each subscribed to its own choice of symbols, that
note which row of which instrument arrived when.

    python -m benchmarks.watchers SPEC.json RESULT.npz

Prints `ready` when all are subscribed and have their snapshot, counts between two SIGUSR1, ends at SIGTERM.
"""

import asyncio
import json
import random
import signal
import sys
import time
from array import array
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

AT_ONCE: Final = 50
HANDSHAKE_S: Final = 60.0
SNAPSHOTS_S: Final = 90.0
SOCKETS_AN_ADDRESS: Final = 10_000


class Row(msgspec.Struct, array_like=True):
    """The first columns of a row; the others are skipped unread, as a client that shows four columns would."""

    id: int
    seq: int


class Frame(msgspec.Struct):
    op: str
    n: int = 0
    rows: list[Row] = []
    refused: list[dict[str, Any]] = []
    more: bool = False


decode = msgspec.json.Decoder(Frame).decode


class Totals:
    def __init__(self) -> None:
        self.frames = self.rows = self.bytes = self.closed = 0
        self.watcher, self.instrument = array("i"), array("i")
        self.seq, self.at = array("q"), array("d")
        self._marks: list[tuple[int, int, int]] = []

    def mark(self) -> None:
        self._marks.append((self.frames, self.rows, self.bytes))

    def between_marks(self) -> list[int]:
        """Frames, rows and bytes; and the sockets that were closed whenever."""
        first, last = self._marks
        return [*(after - before for before, after in zip(first, last, strict=True)), self.closed]


class Watcher(WSListener):
    """A client of ours, and of the peers that were written to speak alike: JSON with `op`."""

    path = ""

    def __init__(self, index: int, totals: Totals, symbols: list[str], beat: int, measured: bool) -> None:
        super().__init__()
        self.index = index
        self.totals = totals
        self.symbols = symbols
        self.beat = beat
        self.measured = measured
        self.ready = asyncio.get_running_loop().create_future()
        self.transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.say({"op": "configure", "interval_ms": self.beat})
        self.say({"op": "subscribe", "source": "all", "symbols": self.symbols})

    def say(self, message: object, prefix: bytes = b"") -> None:
        assert self.transport is not None
        self.transport.send(WSMsgType.TEXT, prefix + json.dumps(message).encode())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.totals.closed += 1
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("closed before its snapshot"))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.heard(transport, frame.get_payload_as_bytes())

    def heard(self, transport: WSTransport, payload: bytes) -> None:
        if payload.startswith(b'{"op":"ticks"') and not self.measured:
            self.count(payload, payload.count(b"],[") + 1)
            return
        at = time.time() * 1000
        message = decode(payload)
        if message.op == "ping":
            transport.send(WSMsgType.TEXT, b'{"op":"pong","n":%d}' % message.n)
            return
        if message.refused and not self.ready.done():
            self.ready.set_exception(RuntimeError(f"refused: {message.refused[0]}"))
        if message.op == "snapshot" and not message.more:
            self.is_ready()
        if message.rows and self.measured:
            self.note(message.rows, at)
        if message.op == "ticks":
            self.count(payload, len(message.rows))

    def is_ready(self) -> None:
        if not self.ready.done():
            self.ready.set_result(None)

    def count(self, payload: bytes, rows: int) -> None:
        self.totals.frames += 1
        self.totals.bytes += len(payload)
        self.totals.rows += rows

    def note(self, rows: list[Row], at: float) -> None:
        totals = self.totals
        for row in rows:
            totals.watcher.append(self.index)
            totals.instrument.append(row.id)
            totals.seq.append(row.seq)
            totals.at.append(at)


class SocketIOWatcher(Watcher):
    """The same over Engine.IO 4 and Socket.IO 5: `0` opens, `40` joins, `42[event, data]` says, `430[]` acknowledges, `2`
    asks for `3`."""

    path = "/socket.io/?EIO=4&transport=websocket"

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def heard(self, transport: WSTransport, payload: bytes) -> None:
        if payload.startswith(b'42["ticks",'):
            self.count(payload, 1)
            if self.measured:
                self.note([decode_event(payload[2:])[1]], time.time() * 1000)
        elif payload.startswith(b"0"):
            transport.send(WSMsgType.TEXT, b"40")
        elif payload.startswith(b"40"):
            self.say(["subscribe", self.symbols], b"420")
        elif payload.startswith(b"430"):
            self.is_ready()
        elif payload == b"2":
            transport.send(WSMsgType.TEXT, b"3")


decode_event = msgspec.json.Decoder(tuple[str, Row]).decode
KINDS = {"strikewire": Watcher, "socket.io": SocketIOWatcher}


def choice(spec: dict[str, Any], index: int) -> list[int]:
    """The numbers of the symbols that a socket watches: its own pick, or one block of neighbours, as of a chain."""
    if not spec["chains"]:
        rng = random.Random(spec["seed"] * 1_000_003 + index)
        return rng.sample(range(spec["symbols"]), spec["per_socket"])
    first = index % spec["chains"] * spec["per_socket"]
    return list(range(first, first + spec["per_socket"]))


def measured_of(spec: dict[str, Any]) -> set[int]:
    """Which sockets are timed: drawn by lot, since a server may treat every tenth alike."""
    return set(random.Random(spec["seed"]).sample(range(spec["sockets"]), min(spec["measured"], spec["sockets"])))


def source_of(index: int) -> tuple[str, int] | None:
    """An address has some 28,000 ports for its connections to one server."""
    return (f"127.0.0.{1 + index // SOCKETS_AN_ADDRESS}", 0) if index >= SOCKETS_AN_ADDRESS else None


async def main(spec: dict[str, Any], result: str) -> None:
    totals = Totals()
    kind, tokens = KINDS[spec["protocol"]], spec["tokens"]
    measured = measured_of(spec)
    watchers: list[Watcher] = []
    wanted: list[tuple[int, int]] = []
    for start in range(spec["first"], spec["beyond"], AT_ONCE):
        group = []
        for index in range(start, min(start + AT_ONCE, spec["beyond"])):
            numbers = choice(spec, index)
            if index in measured:
                wanted += [(index, number) for number in numbers]
            names = [spec["names"][number] for number in numbers]
            watcher = kind(index, totals, names, spec["beat"], index in measured)
            watchers.append(watcher)
            group.append(
                ws_connect(
                    lambda watcher=watcher: watcher,
                    spec["url"] + kind.path,
                    extra_headers={"Authorization": f"Bearer {tokens[index % len(tokens)]}"} if tokens else {},
                    websocket_handshake_timeout=HANDSHAKE_S,
                    local_addr=source_of(index),
                )
            )
        await asyncio.gather(*group)
    await asyncio.wait_for(asyncio.gather(*(watcher.ready for watcher in watchers)), SNAPSHOTS_S)
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, totals.mark)
    loop.add_signal_handler(signal.SIGTERM, done.set)
    print("ready", flush=True)
    await done.wait()
    np.savez(
        result,
        watcher=np.array(totals.watcher),
        instrument=np.array(totals.instrument),
        seq=np.array(totals.seq),
        at=np.array(totals.at),
        totals=np.array(totals.between_marks()),
        wanted=np.array(wanted, dtype=np.int64).reshape(-1, 2),
        measured=np.array(sorted(watcher.index for watcher in watchers if watcher.measured), dtype=np.int64),
    )


if __name__ == "__main__":
    with Path(sys.argv[1]).open() as file:
        uvloop.run(main(json.load(file), sys.argv[2]))
