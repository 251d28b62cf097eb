"""Where an import puts the rows that cannot be: a file of JSON lines, made with the first of them."""

from pathlib import Path
from typing import IO, Any, Final

import msgspec

from .sources.base import Bad

# Beyond, they are counted only: a file that is wrong in every row is wrong in one way.
MOST: Final = 100_000


class SetAside:
    """A context: `add` within it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None
        self._count = 0

    def __enter__(self) -> "SetAside":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, bad: Bad) -> None:
        """Raises OSError."""
        self._count += 1
        if self._count > MOST:
            return
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab")
        self._file.write(msgspec.json.encode(bad._asdict()) + b"\n")
