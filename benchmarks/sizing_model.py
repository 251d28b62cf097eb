"""From sockets, symbols and rates to what an installation takes: the formulas of docs/sizing.md over measured costs."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from .arrivals import weights

UNITS: Final = Path(__file__).parent / "units.json"
# What Ethernet, IP and TCP with timestamps put before each frame (14 + 20 + 32), and WebSocket (4, from 126 bytes on).
HEADERS: Final = 70
# A loop turn of the web process, or of the publisher: what changes within is one frame also with a beat of 0.
TURN_S: Final = 0.002
# Beats stretch where sending takes 0.6 of a core; below this there is room for what the average hides.
MOST: Final = 0.5
Spread = Literal["zipf", "even"]


class Units(NamedTuple):
    """Unit costs. µs of CPU: `_us`. A web process' own share of a core stands idle: `web_base`, likewise of the others.
    `calibration_us` is the price of a bare frame in the minutes of the measurement."""

    web_base: float
    web_socket_us: float  # a second that a socket is open
    web_received_us: float  # a row that comes in from Redis
    web_frame_us: float  # a frame that is sent
    web_shown_us: float  # a row in a frame
    web_byte_us: float  # of which a byte, for rows of another width
    web_process_mib: float
    socket_kib: float
    subscription_kib: float  # a symbol that a socket follows
    redis_base: float
    redis_quote_us: float
    redis_delivery_us: float  # a row to one web process
    ingest_base: float
    ingest_quote_us: float
    recorder_base: float
    recorder_quote_us: float
    frame_bytes: float  # of a frame without its rows
    row_bytes: float
    calibration_us: float


class Asked(NamedTuple):
    """`per_socket` of `symbols` are followed by each of `sockets`, `rate` quotes a second come, `beat` in ms."""

    sockets: int
    symbols: int
    per_socket: int
    rate: float
    beat: int
    spread: Spread = "zipf"
    most: float = MOST


class Needs(NamedTuple):
    """Shares are of a core. `web_share` is of each web process."""

    rows_a_frame: float
    frames: float
    shown: float
    received: float
    web_processes: int
    web: float
    web_share: float
    redis: float
    ingest: float
    recorder: float
    payload_bytes: float
    wire_bytes: float
    web_mib: float
    socket_kib: float


def units_of(path: Path = UNITS) -> Units:
    return Units(**json.loads(path.read_text())["units"])


def rates(asked: Asked) -> Any:
    """Quotes a second of each symbol, the busiest first."""
    share = weights(asked.symbols) if asked.spread == "zipf" else np.full(asked.symbols, 1 / asked.symbols)
    return share * asked.rate


def frame(asked: Asked) -> tuple[float, float]:
    """Of a socket: (frames a second, rows a frame). With Poisson quotes a symbol has changed within a beat with the chance
    1 − exp(−rate × beat); a frame goes out where any of a socket's symbols has."""
    beat_s = max(asked.beat / 1000, TURN_S)
    silent = np.exp(-rates(asked) * beat_s)
    rows = asked.per_socket * float(np.mean(1 - silent))
    # A choice of symbols by lot: nothing changed with the mean of their chances, once a symbol.
    some = 1 - float(np.mean(silent)) ** asked.per_socket
    return (some / beat_s, rows / some) if some > 0 else (0.0, 0.0)


def covered(asked: Asked, processes: int) -> float:
    """The share of all quotes that a web process receives: of the symbols that at least one of its sockets follows."""
    sockets = asked.sockets / processes
    return float(1 - (1 - min(1.0, asked.per_socket / asked.symbols)) ** sockets)


def needs(asked: Asked, units: Units, processes: int | None = None, row_bytes: float | None = None) -> Needs:
    """With so many web processes; by default with as few as keep each below `most`. Raises ValueError where no number of
    them does, since each receives all quotes by itself."""
    per_socket, rows_a_frame = frame(asked)
    frames = per_socket * asked.sockets
    shown = frames * rows_a_frame
    width = units.row_bytes if row_bytes is None else row_bytes
    shown_us = units.web_shown_us + (width - units.row_bytes) * units.web_byte_us

    def web(count: int) -> float:
        received = count * covered(asked, count) * asked.rate
        spent = (
            asked.sockets * units.web_socket_us
            + received * units.web_received_us
            + frames * units.web_frame_us
            + shown * shown_us
        )
        return count * units.web_base + spent / 1e6

    if processes is None:
        if units.web_base + covered(asked, asked.sockets) * asked.rate * units.web_received_us / 1e6 >= asked.most:
            raise ValueError("each web process receives more than it may take of a core: split the symbols")
        processes = next(count for count in range(1, asked.sockets + 2) if web(count) / count <= asked.most)
    received = processes * covered(asked, processes) * asked.rate
    payload = frames * units.frame_bytes + shown * width
    socket_kib = units.socket_kib + asked.per_socket * units.subscription_kib
    return Needs(
        rows_a_frame,
        frames,
        shown,
        received,
        processes,
        web(processes),
        web(processes) / processes,
        units.redis_base + (asked.rate * units.redis_quote_us + received * units.redis_delivery_us) / 1e6,
        units.ingest_base + asked.rate * units.ingest_quote_us / 1e6,
        units.recorder_base + asked.rate * units.recorder_quote_us / 1e6,
        payload,
        payload + frames * HEADERS,
        processes * units.web_process_mib + asked.sockets * socket_kib / 1024,
        socket_kib,
    )


class Compared(NamedTuple):
    name: str
    predicted: float
    measured: float

    @property
    def error(self) -> float:
        """In parts of what was measured."""
        return self.predicted / self.measured - 1 if self.measured else math.inf


def compared(asked: Asked, units: Units, found: Mapping[str, float], processes: int = 1) -> list[Compared]:
    """What the model says of a run, beside the medians of its rounds."""
    said = needs(asked, units, processes)
    predictions = {
        "frames/s": said.frames,
        "shown/s": said.shown,
        "kB/s a socket": said.payload_bytes / asked.sockets / 1000,
        "server, share of a core": said.web,
        "redis, share of a core": said.redis,
        "publisher, share of a core": said.ingest,
        "KiB a socket": said.socket_kib,
    }
    return [Compared(name, value, found[name]) for name, value in predictions.items() if name in found]
