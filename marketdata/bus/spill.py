"""Batches that the history server could not take, in a file of the process that has them: a process that is killed
meanwhile loses none, since the next leader on the machine takes over what it left.
"""

import fcntl
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from ..disk import nearly_full

# term, count, bytes of rows, bytes of trades; then both. A record whose end is missing was never handed on.
_HEAD: Final = struct.Struct("<QIII")
SUFFIX: Final = ".journal"


class HistoryBatch(NamedTuple):
    """`size` rows of a term, and trades, each as lines of JSON."""

    term: int
    size: int
    rows: bytes
    trades: bytes = b""

    @property
    def weight(self) -> int:
        return len(self.rows) + len(self.trades)


class SpillFullError(OSError):
    """The file would become longer than it may, or its disk nearly full."""


class Spill:
    """A queue in a file. `waiting` counts its rows, `size` its bytes; the file is deleted by `done`."""

    def __init__(self, path: Path, file: int) -> None:
        self.path = path
        self.waiting = 0
        self._file = file
        self._read = 0
        self.size = 0

    @classmethod
    def create(cls, folder: Path, feed: str) -> "Spill":
        """Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{feed}-{os.getpid()}-{time.time_ns()}{SUFFIX}"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return cls(path, file)

    @classmethod
    def left_behind(cls, folder: Path, feed: str) -> Iterator["Spill"]:
        """The files that processes of this feed left, which nobody holds now; the oldest first."""
        for path in sorted(folder.glob(f"{feed}-*{SUFFIX}"), key=lambda path: path.name.rpartition("-")[2]):
            try:
                file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except OSError:
                continue
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(file)
                continue
            if not path.exists():  # its owner was just done with it
                os.close(file)
                continue
            spill = cls(path, file)
            spill._count()
            yield spill

    def add(self, batch: HistoryBatch, most: int) -> None:
        """Raises SpillFullError when the file would be longer than `most` bytes or the disk is nearly full, or another
        OSError; nothing of the batch is there then."""
        record = _HEAD.pack(batch.term, batch.size, len(batch.rows), len(batch.trades)) + batch.rows + batch.trades
        if self.size + len(record) > most:
            raise SpillFullError(f"{self.path} is full")
        if (reason := nearly_full(self.path)) is not None:
            raise SpillFullError(reason)
        try:
            written = os.pwrite(self._file, record, self.size)
            while written < len(record):
                written += os.pwrite(self._file, record[written:], self.size + written)
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.size += len(record)
        self.waiting += batch.size

    def first(self) -> HistoryBatch | None:
        """The oldest batch, which stays until `next`; None at the end."""
        head = os.pread(self._file, _HEAD.size, self._read)
        if self._read >= self.size or len(head) < _HEAD.size:
            return None
        term, count, rows, trades = _HEAD.unpack(head)
        body = os.pread(self._file, rows + trades, self._read + _HEAD.size)
        return HistoryBatch(term, count, body[:rows], body[rows:])

    def next(self, batch: HistoryBatch) -> None:
        """The first, which was `batch`, has found its place."""
        self._read += _HEAD.size + batch.weight
        self.waiting -= batch.size

    def done(self) -> None:
        """Everything has found its place."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Lets go of the file. Whoever leads next may take it over."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _count(self) -> None:
        length = os.fstat(self._file).st_size
        while self.size + _HEAD.size <= length:
            _, count, rows, trades = _HEAD.unpack(os.pread(self._file, _HEAD.size, self.size))
            if self.size + _HEAD.size + rows + trades > length:
                break
            self.size += _HEAD.size + rows + trades
            self.waiting += count
