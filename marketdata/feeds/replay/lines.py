"""Lines of a capture file, plain or gzip, read as a stream and never longer than a bound: under `formats`."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

# The longest frame seen from a venue is a whole board of about 300 KB.
LONGEST: Final = 1 << 20


class UnreadableError(Exception):
    """The file cannot be read on: damaged, cut short, or gone. The lines before were whole."""


def open_capture(path: Path) -> IO[bytes]:
    """The file for reading, unpacked where its first bytes say gzip, whatever its name. Raises OSError."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path)) if packed else path.open("rb")


def lines(path: Path) -> Iterator[bytes]:
    """Each line without its end; empty ones too. Of a line above LONGEST only its first LONGEST + 1 bytes come, so that
    the reader sees that it is too long. Raises UnreadableError."""
    try:
        with open_capture(path) as file:
            while line := file.readline(LONGEST + 1):
                whole = line
                while len(line) == LONGEST + 1 and not line.endswith(b"\n"):
                    line = file.readline(LONGEST + 1)
                yield whole.rstrip(b"\r\n")
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableError(f"{path.name}: {error}") from error
