"""What an import lacks, as gaps: a file may begin in the middle of a leader's term, or leave out a day of it. The numbers
tell how much; it is recorded as what it is, so that readers see it and the rest can still be proved.
"""

from typing import Final

from ..models import Instrument
from .database import Database
from .verify import LISTED, Lost, Named, verify
from .writers.base import Gap, Writer

REASON: Final = "not_imported"
_MICROS: Final = 1_000_000
_ALL: Final = (946_684_800, 4_102_444_799)  # 2000 to 2100


def record_missing(database: Database, writer: Writer, feed: str) -> int:
    """Records anew what is missing of the feed's terms, and returns how many quotes that is. Reads all its ticks' numbers.
    Raises HistoryDownError."""
    _forget(database, feed)
    names = {pk: Named(feed, symbol) for pk, symbol in Instrument.objects.filter(feed=feed).values_list("pk", "symbol")}
    report = verify(database, names, feed=feed, with_bars=False, settle_s=0)
    missing = 0
    for term in report.terms:
        if term.lost:
            holes = [lost for lost in report.lost if lost.hole.term == term.term]
            start, stop = _ALL if len(report.lost) >= LISTED else _span(holes)
            writer.record_gap(Gap(feed, term.term, start * _MICROS, (stop + 1) * _MICROS - 1, term.lost, REASON))
            missing += term.lost
    return missing


def _span(holes: list[Lost]) -> tuple[int, int]:
    """From the first second in which something may be missing to the last."""
    begins = [lost.hole.before if lost.hole.after is None else lost.hole.after for lost in holes]
    return min(begins), max(lost.hole.before for lost in holes)


def _forget(database: Database, feed: str) -> None:
    """What an import before this one lacked, this one may have brought."""
    connection = database.connect()
    try:
        place = "%s" if database.vendor == "postgresql" else "?"
        connection.execute(f"DELETE FROM history_gap WHERE feed = {place} AND reason = {place}", (feed, REASON))
        connection.commit()
    finally:
        connection.close()
