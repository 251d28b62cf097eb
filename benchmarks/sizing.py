"""What an installation takes: how many web processes, and how much of Redis, ingest, the recorder and the line out.

    python -m benchmarks.sizing --sockets 5000 --symbols 3000 --per-socket 50 --rate 5000 --beat 250
    python -m benchmarks.sizing --against peers.json --workload heavy crowd
    python -m benchmarks.sizing --page docs/sizing.md

The unit costs are those of benchmarks/units.json, which `benchmarks.units` measures: on another machine, measure them
there. `--against` compares with what `benchmarks.peers` measured. `--page` writes the worked example of that page anew.
"""

import argparse
import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .figures import spreads
from .peers.workloads import WORKLOADS
from .sizing_model import MOST, UNITS, Asked, Units, compared, needs, units_of

_COMMAND: Final = "python -m benchmarks.sizing "
# The page's example: the command in one block, and what it prints in the next.
EXAMPLE: Final = re.compile(rf"```\n{_COMMAND}(--sockets [^\n]*)\n```\n\n```\n(.*?)```", re.DOTALL)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    units = units_of(options.units)
    if options.page is not None:
        text = options.page.read_text()
        options.page.write_text(EXAMPLE.sub(lambda found: _example(found[1], units), text))
    elif options.against is not None:
        found = json.loads(options.against.read_text())
        for workload in options.workload:
            rounds = found[workload]["strikewire"]
            print(against(workload, rounds, units) + "\n")
    else:
        print(report(_asked(options), units), end="")


def said_of(command: str, units: Units) -> str:
    """What the command with these arguments prints."""
    return report(_asked(_options(shlex.split(command))), units)


def report(asked: Asked, units: Units) -> str:
    found = needs(asked, units)
    line_out = f"{found.wire_bytes * 8 / 1e6:,.0f} Mbit/s, {found.wire_bytes / asked.sockets / 1000:,.1f} kB/s a socket"
    lines = {
        "rows a frame": f"{found.rows_a_frame:,.2f}",
        "frames/s of a socket; of all": f"{found.frames / asked.sockets:,.2f}; {found.frames:,.0f}",
        "rows shown/s": f"{found.shown:,.0f}",
        "web processes": f"{found.web_processes}, each {found.web_share:.2f} of a core",
        "web, in all": f"{found.web:.2f} of a core, {found.web_mib:,.0f} MiB",
        "Redis": f"{found.redis:.3f} of a core",
        "ingest": f"{found.ingest:.3f} of a core",
        "recorder": f"{found.recorder:.3f} of a core",
        "line out": line_out,
    }
    return "".join(f"{name:<30} {value}\n" for name, value in lines.items())


def against(workload: str, rounds: Sequence[dict[str, float]], units: Units) -> str:
    """A line a figure: predicted, measured, error. CPU also as it would be at the price of a bare frame of that run."""
    load = WORKLOADS[workload]
    asked = Asked(load.sockets, load.symbols, load.per_socket, load.rate, load.beat)
    found = {name: middle for name, (middle, _, _) in spreads(rounds).items()}
    then = found["calibration, µs a bare frame"]
    lines = [f"{workload}: {load}; a bare frame took {then:.2f} µs, and {units.calibration_us:.2f} µs for the units"]
    lines.append(f"  {'':<30} {'predicted':>12} {'measured':>12} {'error':>8}")
    lines += [
        f"  {one.name:<30} {one.predicted:>12,.3f} {one.measured:>12,.3f} {one.error:>+8.1%}"
        for one in compared(asked, units, found)
    ]
    return "\n".join(lines)


def _example(command: str, units: Units) -> str:
    return f"```\n{_COMMAND}{command}\n```\n\n```\n{said_of(command, units)}```"


def _asked(options: argparse.Namespace) -> Asked:
    return Asked(
        options.sockets, options.symbols, options.per_socket, options.rate, options.beat, options.spread, options.most
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sizing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sockets", type=int, default=1_000)
    parser.add_argument("--symbols", type=int, default=500, help="that are quoted and covered")
    parser.add_argument("--per-socket", type=int, default=50, help="symbols that a socket follows")
    parser.add_argument("--rate", type=float, default=5_000, help="quotes a second of all symbols")
    parser.add_argument("--beat", type=int, default=100, help="ms")
    parser.add_argument("--spread", choices=("zipf", "even"), default="zipf", help="of the rate over the symbols")
    parser.add_argument("--most", type=float, default=MOST, help=f"of a core for each web process, {MOST} by default")
    parser.add_argument("--units", type=Path, default=UNITS, metavar="FILE")
    parser.add_argument("--against", type=Path, metavar="FILE", help="what benchmarks.peers wrote")
    known = [name for name, load in WORKLOADS.items() if not load.burst and not load.chains]
    parser.add_argument("--workload", nargs="+", choices=known, default=["heavy", "crowd"])
    parser.add_argument("--page", type=Path, metavar="FILE", help="write this page's worked example anew")
    options = parser.parse_args(arguments)
    if options.per_socket > options.symbols:
        parser.error("a socket cannot follow more symbols than there are")
    return options


if __name__ == "__main__":
    main()
