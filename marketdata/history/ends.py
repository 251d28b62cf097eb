"""Whether all of a term is there that its leader published: what was accepted last and is not stored cannot be seen by a
hole, since nothing comes after it.
"""

from typing import Final

from ..bus.history_words import Ends
from ..rows import TERM
from .database import Database
from .writers import Writer
from .writers.base import Gap

LOST: Final = "lost_with_leader"
_PRUNED: Final = "SELECT up_to FROM history_pruned WHERE what = 'ticks' AND instrument = %s"


def gap_at_the_end(database: Database, writer: Writer, feed: str, term: int, ends: Ends) -> Gap | None:
    """What is missing at the end of a term, everything before having been stored; None where nothing is, or where nothing
    of the term is stored, since then it was not recorded. Raises HistoryDownError."""
    missing, known = 0, False
    begin_us, end_us = 0, 0
    for instrument, (seq, received_ms) in ends.items():
        newest = writer.newest(instrument, term)
        last, last_us = newest if newest is not None else (term * TERM, None)
        received_us = round(received_ms * 1000)
        if last < seq:
            # Retention may have taken it away. (The bar of its minute does not say: it may be of a later term by now.)
            mark = database.rows(_PRUNED, (instrument,))
            if mark and mark[0][0] >= seq:
                last, last_us = seq, received_us
        known = known or last_us is not None
        if last < seq:
            missing += seq - last
            begin_us = min(begin_us or received_us, last_us or received_us)
            end_us = max(end_us, received_us)
    return Gap(feed, term, begin_us, end_us, missing, LOST) if missing and known else None
