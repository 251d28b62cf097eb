"""The sockets of a benchmark: picows clients in a process of their own, each subscribed to its own choice of symbols, that
note which row of which instrument arrived when.

    python -m benchmarks.watchers SPEC.json RESULT.npz

Prints `ready` when all are subscribed and have their snapshot, measures from SIGUSR1 on, ends at SIGTERM.
"""

import asyncio
import json
import random
import signal
import sys
import time
from array import array
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect


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
        self.measuring = False
        self.frames = self.rows = self.bytes = self.closed = 0
        self.watcher, self.instrument = array("i"), array("i")
        self.seq, self.at = array("q"), array("d")


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


def choice(spec: dict[str, Any], index: int, rng: random.Random) -> list[int]:
    """The numbers of the symbols that a socket watches: its own pick, or one block of neighbours, as of a chain."""
    if not spec["chains"]:
        return rng.sample(range(spec["symbols"]), spec["per_socket"])
    first = index % spec["chains"] * spec["per_socket"]
    return list(range(first, first + spec["per_socket"]))


async def main(spec: dict[str, Any], result: str) -> None:
    totals = Totals()
    rng = random.Random(spec["seed"])
    kind = KINDS[spec["protocol"]]
    watchers: list[Watcher] = []
    wanted: list[tuple[int, int]] = []
    step = max(1, spec["sockets"] // max(1, spec["measured"]))
    for start in range(0, spec["sockets"], 50):
        group = []
        for index in range(start, min(start + 50, spec["sockets"])):
            numbers = choice(spec, index, rng)
            measured = index % step == 0
            if measured:
                wanted += [(index, number) for number in numbers]
            watcher = kind(index, totals, [spec["names"][number] for number in numbers], spec["beat"], measured)
            watchers.append(watcher)
            tokens = spec["tokens"]
            headers = {"Authorization": f"Bearer {tokens[index % len(tokens)]}"} if tokens else {}
            group.append(
                ws_connect(
                    lambda watcher=watcher: watcher,
                    spec["url"] + kind.path,
                    extra_headers=headers,
                    websocket_handshake_timeout=30,
                )
            )
        await asyncio.gather(*group)
    await asyncio.wait_for(asyncio.gather(*(watcher.ready for watcher in watchers)), 90)
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    before = [0, 0, 0]

    def begin() -> None:
        before[:] = [totals.frames, totals.rows, totals.bytes]

    loop.add_signal_handler(signal.SIGUSR1, begin)
    loop.add_signal_handler(signal.SIGTERM, done.set)
    print("ready", flush=True)
    await done.wait()
    np.savez(
        result,
        watcher=np.array(totals.watcher),
        instrument=np.array(totals.instrument),
        seq=np.array(totals.seq),
        at=np.array(totals.at),
        totals=np.array([totals.frames - before[0], totals.rows - before[1], totals.bytes - before[2], totals.closed]),
        wanted=np.array(wanted),
        measured=np.array(sorted({w.index for w in watchers if w.measured})),
    )


if __name__ == "__main__":
    with Path(sys.argv[1]).open() as file:
        uvloop.run(main(json.load(file), sys.argv[2]))
