"""Bars of one instrument out of the history database: one-minute bars as they stand there, and longer ones, put together
from them along the exchange's sessions. `rest` asks it.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple, get_args

import msgspec

from ..facts import InstrumentFacts
from . import bars as minutes
from .columns import BAR, BAR_PRICES
from .database import Database
from .sessions import Calendar, calendar

Interval = Literal["1m", "5m", "15m", "1h", "1d"]
INTERVALS: Final[tuple[Interval, ...]] = get_args(Interval)
# A day is as long as the exchange's session, at most that on which clocks are set back.
WIDTHS_S: Final[dict[Interval, int]] = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "1d": 25 * 3600}
# What one page may cost: a month of a busy instrument's minutes.
MOST_MINUTES: Final = 50_000
_CHUNK: Final = 10_000
_MINUTE, _TICKS, _FIRST, _LAST, _GAIN, _TRADED, _IV = (
    BAR.index(name)
    for name in (
        "minute",
        "ticks",
        "volume_first",
        "volume_last",
        "volume_gain",
        "trade_volume",
        "implied_volatility",
    )
)
_PRICES: Final = slice(BAR.index(BAR_PRICES[0]), BAR.index(BAR_PRICES[0]) + len(BAR_PRICES))
_END: Final = 2**31 - 1  # of what the table's columns hold

_READ: Final = (
    f"SELECT {', '.join(BAR)} FROM history_bar WHERE instrument = %s AND minute >= %s AND minute < %s "
    "ORDER BY minute LIMIT %s"
)
_VOLUME_BEFORE: Final = (
    "SELECT minute, volume_last FROM history_bar WHERE instrument = %s AND minute >= %s AND minute < %s "
    "AND volume_last IS NOT NULL ORDER BY minute DESC LIMIT 1"
)


class Bar(msgspec.Struct, frozen=True, gc=False):
    """One bar. `starts_s` and `ends_s` are seconds since 1970 on the feed's clock; the last bar of a session ends with it.
    `day` is the exchange's day, None outside of its sessions. `mid_*` are of quotes with two sides that do not cross,
    `last_*` of the last price as quoted, None where there was none. `volume` is what was traded, in contracts or shares,
    `implied_volatility` the last one, a fraction. `ticks` counts what was stored of it: 0 where the bar was imported."""

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
    """Bars in order. Where more may follow, `next_start` is the `start` to ask for next; a page may have none and go on."""

    bars: list[Bar]
    next_start: int | None


def bars(database: Database, facts: InstrumentFacts, interval: Interval, start: int, stop: int, limit: int) -> Page:
    """The bars of an instrument that begin from `start` on and before `stop`, seconds since 1970 on the feed's clock: the
    first `limit` of them, or fewer where these would take more than MOST_MINUTES one-minute bars.

    There is no bar where there was neither a quote nor a trade. What lies outside of the exchange's sessions is in
    one-minute bars only. Raises HistoryDownError.
    """
    buckets = _Buckets(calendar(facts), interval)
    first, last = buckets.bounds(max(start, 0), min(stop, _END))
    most = min(limit * (WIDTHS_S[interval] // 60), MOST_MINUTES)
    volumes = _SessionVolumes(database, facts.id, buckets.days)
    if interval == "1m":
        return _as_stored(_rows(database, facts.id, first, last, most + 1), buckets, volumes, most)
    made: list[Bar] = []
    bucket: _Bucket | None = None
    current: minutes.Bar | None = None
    before: float | None = None
    for read, row in enumerate(_rows(database, facts.id, first, last, most + 1)):
        second = row[_MINUTE] * 60
        if bucket is None or second >= bucket.ends_s:
            if bucket is not None and current is not None:
                made.append(_bar(bucket, current, before))
            bucket, current = buckets.at(second), None
            if read == most or len(made) == limit:
                return Page(made, bucket.starts_s if bucket is not None else second)
            if bucket is not None:
                before = volumes.before(bucket.starts_s)
        elif read == most:
            return Page(made, bucket.starts_s)
        minute = minutes.Bar(*row)
        if minute.volume_last is not None:
            volumes.saw(second, minute.volume_last)
        if bucket is not None:
            current = minute if current is None else minutes.joined(current, minute)
    if bucket is not None and current is not None:
        made.append(_bar(bucket, current, before))
    return Page(made, None)


def _as_stored(rows: Iterator[tuple[Any, ...]], buckets: "_Buckets", volumes: "_SessionVolumes", limit: int) -> Page:
    """One-minute bars, which need no putting together: a day of them is what a chart asks for, so nothing is done twice."""
    made: list[Bar] = []
    ends = 0
    day: dt.date | None = None
    before: float | None = None
    for row in rows:
        second = row[_MINUTE] * 60
        if len(made) == limit:
            return Page(made, second)
        if second >= ends:
            session = buckets.days.at(second)
            ends, day = (second + 60, None) if session is None else (session.closes_s, session.day)
            before = volumes.before(second)
        volume = minutes.volume_of(row[_TRADED], row[_GAIN], row[_FIRST], before)
        values = (second, second + 60, day, *row[_PRICES], volume, row[_IV], row[_TICKS])
        made.append(Bar(*values))
        if row[_LAST] is not None:
            before = row[_LAST]
            volumes.saw(second, before)
    return Page(made, None)


class _Bucket(NamedTuple):
    starts_s: int
    ends_s: int
    day: dt.date | None


class _Buckets:
    """Where the bars of an interval begin and end."""

    def __init__(self, days: Calendar, interval: Interval) -> None:
        self.days = days
        self._interval = interval
        self._width_s = WIDTHS_S[interval]

    def at(self, second: int) -> _Bucket | None:
        """The bar in which an instant lies; None where there can be none."""
        session = self.days.at(second)
        if session is None:
            minute = second // 60 * 60
            return _Bucket(minute, minute + 60, None) if self._interval == "1m" else None
        starts = session.opens_s + (second - session.opens_s) // self._width_s * self._width_s
        return _Bucket(starts, min(starts + self._width_s, session.closes_s), session.day)

    def bounds(self, start: int, stop: int) -> tuple[int, int]:
        """From which minute to before which minute the bars reach that begin from `start` on and before `stop`."""
        first = self.at(start)
        if first is not None and first.starts_s < start:
            start = first.ends_s
        last = self.at(stop - 1)
        if last is not None:
            stop = last.ends_s
        return -(-start // 60), -(-stop // 60)


class _SessionVolumes:
    """The session volume last known before a bar, within the day: what a venue counted yesterday says nothing of today."""

    def __init__(self, database: Database, instrument: int, days: Calendar) -> None:
        self._database = database
        self._instrument = instrument
        self._days = days
        self._known: tuple[int, float] | None = None
        self._is_known = False

    def saw(self, second: int, volume: float) -> None:
        self._known, self._is_known = (second, volume), True

    def before(self, second: int) -> float | None:
        begins = self._days.day_begins(second)
        if not self._is_known:
            found = self._database.rows(_VOLUME_BEFORE, (self._instrument, begins // 60, second // 60))
            self._known, self._is_known = ((found[0][0] * 60, found[0][1]) if found else None), True
        return self._known[1] if self._known is not None and self._known[0] >= begins else None


def _rows(database: Database, instrument: int, first: int, last: int, most: int) -> Iterator[tuple[Any, ...]]:
    """The one-minute bars of those minutes, at most so many, in order."""
    while first < last and most > 0:
        rows = database.rows(_READ, (instrument, first, last, min(most, _CHUNK)))
        yield from rows
        if len(rows) < min(most, _CHUNK):
            return
        most -= len(rows)
        first = rows[-1][_MINUTE] + 1


def _bar(bucket: _Bucket, bar: minutes.Bar, before: float | None) -> Bar:
    return Bar(
        bucket.starts_s,
        bucket.ends_s,
        bucket.day,
        bar.mid_open,
        bar.mid_high,
        bar.mid_low,
        bar.mid_close,
        bar.last_open,
        bar.last_high,
        bar.last_low,
        bar.last_close,
        minutes.volume(bar, before),
        bar.implied_volatility,
        bar.ticks,
    )
