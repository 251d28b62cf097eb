"""What a feed's leader says of its work each second, for the administrator's feed page. The beacon carries what every
client needs; this carries the rest.
"""

import msgspec

from ..feeds.base import ConnectionState, FeedLimits

KEPT_S = 10


class Complaint(msgspec.Struct, frozen=True):
    """Messages that were remarked on for one reason: how many since the leader began, and the last one's text."""

    reason: str
    count: int
    text: str
    at_ms: float


class Hop(msgspec.Struct, frozen=True):
    """Milliseconds of one hop over the last second: median and most; None where nothing took it."""

    median: float | None = None
    most: float | None = None


class Vitals(msgspec.Struct, frozen=True):
    """`venue_to_ingest` is received minus venue time, which clocks that differ falsify; `ingest_to_redis` from received to
    acknowledged. `covered` of `listed` instruments are covered, `withheld` of these switched off. `notices` are sentences
    on what is not as it should be, and does not pass by itself."""

    feed: str
    term: int
    leader: str
    host: str
    pid: int
    since_ms: float
    at_ms: float
    standbys: int
    quotes_per_second: float
    accepted: int
    flushes: int
    merged: int
    waiting: int
    silence_ms: int | None
    venue_to_ingest: Hop
    ingest_to_redis: Hop
    listed: int
    covered: int
    withheld: int
    listed_at_ms: float | None
    limits: FeedLimits
    connections: list[ConnectionState]
    complaints: list[Complaint]
    notices: list[str]
