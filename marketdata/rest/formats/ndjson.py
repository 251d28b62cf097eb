"""NDJSON: an object a row and a line, with every column in each, null where it is unknown."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

import msgspec

from .table import Column, Row, Table, with_time_texts
from .table_format import TableFormat

_encoder: Final = msgspec.json.Encoder()


class NDJSON(TableFormat):
    media_type = "application/x-ndjson"
    format = "ndjson"
    charset = None  # JSON is UTF-8

    def blocks(self, table: Table) -> Iterator[bytes]:
        for chunk in table.chunks():
            yield _encoder.encode_lines(objects(table.columns, chunk))


def objects(columns: tuple[Column, ...], rows: Sequence[Row]) -> list[Any]:
    """The rows as objects that msgspec encodes, times spelled out: six times as quick as dictionaries."""
    made = _struct(tuple(column.name for column in columns))
    return [made(*row) for row in with_time_texts(columns, rows)]


@cache
def _struct(names: tuple[str, ...]) -> Any:
    return msgspec.defstruct("Row", [(name, Any) for name in names], gc=False)
