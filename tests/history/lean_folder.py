"""A folder as QuantConnect's Lean keeps them: a small one of our own, and what any of them says, read the slow way in
decimals, for a comparison with what was imported.
"""

import csv
import datetime as dt
import io
import zipfile
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

Bars = dict[tuple[str, int], "Expected"]
DAY = "20240308"  # a Friday; the clocks of New York go forward on the Sunday after it


class Expected(NamedTuple):
    """A bar as REST tells of it: open, high, low, close of mid and last, and the volume."""

    mid: tuple[float, float, float, float] | None
    last: tuple[float, float, float, float] | None
    volume: float | None


def write(folder: Path) -> Path:
    """Two days of an invented ZEPH, before and after the clocks changed; the second has the options expired in between."""
    for day, shift in ((DAY, 0), ("20240311", 500)):
        options = {
            f"{day}_zeph_minute_%s_american_call_1000000_20240315.csv": [
                f"34200000,{20_000 + shift},20500,19000,{20_100 - shift},7,{20_500 + shift},21500,20300,20900,3",
                "34260000,,,,,0,20900,21100,20900,21000,2",
                "34320000,20000,20000,20000,20000,5,20000,20100,20000,20100,5",  # locked
                "34380000,20300,20300,20000,20000,5,20200,20400,20200,20400,5",  # opens crossed
                "34440000,,,,,0,,,,,0",
                "57540000,19999,19999,19999,19999,1,20000,20000,20000,20000,1",
            ],
            f"{day}_zeph_minute_%s_american_put_975000_20240316.csv": ["34200000,1,3,1,3,9,4,8,4,8,9"],
        }
        trades = {
            f"{day}_zeph_minute_%s_american_call_1000000_20240315.csv": [
                "34200000,20400,20600,20400,20600,17",
                "34500000,20333,20333,20333,20333,1",
            ],
            f"{day}_zeph_minute_%s_american_put_1000000_20250117.csv": ["40020000,1,1,1,1,4"],
        }
        base = folder / "option" / "usa" / "minute" / "zeph"
        _zip(base / f"{day}_quote_american.zip", {name % "quote": lines for name, lines in options.items()})
        _zip(base / f"{day}_trade_american.zip", {name % "trade": lines for name, lines in trades.items()})
        stock = folder / "equity" / "usa" / "minute" / "zeph"
        _zip(
            stock / f"{day}_quote.zip",
            {
                f"{day}_zeph_minute_quote.csv": [
                    "14400000,990000,990100,990000,990100,200,990200,991000,990100,990900,100"
                ]
            },
        )
        _zip(
            stock / f"{day}_trade.zip", {f"{day}_zeph_minute_trade.csv": ["14400000,990100,990100,990100,990100,12345"]}
        )
    return folder


def _zip(path: Path, files: dict[str, list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, lines in files.items():
            archive.writestr(name, "\n".join(lines) + "\n")


@cache
def read(folder: Path) -> Bars:
    """Every bar that the folder's zips tell of, by symbol and minute since 1970; those in which nothing was quoted or
    traded left out."""
    bars: Bars = {}
    for path in sorted(folder.rglob("*minute*.zip")) or sorted(folder.rglob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.namelist():
                parts = entry.removesuffix(".csv").split("_")
                day, is_quote = dt.datetime.fromisoformat(parts[0]), parts[3] == "quote"
                symbol = parts[1].upper()
                if len(parts) > 4:
                    symbol += f"{parts[7][2:]}{parts[5][0].upper()}{int(parts[6]) // 10:08d}"
                for cells in csv.reader(io.StringIO(archive.read(entry).decode())):
                    at = day + dt.timedelta(milliseconds=int(cells[0]))
                    minute = round(at.replace(tzinfo=ZoneInfo("America/New_York")).timestamp()) // 60
                    bar = bars.get((symbol, minute), Expected(None, None, None))
                    if is_quote:
                        if not cells[1] and not cells[6]:
                            continue
                        bar = bar._replace(mid=_mid(cells))
                    else:
                        prices = tuple(float(Decimal(cell) / 10_000) for cell in cells[1:5])
                        bar = bar._replace(last=prices, volume=float(cells[5]))  # type: ignore[arg-type]
                    bars[symbol, minute] = bar
    return bars


def _mid(cells: list[str]) -> tuple[float, float, float, float] | None:
    if not cells[1] or not cells[6]:
        return None
    bid, ask = (
        [Decimal(cell) / 10_000 for cell in cells[1:5]],
        [Decimal(cell) / 10_000 for cell in cells[6:10]],
    )
    if bid[0] > ask[0] or bid[3] > ask[3]:
        return None
    return tuple(float((one + other) / 2) for one, other in zip(bid, ask, strict=True))  # type: ignore[return-value]
