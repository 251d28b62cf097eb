"""The course of a day in few numbers: for many instruments at once, the last price of each stretch of a session. `rest`
asks it, for the small lines beside the rows of a list.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

from ..facts import InstrumentFacts
from .database import Database
from .sessions import Session, calendar

Price = Literal["mid", "last"]
# Holidays and weekends together are never as long.
_LOOK_BACK_DAYS: Final = 7
# As many points as a line of some sixty pixels can show: five minutes of a session of hours, a quarter of an hour of a day.
_SHORT_S: Final = 8 * 3600
SHORT_STEP_MINUTES: Final = 5
LONG_STEP_MINUTES: Final = 15

# The inner query reads the index alone; which minutes have a price is known only from the rows.
_CLOSES: Final = """
SELECT bar.instrument, bar.minute, bar.{price}_close FROM history_bar AS bar JOIN (
  SELECT instrument, max(minute) AS minute FROM history_bar
  WHERE instrument IN ({places}) AND minute >= %s AND minute < %s AND {price}_close IS NOT NULL
  GROUP BY instrument, (minute - %s) / %s
) AS newest ON newest.instrument = bar.instrument AND newest.minute = bar.minute
ORDER BY bar.instrument, bar.minute
"""


class Closes(NamedTuple):
    """`price` says which one `values` are: of the mid where there was any, else of the last price as quoted; None where
    there was neither. `minutes` are the ends of the stored minutes that `values` stood at, counted from the opening."""

    price: Price | None
    minutes: list[int]
    values: list[float]


class Day(NamedTuple):
    session: Session
    step_minutes: int


def day_of(facts: InstrumentFacts, now_s: float) -> Day | None:
    """The session that runs at that instant on the feed's clock, or ran last before it; None where there was none."""
    days = calendar(facts)
    session = days.at(int(now_s))
    if session is None:
        today = dt.datetime.fromtimestamp(now_s, dt.UTC).date() + dt.timedelta(days=1)  # of any zone
        back = (days.on(today - dt.timedelta(days=number)) for number in range(_LOOK_BACK_DAYS + 2))
        session = next((one for one in back if one is not None and one.opens_s <= now_s), None)
    if session is None:
        return None
    is_short = session.closes_s - session.opens_s <= _SHORT_S
    return Day(session, SHORT_STEP_MINUTES if is_short else LONG_STEP_MINUTES)


def closes(database: Database, days: Mapping[int, Day]) -> dict[int, Closes]:
    """For each instrument, by its day, the last price of each step; all that share a day in one query, or in two where some
    of them never had a mid. Raises HistoryDownError."""
    by_day: defaultdict[Day, list[int]] = defaultdict(list)
    for instrument, day in days.items():
        by_day[day].append(instrument)
    found: dict[int, Closes] = {}
    for day, instruments in by_day.items():
        found.update(_read(database, "mid", day, instruments))
        if without := [one for one in instruments if one not in found]:
            found.update(_read(database, "last", day, without))
    return {one: found.get(one, Closes(None, [], [])) for one in days}


def _read(database: Database, price: Price, day: Day, instruments: Iterable[int]) -> dict[int, Closes]:
    asked = list(instruments)
    opens, closes_at = day.session.opens_s // 60, -(-day.session.closes_s // 60)
    sql = _CLOSES.format(price=price, places=", ".join(["%s"] * len(asked)))
    found: dict[int, Closes] = {}
    for instrument, minute, value in database.rows(sql, (*asked, opens, closes_at, opens, day.step_minutes)):
        line = found.setdefault(instrument, Closes(price, [], []))
        line.minutes.append(minute - opens + 1)
        line.values.append(value)
    return found
