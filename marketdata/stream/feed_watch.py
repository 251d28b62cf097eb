"""How the feeds are, as this process sees them: from their beacons, and from their absence."""

import time
from typing import Any, Final

import msgspec

from ..bus.beacon import Beacon, Health

# A beacon comes each second; with two of them missing and a little more, the feed's leader is not heard.
MISSING_S: Final = 2.2
_decode = msgspec.json.Decoder(Beacon).decode


class FeedState:
    """The newest beacon of one feed, when it came, and what was last said of it to clients."""

    __slots__ = ("beacon", "heard", "said", "stopped_ms")

    def __init__(self, beacon: Beacon, heard: float) -> None:
        self.beacon = beacon
        self.heard = heard
        self.said: Health | None = None


class FeedWatch:
    """Times are `time.monotonic()`, passed in. `connected` is whether this process hears Redis at all."""

    def __init__(self) -> None:
        self.states: dict[str, FeedState] = {}

    def take(self, payload: bytes, now: float) -> tuple[str, str | None]:
        """A beacon that came: (feed, why last values should be read again, or None). Raises msgspec.DecodeError."""
        beacon = _decode(payload)
        state = self.states.get(beacon.feed)
        if state is None:
            self.states[beacon.feed] = FeedState(beacon, now)
            return beacon.feed, "a feed is heard for the first time"
        before, silence = state.beacon, now - state.heard
        if beacon.term < before.term:
            return beacon.feed, None  # a deposed leader's last word
        state.beacon, state.heard = beacon, now
        if beacon.term != before.term:
            return beacon.feed, f"term {beacon.term} began"
        if beacon.n != before.n + 1:
            return beacon.feed, f"beacon {beacon.n} came after {before.n}"
        return beacon.feed, f"no beacon for {silence:.1f} s" if silence > MISSING_S else None

    def health(self, feed: str, now: float, connected: bool) -> tuple[Health, str | None, int | None]:
        """(health, reason, ms since the feed said anything) of a feed."""
        state = self.states.get(feed)
        if state is None:
            return "down", "nothing has been heard of this feed", None
        beacon, silence = state.beacon, now - state.heard
        age = None if beacon.age_ms is None else beacon.age_ms + round(silence * 1000)
        if not connected:
            return "down", "this server has lost its connection to Redis", age
        if silence > MISSING_S:
            return "down", f"the feed's ingest has not been heard for {silence:.0f} s", age
        return beacon.health, beacon.reason, age

    def changed(self, now: float, connected: bool) -> list[str]:
        """Feeds whose health differs from what was last said, which is hereby said."""
        feeds = []
        for feed, state in self.states.items():
            health, _, _ = self.health(feed, now, connected)
            if state.said != health:
                state.said = health
                feeds.append(feed)
        return feeds

    def status(self, feed: str, now: float, connected: bool) -> dict[str, Any]:
        """The feed as `status` and `welcome` carry it. `clock_offset_ms` is the feed's clock minus ours at `time_ms`."""
        health, reason, age = self.health(feed, now, connected)
        state = self.states.get(feed)
        wall = time.time() * 1000
        offset, rate, kind, opens = 0.0, 1.0, None, None
        if state is not None:
            beacon = state.beacon
            rate, kind, opens = beacon.clock_rate, beacon.kind, beacon.opens_ms
            offset = beacon.clock_offset_ms + (wall - beacon.clock_at_ms) * (rate - 1)
        return {
            "feed": feed,
            "kind": kind,
            "health": health,
            "age_ms": age,
            "reason": reason,
            "opens_ms": opens,
            "clock_offset_ms": round(offset, 3),
            "clock_rate": rate,
            "time_ms": round(wall),
        }
