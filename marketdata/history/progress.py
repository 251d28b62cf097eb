"""How far an export or an import is: a bar on a terminal, written over; elsewhere nothing but whole lines."""

import time
from typing import Final, Protocol

_WIDTH: Final = 24
_EVERY_S: Final = 0.2


class Terminal(Protocol):
    """What `project.console.Console` is."""

    is_terminal: bool

    def say(self, line: str) -> None: ...

    def live(self, line: str) -> None: ...


class Bar:
    """`unit` is what is counted."""

    def __init__(self, terminal: Terminal, unit: str) -> None:
        self._terminal = terminal
        self._unit = unit
        self._next = 0.0

    def show(self, done: int, total: int, name: str, count: int) -> None:
        """`done` of `total` files, and `count` of what `name` holds so far. On a terminal, and not more than five times a
        second."""
        now = time.monotonic()
        if not self._terminal.is_terminal or (now < self._next and done < total):
            return
        self._next = now + _EVERY_S
        filled = _WIDTH * done // max(total, 1)
        bar = "█" * filled + "░" * (_WIDTH - filled)
        self._terminal.live(f"{bar} {done}/{total} files  {name}  {count:,} {self._unit}")

    def say(self, line: str) -> None:
        """A whole line, where there is no terminal."""
        if not self._terminal.is_terminal:
            self._terminal.say(line)
