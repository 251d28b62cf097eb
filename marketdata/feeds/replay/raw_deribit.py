"""Deribit traffic as another recorder wrote it: one line a frame, `received_epoch_seconds: {json}`. `formats` reads it.

Lines that begin with an address are that recorder's own: a connection made (`wss://… <-> seconds`), a message sent
(`wss://… <- seconds: {json}`), a request by HTTP (`https://… -> seconds: {json}`).
"""

import re
from typing import Final

from ...quotes import InvalidQuoteError
from .capture import Message

_FRAME: Final = re.compile(rb"(\d{9,11}(?:\.\d{1,9})?): (.*)\Z", re.DOTALL)
_OWN: Final = re.compile(rb"(?:wss?|https?)://")


def is_frame(line: bytes) -> bool:
    """Whether `line` is a received frame in which Deribit speaks."""
    match = _FRAME.match(line)
    return match is not None and b'"jsonrpc"' in match[2]


def read_line(line: bytes) -> Message | None:
    """The frame in a line; None for one of the recorder's own. Raises InvalidQuoteError."""
    match = _FRAME.match(line)
    if match is None:
        if _OWN.match(line):
            return None
        raise InvalidQuoteError("line", "neither a received frame nor one of the recorder's own lines")
    try:
        text = match[2].decode()
    except UnicodeError as error:
        raise InvalidQuoteError("line", str(error)) from error
    # A microsecond is what the recorder's clock had.
    return Message(round(float(match[1]) * 1000, 3), 0, text)
