"""How much of a core it takes to keep many sockets up to date, and how late they are.

    python -m benchmarks.fanout --sockets 500 --symbols 500 --per-socket 50 --rate 5000 --beat 100 --seconds 10

Everything is real: quotes go through ingest, Valkey, the web process and its sockets to picows clients, on the loopback. A
published row is *served* to a subscriber when it, or a newer one of its instrument, arrived within beat + 50 ms of its
stamp; latency is from that stamp to that arrival, of every published row and every measured subscriber.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from marketdata.rows import TERM
from tests.path.stack import Ingest, Process, Stack
from tests.path.universe import symbol_of

from .calibration import microseconds_a_frame
from .figures import table

ALLOWED_MS = 50
SETTLE_S = 2.0
DIGITS = {
    "rows published/s": 0,
    "served/s": 0,
    "rows on the wire/s": 0,
    "frames/s": 0,
    "served, % of due": 2,
    "KiB a socket": 1,
}


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    options = _options(arguments)
    rounds = []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="sw-", dir="/tmp") as folder:
            one = measure(options, Path(folder), seed=number + 1)
        rounds.append(one)
        print(f"round {number + 1}: " + ", ".join(f"{name} {value:,.4g}" for name, value in one.items()), flush=True)
    print(
        f"\n{options.server}: {options.sockets} sockets × {options.per_socket} of {options.symbols} symbols, "
        f"{options.rate:g} quotes/s, beat {options.beat} ms, {options.seconds:g} s; "
        f"medians of {options.rounds} rounds [smallest … largest]"
    )
    print(table(rounds, DIGITS))
    result = {"options": vars(options), "rounds": rounds}
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1))
    return result


def measure(options: argparse.Namespace, folder: Path, seed: int) -> dict[str, float]:
    """One round, in a fresh installation."""
    calibration = microseconds_a_frame()
    users = -(-options.sockets // 32)
    with Stack(folder, symbols=options.symbols, user_count=users) as stack:
        web = stack.start_web(options.server)
        log = folder / "published.npy"
        ingest = stack.start(
            "arrivals", "-m", "benchmarks.arrivals", str(options.symbols), str(options.rate), str(seed), str(log)
        )
        Ingest(ingest).wait_until_it_leads(60)
        time.sleep(1)
        idle_kib = web.process.resident_kib()
        spec = folder / "spec.json"
        spec.write_text(
            json.dumps(
                {
                    "url": web.program_url,
                    "tokens": [user.token for user in stack.users],
                    "symbols": [symbol_of(number) for number in range(options.symbols)],
                    "sockets": options.sockets,
                    "per_socket": options.per_socket,
                    "beat": options.beat,
                    "measured": min(options.measured, options.sockets),
                    "seed": seed,
                }
            )
        )
        arrived = folder / "arrived.npz"
        with (folder / "watchers.log").open("w") as errors:
            watchers = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.watchers", str(spec), str(arrived)],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        try:
            assert watchers.stdout is not None
            if watchers.stdout.readline().strip() != "ready":
                raise RuntimeError(f"the clients failed:\n{(folder / 'watchers.log').read_text()[-3000:]}")
            time.sleep(SETTLE_S)
            servers = {"web": web.process, "ingest": ingest, "redis": Process(stack.valkey.process, folder)}  # type: ignore[arg-type]
            before = {name: process.cpu_seconds() for name, process in servers.items()}
            began_ms = time.time() * 1000
            watchers.send_signal(signal.SIGUSR1)
            time.sleep(options.seconds)
            ended_ms = time.time() * 1000
            cpu = {name: process.cpu_seconds() - before[name] for name, process in servers.items()}
            kib = (web.process.resident_kib() - idle_kib) / options.sockets
            time.sleep((options.beat + ALLOWED_MS) / 1000 + 0.3)  # what is on its way
            watchers.send_signal(signal.SIGTERM)
            watchers.wait(60)
        finally:
            if watchers.poll() is None:
                watchers.kill()
                watchers.wait()
        ingest.stop()
        figures = evaluate(np.load(log), np.load(arrived), stack.ids, began_ms, ended_ms, options)
    seconds = (ended_ms - began_ms) / 1000
    served = figures["served/s"] * seconds
    return {
        **figures,
        "web, share of a core": cpu["web"] / seconds,
        "web CPU s per million served": cpu["web"] / served * 1e6 if served else float("inf"),
        "ingest, share of a core": cpu["ingest"] / seconds,
        "redis, share of a core": cpu["redis"] / seconds,
        "KiB a socket": kib,
        "calibration, µs a bare frame": calibration,
    }


def evaluate(
    published: Any, arrived: Any, ids: dict[str, int], began_ms: float, ended_ms: float, options: argparse.Namespace
) -> dict[str, float]:
    """Joins what was published with what arrived, watcher by watcher and instrument by instrument."""
    stamps = _stamps_by_instrument(published, ids)
    late = options.beat + ALLOWED_MS
    latencies: list[Any] = []
    due = served = 0
    order = np.lexsort((arrived["at"], arrived["instrument"], arrived["watcher"]))
    watcher, instrument = arrived["watcher"][order], arrived["instrument"][order]
    counts, at = arrived["seq"][order] % TERM, arrived["at"][order]
    edges = np.flatnonzero((np.diff(watcher) != 0) | (np.diff(instrument) != 0)) + 1
    for part in np.split(np.arange(len(order)), edges):
        if not len(part):
            continue
        times = stamps[int(instrument[part[0]])]
        window = np.flatnonzero((times >= began_ms) & (times < ended_ms))
        # The first arrival whose count is at least that of the published row: of it, or of what superseded it.
        seen = np.searchsorted(np.maximum.accumulate(counts[part]), window + 1)
        came = np.append(at[part], np.inf)[seen]
        delay = came - times[window]
        due += len(window)
        served += int((delay <= late).sum())
        latencies.append(delay)
    delays = np.concatenate(latencies) if latencies else np.array([np.inf])
    seconds = (ended_ms - began_ms) / 1000
    measured = len(arrived["measured"])
    frames, rows, size, closed = arrived["totals"]
    in_window = ((published[:, 1] >= began_ms) & (published[:, 1] < ended_ms)).sum()
    p50, p99 = np.percentile(delays, [50, 99])
    return {
        "rows published/s": float(in_window / seconds),
        "served/s": served / seconds * options.sockets / measured,
        "served, % of due": 100 * served / due if due else 0.0,
        "rows on the wire/s": float(rows / seconds),
        "frames/s": float(frames / seconds),
        "MB/s": float(size / seconds / 1e6),
        "p50 ms": float(p50),
        "p99 ms": float(p99),
        "sockets lost": float(closed),
    }


def _stamps_by_instrument(published: Any, ids: dict[str, int]) -> dict[int, Any]:
    """For each instrument id the stamps of its rows: the n-th is that of count n + 1."""
    number, stamp = published[:, 0].astype(np.int64), published[:, 1]
    order = np.argsort(number, kind="stable")
    parts = np.split(stamp[order], np.flatnonzero(np.diff(number[order])) + 1)
    return {ids[symbol_of(int(n))]: part for n, part in zip(np.unique(number), parts, strict=True)}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fanout", description=__doc__.split("\n\n")[0])
    parser.add_argument("--server", choices=("uvicorn", "daphne"), default="uvicorn")
    parser.add_argument("--sockets", type=int, default=500)
    parser.add_argument("--symbols", type=int, default=500, help="of the universe")
    parser.add_argument("--per-socket", type=int, default=50)
    parser.add_argument("--rate", type=float, default=5_000, help="quotes a second")
    parser.add_argument("--beat", type=int, default=100, help="ms")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measured", type=int, default=100, help="sockets whose every row is timed")
    parser.add_argument("--json", help="write all rounds to this file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
