"""One round of one server under one load: its clients run beside it, in processes of their own, and the kernel's accounts
say what it took.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.path.stack import Process

from . import kernel
from .calibration import microseconds_a_frame
from .clients import Clients
from .evaluating import SETTLES_MS, evaluate
from .load import Load


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


def measure(running: Running, load: Load, folder: Path, calibration: float | None = None) -> dict[str, float]:
    """Opens the sockets, lets a round go by, and says what was served how late and for how much."""
    if calibration is None:
        calibration = microseconds_a_frame()
    server = [process.pid for process in running.server]
    before_kib = kernel.memory_kib(server)
    with Clients(running.protocol, running.url, running.tokens, load, folder) as clients:
        accounts = {"server": server, "publisher": [running.publisher.pid]}
        accounts |= {name: [process.pid] for name, process in running.beside.items()}
        accounts["clients"] = clients.pids
        time.sleep(load.settle_s)
        before = {name: kernel.cpu_seconds(pids) for name, pids in accounts.items()}
        began_ms = time.time() * 1000
        clients.mark()
        time.sleep(load.seconds)
        ended_ms = time.time() * 1000
        clients.mark()
        used = {name: kernel.cpu_seconds(pids) - before[name] for name, pids in accounts.items()}
        after_kib = kernel.memory_kib(server)
        time.sleep((load.late_ms + SETTLES_MS) / 1000)
        arrived = clients.end()
    running.publisher.stop()
    if not running.log.exists():
        raise RuntimeError(f"the publisher ended early:\n{running.publisher.log.read_text()[-3000:]}")
    figures = evaluate(np.load(running.log), arrived, running.ids, began_ms, ended_ms, load)
    seconds = (ended_ms - began_ms) / 1000
    if served := figures.get("served/s", 0) * seconds:
        figures["server CPU s per million served"] = used["server"] / served * 1e6
    if "served/s" in figures and used["server"]:
        figures["served/CPU s"] = served / used["server"]
    return {
        **figures,
        **{f"{name}, share of a core": spent / seconds for name, spent in used.items()},
        "KiB a socket": (after_kib - before_kib) / load.sockets,
        "MiB of the server": after_kib / 1024,
        "kB/s a socket": figures["MB/s"] * 1000 / load.sockets,
        "calibration, µs a bare frame": calibration,
    }
