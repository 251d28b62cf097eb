"""CSV as in RFC 4180, with a header line, UTF-8. An unknown value is an empty cell.

A spreadsheet takes a cell that begins with one of `= + - @`, a tab or a carriage return for a formula, and runs it: such
text gets an apostrophe before it, as spreadsheets write it themselves. Numbers stay numbers.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from .table import Column, Row, Table, with_time_texts
from .table_format import TableFormat

_encoder: Final = msgspec.json.Encoder()
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_TRUTH: Final = {None: None, True: "true", False: "false"}


class CSV(TableFormat):
    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def blocks(self, table: Table) -> Iterator[bytes]:
        has_text = any(column.kind == "text" for column in table.columns)
        # Python quotes a lone carriage return only where that ends lines too; the database ends its lines by one character.
        end = "\r\n" if has_text else "\n"
        header = _encoded([tuple(column.name for column in table.columns)], end)
        lines = table.csv_lines()
        if lines is None and has_text:
            lines = (_encoded(safe(table.columns, chunk), end) for chunk in table.chunks())
        elif lines is None:
            lines = (_plain(with_time_texts(table.columns, chunk)) for chunk in table.chunks())
        # With the first lines: what is wrong there must be known before anything is sent.
        yield header + next(lines, b"")
        yield from lines


def _plain(rows: Sequence[Row]) -> bytes:
    """Lines of numbers, truths and times: JSON's arrays without what only JSON needs. Twice as quick as Python's
    writer, which spells each float by itself."""
    return _encoder.encode_lines(rows).replace(b"null", b"").translate(None, b'[]"')


def safe(columns: Sequence[Column], rows: Sequence[Row]) -> Sequence[Row]:
    """The rows with times spelled out, and with no text that a spreadsheet would run."""
    rows = with_time_texts(columns, rows)
    if not rows or not any(column.kind in ("text", "truth") for column in columns):
        return rows
    by_column: list[Any] = list(zip(*rows, strict=True))
    for place, column in enumerate(columns):
        if column.kind == "text":
            by_column[place] = [_safe(text) for text in by_column[place]]
        elif column.kind == "truth":
            by_column[place] = [_TRUTH[truth] for truth in by_column[place]]
    return list(zip(*by_column, strict=True))


def _safe(text: str | None) -> str | None:
    return f"'{text}" if text is not None and text.startswith(_FORMULA) else text


def _encoded(rows: Sequence[Row], end: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator=end).writerows(rows)
    return text.getvalue().encode()
