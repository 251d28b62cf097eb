"""What an ingest handed to history, and what of it was accepted, written down by the ingest itself: the truth that the
history database is held to. A process that is killed loses nothing of it: each record is with the kernel before the next
step.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from marketdata.bus.history_stream import join_rows
from marketdata.ingest.flush import Batch, Flush

# Kind, number of the flush, term, bytes of rows.
_HEAD: Final = struct.Struct("<cIQI")
_OFFERED: Final = b"O"
_ACCEPTED: Final = b"A"


class Ledger:
    """Of one process."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL, 0o600)
        self._number = 0

    def follow(self, flush: Flush) -> None:
        """Notes each flush's rows before they are handed on, and the flush when it was acknowledged: when its quotes are
        accepted, by the contract."""
        publish = flush._publish

        async def noted(flat: list[Any], batch: Batch | None = None) -> None:
            if batch is None or not batch.framed:
                await publish(flat, batch)
                return
            self._number += 1
            number, rows = self._number, join_rows(batch.framed)
            self._write(_HEAD.pack(_OFFERED, number, batch.term, len(rows)) + rows)
            await publish(flat, batch)
            self._write(_HEAD.pack(_ACCEPTED, number, batch.term, 0))

        flush._publish = noted  # type: ignore[method-assign]

    def _write(self, record: bytes) -> None:
        written = os.write(self._file, record)
        while written < len(record):
            written += os.write(self._file, record[written:])


class Noted(NamedTuple):
    """One flush: its rows as lines, and whether it was acknowledged."""

    term: int
    rows: bytes
    accepted: bool


def read(paths: Iterable[Path]) -> Iterator[Noted]:
    """All flushes of these ledgers. A record that its process was killed in was never handed on."""
    for path in paths:
        text = path.read_bytes()
        offered: dict[int, tuple[int, bytes]] = {}
        accepted: set[int] = set()
        at = 0
        while at + _HEAD.size <= len(text):
            kind, number, term, length = _HEAD.unpack_from(text, at)
            at += _HEAD.size
            if at + length > len(text):
                break
            if kind == _OFFERED:
                offered[number] = term, text[at : at + length]
            else:
                accepted.add(number)
            at += length
        for number, (term, rows) in offered.items():
            yield Noted(term, rows, number in accepted)
