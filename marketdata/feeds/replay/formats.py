"""Which format a capture file has, and its records one by one. `player` plays them."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from ...quotes import InvalidQuoteError
from ..base import PermanentFeedError, Rejected
from . import capture, raw_deribit
from .capture import Message
from .lines import LONGEST, UnreadableError, lines

# A damaged first line or a recorder's preamble may stand before what tells the format.
_LOOK_AT: Final = 200
_DAY_MS: Final = 86_400_000


class Capture(NamedTuple):
    """A capture file that was recognised. `first_ms` is when its first message was received."""

    path: Path
    venue: str
    first_ms: float
    read_line: Callable[[bytes], Message | None]

    def records(self) -> Iterator[Message | Rejected | None]:
        """What each line is, in order: a message, a line to be passed over with its reason, or nothing of interest."""
        known = doubted = self.first_ms
        try:
            for number, line in enumerate(lines(self.path)):
                try:
                    message = self._read(line, number)
                    if message is None:
                        yield None
                        continue
                    # A damaged time must not stop the replay for years; a real pause of a day shows in the next line too.
                    if abs(message.received_ms - known) > _DAY_MS < abs(message.received_ms - doubted):
                        doubted = message.received_ms
                        raise InvalidQuoteError("received", "more than a day from the messages around it")
                    known = doubted = message.received_ms
                    yield message
                except InvalidQuoteError as error:
                    yield Rejected(line[:2000].decode(errors="replace")[:500], str(error))
        except UnreadableError as error:
            yield Rejected("", f"the capture ends early: {error}")

    def _read(self, line: bytes, number: int) -> Message | None:
        if not line.strip() or (number == 0 and capture.read_header(line) is not None):
            return None
        if len(line) > LONGEST:
            raise InvalidQuoteError("line", f"longer than {LONGEST} bytes")
        message = self.read_line(line)
        if message is not None and not 946_684_800_000 <= message.received_ms < 4_102_444_800_000:
            raise InvalidQuoteError("received", f"{message.received_ms} is not a time in ms between 2000 and 2100")
        return message


def recognised(path: Path) -> Capture:
    """The capture at `path`. Raises PermanentFeedError with one line that says what is the matter with it."""
    try:
        if not path.is_file():
            raise PermanentFeedError(f"replay: there is no file {path}")
        if path.stat().st_size == 0:
            raise PermanentFeedError(f"replay: {path} is empty")
        with path.open("rb"):
            pass
    except OSError as error:
        raise PermanentFeedError(f"replay: {path} cannot be read: {error.strerror}") from error
    try:
        return _first_message(_format(path))
    except UnreadableError as error:
        raise PermanentFeedError(f"replay: {error}") from error


def _format(path: Path) -> Capture:
    for number, line in enumerate(lines(path)):
        if number == 0 and (header := capture.read_header(line)) is not None:
            if header.strikewire_capture != capture.VERSION:
                raise PermanentFeedError(
                    f"replay: {path} is a capture of version {header.strikewire_capture}; this one reads {capture.VERSION}"
                )
            return Capture(path, header.feed, math.nan, capture.read_line)
        if raw_deribit.is_frame(line):
            return Capture(path, "deribit", math.nan, raw_deribit.read_line)
        if number == _LOOK_AT:
            break
    raise PermanentFeedError(
        f"replay: {path} is no capture: it has neither our header nor lines of the form `seconds: {{json}}` from Deribit"
    )


def _first_message(found: Capture) -> Capture:
    """`found` with its first time: the earlier of the first two that agree, so that one damaged line does not set it."""
    previous: float | None = None
    for number, line in enumerate(lines(found.path)):
        try:
            message = found._read(line, number)
        except InvalidQuoteError:
            continue
        if message is None:
            continue
        if previous is not None and abs(message.received_ms - previous) <= _DAY_MS:
            return found._replace(first_ms=min(previous, message.received_ms))
        previous = message.received_ms
    if previous is None:
        raise PermanentFeedError(f"replay: {found.path} holds no message")
    return found._replace(first_ms=previous)
