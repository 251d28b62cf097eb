"""Two thousand sockets that come at once, as after a restart, while others stay.

    python -m benchmarks.storm --sockets 2000 --rounds 5 --spread-ms 0 5000

Each signs in with a token, subscribes to fifty symbols and waits for its snapshot. Told is how long the last of them
waited, and how late rows were for those that stayed, before and meanwhile; all of it for each of `--spread-ms`: with 0 they
come at once, with 5000 each waits a random part of five seconds first, as clients do that are told a `reconnect_ms`. Those
that stay are clients of a process of their own: one that makes two thousand connections reads late by itself. How often the
database is asked is counted by tests/stream/test_connect_queries.py.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import tempfile
import time
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from . import kernel
from .calibration import microseconds_a_frame
from .figures import table
from .load import Load
from .measuring import Running
from .peers.strikewire import Strikewire
from .watchers import decode

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

PER_SOCKET: Final = 50
BEFORE_S: Final = 8.0
STAY: Final = 200
SETTLE_S: Final = 2.0
PATIENCE_S: Final = 60.0


class Client(WSListener):
    """`had` is done with the snapshot; `arrived` takes when each row came, and how late, both in ms of the machine's one
    clock."""

    def __init__(self, symbols: Sequence[str], arrived: "array[float] | None" = None) -> None:
        super().__init__()
        self._symbols = symbols
        self._arrived = arrived
        self.had = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: WSTransport) -> None:
        said = {"op": "subscribe", "source": "all", "symbols": self._symbols}
        transport.send(WSMsgType.TEXT, json.dumps(said).encode())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if not self.had.done():
            self.had.set_exception(ConnectionError("closed before its snapshot"))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        payload = frame.get_payload_as_bytes()
        if self._arrived is None and payload.startswith(b'{"op":"ticks"'):
            return
        now = time.time() * 1000
        message = decode(payload)
        if message.op == "ping":
            transport.send(WSMsgType.TEXT, b'{"op":"pong","n":%d}' % message.n)
        elif message.op == "snapshot" and not message.more and not self.had.done():
            self.had.set_result(time.monotonic())
        elif message.op == "ticks" and self._arrived is not None:
            # Rows carry the venue's time; the benchmark's venue stamps a millisecond before the row is published.
            for row in json.loads(payload)["rows"]:
                self._arrived.append(now)
                self._arrived.append(now - row[2])


class Came(NamedTuple):
    """`connected` is held so that the connection stays."""

    waited_s: float
    connected: Any


class Way(NamedTuple):
    """To the server, and what its clients may ask for."""

    url: str
    tokens: Sequence[str]
    symbols: Sequence[str]

    async def come(self, index: int, rng: random.Random, wait_s: float, arrived: "array[float] | None" = None) -> Came:
        await asyncio.sleep(wait_s)
        began = time.monotonic()
        client = Client(rng.sample(self.symbols, PER_SOCKET), arrived)
        headers = {"Authorization": f"Bearer {self.tokens[index % len(self.tokens)]}"}
        connected = await ws_connect(
            lambda: client, self.url, extra_headers=headers, websocket_handshake_timeout=PATIENCE_S
        )
        had: float = await asyncio.wait_for(client.had, PATIENCE_S)
        return Came(had - began, connected)


def stay(way: Way, seed: int, line: "Connection") -> None:
    """A process of clients that stay: says when they have come, and at the end when rows came to them, and how late."""

    async def until_asked() -> "array[float]":
        rng = random.Random(seed)
        arrived: array[float] = array("d")
        came: list[Came] = []
        for first in range(0, STAY, 50):
            some = range(first, min(first + 50, STAY))
            came += await asyncio.gather(*(way.come(index, rng, 0, arrived) for index in some))
        line.send("they have come")
        await asyncio.to_thread(line.recv)
        return arrived

    line.send(np.array(uvloop.run(until_asked())).reshape(-1, 2))


def _storm(running: Running, sockets: int, spread_ms: int, seed: int) -> dict[str, float]:
    way = Way(running.url, running.tokens, list(running.ids))
    pid = [process.pid for process in running.server]
    ours, theirs = multiprocessing.Pipe()
    staying = multiprocessing.get_context("spawn").Process(target=stay, args=(way, -seed, theirs), daemon=True)
    staying.start()
    try:
        _answer(ours)
        time.sleep(SETTLE_S)
        settled_ms = time.time() * 1000
        time.sleep(BEFORE_S)
        cpu = kernel.cpu_seconds(pid)
        began, began_ms = time.monotonic(), time.time() * 1000
        waited = uvloop.run(_come(way, sockets, spread_ms, seed))
        lasted, ended_ms = time.monotonic() - began, time.time() * 1000
        cpu = kernel.cpu_seconds(pid) - cpu
        ours.send("enough")
        at, late = _answer(ours).T
    finally:
        staying.terminate()
        staying.join()
    before = late[(at >= settled_ms) & (at < began_ms)]
    meanwhile = late[(at >= began_ms) & (at < ended_ms)]
    return {
        "all have their snapshot after, s": lasted,
        "a socket waited, p50 s": float(np.percentile(waited, 50)),
        "a socket waited, p99 s": float(np.percentile(waited, 99)),
        "p99 of those that stayed, before, ms": float(np.percentile(before, 99)),
        "p99 of those that stayed, meanwhile, ms": float(np.percentile(meanwhile, 99)),
        "times": float(np.percentile(meanwhile, 99) / np.percentile(before, 99)),
        "server, CPU ms a socket": cpu / sockets * 1000,
        "calibration, µs a bare frame": microseconds_a_frame(),
    }


async def _come(way: Way, sockets: int, spread_ms: int, seed: int) -> list[float]:
    """How long each waited."""
    rng = random.Random(seed)
    waits = [rng.uniform(0, spread_ms / 1000) for _ in range(sockets)]
    came = await asyncio.gather(*(way.come(STAY + index, rng, wait) for index, wait in enumerate(waits)))
    return [one.waited_s for one in came]


def _answer(line: "Connection") -> Any:
    if not line.poll(PATIENCE_S):
        raise TimeoutError("those that stay do not answer")
    return line.recv()


def main(arguments: Sequence[str] | None = None) -> dict[int, list[dict[str, float]]]:
    options = _options(arguments)
    found: dict[int, list[dict[str, float]]] = {spread: [] for spread in options.spread_ms}
    for number in range(options.rounds):
        for spread, rounds in found.items():
            load = Load(options.sockets + STAY, 500, PER_SOCKET, 500, 100, BEFORE_S, seed=number + 1)
            with (
                tempfile.TemporaryDirectory(prefix="sw-", dir="/tmp") as folder,
                Strikewire("uvicorn").start(Path(folder), load) as running,
            ):
                rounds.append(_storm(running, options.sockets, spread, number + 1))
            told = ", ".join(f"{name} {value:,.4g}" for name, value in rounds[-1].items())
            print(f"round {number + 1}, over {spread} ms: {told}", flush=True)
    for spread, rounds in found.items():
        print(f"\n{options.sockets} sockets, spread over {spread} ms; medians [smallest … largest]\n{table(rounds)}")
    if options.json:
        Path(options.json).write_text(json.dumps({"options": vars(options), "rounds": found}, indent=1))
    return found


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storm", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--sockets", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--spread-ms", type=int, nargs="+", default=[0, 5_000])
    parser.add_argument("--json", help="write all rounds to this file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
