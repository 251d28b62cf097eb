"""What another format of a row would save: the stream's JSON arrays beside objects with names and beside rows of a fixed
width, as a binary subprotocol would have them.

    python -m benchmarks.formats [--rows N] [--json FILE]

The rows are of a simulated day. Exact venue values need eight bytes each; what a model gives has four.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import django
import msgspec
import numpy as np

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
os.environ.setdefault("LOG_LEVEL", "WARNING")
django.setup()

from marketdata import rows  # noqa: E402
from marketdata.feeds import registry  # noqa: E402

# id and flags have four bytes; seq, times and what venues say eight; lag and what models say four.
_FOUR: Final = ("implied_volatility", "bid_iv", "ask_iv", "delta", "gamma", "theta", "vega", "rho", "lag_ms")
WIDTHS: Final = {
    field: "<u4" if field in ("id", "flags") else "<f4" if field in _FOUR else "<f8" for field in rows.FIELDS
}
ROW: Final = np.dtype([(field, kind) for field, kind in WIDTHS.items()])
_pack: Final = struct.Struct("<" + "".join({"<u4": "I", "<f4": "f", "<f8": "d"}[kind] for kind in WIDTHS.values())).pack
ROUNDS: Final = 5
FRAME: Final = 20
# Reads both forms in a browser's engine: (file of frames, file of fixed rows) → µs a row each.
_READ: Final = """
const fs = require('fs'); const [lines, fixed, kinds] = process.argv.slice(1);
const frames = fs.readFileSync(lines, 'utf8').split('\\n'); const buffer = fs.readFileSync(fixed);
const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length); let width = 0; let sum = 0;
const best = (f) => { let b = Infinity; for (let i = 0; i < 7; i++) { const t = process.hrtime.bigint(); f();
  b = Math.min(b, Number(process.hrtime.bigint() - t) / 1000 / count); } return b; };
const read = { u4: 'getUint32', f4: 'getFloat32', f8: 'getFloat64' };
const row = new Function('view', 'b', 'return [' + kinds.split(' ').map((k) => {
  const o = width; width += +k[1]; return `view.${read[k]}(b + ${o}, true)`; }).join(', ') + ']');
const count = buffer.length / width;
const json = best(() => { for (const f of frames) for (const r of JSON.parse(f)) sum += r[4] ?? 0; });
const binary = best(() => { for (let i = 0; i < count; i++) sum += row(view, i * width)[4]; });
console.log(JSON.stringify([json, binary]));
"""


def fixed(row: Sequence[float | None]) -> bytes:
    """A row as the stream has it, in fixed width: NaN is what is unknown."""
    values = [*row, *[None] * (len(rows.FIELDS) - len(row))]
    values[-1] = values[-1] or 0
    return _pack(*(float("nan") if value is None else value for value in values))


def named(row: Sequence[float | None]) -> bytes:
    """The same as an object with the columns' names."""
    return msgspec.json.encode(dict(zip(rows.FIELDS, row, strict=False)))


async def simulated(count: int) -> list[bytes]:
    """So many wire rows of the simulated feed."""
    feed = registry.build("simulated", {"quotes_per_second": 2_000, "seed": 1})
    found: list[bytes] = []
    async for batch in feed.batches():
        for quote in batch.quotes:
            found.append(rows.body(rows.encode(1_000 + len(found) % 3_000, rows.seq_of(28_000_000, len(found)), quote)))
        if len(found) >= count:
            return found[:count]
    raise RuntimeError("the feed ended")


def microseconds(do: Callable[[], Any], count: int) -> float:
    """CPU time of this thread for each of `count`, the median of a few rounds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        do()
        taken.append((time.thread_time() - began) / count * 1e6)
    return statistics.median(taken)


def compare(lines: Sequence[bytes]) -> dict[str, float]:
    decoded: list[list[float | None]] = [msgspec.json.decode(line) for line in lines]
    count = len(lines)
    packed = b"".join(map(fixed, decoded))
    frames = [b"[" + b",".join(lines[i : i + FRAME]) + b"]" for i in range(0, count, FRAME)]
    figures = {
        "bytes: objects with names": statistics.mean(len(named(row)) for row in decoded),
        "bytes: the stream's arrays": statistics.mean(map(len, lines)),
        "bytes: fixed width": float(ROW.itemsize),
        "µs a row to make the fixed form of the array": microseconds(
            lambda: [fixed(msgspec.json.decode(line)) for line in lines], count
        ),
        "µs a row, Python reads arrays": microseconds(lambda: [msgspec.json.decode(one) for one in frames], count),
        "µs a row, numpy reads the fixed form": microseconds(lambda: np.frombuffer(packed, ROW)["bid"].sum(), count),
    }
    node = shutil.which("node")
    if node is not None:
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder, "frames"), Path(folder, "fixed")]
            paths[0].write_bytes(b"\n".join(frames))
            paths[1].write_bytes(packed)
            kinds = " ".join(kind[1:] for kind in WIDTHS.values())
            said = subprocess.run(
                [node, "-e", _READ, *map(str, paths), kinds], capture_output=True, text=True, check=True, timeout=60
            ).stdout
        figures["µs a row, JavaScript reads arrays"], figures["µs a row, JavaScript reads the fixed form"] = json.loads(
            said
        )
    return figures


def main(arguments: Sequence[str] | None = None) -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args(arguments)
    figures = compare(asyncio.run(simulated(options.rows)))
    for name, figure in figures.items():
        print(f"{name:<48}{figure:>9.3f}")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")
    return figures


if __name__ == "__main__":
    main()
