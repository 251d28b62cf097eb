"""What `export_history` wrote: CSV and Parquet, with `instruments.ndjson` beside them."""

import csv
import datetime as dt
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from ...facts import InstrumentFacts
from .. import import_checks, import_facts
from ..export import SIDECAR
from ..export_columns import COLUMNS, Column, What
from ..export_files import FORMULA, FileError, arrow
from ..import_checks import CellError
from .base import SHOWN, Bad, Part, Row

_NAME: Final = re.compile(r"(ticks|bars|trades)-\d{4}-\d{2}-\d{2}(\.unfinished)?\.(csv|parquet)\Z")
_SUFFIXES: Final = (".csv", ".parquet")
# A line of an export is some 400 bytes, one of facts as many.
_MOST_LINE: Final = 65_536
_ROWS: Final = 5_000
# Without one of these a row is none.
_NEEDED: Final[dict[What, tuple[str, ...]]] = {
    "ticks": ("symbol", "received_at", "seq"),
    "bars": ("symbol", "starts_at"),
    "trades": ("symbol", "received_at", "price", "size", "trade_id"),
}
# By these columns a file is known to be of bars, or of trades; else it is of ticks.
_MARKS: Final[dict[str, What]] = {"starts_at": "bars", "trade_id": "trades"}
_CHECKS: Final = {"ticks": import_checks.tick, "bars": import_checks.bar, "trades": import_checks.trade}
_WHOLE: Final = re.compile(r"-?\d{1,18}\Z", re.ASCII)
_NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\Z", re.ASCII)
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6})0*)?(Z|[+-]\d\d:\d\d)\Z", re.ASCII)


def open_source(path: Path) -> "OwnSource":
    """The exported files under a folder, or one such file. Raises FileError."""
    if path.is_file():
        if path.suffix not in _SUFFIXES:
            raise FileError(f"{path} is neither .csv nor .parquet")
        files = [path]
    elif path.is_dir():
        files = sorted(one for one in path.rglob("*") if _NAME.match(one.name))
        if not files:
            raise FileError(f"{path} holds no exported file, such as ticks-2026-01-15.parquet")
    else:
        raise FileError(f"there is no {path}")
    feeds = sorted({one.parent.parent for one in files})
    if len(feeds) > 1:
        names = ", ".join(one.name for one in feeds[:5])
        raise FileError(f"{path} holds exports of {len(feeds)} feeds ({names}): import each folder by itself")
    for folder in sorted({one.parent for one in files}):
        if not (folder / SIDECAR).is_file():
            raise FileError(f"there is no {SIDECAR} in {folder}: it says what the symbols are")
    if any(one.suffix == ".parquet" for one in files):
        arrow()
    return OwnSource(files)


class OwnSource:
    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    def parts(self) -> Sequence[Part]:
        """Raises FileError for a file that is none of ours."""
        return [_Parquet(path) if path.suffix == ".parquet" else _Csv(path) for path in self._files]


class _File:
    """One file. Its kind is told by its columns, not by its name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = str(path)
        self._header = self._read_header()
        self.what: What = next((what for name, what in _MARKS.items() if name in self._header), "ticks")
        self._columns = _columns(self.name, self.what, self._header)

    def facts(self) -> Iterator[InstrumentFacts | Bad]:
        path = self._path.parent / SIDECAR
        with path.open("rb") as file:
            for number, line in _lines(file):
                if len(line) > _MOST_LINE:
                    yield Bad(str(path), number, f"longer than {_MOST_LINE} bytes", _shown(line))
                    continue
                try:
                    yield import_facts.checked(msgspec.json.decode(line))
                except (msgspec.DecodeError, import_facts.UnusableFactsError) as error:
                    yield Bad(str(path), number, str(error), _shown(line))

    def rows(self) -> Iterator[Row | Bad]:
        raise NotImplementedError

    def _read_header(self) -> list[str]:
        raise NotImplementedError

    def _row(self, number: int, cells: dict[str, Any], text: Any) -> Row | Bad:
        try:
            symbol = cells.get("symbol")
            if not symbol:
                raise CellError("symbol: there is none")
            return Row(self.name, number, symbol, _CHECKS[self.what](cells))
        except CellError as error:
            return Bad(self.name, number, str(error), _shown(text))


class _Csv(_File):
    def _read_header(self) -> list[str]:
        with self._path.open("rb") as file:
            line = file.readline(_MOST_LINE)
        return line.decode("utf-8-sig", "replace").strip().replace('"', "").split(",")

    def rows(self) -> Iterator[Row | Bad]:
        """Line by line, each by itself: no cell of ours holds a line break, and a lost quotation mark costs one row."""
        readers = [(column.name, _READERS[column.kind]) for column in self._columns]
        with self._path.open("rb") as file:
            for number, line in _lines(file):
                if number == 1:
                    continue
                try:
                    yield self._row(number, _cells(line, readers), line)
                except CellError as error:
                    yield Bad(self.name, number, str(error), _shown(line))


def _cells(line: bytes, readers: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len(line) > _MOST_LINE:
        raise CellError(f"longer than {_MOST_LINE} bytes")
    try:
        text = line.decode().rstrip("\r\n")
        parts = next(csv.reader([text], strict=True)) if '"' in text else text.split(",")
    except (UnicodeDecodeError, csv.Error) as error:
        raise CellError(f"not CSV in UTF-8: {error}") from error
    if len(parts) != len(readers):
        raise CellError(f"{len(parts)} cells, where the first line names {len(readers)}")
    cells: dict[str, Any] = {}
    for (name, read), part in zip(readers, parts, strict=True):
        if part:
            try:
                cells[name] = read(part)
            except ValueError as error:
                raise CellError(f"{name}: {part[:40]!r} {error}") from error
    return cells


def _text(text: str) -> str:
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULA) else text


def _whole(text: str) -> int:
    if not _WHOLE.match(text):
        raise ValueError("is no whole number")
    return int(text)


def _number(text: str) -> float:
    if not _NUMBER.match(text):
        raise ValueError("is no number")
    return float(text)


def _instant(text: str) -> int:
    match = _TIME.match(text)
    if match is None:
        raise ValueError("is no time with its zone, such as 2026-01-15T14:30:00.000000Z")
    day, clock, fraction, zone = match.groups()
    return _second(f"{day}T{clock}{'+00:00' if zone == 'Z' else zone}") * 1_000_000 + int(
        (fraction or "0").ljust(6, "0")
    )


@lru_cache(4096)
def _second(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp())


_READERS: Final = {"text": _text, "time": _instant, "whole": _whole, "number": _number}


# A damaged file makes the library panic, which is no Exception; all but these are its.
_OUR_END: Final = (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError)


class _Parquet(_File):
    def _reader(self) -> Any:
        _, io = arrow()
        try:
            return io.read_parquet(self._path, batch_size=_ROWS)
        except BaseException as error:
            if isinstance(error, _OUR_END):
                raise
            raise FileError(f"{self._path} is no Parquet file: {str(error)[:200]}") from error

    def _read_header(self) -> list[str]:
        with self._path.open("rb") as file:
            begins = file.read(4)
        if begins != b"PAR1":
            raise FileError(f"{self._path} is no Parquet file")
        return list(self._reader().schema.names)

    def rows(self) -> Iterator[Row | Bad]:
        core, _ = arrow()
        whole = core.DataType.int64()
        kinds = {
            "text": core.DataType.string(),
            "time": core.DataType.timestamp("us", tz="UTC"),
            "whole": whole,
            "number": core.DataType.float64(),
        }
        number = 0
        batches = iter(self._reader())
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    return
                columns = []
                for column in self._columns:
                    cells = batch.column(column.name).cast(kinds[column.kind])
                    columns.append((cells.cast(whole) if column.kind == "time" else cells).to_pylist())
            except BaseException as error:
                if isinstance(error, _OUR_END):
                    raise
                yield Bad(self.name, number, f"what follows cannot be read: {str(error)[:200]}", "")
                return
            for row in zip(*columns, strict=True):
                number += 1
                yield self._row(number, dict(zip(self._header, row, strict=True)), row)


def _columns(path: str, what: What, header: Sequence[str]) -> list[Column]:
    known = {column.name: column for column in COLUMNS[what]}
    unknown = [name[:40] for name in header if name not in known]
    if unknown:
        raise FileError(
            f"{path} has columns that {what} do not: {', '.join(unknown[:5])}; they have {', '.join(known)}"
        )
    missing = [name for name in _NEEDED[what] if name not in header]
    if missing:
        raise FileError(f"{path} lacks {', '.join(missing)}")
    if len(set(header)) < len(header):
        raise FileError(f"{path} names a column twice")
    return [known[name] for name in header]


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Numbered lines; of one that is too long, its beginning, longer than `_MOST_LINE`."""
    number = 0
    while line := file.readline(_MOST_LINE + 1):
        number += 1
        rest = line
        while len(rest) > _MOST_LINE and not rest.endswith(b"\n"):
            rest = file.readline(_MOST_LINE + 1)
        if line.strip():
            yield number, line


def _shown(row: Any) -> str:
    text = row[: SHOWN * 4].decode("utf-8", "replace").strip() if isinstance(row, bytes) else str(row)
    return text[:SHOWN]
