"""Bars of one instrument out of the history database: one-minute bars as they stand there, and longer ones put together from
them along the exchange's sessions. `rest` asks it.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final, Literal, get_args

import msgspec

from ..facts import InstrumentFacts
from . import bars as minutes
from .columns import BAR
from .database import Database
from .sessions import Calendar, calendar

Interval = Literal["1m", "5m", "15m", "1h", "1d"]
INTERVALS: Final[tuple[Interval, ...]] = get_args(Interval)
MINUTE_S: Final = 60
# Of a day, None: it is as long as the exchange's session.
WIDTHS_S: Final[dict[Interval, int | None]] = {"1m": MINUTE_S, "5m": 300, "15m": 900, "1h": 3600, "1d": None}
# What one page may cost: about a month of a busy instrument's minutes, read and joined in less than half a second.
MOST_MINUTES: Final = 50_000
_CHUNK: Final = 10_000
# No exchange's day is longer: one on which clocks are set back.
_LONGEST_DAY_S: Final = 25 * 3600

_READ: Final = (
    f"SELECT {', '.join(BAR)} FROM history_bar WHERE instrument = %s AND minute >= %s AND minute < %s "  # noqa: S608
    "ORDER BY minute LIMIT %s"
)
_VOLUME_BEFORE: Final = (
    "SELECT volume_last FROM history_bar WHERE instrument = %s AND minute >= %s AND minute < %s "
    "AND volume_last IS NOT NULL ORDER BY minute DESC LIMIT 1"
)


class Bar(msgspec.Struct, frozen=True, gc=False):
    """One bar. `starts_s` and `ends_s` are seconds since 1970 on the feed's clock, the last one of a session ending with it;
    `day` is the exchange's day, None outside of its sessions. `mid_*` are of quotes with two sides that do not cross,
    `last_*` of the last price as quoted, null where there was none. `volume` is what was traded, in contracts or shares,
    `implied_volatility` the last one, a fraction; `ticks` how many stored ticks are in it: none where it was imported."""

    starts_s: int
    ends_s: int
    day: dt.date | None
    mid_open: float | None
    mid_high: float | None
    mid_low: float | None
    mid_close: float | None
    last_open: float | None
    last_high: float | None
    last_low: float | None
    last_close: float | None
    volume: float | None
    implied_volatility: float | None
    ticks: int


class Page(msgspec.Struct, frozen=True):
    """Bars in order. Where more may follow, `next_start` is what to ask for as `start`; a page may even have none."""

    bars: list[Bar]
    next_start: int | None


def bars(database: Database, facts: InstrumentFacts, interval: Interval, start: int, stop: int, limit: int) -> Page:
    """The bars of an instrument that begin from `start` on and before `stop`, seconds since 1970 on the feed's clock: the
    first `limit` of them, or fewer where these would take more than MOST_MINUTES one-minute bars. A bar without a quote and
    without a trade does not exist. What lies outside of the exchange's sessions is in one-minute bars only.

    Raises HistoryDownError.
    """
    days = calendar(facts)
    reader = _Reader(database, facts.id, days, -(-start // MINUTE_S), -(-stop // MINUTE_S))
    if interval == "1m":
        return _as_stored(reader, days, limit)
    return _put_together(reader, days, WIDTHS_S[interval], start, stop, limit)
