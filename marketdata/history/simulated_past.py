"""The simulated market's past sessions, stored as bars when it is first seen: so that charts are full at first sight. The
market itself says what its past was (`feeds.simulated.past`); it is as invented as everything of that feed, and is shown
under the same label. After: bar_queries.
"""

import datetime as dt
import itertools
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from django.db import DatabaseError, connections
from django.utils import timezone

from ..feeds.base import PermanentFeedError
from ..feeds.simulated import market
from ..feeds.simulated.past import PastBars, past_bars
from ..feeds.simulated.universe import UNIVERSE
from ..ingest.options import options_of
from ..models import Instrument
from .database import Database
from .outage import HistoryDownError, outages

logger = logging.getLogger(__name__)

FEED: Final = "simulated"
# After that it is no first start any more: who prunes bars would get the oldest ones back with each start.
_FIRST: Final = dt.timedelta(days=1)
_SLICE: Final = 5_000  # rows in one transaction, as SQLite's recorder has them: others wait for 50 ms at most
_COLUMNS: Final = (
    "instrument",
    "minute",
    "ticks",
    *(f"{price}_{part}" for price in ("mid", "last") for part in ("open", "high", "low", "close")),
    "trade_volume",
    "implied_volatility",
)
_LOOK_EVERY_S: Final = 1.0
_LOOK_FOR_S: Final = 600.0


def fill(database: Database) -> int:
    """Stores the past of the simulated market where there is none yet, and says how many bars that made: 0 where it was
    done before, and while the feed has not listed its instruments for the first time.

    The past ends with the minute before that listing; whatever is quoted live comes after it. Done twice, or broken off and
    done again, it stores the same. Raises HistoryDownError, Django's DatabaseError, or PermanentFeedError where the feed's
    options make no market.
    """
    first = _first_listed()
    if first is None or first.created_at < timezone.now() - _FIRST:
        return 0
    opens_ms = first.created_at.timestamp() * 1000
    if _is_done(database, first.id, int(opens_ms // 60_000)):
        return 0
    began = time.monotonic()
    seed = market.build(options_of(FEED)).seed
    ids = dict(Instrument.objects.filter(feed=FEED).values_list("symbol", "id"))
    # The instrument by whose bars it is seen that all is done comes last: what was broken off is not taken for done.
    past = sorted(past_bars(UNIVERSE, seed, opens_ms), key=lambda one: one.symbol == first.symbol)
    rows = itertools.chain.from_iterable(_rows(ids[one.symbol], one) for one in past if one.symbol in ids)
    stored = 0
    connection = database.connect()
    try:
        with outages():
            while part := list(itertools.islice(rows, _SLICE)):
                _store(database, connection, part)
                stored += len(part)
    finally:
        connection.close()
    logger.info("stored %d bars of the simulated market's past in %.1f s", stored, time.monotonic() - began)
    return stored


def fill_in_background(database: Database, stop: threading.Event) -> threading.Thread:
    """Does so in a thread of its own as soon as the market is listed, trying again while a database is away; gives up after
    ten minutes, and when `stop` is set."""
    thread = threading.Thread(target=_fill_once, args=(database, stop), name="simulated past", daemon=True)
    thread.start()
    return thread


def _fill_once(database: Database, stop: threading.Event) -> None:
    ends = time.monotonic() + _LOOK_FOR_S
    try:
        while time.monotonic() < ends and not stop.is_set():
            try:
                if _first_listed() is not None:
                    fill(database)
                    return
            except (HistoryDownError, DatabaseError) as error:
                logger.warning("the simulated market's past is not stored yet: %s", error)
            stop.wait(_LOOK_EVERY_S)
    except PermanentFeedError as error:
        logger.warning("the simulated market has no past: %s", error)
    finally:
        # Of this thread alone, which nobody else ever uses.
        connections.close_all()


def _first_listed() -> Instrument | None:
    """An index of the market, once all of it is listed: when the market opens, by its leader or by those of its shares,
    each of which lists an underlying with its contracts all at once, and never again."""
    underlyings = Instrument.objects.filter(feed=FEED, symbol__in=[one.symbol for one in UNIVERSE]).order_by("id")
    listed = list(underlyings)
    if len(listed) < len(UNIVERSE):
        return None
    return next((one for one in listed if one.kind == Instrument.Kind.INDEX), None)


def _is_done(database: Database, instrument: int, before: int) -> bool:
    return bool(
        database.rows("SELECT 1 FROM history_bar WHERE instrument = %s AND minute < %s LIMIT 1", (instrument, before))
    )


def _rows(instrument: int, past: PastBars) -> Iterator[tuple[Any, ...]]:
    """In the order of `_COLUMNS`. No ticks stand behind these bars."""
    values = np.column_stack([past.mid, past.last, past.volume, past.implied_volatility])
    nullable = values.astype(object)
    nullable[np.isnan(values)] = None
    for minute, row in zip(past.minutes.tolist(), nullable.tolist(), strict=True):
        yield (instrument, minute, 0, *row)


def _store(database: Database, connection: Any, rows: list[tuple[Any, ...]]) -> None:
    """In one transaction; what is there already stays as it is."""
    names = ", ".join(_COLUMNS)
    if database.vendor == "sqlite":
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                f"INSERT OR IGNORE INTO history_bar ({names}) VALUES ({', '.join('?' * len(_COLUMNS))})", rows
            )
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise
        return
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS past_bar (LIKE history_bar) ON COMMIT DELETE ROWS")
        with cursor.copy(f"COPY past_bar ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(f"INSERT INTO history_bar ({names}) SELECT {names} FROM past_bar ON CONFLICT DO NOTHING")
