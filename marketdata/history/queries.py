"""Where an instrument's stored ticks end, where those after a given one begin, and what its feed is known to have lost.
Each question reads a bounded part of the index.
"""

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from ..rows import TERM
from .database import Database
from .schema import DAY_S

# A batch may be committed after one that was received later, by as much as recorders are apart; a hole older than this is
# one for good.
SETTLES_S: Final = 60
# How many rows of that minute are looked at, newest first: hundreds a second of one instrument.
_LOOKED_AT: Final = 20_000
# How far back the newest is looked for, by steps: partitions beyond are not even opened.
_STEPS_S: Final = (2 * DAY_S, 60 * DAY_S, 2**31 - 1)
_GAPS_LOOKED_AT: Final = 1_000
_MICROS: Final = 1_000_000
# Gaps of a feed hardly overlap: those that begin before an instant and reach over it are among so many.
_OVERLAPPING: Final = 100

# Those that end within the time, and those that reach over its end: both walks end after so many rows, however many gaps
# there are. One question by both bounds would read all gaps on one side of the time.
_GAPS: Final = """
SELECT term, from_us, to_us, count, reason FROM (
  SELECT * FROM (
    SELECT * FROM history_gap WHERE feed = %s AND to_us >= %s AND to_us < %s ORDER BY to_us DESC LIMIT %s
  ) AS ended
  UNION ALL
  SELECT * FROM (
    SELECT * FROM history_gap WHERE feed = %s AND from_us < %s ORDER BY from_us DESC LIMIT %s
  ) AS begun WHERE to_us >= %s
) AS found ORDER BY from_us DESC, term DESC LIMIT %s
"""

# Where the numbers of the newest rows do not go up by one, from the second on in which a hole is still young.
_JUMPS: Final = """
SELECT second, seq, before_second, before_seq FROM (
  SELECT second, seq, lag(second) OVER w AS before_second, lag(seq) OVER w AS before_seq FROM (
    SELECT second, seq FROM history_tick WHERE instrument = %s AND second >= %s AND second <= %s
    ORDER BY second DESC, seq DESC LIMIT %s
  ) AS looked_at WINDOW w AS (ORDER BY second, seq)
) AS pairs WHERE second >= %s AND seq <> before_seq + 1 ORDER BY second, seq LIMIT 1000
"""


class Place(NamedTuple):
    """Where a tick stands: the second in which it was received, and its number."""

    second: int
    seq: int


class Gap(msgspec.Struct, frozen=True):
    """A recorded gap: `count` quotes of the feed, accepted in a leader's term and received from `from_us` to `to_us`,
    microseconds since 1970, that are not stored, and why."""

    term: int
    from_us: int
    to_us: int
    count: int
    reason: str


def newest(database: Database, instrument: int, now_s: float | None = None) -> Place | None:
    """The newest stored tick. Raises HistoryDownError, as all here."""
    now = int(time.time() if now_s is None else now_s)
    for step in _STEPS_S:
        rows = database.rows(
            "SELECT second, seq FROM history_tick WHERE instrument = %s AND second >= %s "
            "ORDER BY second DESC, seq DESC LIMIT 1",
            (instrument, max(0, now - step)),
        )
        if rows:
            return Place(*rows[0])
    return None


def newest_minute(database: Database, instrument: int) -> int | None:
    """The minute, counted since 1970, of the newest one-minute bar."""
    rows = database.rows(
        "SELECT minute FROM history_bar WHERE instrument = %s ORDER BY minute DESC LIMIT 1", (instrument,)
    )
    return int(rows[0][0]) if rows else None


def stored_through(
    database: Database, feed: str, instrument: int, last: Place | None, now_s: float | None = None
) -> int | None:
    """The highest seq up to which all rows of the instrument are stored or lie in a recorded gap, as far as anybody can
    know: that of `last`, the newest stored tick, but not past a hole in the numbers that is less than a minute old."""
    if last is None:
        return None
    now = time.time() if now_s is None else now_s
    # One minute more than settles: the row before a hole says where it begins.
    since = last.second - 2 * SETTLES_S
    recorded: Sequence[Gap] | None = None
    for second, seq, before_second, before_seq in database.rows(
        _JUMPS, (instrument, since, last.second, _LOOKED_AT, int(now) - SETTLES_S)
    ):
        before, after = Place(before_second, before_seq), Place(second, seq)
        if not _is_hole(before.seq, after.seq):
            continue
        if recorded is None:
            recorded = gaps(database, feed, since * _MICROS, (last.second + 1) * _MICROS, _GAPS_LOOKED_AT)
        if not any(_explains(gap, before, after) for gap in recorded):
            return before.seq
    return last.seq


def _is_hole(before: int, after: int) -> bool:
    """Whether a number between them is missing: within a term they are consecutive, and a term's begin with 1."""
    if before // TERM == after // TERM:
        return after - before > 1
    return after % TERM > 1


def _explains(gap: Gap, before: Place, after: Place) -> bool:
    return (
        gap.term == after.seq // TERM
        and gap.from_us < (after.second + 1) * _MICROS
        and gap.to_us >= before.second * _MICROS
    )


def gaps(database: Database, feed: str, start_us: int, stop_us: int, limit: int) -> list[Gap]:
    """The newest `limit` recorded gaps of a feed that reach into the time from `start_us` on and before `stop_us`, in the
    order of their beginnings."""
    most = max(limit, _OVERLAPPING)
    ended, begun = (feed, start_us, stop_us, limit), (feed, stop_us, most, stop_us)
    rows = database.rows(_GAPS, (*ended, *begun, limit))
    return [Gap(*row) for row in reversed(rows)]


def first_second_above(database: Database, instrument: int, seq: int, last: Place, most_s: int) -> int | None:
    """A second from which on all ticks above `seq` were received; None where they begin more than `most_s` before `last`,
    the newest. Numbers rise with time, so it is halved: some forty looks at the index at most, few for what is recent."""

    def is_above(second: int) -> bool:
        """Whether the first tick from that second on is above already."""
        return bool(_seq_at(database, instrument, second, last.second) > seq)

    earliest = last.second - most_s
    above, width = last.second + 1, 1
    while is_above(below := max(above - width, earliest)):
        if below == earliest:
            # Nothing before it may be wanted too.
            return None if _seq_before(database, instrument, earliest) > seq else earliest
        above, width = below, width * 2
    while above - below > 1:
        middle = (above + below) // 2
        if is_above(middle):
            above = middle
        else:
            below = middle
    return below  # in which there may be ticks of both kinds


def _seq_at(database: Database, instrument: int, second: int, stop: int) -> int:
    """The number of the first tick from `second` to `stop`, where there is one."""
    rows = database.rows(
        "SELECT seq FROM history_tick WHERE instrument = %s AND second >= %s AND second <= %s ORDER BY second, seq LIMIT 1",
        (instrument, second, stop),
    )
    return int(rows[0][0])


def _seq_before(database: Database, instrument: int, second: int) -> int:
    """The number of the last tick before `second`; 0 where there is none."""
    rows = database.rows(
        "SELECT seq FROM history_tick WHERE instrument = %s AND second < %s ORDER BY second DESC, seq DESC LIMIT 1",
        (instrument, second),
    )
    return int(rows[0][0]) if rows else 0
