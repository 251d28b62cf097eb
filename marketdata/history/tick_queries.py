"""The stored ticks of one instrument in a range of time, in order, read some thousand at a time.

Each piece is a query of its own that begins where the last one ended, so nothing is held in the database between two: no
snapshot, no lock on a partition, no connection. On PostgreSQL, pieces also come as CSV and as columns, which the database
spells itself: COPY is several times as quick as rows.
"""

import datetime as dt
import select
import time
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import generators, pq

from .columns import VALUES
from .database import READ_SECONDS, Database
from .outage import HistoryDownError

# Rows of one piece: so many that asking costs little beside reading, and a few MB in any form.
PIECE: Final = 16_384
# As Python's objects, a row takes a kilobyte and more.
PIECE_OF_OBJECTS: Final = 4_096

# What a stored tick says, in order. Times are microseconds since 1970 on the feed's clock.
TIMES: Final = {"last_time_ms": "last_us"}
NAMES: Final = ("received_us", "venue_us", "seq", *(TIMES.get(name, name) for name in VALUES), "flags")

_RECEIVED: Final = "CAST(second AS bigint) * 1000000 + micro"
_VENUE: Final = f"coalesce(venue_us, {_RECEIVED} - coalesce(lag_us, 0))"
_LAST: Final = "CAST(round(last_time_ms * 1000) AS bigint)"
_RFC_3339: Final = """to_char(timestamp '1970-01-01' + (%s) * interval '1us', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""

_OBJECTS: Final = ", ".join(
    (_RECEIVED, _VENUE, "seq", *(_LAST if name in TIMES else name for name in VALUES), "coalesce(flags, 0)")
)
_CSV: Final = ", ".join(
    (
        _RFC_3339 % _RECEIVED,
        _RFC_3339 % _VENUE,
        "seq",
        *(_RFC_3339 % _LAST if name in TIMES else name for name in VALUES),
        "coalesce(flags, 0)",
    )
)
# No value is null, so that all rows have one width and numpy reads them as they come. A stored value is never NaN.
_BINARY: Final = ", ".join(
    (
        _RECEIVED,
        _VENUE,
        "seq",
        *(f"coalesce({'round(last_time_ms * 1000)' if name in TIMES else name}, 'NaN')" for name in VALUES),
        "coalesce(flags, 0::smallint)",
    )
)
_WIDTHS: Final = (">i8", ">i8", ">i8", *[">f8"] * len(VALUES), ">i2")
_BINARY_ROW: Final = np.dtype(
    [("fields", ">i2")]
    + [
        part
        for name, width in zip(NAMES, _WIDTHS, strict=True)
        for part in ((f"bytes of {name}", ">i4"), (name, width))
    ]
)
_BINARY_HEADER: Final = 19
_BINARY_TRAILER: Final = 2


class Range(msgspec.Struct, frozen=True):
    """The ticks of an instrument that were received from `start_us` on and before `stop_us`, microseconds since 1970, that
    stand after the place `after` (second, seq), and whose `seq` is above `above`."""

    instrument: int
    start_us: int
    stop_us: int
    after: tuple[int, int] = (0, 0)
    above: int = 0

    def query(self, columns: str, limit: int) -> tuple[str, list[int]]:
        """A bounded walk along the index."""
        first, first_micro = divmod(self.start_us, 1_000_000)
        last, last_micro = divmod(self.stop_us - 1, 1_000_000)
        # Both lower bounds begin in the same second: PostgreSQL starts to walk at either, and leaves out partitions by the
        # one on seconds alone.
        second, seq = max((first, -1), self.after)
        conditions = ["instrument = %s", "second >= %s", "second <= %s", "(second, seq) > (%s, %s)"]
        values = [self.instrument, second, last, second, seq]
        if first_micro:
            conditions.append("(second > %s OR micro >= %s)")
            values += [first, first_micro]
        if last_micro < 999_999:
            conditions.append("(second < %s OR micro <= %s)")
            values += [last, last_micro]
        if self.above:
            conditions.append("seq > %s")
            values.append(self.above)
        where = " AND ".join(conditions)
        text = f"SELECT {columns} FROM history_tick WHERE {where} ORDER BY second, seq LIMIT {limit}"
        return text, values

    def beyond(self, received_us: int, seq: int) -> "Range":
        """What is left of it after that tick."""
        return msgspec.structs.replace(self, after=(received_us // 1_000_000, seq))


def page(database: Database, wanted: Range, limit: int) -> list[tuple[Any, ...]]:
    """The first `limit` rows, in the order of NAMES. Raises HistoryDownError, as all here."""
    return database.rows(*wanted.query(_OBJECTS, limit))


def chunks(database: Database, wanted: Range) -> Iterator[list[tuple[Any, ...]]]:
    """All rows, in the order of NAMES."""
    while rows := page(database, wanted, PIECE_OF_OBJECTS):
        yield rows
        if len(rows) < PIECE_OF_OBJECTS:
            return
        wanted = wanted.beyond(rows[-1][0], rows[-1][2])


def csv_lines(database: Database, wanted: Range) -> Iterator[bytes]:
    """PostgreSQL only: all rows as lines of CSV in the order of NAMES, times in RFC 3339, unknown values empty."""
    while True:
        lines, count = _copied(database, wanted, _CSV, "csv")
        if lines:
            yield bytes(lines)
        if count < PIECE:
            return
        received, _, seq, _ = lines[lines.rfind(b"\n", 0, -1) + 1 :].decode().split(",", 3)
        wanted = wanted.beyond(int(dt.datetime.fromisoformat(received).timestamp()) * 1_000_000, int(seq))


def vectors(database: Database, wanted: Range) -> Iterator[dict[str, NDArray[Any]]]:
    """PostgreSQL only: all rows, by NAMES: int64, or float64 where a value may be unknown, which is NaN."""
    while True:
        data, _ = _copied(database, wanted, _BINARY, "binary")
        rows = np.frombuffer(memoryview(data)[_BINARY_HEADER:-_BINARY_TRAILER], _BINARY_ROW)
        if len(rows):
            yield {name: rows[name].astype(np.float64 if "f" in width else np.int64) for name, width in _FORMS}
        if len(rows) < PIECE:
            return
        wanted = wanted.beyond(int(rows["received_us"][-1]), int(rows["seq"][-1]))


_FORMS: Final = tuple(zip(NAMES, _WIDTHS, strict=True))


def _copied(database: Database, wanted: Range, columns: str, form: str) -> tuple[bytearray, int]:
    """One piece by COPY, as its bytes, and of how many rows it is. libpq's own calls: psycopg's reader costs twice as
    much of a core."""
    query, values = wanted.query(columns, PIECE)
    statement = f"COPY ({query % tuple(map(int, values))}) TO STDOUT (FORMAT {form})"
    with database.reader(limited=True) as connection:
        connection.pgconn.send_query(statement.encode())
        (result,) = connection.wait(generators.execute(connection.pgconn))
        if result.status != pq.ExecStatus.COPY_OUT:
            raise psycopg.errors.error_from_result(result)
        try:
            return _answer(connection.pgconn)
        except BaseException:
            connection.close()  # in the middle of an answer it is of no use to anybody
            raise


def _answer(pgconn: pq.abc.PGconn) -> tuple[bytearray, int]:
    # Added up at once: thousands of messages, kept to be joined, set off the garbage collector again and again, which
    # took three times as long as all else here.
    data, rows = bytearray(), 0
    get = pgconn.get_copy_data
    readable = select.poll()  # not `select`, which knows no descriptor above 1,023
    readable.register(pgconn.socket, select.POLLIN)
    ends = time.monotonic() + READ_SECONDS + 1
    while True:
        size, message = get(1)
        if size > 0:
            data += message
        elif size < 0:
            break
        elif time.monotonic() > ends:
            raise HistoryDownError("the database stopped in the middle of an answer")
        else:
            readable.poll(1_000)
            pgconn.consume_input()
    while (result := pgconn.get_result()) is not None:
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result)
        rows = result.command_tuples or 0
    return data, rows
