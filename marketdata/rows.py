"""The wire row: one quote as the JSON array that ends in a browser, made once, by ingest, behind a fixed header.

After `ingest.encode`, nothing on the way to a socket decodes or encodes a row again.
"""

import struct
from typing import Final

import msgspec

from .quotes import Quote

# The columns of a row, in order. Columns may be added at the end within version 1 of the protocol.
FIELDS: Final = ("id", "seq", "venue_time_ms", "lag_ms", *Quote.__struct_fields__[3:])

# instrument id, seq. Network order, so that the bytes compare as the numbers do.
HEADER: Final = struct.Struct(">IQ")
TERM: Final = 1 << 24
MAX_ID: Final = (1 << 32) - 1

_encode = msgspec.json.Encoder().encode


def seq_of(term: int, count: int) -> int:
    """`term × 2^24 + count`; below 2^53 while term is below 2^29 (seventeen years from 2026)."""
    return term * TERM + count


def encode(instrument_id: int, seq: int, quote: Quote) -> bytes:
    """The framed row: header, then the JSON array without its trailing nulls (a zero `flags` counts as one)."""
    values = msgspec.structs.astuple(quote)
    lag = round(values[1] - values[2], 3)
    row = (instrument_id, seq, values[2], lag, *values[3:])
    if not row[-1]:
        end = len(row) - 1
        while row[end - 1] is None:
            end -= 1
        row = row[:end]
    return HEADER.pack(instrument_id, seq) + _encode(row)


def header(framed: bytes) -> tuple[int, int]:
    """(instrument id, seq) of a framed row. Raises struct.error when there is not even a header."""
    return HEADER.unpack_from(framed)


def body(framed: bytes) -> bytes:
    """The JSON array of a framed row; ASCII."""
    return framed[HEADER.size :]


def decode(text: str | bytes) -> dict[str, float | None]:
    """A JSON row as {column: value} over all columns known here; for tests, exports and the recorder."""
    values: list[float | None] = msgspec.json.decode(text)
    row: dict[str, float | None] = dict.fromkeys(FIELDS)
    row.update(zip(FIELDS, values, strict=False))
    row["flags"] = row["flags"] or 0
    return row
