"""When a market trades: the sessions of an exchange's days. `bar_queries` aligns its bars to them; which kind of trading
days a feed has stands in the feeds' registry.

A market that never closes has one session a day, from one day's beginning to the next one's. The American options exchanges
trade from 9:30 to 16:00 in New York, those options that Cboe lists as late to 16:15, on half days to 13:00 and 13:15, and
not on the holidays of the New York Stock Exchange. Their sessions outside of these hours are not told apart: what is
quoted there belongs to no session.
"""

import datetime as dt
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import holidays
from holidays.constants import HALF_DAY, PUBLIC

from ..facts import InstrumentFacts
from ..feeds.base import MIDNIGHT
from ..feeds.registry import TRADING_DAYS

NEW_YORK: Final = ZoneInfo("America/New_York")
_MIDNIGHT: Final = dt.time(tzinfo=NEW_YORK)
_OPEN: Final = dt.time(9, 30, tzinfo=NEW_YORK)
_CLOSE: Final = dt.time(16, tzinfo=NEW_YORK)
_EARLY_CLOSE: Final = dt.time(13, tzinfo=NEW_YORK)
_LATE_S: Final = 15 * 60
_SATURDAY: Final = 5

# Underlyings whose options trade a quarter of an hour longer: indices, and funds and notes on them. Cboe keeps the list
# (its page "Hours and holidays"); of what is on it, this is what still trades.
_LATE: Final = """
DJX MRUT NDX OEX RUT SPX VIX XEO XND XSP
DBA DBB DBC DBO DBS DIA EEM EFA FXI IWM IWN IWO IWV IYR KBE KRE LQD MDY MOO OEF QQQ SLX SPY SVXY TLT UNG UUP UVIX UVXY
VIXM VIXY VXX VXZ XHB XLB XLE XLF XLI XLK XLP XLU XLV XLY XME XRT
"""
LATE: Final = frozenset(_LATE.split())


class Session(NamedTuple):
    """One session: the exchange's day, and seconds since 1970 at which it opens and closes, on the feed's clock. The
    closing second is no longer in it."""

    day: dt.date
    opens_s: int
    closes_s: int


class Calendar(Protocol):
    """The trading days of one instrument's market."""

    def on(self, day: dt.date) -> Session | None:
        """The session of a day; None on a day without one."""

    def at(self, second: int) -> Session | None:
        """The session in which an instant lies; None between two."""

    def day_begins(self, second: int) -> int:
        """When the volumes that a venue counts by the session began to be counted from nothing, as seen from an instant."""


class AroundTheClock:
    """A market that never closes. `begins` is when its days do, a time of day with its zone; a day has the date on which
    it began."""

    def __init__(self, begins: dt.time) -> None:
        self._begins = begins
        self._last = Session(dt.date.min, 0, 0)

    def on(self, day: dt.date) -> Session:
        return Session(day, self._beginning(day), self._beginning(day + dt.timedelta(days=1)))

    def at(self, second: int) -> Session:
        last = self._last
        if last.opens_s <= second < last.closes_s:
            return last
        day = dt.datetime.fromtimestamp(second, self._begins.tzinfo or dt.UTC).date()
        if second < self._beginning(day):
            day -= dt.timedelta(days=1)
        found = self._last = self.on(day)
        return found

    def day_begins(self, second: int) -> int:
        return self.at(second).opens_s

    def _beginning(self, day: dt.date) -> int:
        return round(dt.datetime.combine(day, self._begins).timestamp())


class UsOptions:
    """The American options exchanges, or the stock exchanges, which have the same hours. `late`: to a quarter past."""

    def __init__(self, late: bool) -> None:
        self._late_s = _LATE_S if late else 0
        # The calendar day looked at last: most questions are about the same one.
        self._midnights = (0, 0)
        self._session: Session | None = None

    def on(self, day: dt.date) -> Session | None:
        if day.weekday() >= _SATURDAY or day in _exchange_days(day.year, PUBLIC):
            return None
        close = _EARLY_CLOSE if day in _exchange_days(day.year, HALF_DAY) else _CLOSE
        return Session(day, _instant(day, _OPEN), _instant(day, close) + self._late_s)

    def at(self, second: int) -> Session | None:
        self._look_at(second)
        session = self._session
        return session if session is not None and session.opens_s <= second < session.closes_s else None

    def day_begins(self, second: int) -> int:
        self._look_at(second)
        return self._midnights[0]

    def _look_at(self, second: int) -> None:
        if self._midnights[0] <= second < self._midnights[1]:
            return
        day = dt.datetime.fromtimestamp(second, NEW_YORK).date()
        self._midnights = _instant(day, _MIDNIGHT), _instant(day + dt.timedelta(days=1), _MIDNIGHT)
        self._session = self.on(day)


def calendar(facts: InstrumentFacts) -> Calendar:
    """The trading days of the market on which an instrument trades. Not to be shared between threads."""
    trading = TRADING_DAYS.get(facts.feed, MIDNIGHT)
    if isinstance(trading, dt.time):
        return AroundTheClock(trading)
    return UsOptions(late=facts.kind == "option" and facts.underlying in LATE)


def sessions(facts: InstrumentFacts, first_day: dt.date, last_day: dt.date) -> list[Session]:
    """The sessions of the exchange's days from `first_day` to `last_day`, both included, in order."""
    on = calendar(facts).on
    return [session for day in _days(first_day, last_day) if (session := on(day)) is not None]


def _days(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    for number in range((last - first).days + 1):
        yield first + dt.timedelta(days=number)


def _instant(day: dt.date, time: dt.time) -> int:
    return round(dt.datetime.combine(day, time).timestamp())


@cache
def _exchange_days(year: int, category: str) -> frozenset[dt.date]:
    """The exchange's holidays or half days of a year, in one go: the package's own object is not for several threads."""
    return frozenset(holidays.financial_holidays("NYSE", years=year, categories=(category,)))
