"""One round of one server under one load: its clients run beside it, in a process of their own, and the kernel's accounts
say what it took.
"""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from marketdata.rows import TERM
from tests.path.stack import Process
from tests.path.universe import symbol_of

from .calibration import microseconds_a_frame
from .load import Load

SETTLE_S: Final = 2.0
# What is on its way when a round ends has so much longer than it may take.
_SETTLES_MS: Final = 300


@dataclass
class Running:
    """A server that is ready for clients, with a publisher that quotes. `protocol` is what its clients speak, `ids` are the
    instruments' numbers in its rows. `beside` is what works for it and is no part of it. The publisher writes `log`, an
    array of (symbol's number, ms), when it is stopped."""

    protocol: str
    url: str
    tokens: list[str]
    ids: Mapping[str, int]
    server: list[Process]
    publisher: Process
    log: Path
    beside: dict[str, Process]


def measure(running: Running, load: Load, folder: Path) -> dict[str, float]:
    """Opens the sockets, lets a round go by, and says what was served how late and for how much."""
    calibration = microseconds_a_frame()
    idle_kib = sum(process.resident_kib() for process in running.server)
    spec = folder / "spec.json"
    spec.write_text(
        json.dumps(
            {
                "protocol": running.protocol,
                "url": running.url,
                "tokens": running.tokens,
                "names": [symbol_of(number) for number in range(load.symbols)],
                **load._asdict(),
            }
        )
    )
    arrived = folder / "arrived.npz"
    beside = {"publisher": running.publisher, **running.beside}
    with _watchers(spec, arrived, folder / "watchers.log") as watchers:
        time.sleep(SETTLE_S)
        before = sum(process.cpu_seconds() for process in running.server)
        before_beside = {name: process.cpu_seconds() for name, process in beside.items()}
        began_ms = time.time() * 1000
        watchers.send_signal(signal.SIGUSR1)
        time.sleep(load.seconds)
        ended_ms = time.time() * 1000
        cpu = sum(process.cpu_seconds() for process in running.server) - before
        cpu_beside = {name: process.cpu_seconds() - before_beside[name] for name, process in beside.items()}
        kib = (sum(process.resident_kib() for process in running.server) - idle_kib) / load.sockets
        time.sleep((load.late_ms + _SETTLES_MS) / 1000)
        watchers.send_signal(signal.SIGTERM)
        watchers.wait(120)
    running.publisher.stop()
    if not running.log.exists():
        raise RuntimeError(f"the publisher ended early:\n{running.publisher.log.read_text()[-3000:]}")
    figures = evaluate(np.load(running.log), np.load(arrived), running.ids, began_ms, ended_ms, load)
    seconds = (ended_ms - began_ms) / 1000
    served = figures["served/s"] * seconds
    return {
        **figures,
        "server, share of a core": cpu / seconds,
        "server CPU s per million served": cpu / served * 1e6 if served else float("inf"),
        **{f"{name}, share of a core": used / seconds for name, used in cpu_beside.items()},
        "KiB a socket": kib,
        "kB/s a socket": figures["MB/s"] * 1000 / load.sockets,
        "calibration, µs a bare frame": calibration,
    }


@contextlib.contextmanager
def _watchers(spec: Path, arrived: Path, log: Path) -> "Iterator[subprocess.Popen[str]]":
    with log.open("w") as errors:
        watchers = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.watchers", str(spec), str(arrived)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert watchers.stdout is not None
        if watchers.stdout.readline().strip() != "ready":
            raise RuntimeError(f"the clients failed:\n{log.read_text()[-3000:]}")
        yield watchers
    finally:
        if watchers.poll() is None:
            watchers.kill()
            watchers.wait()


def evaluate(
    published: Any, arrived: Any, ids: Mapping[str, int], began_ms: float, ended_ms: float, load: Load
) -> dict[str, float]:
    """Joins what was published with what arrived, watcher by watcher and instrument by instrument. Where neither a row nor
    any after it came, it was not served, and its delay counts as if it had come at the very end."""
    stamps = _stamps_by_instrument(published, ids)
    latencies: list[Any] = []
    due = served = 0
    order = np.lexsort((arrived["at"], arrived["instrument"], arrived["watcher"]))
    watcher, instrument = arrived["watcher"][order], arrived["instrument"][order]
    counts, at = arrived["seq"][order] % TERM, arrived["at"][order]
    edges = np.flatnonzero((np.diff(watcher) != 0) | (np.diff(instrument) != 0)) + 1
    parts = [part for part in np.split(np.arange(len(order)), edges) if len(part)]
    came_of = {(int(watcher[part[0]]), int(instrument[part[0]])): part for part in parts}
    for index, number in arrived["wanted"].tolist():
        times = stamps.get(ids[symbol_of(number)])
        if times is None:
            continue
        window = np.flatnonzero((times >= began_ms) & (times < ended_ms))
        part = came_of.get((index, ids[symbol_of(number)]), np.array([], dtype=np.int64))
        # The first arrival whose count is at least that of the published row: of it, or of what superseded it.
        seen = np.searchsorted(np.maximum.accumulate(counts[part]), window + 1)
        came = np.append(at[part], np.inf)[seen]
        delay = np.minimum(came, ended_ms + load.late_ms + _SETTLES_MS) - times[window]
        due += len(window)
        served += int((delay <= load.late_ms).sum())
        latencies.append(delay)
    delays = np.concatenate(latencies) if latencies else np.array([np.inf])
    seconds = (ended_ms - began_ms) / 1000
    measured = len(arrived["measured"])
    frames, rows, size, closed = arrived["totals"]
    in_window = ((published[:, 1] >= began_ms) & (published[:, 1] < ended_ms)).sum()
    p50, p99 = np.percentile(delays, [50, 99]) if len(delays) else (np.inf, np.inf)
    return {
        "rows published/s": float(in_window / seconds),
        "served/s": served / seconds * load.sockets / measured,
        "served, % of due": 100 * served / due if due else 0.0,
        "rows on the wire/s": float(rows / seconds),
        "frames/s": float(frames / seconds),
        "MB/s": float(size / seconds / 1e6),
        "bytes a row": float(size / rows) if rows else 0.0,
        "p50 ms": float(p50),
        "p99 ms": float(p99),
        "sockets lost": float(closed),
    }


def _stamps_by_instrument(published: Any, ids: Mapping[str, int]) -> dict[int, Any]:
    """For each instrument id the stamps of its rows: the n-th is that of count n + 1."""
    number, stamp = published[:, 0].astype(np.int64), published[:, 1]
    order = np.argsort(number, kind="stable")
    parts = np.split(stamp[order], np.flatnonzero(np.diff(number[order])) + 1)
    return {ids[symbol_of(int(n))]: part for n, part in zip(np.unique(number), parts, strict=True)}
