"""Strikewire's own capture format: what a provider sent, byte for byte, and when. `formats` reads it; whatever records
a feed writes it.

A text file of JSON lines, gzip where its name ends in `.gz`. The first line is the header, each one after it a message:

    {"strikewire_capture":1,"feed":"deribit","started_ms":1767600000000.123}
    {"t":1767600000250.481,"c":0,"m":"{\\"jsonrpc\\":\\"2.0\\", …}"}

`feed` names the venue whose parser reads the messages; `t` is when it was received, ms since 1970 with up to three
decimals; `c` numbers the connections of the recording; `m` is the text frame as it came. Readers ignore keys that they
do not know, and pass over a last line that was cut off.
"""

import gzip
from pathlib import Path
from types import TracebackType
from typing import IO, Final, NamedTuple, Self, cast

import msgspec

from ...quotes import InvalidQuoteError

VERSION: Final = 1


class Message(NamedTuple):
    """One frame as a provider sent it. `received_ms` is on the recorder's clock."""

    received_ms: float
    connection: int
    text: str


class Header(msgspec.Struct):
    strikewire_capture: int
    feed: str
    started_ms: float | None = None


class _Line(msgspec.Struct):
    t: float
    m: str
    c: int = 0


_decode_header = msgspec.json.Decoder(Header).decode
_decode_line = msgspec.json.Decoder(_Line).decode
_encode = msgspec.json.Encoder().encode


def read_header(line: bytes) -> Header | None:
    """The header that `line` is, or None."""
    try:
        return _decode_header(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def read_line(line: bytes) -> Message:
    """The message of a line after the header. Raises InvalidQuoteError."""
    try:
        found = _decode_line(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidQuoteError("line", str(error)) from error
    return Message(found.t, found.c, found.m)


class CaptureWriter:
    """Writes one capture. A context manager; what was written before a crash stays readable up to its last line.

    Never overwrites: raises FileExistsError where there is such a file.
    """

    def __init__(self, path: Path, feed: str, started_ms: float) -> None:
        packed = path.name.endswith(".gz")
        self._file = cast(IO[bytes], gzip.GzipFile(path, "xb", compresslevel=6)) if packed else path.open("xb")
        self._file.write(_encode(Header(VERSION, feed, round(started_ms, 3))) + b"\n")

    def write(self, received_ms: float, text: str, connection: int = 0) -> None:
        """Adds one message, in the order of arrival."""
        self._file.write(_encode({"t": round(received_ms, 3), "c": connection, "m": text}) + b"\n")

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
