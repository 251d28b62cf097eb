"""What a feed sends and ingest cannot use: counted by reason, and logged with its text, a few times a minute for each."""

import logging
import time
from collections import Counter
from typing import Final

logger = logging.getLogger(__name__)

LINES_A_MINUTE: Final = 5
TEXT: Final = 500
SHOWN: Final = 200
# Reasons kept apart; one more is counted under "other", so that a venue cannot fill our memory with invented ones.
REASONS: Final = 200


class Complaints:
    def __init__(self, feed: str) -> None:
        self.counts: Counter[str] = Counter()
        # The text of the newest one of each reason, cut, and when it came, ms since 1970.
        self.newest: dict[str, tuple[str, float]] = {}
        self._feed = feed
        self._minute = 0.0
        self._logged: Counter[str] = Counter()

    def add(self, reason: str, text: str) -> None:
        if reason not in self.counts and len(self.counts) >= REASONS:
            reason = "other"
        self.counts[reason] += 1
        self.newest[reason] = (text[:SHOWN], time.time() * 1000)
        now = time.monotonic()
        if now - self._minute >= 60:
            self._minute = now
            self._logged.clear()
        self._logged[reason] += 1
        if self._logged[reason] <= LINES_A_MINUTE:
            logger.warning("%s: passed over, %s: %s", self._feed, reason, text[:TEXT])
        elif self._logged[reason] == LINES_A_MINUTE + 1:
            logger.warning("%s: %s: more of these in this minute are only counted", self._feed, reason)
