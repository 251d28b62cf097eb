"""The terminal of `up`: whole lines, and below them one line that is written over each second."""

import shutil
from typing import TextIO

_ERASE = "\r\x1b[2K"


class Console:
    """Writes to `stream`, flushed. Where nobody reads any more (a closed pipe) it goes on in silence: a server does not
    end because its reader left."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.is_terminal = stream.isatty()
        self._live = ""

    def say(self, line: str) -> None:
        """One whole line, above the live one."""
        if self._live:
            self._write(f"{_ERASE}{line}\n{self._live}")
        else:
            self._write(f"{line}\n")

    def live(self, line: str) -> None:
        """Write `line` over the former one; on anything but a terminal, as a line of its own."""
        if not self.is_terminal:
            self._write(f"{line}\n")
            return
        # A line that wraps could not be written over.
        self._live = line[: shutil.get_terminal_size().columns - 1]
        self._write(f"{_ERASE}{self._live}")

    def end_live(self) -> None:
        if self._live:
            self._live = ""
            self._write("\n")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self.is_terminal = False
