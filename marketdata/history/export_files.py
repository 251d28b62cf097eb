"""The files of an export: CSV and Parquet, written beside their name and renamed when they are whole."""

import contextlib
import csv
import datetime as dt
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Final, Literal

from .export_columns import Column

Format = Literal["parquet", "csv"]
FORMATS: Final[tuple[Format, ...]] = ("parquet", "csv")
# A text cell that begins so is a formula to a spreadsheet.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
# Rows that Parquet packs together, and holds in memory meanwhile.
_ROW_GROUP: Final = 100_000
_Chunks = Iterable[Sequence[Sequence[Any]]]


class FileError(Exception):
    """A file cannot be written or read; the text says which and why."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A file beside `path`, which takes its place at the end. On an error nothing stays of it, and what was at `path`
    does."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise FileError(f"{error.filename or path} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Holds the folder, made where it is missing: one export at a time. Raises FileError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise FileError(f"{folder} cannot be made: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FileError(f"another export is writing to {folder}") from error
        yield
    finally:
        os.close(descriptor)


def writer_of(file_format: Format) -> Callable[[IO[bytes], Sequence[Column], _Chunks], None]:
    """What writes a file of that format. Raises FileError where the extra is missing."""
    if file_format == "csv":
        return write_csv
    arrow()
    return write_parquet


def arrow() -> tuple[Any, Any]:
    """arro3's two modules. Raises FileError that names the extra."""
    try:
        import arro3.core
        import arro3.io
    except ImportError as error:
        raise FileError(
            "Parquet needs arro3-io, which is an extra: pip install -r requirements-arrow.txt, or choose --format csv"
        ) from error
    return arro3.core, arro3.io


# ── CSV ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_csv(file: IO[bytes], columns: Sequence[Column], chunks: _Chunks) -> None:
    """UTF-8, a line of names first, lines ending in \\n. Times are RFC 3339 in UTC with microseconds, numbers in their
    shortest form, what is unknown is empty."""
    text = _Encoded(file)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for chunk in chunks:
        cells = [_cells(column, values) for column, values in zip(columns, chunk, strict=True)]
        writer.writerows(zip(*cells, strict=True))


def _cells(column: Column, values: Sequence[Any]) -> Sequence[Any]:
    match column.kind:
        case "time":
            return [None if value is None else instant(value) for value in values]
        case "text":
            return [_plain(value) for value in values]
        case _:
            return values  # the csv module writes floats with repr


def _plain(text: str) -> str:
    # Also before an apostrophe that would read as ours, so that taking one off gives the text again.
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def instant(microseconds: int) -> str:
    """RFC 3339 in UTC with six digits after the second."""
    second, micro = divmod(microseconds, 1_000_000)
    return f"{_second(second)}.{micro:06d}Z"


@lru_cache(4096)
def _second(second: int) -> str:
    return f"{dt.datetime.fromtimestamp(second, dt.UTC):%Y-%m-%dT%H:%M:%S}"


class _Encoded:
    """Text into a binary file, for the csv module. `io.TextIOWrapper` would close the file with itself."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode())


# ── Parquet ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_parquet(file: IO[bytes], columns: Sequence[Column], chunks: _Chunks) -> None:
    """Compressed with zstd; each column's meaning is in its field's metadata."""
    core, io = arrow()
    kinds = {
        "text": core.DataType.string(),
        "time": core.DataType.timestamp("us", tz="UTC"),
        "whole": core.DataType.int64(),
        "number": core.DataType.float64(),
    }
    schema = core.Schema(
        [core.Field(one.name, kinds[one.kind], nullable=True, metadata={"meaning": one.meaning}) for one in columns]
    )
    raised: list[BaseException] = []

    def batches() -> Iterator[Any]:
        # What is raised in here comes out of the other side of Arrow's C interface as another exception.
        try:
            for chunk in chunks:
                arrays = [
                    core.Array(list(values), core.DataType.int64()).cast(kinds["time"])
                    if column.kind == "time"
                    else core.Array(list(values), kinds[column.kind])
                    for column, values in zip(columns, chunk, strict=True)
                ]
                yield core.RecordBatch.from_arrays(arrays, schema=schema)
        except BaseException as error:
            raised.append(error)
            raise

    try:
        io.write_parquet(
            core.RecordBatchReader.from_batches(schema, batches()),
            file,
            compression="zstd(3)",
            max_row_group_size=_ROW_GROUP,
        )
    except Exception as error:
        if raised:
            raise raised[0] from None
        raise FileError(f"{getattr(file, 'name', 'the file')} cannot be written: {error}") from error
