"""Pictures of what the benchmarks wrote.

    python -m benchmarks.plots FILE.json … [--folder docs/images]

Of a file of `benchmarks.peers` a picture a workload: what each side served a second of its CPU. Of one of
`benchmarks.curve` two: how late rows are, and what they take of a core, by the count of sockets.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .figures import spreads
from .peers.names import name_of
from .svg import Bar, Line, bars, lines

# A side that serves less is behind: what it takes is no price.
_SERVED = 99.0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.plots", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--folder", type=Path, default=Path("docs/images"), help="docs/images by default")
    options = parser.parse_args(arguments)
    for file in options.files:
        for path in draw(file.stem, json.loads(file.read_text()), options.folder):
            print(path)


def draw(name: str, found: Mapping[str, Any], folder: Path) -> list[Path]:
    """Writes the pictures of one file; where they are."""
    pictures = curve(found) if "curves" in found else {f"served-{w}": served(w, of) for w, of in found.items()}
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind, picture in pictures.items():
        written.append(folder / f"{name}-{kind}.svg" if "curves" in found else folder / f"{kind}.svg")
        written[-1].write_text(picture)
    return written


def served(workload: str, sides: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Served rows a CPU second of the server, a bar a side."""
    rows = []
    for key, rounds in sides.items():
        found = spreads(rounds)
        share = found.get("served, % of due", (0.0,))[0]
        if share < _SERVED or "served/CPU s" not in found:
            rows.append(Bar(name_of(key), None, note=f"cannot follow: {share:.0f} % served"))
        else:
            rows.append(Bar(name_of(key), *found["served/CPU s"]))
    count = max((len(rounds) for rounds in sides.values()), default=0)
    below = f"Medians of {count} rounds; whiskers from the smallest to the largest."
    return bars(f"Rows served a CPU second of the server: {workload}", below, rows)


def curve(found: Mapping[str, Any]) -> dict[str, str]:
    """By kind: latency and share of a core, against sockets."""
    options = found["options"]
    latency: list[Line] = []
    cpu: list[Line] = []
    for colour, (workers, steps) in enumerate(found["curves"].items()):
        processes = f"{workers} web process{'es' if int(workers) > 1 else ''}"
        ends = next((f"{step['sockets']:,}: {step['broke']}" for step in steps if step["broke"]), "")
        latency.append(Line(f"p99, {processes}", _points(steps, "p99 ms"), colour, ends=ends))
        latency.append(Line(f"p50, {processes}", _points(steps, "p50 ms"), colour, 1))
        cpu.append(Line(processes, _points(steps, "server, share of a core"), colour, ends=ends))
        for dash, (beside, said) in enumerate(
            {"redis": "Redis", "publisher": "ingest", "clients": "clients"}.items(), 1
        ):
            cpu.append(Line(f"{said} beside {processes}", _points(steps, f"{beside}, share of a core"), colour, dash))
    below = (
        f"Each socket {options['per_socket']} of {options['symbols']} symbols, {options['rate']:,g} quotes/s, "
        f"beat {options['beat']} ms; medians of {options['rounds']} rounds, shaded: their spread."
    )
    return {
        "latency": lines("How late rows are", below, latency, "sockets", "ms", options["limit"]),
        "cpu": lines("What it takes", below, cpu, "sockets", "cores"),
    }


def _points(steps: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float, float, float]]:
    return [
        (step["sockets"], *found[name])
        for step in steps
        if step["rounds"] and name in (found := spreads(step["rounds"]))
    ]


if __name__ == "__main__":
    main()
