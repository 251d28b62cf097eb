"""Reads the history stream as it grows, and holds the rows in it to their numbers: each instrument counts from 1 without
holes within a term.
"""

import time
from typing import Any, Final

import msgspec

from marketdata.bus.client import Client
from marketdata.bus.lease import EPOCH_S
from marketdata.rows import TERM

# Entries in one answer, some 12 kB each at the load of these tests.
BATCHES: Final = 100


class HistoryCheck:
    """A Redis that forgot the stream makes the reading start anew. What is in it then is of a new term, but for one batch:
    that which the former term's leader had sent without an answer, and appends again under its numbers. Where it had been
    appended after all, its rows are there twice; a reader goes by their numbers. That a number is never given to a second
    quote is what `Witness` sees.
    """

    def __init__(self, client: Client, stream: str) -> None:
        self.faults: list[str] = []
        self.rows = 0
        self.terms: set[int] = set()
        self.doubled = 0
        self._cut = 0  # terms up to this one may have lost their beginning
        self._client = client
        self._stream = stream
        self._counts: dict[tuple[int, int], int] = {}
        self._at = "-"

    def forgotten(self) -> None:
        """The stream was lost; ids of entries may begin anywhere again."""
        self._at = "-"
        self._cut = int(time.time()) - EPOCH_S
        self._counts.clear()

    async def read(self) -> None:
        """Reads what was added since the last time."""
        while True:
            entries = await self._client.call("XRANGE", self._stream, self._at, "+", "COUNT", BATCHES)
            for entry_id, fields in entries:
                self._take(dict(zip(fields[::2], fields[1::2], strict=True)))
                self._at = f"({entry_id.decode()}"
            if len(entries) < BATCHES:
                return

    def _take(self, entry: dict[bytes, Any]) -> None:
        if b"rows" not in entry:  # how a term ended, or trades alone
            return
        term = int(entry[b"term"])
        lines = entry[b"rows"].split(b"\n")
        self.terms.add(term)
        self.rows += len(lines)
        if len(lines) != int(entry[b"count"]):
            self.faults.append(f"an entry of {len(lines)} rows says {entry[b'count']!r}")
        for line in lines:
            instrument_id, seq = msgspec.json.decode(line)[:2]
            number, counted = seq - term * TERM, self._counts.get((term, instrument_id), 0)
            if number <= counted:
                self.doubled += 1
                continue
            is_first = counted == 0 and term <= self._cut
            if number != counted + 1 and not is_first:
                self.faults.append(f"instrument {instrument_id}, term {term}: {number} came after {counted}")
            self._counts[term, instrument_id] = number
