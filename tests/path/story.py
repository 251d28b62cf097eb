"""What a venue, ingest and a client did, in the order of time: told when a test fails."""

import datetime as dt
from collections.abc import Iterable, Iterator

# Lines that are told, the newest.
LINES = 120


def story(venue: Iterable[tuple[float, str]], ingest_log: str, heard: Iterable[tuple[float, str, object]]) -> str:
    """`venue` and `heard` are timed in seconds since 1970; lines of the log begin with local times, as ours do."""
    told = [(at, f"venue {what}") for at, what in venue]
    told += [(at, f"ingest: {line}") for at, line in _timed(ingest_log)]
    told += [(at, f"client hears {op} {what}") for at, op, what in heard]
    told.sort(key=lambda one: one[0])
    return "\n".join(f"{dt.datetime.fromtimestamp(at, dt.UTC):%H:%M:%S.%f} {what}" for at, what in told[-LINES:])


def _timed(log: str) -> Iterator[tuple[float, str]]:
    """Lines with their times; what does not begin with one belongs to the line before."""
    at = 0.0
    for line in log.splitlines():
        try:
            at = dt.datetime.fromisoformat(line[:23].replace(",", ".")).astimezone().timestamp()
        except ValueError:
            yield at, line
        else:
            yield at, line[24:]
