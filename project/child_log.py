"""The log file of one child: the child writes it, `up` reads what is new and keeps it from growing without end."""

import contextlib
import re
import shutil
from pathlib import Path
from typing import Final

# Two of these a child: enough to look back a day, little beside the rest of the installation.
LARGEST: Final = 16 * 1024 * 1024
# As much as one look reads; what a flood writes beyond it stays in the file.
_CHUNK: Final = 256 * 1024
_GRAVE: Final = re.compile(r"^\S+ \S+ (WARNING|ERROR|CRITICAL) ")


class ChildLog:
    """`path` is opened for appending by the child, so that it may be emptied under it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = path.stat().st_size if path.exists() else 0
        self._started = self._read

    def mark_start(self) -> None:
        """What was written before belongs to an earlier process."""
        self._started = self._size()

    def new_warnings(self) -> list[str]:
        """The WARNING, ERROR and CRITICAL lines written since the last look, without their tracebacks."""
        size = self._size()
        start = max(self._read if self._read <= size else 0, size - _CHUNK)
        text = self._text(start)
        whole, newline, _ = text.rpartition(b"\n")
        self._read = start + len(whole) + len(newline)
        self._rotate()
        return [line for line in whole.decode(errors="replace").splitlines() if _GRAVE.match(line)]

    def last_lines(self, count: int) -> list[str]:
        """The last `count` lines with something in them that the latest process wrote."""
        size = self._size()
        text = self._text(max(self._started if self._started <= size else 0, size - _CHUNK))
        return [line.rstrip() for line in text.decode(errors="replace").splitlines() if line.strip()][-count:]

    def _rotate(self) -> None:
        if self._size() > LARGEST:
            # On a full disk the lines of before are given up, and not everything that runs.
            with contextlib.suppress(OSError):
                shutil.copyfile(self.path, self.path.with_suffix(".log.1"))
            with self.path.open("r+b") as file:
                file.truncate(0)
            self._read = self._started = 0

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def _text(self, start: int) -> bytes:
        if not self.path.exists():
            return b""
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(_CHUNK)
