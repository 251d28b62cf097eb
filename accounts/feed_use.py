"""Who saw data of which feed in which month: written at the first use of each, and remembered by the process, so that it
costs one query a user, feed and month. REST notes as it answers; the stream's hub notes for its sockets, off their path.
"""

import datetime as dt
import logging
from collections.abc import Collection
from typing import Final, NamedTuple

from django.db import DatabaseError

from .models import FeedUse

logger = logging.getLogger(__name__)

# (user, feed) of the month that are known to be written. Beyond so many the process forgets, and asks again.
MOST: Final = 200_000
_known: set[tuple[int, str]] = set()
_month: dt.date | None = None


def month_of(at: dt.datetime) -> dt.date:
    """The first day of the month, UTC."""
    return at.astimezone(dt.UTC).date().replace(day=1)


def this_month() -> dt.date:
    return month_of(dt.datetime.now(dt.UTC))


def unknown(user_id: int, feeds: Collection[str]) -> list[str]:
    """Those of `feeds` whose use by the user is not known to be written for this month. Asks no database."""
    global _month  # one memory a process
    month = this_month()
    if month != _month or len(_known) > MOST:
        _known.clear()
        _month = month
    return [feed for feed in dict.fromkeys(feeds) if (user_id, feed) not in _known]


class Use(NamedTuple):
    user_id: int
    username: str
    feed: str


def note(user_id: int, username: str, feeds: Collection[str]) -> bool:
    """Writes what is not known to be written. Never raises for the database: False where that failed, and the next use is
    noted in its place."""
    return note_all([Use(user_id, username, feed) for feed in unknown(user_id, feeds)])


def note_all(uses: Collection[Use]) -> bool:
    """The same of many, known or not. One query, or none where there are none."""
    if not uses:
        return True
    month = this_month()
    rows = [FeedUse(user=one.user_id, username=one.username, feed=one.feed, month=month) for one in uses]
    try:
        FeedUse.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
    except DatabaseError as error:
        logger.warning("that feeds are used could not be written, of %d users: %s", len(uses), error)
        return False
    _known.update((one.user_id, one.feed) for one in uses)
    return True


def forget() -> None:
    """As a new process would begin."""
    _known.clear()
