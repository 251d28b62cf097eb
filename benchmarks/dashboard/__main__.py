"""What the dashboard takes of a trader's machine and of the server, with the limits that it is to keep, in Chromium without
a GPU, against a real installation on the loopback.

    python -m benchmarks.dashboard --rounds 3

A round takes about 13 minutes, most of them to see what the page keeps in memory; `--quick` measures the same in a small
fraction of that, for a look and not for figures.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import sync_playwright

from . import opening, painting, tabs
from .installation import installation
from .lengths import FULL, QUICK, Lengths
from .limits import table

PARTS: Final = ("opening", "painting", "tabs")


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    options = _options(arguments)
    lengths = QUICK if options.quick else FULL
    if options.quick:
        print(f"quick, {QUICK}, instead of {FULL}: no figures to go by")
    rounds = []
    for number in range(options.rounds):
        one = _round(options.parts, lengths)
        rounds.append(one)
        print(f"round {number + 1}: " + ", ".join(f"{name} {value:,.4g}" for name, value in one.items()), flush=True)
    print(f"\nMedians of {options.rounds} rounds\n\n{table(rounds)}")
    result = {"options": vars(options), "lengths": lengths._asdict(), "rounds": rounds}
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1))
    return result


def _round(parts: Sequence[str], lengths: Lengths) -> dict[str, float]:
    figures: dict[str, float] = {}
    with (
        tempfile.TemporaryDirectory(prefix="sw-", dir="/tmp") as folder,
        installation(Path(folder)) as site,
        sync_playwright() as playwright,
    ):
        if "opening" in parts:
            figures |= opening.measure(playwright, site, chain=True) | opening.measure(playwright, site, chain=False)
        if "painting" in parts:
            figures |= painting.measure(playwright, site, lengths)
        if "tabs" in parts:
            figures |= tabs.measure(playwright, site, lengths)
    return figures


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.dashboard", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="all, unless said otherwise")
    parser.add_argument("--quick", action="store_true", help="a few seconds of each")
    parser.add_argument("--json", metavar="FILE", help="write all rounds to this file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
