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
    def __init__(self, index: int, totals: Totals, subscribe: list[str], beat: int, measured: bool) -> None:
        super().__init__()
        self.index = index
        self.totals = totals
        self.messages = [
            json.dumps({"op": "configure", "interval_ms": beat}),
            json.dumps({"op": "subscribe", "source": "all", "symbols": subscribe}),
        ]
        self.measured = measured
        self.ready = asyncio.get_running_loop().create_future()
        self.transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        for message in self.messages:
            transport.send(WSMsgType.TEXT, message.encode())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.totals.closed += 1
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("closed before its snapshot"))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        payload = frame.get_payload_as_bytes()
        totals = self.totals
        if payload.startswith(b'{"op":"ticks"') and not self.measured:
            totals.frames += 1
            totals.bytes += len(payload)
            totals.rows += payload.count(b"],[") + 1
            return
        at = time.time() * 1000
        message = decode(payload)
        if message.op == "ping":
            transport.send(WSMsgType.TEXT, b'{"op":"pong","n":%d}' % message.n)
            return
        if message.refused and not self.ready.done():
            self.ready.set_exception(RuntimeError(f"refused: {message.refused[0]}"))
        if message.op == "snapshot" and not message.more and not self.ready.done():
            self.ready.set_result(None)
        if message.rows and self.measured:
            for row in message.rows:
                totals.watcher.append(self.index)
                totals.instrument.append(row.id)
                totals.seq.append(row.seq)
                totals.at.append(at)
        if message.op == "ticks":
            totals.frames += 1
            totals.bytes += len(payload)
            totals.rows += len(message.rows)


async def main(spec: dict[str, Any], result: str) -> None:
    totals = Totals()
    rng = random.Random(spec["seed"])
    watchers = []
    step = max(1, spec["sockets"] // max(1, spec["measured"]))
    for start in range(0, spec["sockets"], 50):
        group = []
        for index in range(start, min(start + 50, spec["sockets"])):
            symbols = rng.sample(spec["symbols"], spec["per_socket"])
            watcher = Watcher(index, totals, symbols, spec["beat"], index % step == 0)
            watchers.append(watcher)
            token = spec["tokens"][index % len(spec["tokens"])]
            group.append(
                ws_connect(
                    lambda watcher=watcher: watcher,
                    spec["url"],
                    extra_headers={"Authorization": f"Bearer {token}"},
                    websocket_handshake_timeout=30,
                )
            )
        await asyncio.gather(*group)
    await asyncio.wait_for(asyncio.gather(*(watcher.ready for watcher in watchers)), 60)
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
        measured=np.array(sorted({w.index for w in watchers if w.measured})),
    )


if __name__ == "__main__":
    with Path(sys.argv[1]).open() as file:
        uvloop.run(main(json.load(file), sys.argv[2]))
