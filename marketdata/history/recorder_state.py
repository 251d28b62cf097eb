"""What a recorder says of itself each second, in Redis and in its log: how far behind it is, what is wrong, and how long
the stream will last.
"""

import logging
import threading
import time
from collections import deque
from typing import Final

import msgspec
import redis

from ..bus import keys
from ..bus.history_reader import HistoryReader
from ..bus.recorder_vitals import RecorderHealth, RecorderVitals

logger = logging.getLogger(__name__)

EVERY_S: Final = 1.0
KEPT_S: Final = 5
# From so much of its cap on, the stream is in danger; its growth is measured over so many seconds.
NEAR: Final = 0.8
MEASURED_S: Final = 30
SAID_EVERY_S: Final = 10.0


class RecorderState:
    """Written by the recorder's thread, said by one of its own."""

    def __init__(self, reader: HistoryReader, status: "redis.Redis", cap: int) -> None:
        self.gaps = 0
        self._reader = reader
        self._status = status
        self._cap = cap
        self._stored = 0
        self._rejects = 0
        self._troubles: dict[str, str] = {}
        self._told: dict[str, float] = {}
        self._growth: deque[tuple[float, int]] = deque()
        self._rates: deque[tuple[float, int]] = deque()

    @property
    def total(self) -> int:
        """Rows stored by this recorder."""
        return self._stored

    def stored(self, rows: int) -> None:
        self._stored += rows

    def rejected(self, rows: int) -> None:
        self._rejects += rows

    def trouble(self, kind: str, text: str) -> None:
        """Something keeps rows from being stored. It is logged when it begins, and every ten seconds that it lasts."""
        self._troubles[kind] = text
        self._tell(kind, logging.WARNING, text)

    def clear(self, kind: str) -> None:
        if self._troubles.pop(kind, None) is not None:
            logger.info("the trouble with the %s is over", kind)
            self._told.pop(kind, None)

    def has_trouble(self, kind: str) -> bool:
        return kind in self._troubles

    def keep(self, stop: threading.Event) -> None:
        """Says it each second until `stop` is set."""
        while not stop.wait(EVERY_S):
            try:
                vitals = self.vitals()
                self._status.set(keys.recorder(self._reader.name), msgspec.json.encode(vitals), ex=KEPT_S)
                self._status.zadd(keys.recorders(), {self._reader.name: vitals.at_ms})
                self._status.zremrangebyscore(keys.recorders(), 0, vitals.at_ms - 60_000)
            except redis.RedisError:
                continue

    def vitals(self) -> RecorderVitals:
        """Raises redis.RedisError where the stream's server is away."""
        now = time.time()
        backlog = self._reader.backlog()
        self._growth.append((now, backlog.size))
        self._rates.append((now, self._stored))
        for measured in (self._growth, self._rates):
            while measured[0][0] < now - MEASURED_S:
                measured.popleft()
        behind = max(0, round(now * 1000) - backlog.oldest_ms) if backlog.oldest_ms is not None else 0
        left = self._seconds_left(backlog.size)
        reason = next(iter(self._troubles.values()), None)
        health: RecorderHealth = "down" if reason else "behind" if behind > 10_000 else "ok"
        if backlog.size > NEAR * self._cap:
            health = "near_cap"
            lasts = "it does not grow" if left is None else f"it is full in about {max(1, left // 60)} min"
            text = (
                f"the history stream holds {backlog.size / 1e6:,.0f} of {self._cap / 1e6:,.0f} MB and {lasts}; "
                "beyond, its oldest quotes are lost"
            )
            reason = f"{text} ({reason})" if reason else text
            self._tell("near_cap", logging.ERROR, text)
        (first, before), (last, after) = self._rates[0], self._rates[-1]
        return RecorderVitals(
            name=self._reader.name,
            health=health,
            reason=reason,
            at_ms=round(now * 1000),
            stored=self._stored,
            rows_per_second=round((after - before) / (last - first), 1) if last > first else 0.0,
            behind_ms=behind,
            stream_entries=backlog.entries,
            stream_bytes=backlog.size,
            stream_cap=self._cap,
            seconds_left=left,
            gaps=self.gaps,
            rejects=self._rejects,
        )

    def _seconds_left(self, size: int) -> int | None:
        (first, before), (last, after) = self._growth[0], self._growth[-1]
        if after <= before or last <= first:
            return None
        return round(max(0, self._cap - size) / ((after - before) / (last - first)))

    def _tell(self, kind: str, level: int, text: str) -> None:
        now = time.monotonic()
        if now - self._told.get(kind, -SAID_EVERY_S) >= SAID_EVERY_S:
            self._told[kind] = now
            logger.log(level, text)
