"""What one of each thing costs: the unit costs that `benchmarks.sizing` reckons with.

    python -m benchmarks.units --rounds 3 --json benchmarks/units.json

Loads that differ in one thing at a time are put on one installation after another; a web process' share of a core is then
taken apart into sockets, received rows, frames and shown rows by least squares, each load counting by its own error and no
cost below zero. The price of a bare frame is written beside them.
"""

import argparse
import json
import platform
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from .calibration import microseconds_a_byte, microseconds_a_frame
from .figures import spreads
from .load import Load
from .measuring import measure
from .peers.strikewire import Strikewire
from .peers.workloads import SILENT
from .sizing_model import Asked, Units, covered

SECONDS: Final = 10
# By what each is rich in.
LOADS: Final = {
    "nothing": Load(10, 500, 0, SILENT, 100, SECONDS),
    # What opening them takes is no part of keeping them.
    "sockets": Load(2_000, 500, 0, SILENT, 100, SECONDS, settle_s=6),
    "subscriptions": Load(2_000, 500, 50, SILENT, 100, SECONDS, settle_s=6),
    "quotes": Load(10, 500, 0, 20_000, 100, SECONDS),
    "received rows": Load(40, 500, 50, 20_000, 1_000, SECONDS),
    "frames": Load(1_000, 500, 5, 5_000, 100, SECONDS),
    "shown rows": Load(100, 500, 400, 5_000, 100, SECONDS),
    "web processes": Load(1_000, 500, 5, 5_000, 100, SECONDS, workers=2),
}
# With a recorder, which has its first batches behind it when the round begins.
RECORDED: Final = {
    "recorded": Load(10, 500, 5, 2_000, 100, SECONDS, settle_s=6),
    "recorded, more": Load(10, 500, 5, 10_000, 100, SECONDS, settle_s=6),
}
Medians = Mapping[str, float]


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    options = _options(arguments)
    calibrations = [microseconds_a_frame()]
    found: dict[str, Medians] = {}
    for name, load in {**LOADS, **RECORDED}.items():
        asked = load._replace(seconds=options.seconds, sockets=max(10, load.sockets // options.smaller))
        found[name] = _medians(asked, options.rounds, recorded=name in RECORDED)
        calibrations.append(found[name]["calibration, µs a bare frame"])
        print(f"{name}: {found[name]['server, share of a core']:.3f} of a core", flush=True)
    units = fitted(found, float(np.median(calibrations)), microseconds_a_byte())
    for name, value in units._asdict().items():
        print(f"  {name:<24} {value:>12,.4g}")
    result = {
        "units": {name: float(f"{value:.4g}") for name, value in units._asdict().items()},
        "python": platform.python_version(),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "measured": {name: {key: float(f"{value:.5g}") for key, value in one.items()} for name, one in found.items()},
    }
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return result


def fitted(found: Mapping[str, Medians], calibration_us: float, byte_us: float) -> Units:
    """`found` has the medians of each of LOADS, with its `sockets` and `received`, and those of RECORDED."""
    loads = [(load, found[name]) for name, load in LOADS.items()]
    web = least_squares(
        [
            (load.workers, one["sockets"] / 1e6, one["received"] / 1e6, one["frames/s"] / 1e6, one["shown/s"] / 1e6)
            for load, one in loads
        ],
        [one["server, share of a core"] for _, one in loads],
    )
    redis = least_squares(
        [(1, one["rows published/s"] / 1e6, one["received"] / 1e6) for _, one in loads],
        [one["redis, share of a core"] for _, one in loads],
    )
    ingest = least_squares(
        [(1, one["rows published/s"] / 1e6) for _, one in loads],
        [one["publisher, share of a core"] for _, one in loads],
    )
    shown = [one for _, one in loads if one["shown/s"] > 1]
    width = least_squares(
        [(one["frames/s"] / 1e6, one["shown/s"] / 1e6) for one in shown], [one["MB/s"] for one in shown]
    )
    bare, held = found["sockets"]["KiB a socket"], found["subscriptions"]["KiB a socket"]
    recorded = [found[name] for name in RECORDED]
    recorder = least_squares(
        [(1, one["rows published/s"] / 1e6) for one in recorded], [one["recorder, share of a core"] for one in recorded]
    )
    return Units(
        web_base=web[0],
        web_socket_us=web[1],
        web_received_us=web[2],
        web_frame_us=web[3],
        web_shown_us=web[4],
        web_byte_us=byte_us,
        web_process_mib=found["nothing"]["MiB of the server"],
        socket_kib=bare,
        subscription_kib=max(0.0, held - bare) / LOADS["subscriptions"].per_socket,
        redis_base=redis[0],
        redis_quote_us=redis[1],
        redis_delivery_us=redis[2],
        ingest_base=ingest[0],
        ingest_quote_us=ingest[1],
        recorder_base=recorder[0],
        recorder_quote_us=recorder[1],
        frame_bytes=width[0],
        row_bytes=width[1],
        calibration_us=calibration_us,
    )


def least_squares(rows: Sequence[Sequence[float]], values: Sequence[float]) -> list[float]:
    """What of each column costs, so that the sums come as near to `values` as they can, in parts of each; none below 0."""
    scale = np.maximum(np.array(values), 1e-3 * max(values))[:, None]
    matrix, wanted = np.array(rows, dtype=float) / scale, np.array(values) / scale[:, 0]
    kept = list(range(matrix.shape[1]))
    while kept:
        found = np.linalg.lstsq(matrix[:, kept], wanted, rcond=None)[0]
        if (found >= 0).all():
            break
        kept.pop(int(np.argmin(found * matrix[:, kept].mean(axis=0))))
    costs = [0.0] * matrix.shape[1]
    for column, cost in zip(kept, found if kept else (), strict=True):
        costs[column] = float(cost)
    return costs


def _medians(load: Load, rounds: int, recorded: bool) -> Medians:
    measured = []
    for number in range(rounds):
        asked = load._replace(seed=number + 1, measured=min(load.measured, load.sockets))
        side = Strikewire("uvicorn", recorded)
        with (
            tempfile.TemporaryDirectory(prefix="sw-", dir="/tmp") as folder,
            side.start(Path(folder), asked) as running,
        ):
            measured.append(measure(running, asked, Path(folder)))
    found = {name: middle for name, (middle, _, _) in spreads(measured).items()}
    asked_ = Asked(load.sockets, load.symbols, load.per_socket, load.rate, load.beat)
    share = covered(asked_, load.workers) * load.workers
    return {**found, "sockets": load.sockets, "received": share * found["rows published/s"]}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.units", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--smaller", type=int, default=1, metavar="N", help="an Nth of the sockets, for a look")
    parser.add_argument("--json", metavar="FILE", help="write the units, and what they come from, to this file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
