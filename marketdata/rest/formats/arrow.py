"""Arrow's IPC stream: columns with types, for programs that read millions of rows. It takes arro3, which is an extra.

A table is sent batch by batch, compressed by LZ4, which is quicker than the network. Each is written by itself: what comes
before the first batch (the schema) and after the last (eight bytes) are the same in the stream of every one, and sent once.
"""

import io
from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .table import Column, Kind, Table, Vectors
from .table_format import TableFormat

EXTRA: Final = "requirements-arrow.txt"
_END: Final = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def arro3() -> Any:
    """The package's parts that are needed here; None where it is not installed. That is not remembered: it may be installed
    while a server runs."""
    try:
        return _loaded()
    except ImportError:
        return None


@cache
def _loaded() -> Any:
    from arro3 import core
    from arro3.io import write_ipc_stream

    types: dict[Kind, Any] = {
        "time": core.DataType.timestamp("us", tz="UTC"),
        "whole": core.DataType.int64(),
        "number": core.DataType.float64(),
        "text": core.DataType.utf8(),
        "truth": core.DataType.bool(),
    }
    return SimpleNamespace(core=core, write=write_ipc_stream, types=types)


class Arrow(TableFormat):
    media_type = "application/vnd.apache.arrow.stream"
    format = "arrow"
    charset = None
    render_style = "binary"

    @classmethod
    def missing(cls) -> str | None:
        if arro3() is not None:
            return None
        return f"Arrow needs a package that is not installed here: pip install -r {EXTRA}."

    def blocks(self, table: Table) -> Iterator[bytes]:
        core, types = arro3().core, arro3().types
        fields = [
            core.Field(one.name, types[one.kind], nullable=True, metadata={"description": one.help_text})
            for one in table.columns
        ]
        schema = core.Schema(fields)
        begin = _stream(core.Table.from_batches([], schema=schema))[: -len(_END)]
        vectors = table.vectors()
        if vectors is None:
            batches = (_of_rows(table.columns, chunk) for chunk in table.chunks() if chunk)
        else:
            batches = (_of_vectors(table.columns, chunk) for chunk in vectors)
        before = begin
        for arrays in batches:
            whole = _stream(core.RecordBatch.from_arrays(arrays, schema=schema))
            assert whole.startswith(begin)
            assert whole.endswith(_END)
            yield before + memoryview(whole)[len(begin) : -len(_END)]
            before = b""
        yield before + _END


def _stream(data: Any) -> bytes:
    file = io.BytesIO()
    arro3().write(data, file, compression="lz4")
    return file.getvalue()


def _of_rows(columns: tuple[Column, ...], rows: list[Any]) -> list[Any]:
    core, types = arro3().core, arro3().types
    arrays = []
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        if column.kind == "time":
            arrays.append(core.Array(values, type=types["whole"]).cast(types["time"]))
        else:
            arrays.append(core.Array(values, type=types[column.kind]))
    return arrays


def _of_vectors(columns: tuple[Column, ...], vectors: Vectors) -> list[Any]:
    core, types = arro3().core, arro3().types
    arrays = []
    for column in columns:
        values = vectors[column.name]
        if column.kind == "time" and values.dtype.kind == "i":
            arrays.append(core.Array.from_numpy(values).cast(types["time"]))
        elif values.dtype.kind == "f":
            arrays.append(_nullable(values, types[column.kind]))
        else:
            arrays.append(core.Array.from_numpy(values))
    return arrays


def _nullable(values: NDArray[np.float64], kind: Any) -> Any:
    """Floats whose NaN is null. arro3 takes no mask of its own; a column is mostly all known or all unknown."""
    core, types = arro3().core, arro3().types
    unknown = np.isnan(values)
    count = int(np.count_nonzero(unknown))
    if not count:
        array = core.Array.from_numpy(np.ascontiguousarray(values))
    elif count == len(values):
        array = core.Array([None] * count, type=types["number"])
    else:
        objects = values.astype(object)
        objects[unknown] = None
        array = core.Array(objects.tolist(), type=types["number"])
    return array if kind == types["number"] else array.cast(types["whole"]).cast(kind)
