"""Minute bars from a data folder of QuantConnect's Lean: quotes and trades of American options and their underlyings.

A line of a quote file is `ms, bid open, high, low, close, bid size, ask open, high, low, close, ask size`, one of a trade
file `ms, open, high, low, close, volume`: ms since midnight in New York at the bar's beginning, prices in 1/10,000 USD,
empty where there was no quote. So our mid opens and closes at the exact mid of both sides' open and close. Its high is the
mid of both highs and its low that of both lows, as Lean itself has it: bounds, since the two highs need not have been
there at once. A bar with one side only, or one that opens or closes crossed, has no mid; one with neither is no bar. Last
prices and `trade_volume` are the trade file's; sizes are not kept.
"""

import datetime as dt
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ...facts import InstrumentFacts
from ..columns import BAR, BAR_PRICES
from ..export_columns import What
from ..export_files import FileError
from ..import_checks import CellError
from ..sessions import NEW_YORK
from .base import SHOWN, Bad, Part, Row
from .lean_files import SCALE, Data, ZipName, contract, option_facts, stock_facts, zip_name

# A day of minutes is at most 1,440 lines of at most some hundred bytes.
_MOST_BYTES: Final = 1_000_000
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000
_MOST_DIGITS: Final = 12
_QUOTE_CELLS: Final = 11
_TRADE_CELLS: Final = 6
_MID: Final = BAR.index(BAR_PRICES[0])
_LAST: Final = BAR.index(BAR_PRICES[4])
_VOLUME: Final = BAR.index("trade_volume")
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)

Prices = tuple[int, int, int, int]
Zips = dict[Data, Path]


def open_source(path: Path) -> "LeanSource":
    """The minute zips under a folder, or one of them. Raises FileError."""
    found = sorted(one for one in ([path] if path.is_file() else path.rglob("*.zip")) if zip_name(one.absolute()))
    if not found:
        raise FileError(
            f"{path} holds no minute zip of Lean's, such as option/usa/minute/goog/20151224_quote_american.zip"
        )
    return LeanSource(found)


class LeanSource:
    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    def parts(self) -> Sequence[Part]:
        """One for each underlying, day and kind: its quotes and trades together make its bars."""
        together: dict[ZipName, Zips] = {}
        for path in self._files:
            name = zip_name(path.absolute())
            assert name is not None
            together.setdefault(name._replace(data="quote"), {})[name.data] = path
        return [_Day(name, zips) for name, zips in together.items()]


class _Day:
    what: What = "bars"

    def __init__(self, name: ZipName, zips: Zips) -> None:
        self._name, self._zips = name, zips
        of = "options on " if name.kind == "option" else ""
        self.name = f"{of}{name.ticker.upper()} {name.day}"

    def facts(self) -> Iterator[InstrumentFacts | Bad]:
        if self._name.kind == "equity":
            yield stock_facts(self._name.ticker)
            return
        seen = set()
        for data, path in self._zips.items():
            try:
                with zipfile.ZipFile(path) as archive:
                    entries = archive.namelist()
            except (*_DAMAGED, OSError) as error:
                yield Bad(str(path), 0, f"no zip that can be read: {error}", "")
                continue
            for entry in entries:
                try:
                    facts = option_facts(contract(entry, self._name._replace(data=data)), self._name.style)
                except ValueError as error:
                    yield Bad(f"{path}!{entry}", 0, str(error), "")
                    continue
                if facts.symbol not in seen:
                    seen.add(facts.symbol)
                    yield facts

    def rows(self) -> Iterator[Row | Bad]:
        archives: dict[Data, zipfile.ZipFile] = {}
        try:
            entries: dict[str, dict[Data, str]] = {}
            for data, path in self._zips.items():
                try:
                    archives[data] = zipfile.ZipFile(path)
                except (*_DAMAGED, OSError):
                    if self._name.kind == "equity":  # of an option zip the facts told it
                        yield Bad(str(path), 0, "no zip that can be read", "")
                    continue
                for entry in archives[data].namelist():
                    symbol = self._symbol(entry, data)
                    if symbol is not None:
                        entries.setdefault(symbol, {})[data] = entry
                    elif self._name.kind == "equity":
                        yield Bad(f"{path}!{entry}", 0, "its name is none of a stock's minute file", "")
            for symbol in sorted(entries):
                yield from self._bars(symbol, archives, entries[symbol])
        finally:
            for archive in archives.values():
                archive.close()

    def _symbol(self, entry: str, data: Data) -> str | None:
        of = self._name
        if of.kind == "equity":
            return of.ticker.upper() if entry == f"{of.day:%Y%m%d}_{of.ticker}_minute_{data}.csv" else None
        try:
            return option_facts(contract(entry, self._name._replace(data=data)), None).symbol
        except ValueError:
            return None

    def _bars(
        self, symbol: str, archives: dict[Data, zipfile.ZipFile], entries: dict[Data, str]
    ) -> Iterator[Row | Bad]:
        """The minutes of one instrument, in order."""
        bars: dict[int, Row] = {}
        seen: set[tuple[Data, int]] = set()
        for data, entry in entries.items():
            file = f"{self._zips[data]}!{entry}"
            try:
                lines = _lines(archives[data], entry)
            except (*_DAMAGED, CellError) as error:
                yield Bad(file, 0, f"cannot be read: {error}", "")
                continue
            for number, line in enumerate(lines, 1):
                try:
                    minute = self._minute(line)
                    if (data, minute) in seen:
                        raise CellError("ms: a second line of the same minute")
                    row = bars.get(minute) or Row(file, number, symbol, [None, minute, 0, *[None] * (len(BAR) - 3)])
                    if _FILL[data](line, row.cells):
                        bars[minute] = row
                except CellError as error:
                    yield Bad(file, number, str(error), ",".join(line)[:SHOWN])
                    continue
                seen.add((data, minute))
        for minute in sorted(bars):
            yield bars[minute]

    def _minute(self, line: Sequence[str]) -> int:
        ms = _whole("ms", line[0])
        if ms is None or ms % _MINUTE_MS or ms >= _DAY_MS:
            raise CellError("ms: not the beginning of a minute of a day")
        return _minute_of(self._name.day, ms)


@lru_cache(2_000)
def _minute_of(day: dt.date, ms: int) -> int:
    """Minutes since 1970. The clock of New York, not the time since its midnight: they differ on two nights a year."""
    at = dt.datetime.combine(day, dt.time()) + dt.timedelta(milliseconds=ms)
    return round(at.replace(tzinfo=NEW_YORK).timestamp()) // 60


def _lines(archive: zipfile.ZipFile, entry: str) -> list[list[str]]:
    size = archive.getinfo(entry).file_size
    if size > _MOST_BYTES:
        raise CellError(f"{size:,} bytes are more than a day of minutes can have")
    text = archive.read(entry).decode("ascii", "replace")
    return [line.split(",") for line in text.splitlines() if line]


def _fill_quote(line: Sequence[str], cells: list[Any]) -> bool:
    """Whether anything was quoted at all."""
    if len(line) != _QUOTE_CELLS:
        raise CellError(f"{len(line)} cells; a quote has {_QUOTE_CELLS}")
    bid, ask = _prices("bid", line[1:5]), _prices("ask", line[6:10])
    if bid is not None and ask is not None and bid[0] <= ask[0] and bid[3] <= ask[3]:
        cells[_MID : _MID + 4] = [(one + other) / (2 * SCALE) for one, other in zip(bid, ask, strict=True)]
    return bid is not None or ask is not None


def _fill_trade(line: Sequence[str], cells: list[Any]) -> bool:
    if len(line) != _TRADE_CELLS:
        raise CellError(f"{len(line)} cells; a trade bar has {_TRADE_CELLS}")
    prices, volume = _prices("price", line[1:5]), _whole("volume", line[5])
    if prices is None or volume is None:
        raise CellError("price: empty in a bar of trades")
    cells[_LAST : _LAST + 4] = [price / SCALE for price in prices]
    cells[_VOLUME] = float(volume)
    return True


_FILL: Final[dict[Data, Callable[[Sequence[str], list[Any]], bool]]] = {"quote": _fill_quote, "trade": _fill_trade}


def _prices(name: str, cells: Sequence[str]) -> Prices | None:
    """Open, high, low and close in 1/10,000 USD; None where all are empty, or 0, which Lean writes for no price too."""
    values = [_whole(name, cell) for cell in cells]
    if not any(values):
        return None
    opens, high, low, close = values
    if opens is None or high is None or low is None or close is None:
        raise CellError(f"{name}: partly empty")
    if not (low <= opens <= high and low <= close <= high):
        raise CellError(f"{name}: open and close are not between low and high")
    return opens, high, low, close


def _whole(name: str, cell: str) -> int | None:
    if not cell:
        return None
    if not (cell.isascii() and cell.isdecimal() and len(cell) <= _MOST_DIGITS):
        raise CellError(f"{name}: {cell[:40]!r} is no whole number from 0 up")
    return int(cell)
