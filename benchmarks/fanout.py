"""How much of a core it takes to keep many sockets up to date, and how late they are.

    python -m benchmarks.fanout --sockets 500 --symbols 500 --per-socket 50 --rate 5000 --beat 100 --seconds 10

Everything is real: quotes go through ingest, Valkey, the web process and its sockets to picows clients, on the loopback.
What *served* and latency mean is in evaluating.py.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import load
from .figures import DIGITS, table
from .measuring import measure
from .peers.strikewire import Strikewire


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    options = _options(arguments)
    side, asked = Strikewire(options.server), load.of_options(options)
    rounds = []
    for number in range(options.rounds):
        one_load = asked._replace(seed=number + 1)
        with (
            tempfile.TemporaryDirectory(prefix="sw-", dir="/tmp") as folder,
            side.start(Path(folder), one_load) as running,
        ):
            one = measure(running, one_load, Path(folder))
        rounds.append(one)
        print(f"round {number + 1}: " + ", ".join(f"{name} {value:,.4g}" for name, value in one.items()), flush=True)
    print(f"\nStrikewire on {options.server}: {asked}; medians of {options.rounds} rounds [smallest … largest]")
    print(table(rounds, DIGITS))
    result = {"options": vars(options), "rounds": rounds}
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1))
    return result


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
    parser.add_argument("--workers", type=int, default=1, help="web processes, on uvicorn")
    parser.add_argument("--clients", type=int, default=1, help="processes that hold the sockets")
    parser.add_argument("--measured", type=int, default=100, help="sockets whose every row is timed")
    parser.add_argument("--json", help="write all rounds to this file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
