"""Strikewire beside what could be used in its place, all in one run, in turn.

    python -m benchmarks.peers --workload heavy --rounds 5

A side that a load saturates says nothing by what it takes of a core: `--share` gives a side a part of the rate, as
`one-frame=0.2`. Served per CPU second of the server is then compared at that part; the table says so.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any, Final

from ..figures import DIGITS, median_and_spread, table
from ..measuring import measure
from .channels_side import PlainChannels
from .node_sides import NodeSide
from .side import Side
from .strikewire import Strikewire
from .workloads import QUICK, SECONDS, WORKLOADS

SIDES: Final[dict[str, Side]] = {
    "strikewire": Strikewire("uvicorn"),
    "strikewire-daphne": Strikewire("daphne"),
    "node-batched": NodeSide("Node ws + ioredis, batched at our beat", "batched.js"),
    "uws-batched": NodeSide("µWebSockets on Node, batched at our beat", "uws_batched.js"),
    "one-frame": NodeSide("Node ws + ioredis, one frame an update", "one_frame.js"),
    "socket.io": NodeSide("Socket.IO with its Redis adapter", "socketio.js", "socket.io", "socket.io"),
    "channels-pubsub": PlainChannels("pubsub"),
    "channels-core": PlainChannels("core"),
}
_SERVED: Final = "server CPU s per million served"
# Beyond this of a core a server is behind, and what it takes is no price.
_SATURATED: Final = 0.9
Rounds = list[dict[str, float]]


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    options = _options(arguments)
    results: dict[str, Any] = {}
    for workload in options.workload:
        load = QUICK if options.quick else WORKLOADS[workload]._replace(seconds=options.seconds)
        print(f"\n{workload}: {load}; {options.rounds} rounds, all sides in turn", flush=True)
        found = _compare(options, workload, load)
        results[workload] = found
        print(_summary(found, options.share))
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))
    return results


def _compare(options: argparse.Namespace, workload: str, load: Any) -> dict[str, Rounds]:
    found: dict[str, Rounds] = {}
    for number in range(options.rounds):
        for key in options.peers:
            side = SIDES[key]
            if (why := side.missing()) is not None:
                if not number:
                    print(f"skipped: {side.name}: {why}", flush=True)
                continue
            asked = load.scaled(options.share.get(key, 1.0))._replace(seed=number + 1)
            with tempfile.TemporaryDirectory(prefix="sw-", dir="/tmp") as folder:
                try:
                    with side.start(Path(folder), asked) as running:
                        one = measure(running, asked, Path(folder))
                except (RuntimeError, TimeoutError) as error:
                    print(f"  {side.name}: failed: {str(error)[-300:]}", flush=True)
                    if options.quick:
                        raise
                    continue
            found.setdefault(key, []).append(one)
            print(f"round {number + 1}, {side.name}: {one[_SERVED]:.3g} CPU s a million served", flush=True)
    for key, rounds in found.items():
        print(
            f"\n{SIDES[key].name}, {workload}, {options.share.get(key, 1.0):.0%} of the rate\n{table(rounds, DIGITS)}"
        )
    return found


def _summary(found: dict[str, Rounds], share: dict[str, float]) -> str:
    """One line a side: what it served how late, at which price, and how many times the first side's price that is."""
    first = next(iter(found), None)
    heads = ("side", "rate", "served", "p50 ms", "p99 ms", "of a core", _SERVED, "×", "KiB a socket", "kB/s a socket")
    lines = ["", f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for key, rounds in found.items():
        middle = {name: median_and_spread([one[name] for one in rounds])[0] for name in rounds[0]}
        own = median_and_spread([one[_SERVED] for one in found[str(first)]])[0]
        core = middle["server, share of a core"]
        cells = (
            SIDES[key].name,
            f"{share.get(key, 1.0):.0%}",
            f"{middle['served, % of due']:.1f} %",
            f"{middle['p50 ms']:,.1f}",
            f"{middle['p99 ms']:,.0f}",
            f"{core:.2f}{' (saturated)' if core > _SATURATED else ''}",
            *((f"{middle[_SERVED]:,.2f}", f"{middle[_SERVED] / own:,.2f}") if isfinite(own) else ("", "")),
            f"{middle['KiB a socket']:,.0f}",
            f"{middle['kB/s a socket']:,.1f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


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
    parser.add_argument("--share", nargs="+", type=_share, default=[], metavar="SIDE=SHARE")
    parser.add_argument("--quick", action="store_true", help="one small load, which measures nothing")
    parser.add_argument("--json", metavar="FILE", help="write all rounds to this file")
    options = parser.parse_args(arguments)
    options.share = dict(options.share)
    if options.quick:
        options.rounds = 1
    return options


if __name__ == "__main__":
    main()
