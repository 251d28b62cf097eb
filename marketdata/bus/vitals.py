"""What a leader says of its work each second, for the administrator's feed page. The beacon carries what every client
needs; this carries the rest.
"""

from collections.abc import Sequence

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


class ShareVitals(msgspec.Struct, frozen=True):
    """Who leads a share of a split feed, in short; `term` is 0 where nobody is heard."""

    share: int
    term: int = 0
    host: str = ""
    pid: int = 0
    since_ms: float = 0
    standbys: int = 0
    quotes_per_second: float = 0
    covered: int = 0


class Vitals(msgspec.Struct, frozen=True):
    """`venue_to_ingest` is received minus venue time, which clocks that differ falsify; `ingest_to_redis` from received to
    acknowledged. `covered` of `listed` instruments are covered, `withheld` of these switched off. `notices` are sentences
    on what is not as it should be, and does not pass by itself. A share's own say which it is, as in its beacon; those of
    the whole feed, `merged` from them, have all in `parts`."""

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
    share: int = 1
    shares: int = 1
    parts: list[ShareVitals] = []


def merged(vitals: Sequence[Vitals | None]) -> Vitals | None:
    """A split feed as one, from the vitals of all its shares in their order: sums, and where there is no sum the worst.
    None stands for a share whose leader is not heard; None is returned where no leader is."""
    heard = [one for one in vitals if one is not None]
    if not heard:
        return None
    if len(vitals) == 1:
        return heard[0]
    newest = max(heard, key=lambda one: one.term)
    return msgspec.structs.replace(
        newest,
        share=1,
        at_ms=min(one.at_ms for one in heard),
        # The share that has fewest: one standby may stand by for all.
        standbys=min(0 if one is None else one.standbys for one in vitals),
        quotes_per_second=round(sum(one.quotes_per_second for one in heard), 1),
        accepted=sum(one.accepted for one in heard),
        flushes=sum(one.flushes for one in heard),
        merged=sum(one.merged for one in heard),
        waiting=sum(one.waiting for one in heard),
        silence_ms=max((one.silence_ms for one in heard if one.silence_ms is not None), default=None),
        venue_to_ingest=_worst([one.venue_to_ingest for one in heard]),
        ingest_to_redis=_worst([one.ingest_to_redis for one in heard]),
        listed=sum(one.listed for one in heard),
        covered=sum(one.covered for one in heard),
        withheld=sum(one.withheld for one in heard),
        listed_at_ms=min((one.listed_at_ms for one in heard if one.listed_at_ms is not None), default=None),
        connections=[
            msgspec.structs.replace(connection, name=f"share {one.share}: {connection.name}")
            for one in heard
            for connection in one.connections
        ],
        complaints=[complaint for one in heard for complaint in one.complaints],
        notices=[f"share {one.share} of {one.shares}: {notice}" for one in heard for notice in one.notices],
        parts=[_part(place, one) for place, one in enumerate(vitals, 1)],
    )


def _part(share: int, one: Vitals | None) -> ShareVitals:
    if one is None:
        return ShareVitals(share)
    return ShareVitals(
        share, one.term, one.host, one.pid, one.since_ms, one.standbys, one.quotes_per_second, one.covered
    )


def _worst(hops: Sequence[Hop]) -> Hop:
    return Hop(
        max((hop.median for hop in hops if hop.median is not None), default=None),
        max((hop.most for hop in hops if hop.most is not None), default=None),
    )
