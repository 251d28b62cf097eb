"""More and more sockets, until it breaks: how late rows are, and what they take of the machine.

    python -m benchmarks.curve --workers 1 2 --sockets 500 1000 2000 4000 --rounds 3 --json curve.json --plot docs/images

Each count is an installation of its own: ingest, Valkey, `manage.py serve --workers N`, and clients in processes beside it.
It breaks where less than 99 % is served, where the p99 is over `--limit` or where the sockets do not all come in; what is
beyond is not tried. On a machine of two cores the clients, Redis and ingest share them with the web processes: where those
beside take what is left of a core, it is the machine that breaks, and not the server. The table has them all.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from .figures import spreads
from .load import Load
from .measuring import measure
from .peers.strikewire import Strikewire
from .plots import draw

LEAST_SERVED: Final = 99.0
# So many sockets a client process reads without being late itself.
SOCKETS_A_CLIENT: Final = 4_000
_COLUMNS: Final = {
    "served, % of due": ("served %", ".2f"),
    "p50 ms": ("p50 ms", ",.0f"),
    "p99 ms": ("p99 ms", ",.0f"),
    "server, share of a core": ("web, of a core", ".2f"),
    "redis, share of a core": ("Redis", ".2f"),
    "publisher, share of a core": ("ingest", ".2f"),
    "clients, share of a core": ("clients", ".2f"),
    "frames/s": ("frames/s", ",.0f"),
    "kB/s a socket": ("kB/s a socket", ",.1f"),
    "KiB a socket": ("KiB a socket", ",.1f"),
    "MiB of the server": ("MiB in all", ",.0f"),
    "calibration, µs a bare frame": ("bare frame, µs", ".2f"),
}


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    options = _options(arguments)
    deadline = time.monotonic() + options.minutes * 60
    curves: dict[str, list[dict[str, Any]]] = {}
    for workers in options.workers:
        steps = curves[str(workers)] = []
        for sockets in sorted(options.sockets):
            if time.monotonic() > deadline:
                print(
                    f"{workers} web processes: {sockets} sockets and more are not tried: the time is over", flush=True
                )
                break
            steps.append(_step(options, workers, sockets))
            if steps[-1]["broke"]:
                break
    result = {"options": vars(options), "curves": curves}
    for workers_, steps in curves.items():
        print(f"\n{workers_} web process(es); medians of {options.rounds} rounds\n{table(steps)}")
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1))
    if options.plot:
        for path in draw("curve", result, Path(options.plot)):
            print(path)
    return result


def broke(rounds: Sequence[Mapping[str, float]], limit_ms: float) -> str | None:
    """Why it is no longer served as it should be, by the medians; None where it is."""
    middle = {name: found[0] for name, found in spreads(rounds).items()}
    if middle["sockets lost"]:
        return f"{middle['sockets lost']:.0f} sockets were lost"
    if middle.get("served, % of due", 0) < LEAST_SERVED:
        return f"served {middle.get('served, % of due', 0):.1f} %, which is less than {LEAST_SERVED:.0f} %"
    if middle["p99 ms"] > limit_ms:
        return f"p99 {middle['p99 ms']:.0f} ms, which is over {limit_ms:.0f} ms"
    return None


def table(steps: Sequence[Mapping[str, Any]]) -> str:
    """One line a count of sockets, the first that broke with why."""
    lines = [
        f"| sockets | {' | '.join(head for head, _ in _COLUMNS.values())} | |",
        "| --- " * (len(_COLUMNS) + 2) + "|",
    ]
    for step in steps:
        found = spreads(step["rounds"]) if step["rounds"] else {}
        cells = [format(found[name][0], form) if name in found else "" for name, (_, form) in _COLUMNS.items()]
        lines.append(f"| {step['sockets']:,} | {' | '.join(cells)} | {step['broke'] or ''} |")
    return "\n".join(lines)


def _step(options: argparse.Namespace, workers: int, sockets: int) -> dict[str, Any]:
    load = Load(
        sockets,
        options.symbols,
        options.per_socket,
        options.rate,
        options.beat,
        options.seconds,
        min(100, sockets),
        clients=options.clients or -(-sockets // SOCKETS_A_CLIENT),
        workers=workers,
    )
    rounds: list[dict[str, float]] = []
    failed = None
    for number in range(options.rounds):
        asked = load._replace(seed=number + 1)
        with tempfile.TemporaryDirectory(prefix="sw-", dir="/tmp") as folder:
            try:
                with Strikewire("uvicorn").start(Path(folder), asked) as running:
                    rounds.append(measure(running, asked, Path(folder)))
            except (RuntimeError, TimeoutError) as error:
                failed = f"not all came in: {str(error).strip().splitlines()[-1][:120]}"
                break
    why = failed or broke(rounds, options.limit)
    print(f"{workers} web process(es), {load}, {load.clients} of clients: {why or 'served'}", flush=True)
    return {"sockets": sockets, "clients": load.clients, "rounds": rounds, "broke": why}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.curve", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="web processes, a curve each")
    parser.add_argument(
        "--sockets", type=int, nargs="+", default=[500, 1_000, 2_000, 3_000, 4_000, 6_000, 8_000, 10_000]
    )
    parser.add_argument("--symbols", type=int, default=500, help="of the universe")
    parser.add_argument("--per-socket", type=int, default=50)
    parser.add_argument("--rate", type=float, default=5_000, help="quotes a second")
    parser.add_argument("--beat", type=int, default=100, help="ms")
    parser.add_argument("--limit", type=float, default=250, help="ms that the p99 may take, 250 by default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument(
        "--clients", type=int, default=0, help=f"processes of clients; one for {SOCKETS_A_CLIENT} sockets"
    )
    parser.add_argument("--minutes", type=float, default=60, help="no further step is begun after so long")
    parser.add_argument("--json", metavar="FILE", help="write all rounds to this file")
    parser.add_argument("--plot", metavar="FOLDER", help="draw the curves into this folder")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
