"""What a feed's leader says each second: that it lives, how the feed is, and which clock it runs on."""

from typing import Literal

import msgspec

Health = Literal["ok", "closed", "taking_over", "stale", "down"]


class Beacon(msgspec.Struct, frozen=True):
    """`n` counts the beacons of a term without holes, `flushes` the flushes of the process. `age_ms` is the time since the
    feed last said anything. `clock_*` are those of `feeds.base.FeedClock`. `lag_ms` is received minus venue time."""

    feed: str
    kind: str
    term: int
    n: int
    flushes: int
    health: Health
    age_ms: int | None = None
    reason: str | None = None
    opens_ms: int | None = None
    clock_at_ms: float = 0
    clock_offset_ms: float = 0
    clock_rate: float = 1
    quotes_per_second: float = 0
    lag_ms: float | None = None
    accepted: int = 0
    catalogue: int = 0
