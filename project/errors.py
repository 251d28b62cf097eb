"""The error that ends a start: its text is one line for the operator, and never a traceback."""

from typing import Final

# sysexits.h: a permanent mistake of the configuration. A supervisor need not try again.
EX_CONFIG: Final = 78


class StartError(Exception):
    """Something cannot start. The text says what, why, and what to do; `status` is the exit status of the command."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status
