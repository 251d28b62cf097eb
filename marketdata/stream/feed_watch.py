"""How the feeds are, as this process sees them: from their leaders' beacons, and from their absence."""

import time
from typing import Any, Final

import msgspec

from ..bus import beacon as beacons
from ..bus.beacon import Beacon, Health

# A beacon comes each second; with two of them missing and a little more, the leader is not heard.
MISSING_S: Final = 2.2
_decode = msgspec.json.Decoder(Beacon).decode


class ShareState:
    """The newest beacon of one leader, and when it came."""

    __slots__ = ("beacon", "heard")

    def __init__(self, beacon: Beacon, heard: float) -> None:
        self.beacon = beacon
        self.heard = heard


class FeedState:
    """The newest beacons of one feed by the number of their share, in how many it is split and since when, and what was
    last said of it to clients. A feed that is not split is one share of one."""

    __slots__ = ("catalogue", "of", "said", "shares", "since")

    def __init__(self, beacon: Beacon, heard: float) -> None:
        self.shares = {beacon.share: ShareState(beacon, heard)}
        self.of = beacon.shares
        self.since = heard
        self.catalogue = beacon.catalogue
        self.said: tuple[Health, str] | None = None

    @property
    def newest(self) -> Beacon:
        """What was heard last, of any share: kind and clock are the same of all."""
        return max(self.shares.values(), key=lambda share: share.heard).beacon

    @property
    def term(self) -> int:
        return max(share.beacon.term for share in self.shares.values())


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
        if beacon.shares != state.of:
            if beacon.term <= state.term:
                return beacon.feed, None  # the last word of a leader from before the feed was split anew
            said, state = state.said, FeedState(beacon, now)
            self.states[beacon.feed], state.said = state, said
            return beacon.feed, f"it has {beacon.shares} leaders now"
        state.catalogue = max(state.catalogue, beacon.catalogue)
        share = state.shares.get(beacon.share)
        if share is None:
            state.shares[beacon.share] = ShareState(beacon, now)
            return beacon.feed, f"share {beacon.share} is heard for the first time"
        before, silence = share.beacon, now - share.heard
        if beacon.term < before.term:
            return beacon.feed, None  # a deposed leader's last word
        share.beacon, share.heard = beacon, now
        if beacon.term != before.term:
            return beacon.feed, f"term {beacon.term} began"
        if beacon.n != before.n + 1:
            return beacon.feed, f"beacon {beacon.n} came after {before.n}"
        return beacon.feed, f"no beacon for {silence:.1f} s" if silence > MISSING_S else None

    def health(self, feed: str, now: float, connected: bool) -> tuple[Health, str | None, int | None]:
        """(health, reason, ms since the feed said anything) of a feed: those of the share that is worst, and the longest
        silence of any."""
        state = self.states.get(feed)
        if state is None:
            return "down", "nothing has been heard of this feed", None
        found = [_health(state, number, now) for number in range(1, state.of + 1)]
        age = max((age for _, _, age in found if age is not None), default=None)
        if not connected:
            return "down", "this server has lost its connection to Redis", age
        return *beacons.worst_of([(health, reason) for health, reason, _ in found]), age

    def changed(self, now: float, connected: bool) -> list[str]:
        """Feeds whose health differs from what was last said, or is another share's, which is hereby said."""
        feeds = []
        for feed, state in self.states.items():
            health, reason, _ = self.health(feed, now, connected)
            saying = health, (reason or "").partition(":")[0] if state.of > 1 else ""
            if state.said != saying:
                state.said = saying
                feeds.append(feed)
        return feeds

    def status(self, feed: str, now: float, connected: bool) -> dict[str, Any]:
        """The feed as `status` and `welcome` carry it. `clock_offset_ms` is the feed's clock minus ours at `time_ms`."""
        health, reason, age = self.health(feed, now, connected)
        state = self.states.get(feed)
        wall = time.time() * 1000
        offset, rate, kind, opens = 0.0, 1.0, None, None
        if state is not None:
            beacon = state.newest
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


def _health(state: FeedState, number: int, now: float) -> tuple[Health, str | None, int | None]:
    """The same of one share."""
    share = state.shares.get(number)
    if share is None:
        # All begin within moments of each other, or this process does.
        if now - state.since <= MISSING_S:
            return "taking_over", None, None
        return *beacons.UNHEARD, None
    beacon, silence = share.beacon, now - share.heard
    age = None if beacon.age_ms is None else beacon.age_ms + round(silence * 1000)
    if silence > MISSING_S:
        who = "the feed's ingest" if state.of == 1 else "its ingest"
        return "down", f"{who} has not been heard for {silence:.0f} s", age
    return beacon.health, beacon.reason, age
