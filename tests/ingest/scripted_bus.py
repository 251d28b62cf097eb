"""A bus that does what a test tells it, without a Redis: what `Flush` is given in place of the real one."""

import asyncio
from pathlib import Path
from typing import Any

from marketdata import rows
from marketdata.bus.client import Client
from marketdata.bus.fenced import FencedWriter
from marketdata.bus.history_stream import HistoryOptions, HistoryStream
from marketdata.bus.lease import Lease

NOWHERE = "unix:///tmp/strikewire-no-such-server.sock"
FEED = "simulated"


class ScriptedWriter(FencedWriter):
    """Accepts every flush, unless the next of `errors` says otherwise; None there stands for acceptance. While `open` is
    cleared a flush hangs. An error with `accepted` set is raised after the flush was taken: its answer was lost."""

    def __init__(self) -> None:
        super().__init__(Client(NOWHERE, "test"), FEED)
        self.errors: list[Exception | None] = []
        self.open = asyncio.Event()
        self.open.set()
        self.tries = 0
        self.flushes: list[tuple[str, int, list[Any], int, bytes]] = []
        self.trades: list[bytes] = []

    async def flush(
        self, token: str, term: int, rows: list[Any], count: int = 0, history: bytes = b"", trades: bytes = b""
    ) -> None:
        self.tries += 1
        await self.open.wait()
        await asyncio.sleep(0)
        error = self.errors.pop(0) if self.errors else None
        if error is None or getattr(error, "accepted", False):
            self.flushes.append((token, term, list(rows), count, history))
            self.trades.append(trades)
        if error is not None:
            raise error

    @property
    def headers(self) -> list[tuple[int, int]]:
        """(instrument id, seq) of all rows that were told, in order."""
        return [rows.header(framed) for _, _, flat, _, _ in self.flushes for framed in flat[2::3]]


class HeldLease(Lease):
    """A lease that is held for as long as `left` says."""

    def __init__(self, term: int = 1_000) -> None:
        super().__init__(FEED, NOWHERE, lambda: None)
        self.term = term
        self.left = 10.0

    def remaining(self) -> float:
        return self.left


class ScriptedHistory(HistoryStream):
    """Takes batches, or raises the next of `errors`."""

    def __init__(self) -> None:
        super().__init__(Client(NOWHERE, "test"), FEED, HistoryOptions(NOWHERE, Path("/nowhere")))
        self.errors: list[Exception] = []
        self.batches: list[tuple[int, int, bytes]] = []

    async def append(self, term: int, count: int, rows: bytes, trades: bytes = b"") -> bool:
        if self.errors:
            raise self.errors.pop(0)
        self.batches.append((term, count, rows))
        return True
