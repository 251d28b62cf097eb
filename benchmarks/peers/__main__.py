"""Strikewire beside what could be used in its place, all in one run, in turn.

    python -m benchmarks.peers --workload heavy --rounds 5
    python -m benchmarks.peers --quick

A side that a load saturates says nothing by what it takes of a core: `--share` gives a side a part of the rate, as
`one-frame=0.2`. Served per CPU second of the server is then compared at that part; the table says so. `--smaller 20`
divides sockets, quotes and symbols, for a look at whether a workload works. `--quick` puts a trivial load on every side
whose packages are there, beside each other, and fails where what a side says cannot be: it measures nothing.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from ..calibration import microseconds_a_frame
from ..figures import DIGITS, table
from ..load import Load
from ..measuring import measure
from .channels_side import PlainChannels
from .checking import faults
from .names import name_of
from .node_sides import NodeSide
from .side import Side
from .strikewire import Strikewire
from .summary import Rounds, summary
from .workloads import QUICK, SECONDS, WORKLOADS, smaller

SIDES: Final[dict[str, Side]] = {
    "strikewire": Strikewire("uvicorn"),
    "strikewire-daphne": Strikewire("daphne"),
    "node-batched": NodeSide("batched.js", merges=True),
    "uws-batched": NodeSide("uws_batched.js", merges=True),
    "one-frame": NodeSide("one_frame.js", merges=False),
    "socket.io": NodeSide("socketio.js", False, "socket.io", "socket.io"),
    "channels-pubsub": PlainChannels("pubsub"),
    "channels-core": PlainChannels("core"),
}
# Sides of a quick run beside each other: most of each is waiting for processes to start.
AT_ONCE: Final = 3


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, Rounds]]:
    options = _options(arguments)
    results = {"quick": quick({key: SIDES[key] for key in options.peers})} if options.quick else _compared(options)
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))
    return results


def quick(sides: dict[str, Side]) -> dict[str, Rounds]:
    """One round of each under a load that is none. Raises SystemExit with what cannot be; a side whose packages are not
    there is passed over by name."""
    calibration = microseconds_a_frame()
    there: dict[str, Side] = {}
    for key, side in sides.items():
        if (why := side.missing(fetch=False)) is None:
            there[key] = side
        else:
            print(f"skipped: {name_of(key)}: {why}", flush=True)
    # The kernel ends what a thread started when the thread ends: those of a pool last as long as it does.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        rounds = list(pool.map(lambda side: _round(side, QUICK, calibration), there.values()))
    found = {key: [one] for key, one in zip(there, rounds, strict=True)}
    print(summary(found, {}))
    wrong = [
        f"{name_of(key)}: {said}" for key, (one,) in found.items() for said in faults(one, QUICK, sides[key].merges)
    ]
    if wrong:
        sys.exit("\n".join(wrong))
    return found


def _round(side: Side, load: Load, calibration: float | None = None) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="sw-", dir="/tmp") as folder, side.start(Path(folder), load) as running:
        return measure(running, load, Path(folder), calibration)


def _compared(options: argparse.Namespace) -> dict[str, dict[str, Rounds]]:
    results: dict[str, dict[str, Rounds]] = {}
    for workload in options.workload:
        load = smaller(WORKLOADS[workload], options.smaller)._replace(seconds=options.seconds, clients=options.clients)
        print(f"\n{workload}: {load}; {options.rounds} rounds, all sides in turn", flush=True)
        found = results[workload] = _compare(options, workload, load)
        print(f"\n{workload}: {load}; medians of {options.rounds} rounds\n{summary(found, options.share)}")
    return results


def _compare(options: argparse.Namespace, workload: str, load: Load) -> dict[str, Rounds]:
    found: dict[str, Rounds] = {}
    for number in range(options.rounds):
        for key in options.peers:
            side = SIDES[key]
            if (why := side.missing()) is not None:
                if not number:
                    print(f"skipped: {name_of(key)}: {why}", flush=True)
                continue
            asked = load.scaled(options.share.get(key, 1.0))._replace(seed=number + 1)
            try:
                one = _round(side, asked)
            except (RuntimeError, TimeoutError) as error:
                print(f"  {name_of(key)}: failed: {str(error)[-300:]}", flush=True)
                continue
            found.setdefault(key, []).append(one)
            print(f"round {number + 1}, {name_of(key)}: {one['server, share of a core']:.3f} of a core", flush=True)
    for key, rounds in found.items():
        print(f"\n{name_of(key)}, {workload}, {options.share.get(key, 1.0):.0%} of the rate\n{table(rounds, DIGITS)}")
    return found


def _share(text: str) -> tuple[str, float]:
    key, _, value = text.partition("=")
    if key not in SIDES:
        raise argparse.ArgumentTypeError(f"no side is called {key}: they are {', '.join(SIDES)}")
    try:
        share = float(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number") from error
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError("a share is above 0 and at most 1")
    return key, share


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workload", nargs="+", choices=list(WORKLOADS), default=["heavy"])
    parser.add_argument("--peers", nargs="+", choices=list(SIDES), default=list(SIDES), metavar="SIDE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--clients", type=int, default=1, help="processes that hold the sockets")
    parser.add_argument("--share", nargs="+", type=_share, default=[], metavar="SIDE=SHARE")
    parser.add_argument("--smaller", type=int, default=1, metavar="N", help="an Nth of each workload")
    parser.add_argument("--quick", action="store_true", help="one trivial load, which measures nothing, and is checked")
    parser.add_argument("--json", metavar="FILE", help="write all rounds to this file")
    options = parser.parse_args(arguments)
    options.share = dict(options.share)
    return options


if __name__ == "__main__":
    main()
