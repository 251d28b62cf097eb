"""Who was entitled to a feed and who used it in a month: the report that data agreements ask for. `manage.py report_users`
and the admin give it.
"""

import datetime as dt
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from django.conf import settings

from marketdata.feeds.registry import FEEDS
from marketdata.rest.formats.csv import CSV
from marketdata.rest.formats.table import Column, Table

from . import feed_use
from .models import FeedGrant, FeedUse, User

_MONTH: Final = re.compile(r"(\d{4})-(\d{2})\Z")
COLUMNS: Final = (
    Column("month", "text", "YYYY-MM, UTC."),
    Column("feed", "text", "The feed."),
    Column("user", "whole", "The user's id."),
    Column("username", "text", "The user's name; of a user who is gone, as it was."),
    Column("entitled", "truth", "Whether the user may see any of the feed as the report is made."),
    Column("used", "truth", "Whether data of the feed were shown to the user in the month."),
    Column("first_used_at", "time", "When that was first so; RFC 3339 in UTC."),
)


class Line(NamedTuple):
    feed: str
    user: int
    username: str
    entitled: bool
    first_used_at: dt.datetime | None


def month_of(text: str) -> dt.date:
    """The first day of `YYYY-MM`; of this month where it is empty. Raises ValueError saying what would be legal."""
    if not text:
        return feed_use.this_month()
    match = _MONTH.match(text)
    try:
        return dt.date(int(match[1]), int(match[2]), 1) if match else dt.date(0, 0, 0)
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is not a month: write YYYY-MM, such as 2026-11") from error


def feeds() -> list[str]:
    """Those that a report may be about: that there are, are open, granted or were used."""
    granted = FeedGrant.objects.order_by().values_list("feed", flat=True).distinct()
    used = FeedUse.objects.order_by().values_list("feed", flat=True).distinct()
    return sorted({*FEEDS, *settings.OPEN_FEEDS, *granted, *used})


def lines(month: dt.date, of: Iterable[str]) -> list[Line]:
    """By feed and name: every active user who is entitled to it now, and everybody who used it in the month."""
    wanted = set(of)
    used = {
        (feed, user): (name, first_at)
        for feed, user, name, first_at in FeedUse.objects.filter(month=month, feed__in=wanted).values_list(
            "feed", "user", "username", "first_at"
        )
    }
    active = User.objects.filter(is_active=True)
    names = dict(active.values_list("pk", "username"))
    superusers = set(active.filter(is_superuser=True).values_list("pk", flat=True))
    entitled = {(feed, user) for feed in wanted for user in superusers}
    entitled |= {(feed, user) for feed in wanted.intersection(settings.OPEN_FEEDS) for user in names}
    memberships = User.groups.through.objects.filter(user__is_active=True, group__feed_grants__feed__in=wanted)
    entitled |= set(memberships.values_list("group__feed_grants__feed", "user_id"))
    found = []
    for feed, user in entitled | used.keys():
        name, first_at = used.get((feed, user), ("", None))
        found.append(Line(feed, user, names.get(user) or name, (feed, user) in entitled, first_at))
    return sorted(found, key=lambda line: (line.feed, line.username, line.user))


def as_csv(month: dt.date, report: Iterable[Line]) -> bytes:
    """With a header; text that a spreadsheet would take for a formula has an apostrophe before it."""
    rows = [
        (
            f"{month:%Y-%m}",
            line.feed,
            line.user,
            line.username,
            line.entitled,
            line.first_used_at is not None,
            None if line.first_used_at is None else round(line.first_used_at.timestamp() * 1_000_000),
        )
        for line in report
    ]
    return b"".join(CSV().blocks(Table(COLUMNS, rows)))


def as_text(month: dt.date, of: Iterable[str], report: Iterable[Line]) -> str:
    """Counts by feed, and below each who used it."""
    by_feed: dict[str, list[Line]] = {feed: [] for feed in sorted(of)}
    for line in report:
        by_feed[line.feed].append(line)
    width = max(map(len, by_feed), default=4)
    text = [f"{month:%Y-%m}, UTC", f"{'feed':{width}}  {'entitled now':>12}  {'used':>6}"]
    for feed, those in by_feed.items():
        used = [line for line in those if line.first_used_at is not None]
        text.append(f"{feed:{width}}  {sum(line.entitled for line in those):>12,}  {len(used):>6,}")
        for line in used:
            since = "" if line.entitled else ", not entitled any more"
            text.append(f"{'':{width}}    {line.username} first {line.first_used_at:%Y-%m-%d %H:%M}{since}")
    return "\n".join(text)
