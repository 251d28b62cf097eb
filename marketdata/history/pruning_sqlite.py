"""Retention in SQLite: the rows that came first go first, in short transactions.

The file does not shrink. Pages that come free are used again by what comes next, so it stays at the size it once had,
which is the limit; `VACUUM` would give them back at the price of writing the whole file anew under a lock, and
`auto_vacuum` by moving pages with every deletion. Whoever wants the space back stops the recorder and runs `VACUUM`.
"""

import sqlite3
import time
from typing import Final

from .pruning import MARK, ShouldStop, now_us

# A transaction takes about that long: a recorder's own takes a tenth of a second, and a sign-in is in another file.
_SLICE_S: Final = 0.04
_LEAST_SLICE: Final = 500
_MOST_SLICE: Final = 50_000


class SqlitePruner:
    """See `pruning.Pruner`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._page_size = self._number("PRAGMA page_size")
        self._slice = 4 * _LEAST_SLICE

    def size(self, most_bytes: int = 0) -> int:
        return (self._number("PRAGMA page_count") - self._number("PRAGMA freelist_count")) * self._page_size

    def older_ticks(self, cut: int, should_stop: ShouldStop) -> int:
        """Ticks received before `cut`, as long as they stand among the first that came: where two feeds have different
        clocks, an old one may stay until those that came before it are old too."""
        gone = 0
        while not should_stop():
            deleted, _ = self._delete_slice(cut)
            if not deleted:
                break
            gone += deleted
        return gone

    def oldest_ticks(self, most_bytes: int, should_stop: ShouldStop) -> tuple[int, int | None]:
        gone, up_to = 0, None
        while (over := (size := self.size()) - most_bytes) > 0 and not should_stop():
            ends = self._connection.execute("SELECT min(rowid), max(rowid) FROM history_tick").fetchone()
            if ends[0] is None:
                break
            # A tick is taken to have its share of everything, so that the last slice takes no more than it should.
            share = (ends[1] - ends[0] + 1) * over // size
            deleted, newest = self._delete_slice(None, max(_LEAST_SLICE, share))
            if not deleted:
                break
            gone += deleted
            up_to = max(filter(None, (up_to, newest)), default=None)
        return gone, up_to

    def compact(self, now: float) -> int:
        return 0  # its pages are of all days

    def estimate(self, cut: int | None, most_bytes: int) -> int:
        old = 0 if cut is None else self._number("SELECT count(*) FROM history_tick WHERE second < ?", cut)
        size, rows = self.size(), self._number("SELECT count(*) FROM history_tick")
        # A tick is taken to have its share of everything.
        over = rows * max(0, size - most_bytes) // size if most_bytes and size else 0
        return max(old, min(rows, over))

    def _delete_slice(self, cut: int | None, most: int = _MOST_SLICE) -> tuple[int, int | None]:
        """The first rows that there are, those before `cut` only where one is given: how many went, and the second of the
        newest."""
        began = time.monotonic()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            first = self._connection.execute("SELECT min(rowid) FROM history_tick").fetchone()[0]
            if first is None:
                return 0, None
            where, parameters = "rowid < ?", [first + min(self._slice, most)]
            if cut is not None:
                where, parameters = f"{where} AND second < ?", [*parameters, cut]
            newest = self._connection.execute(
                f"SELECT max(second) FROM history_tick WHERE {where}", parameters
            ).fetchone()[0]
            self._connection.execute(
                "INSERT INTO history_pruned "
                f"SELECT 'ticks', instrument, max(seq), count(*), ? FROM history_tick WHERE {where} "
                f"GROUP BY instrument {MARK}",
                [now_us(), *parameters],
            )
            deleted = self._connection.execute(f"DELETE FROM history_tick WHERE {where}", parameters).rowcount
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        took = time.monotonic() - began
        if most >= self._slice:
            self._slice = max(_LEAST_SLICE, min(_MOST_SLICE, round(self._slice * min(2.0, _SLICE_S / max(took, 1e-4)))))
        # SQLite gives its lock to whoever asks next, and the recorder asks by and by: it gets half of the time.
        time.sleep(took)
        return deleted, newest

    def _number(self, sql: str, *parameters: object) -> int:
        return int(self._connection.execute(sql, parameters).fetchone()[0])
