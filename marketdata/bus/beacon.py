"""What a feed's leader says each second: that it lives, how the feed is, and which clock it runs on."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

Health = Literal["ok", "closed", "taking_over", "stale", "down"]


class Beacon(msgspec.Struct, frozen=True):
    """`n` counts the beacons of a term without holes, `flushes` the flushes of the process. `age_ms` is the time since the
    feed last said anything. `clock_*` are those of `feeds.base.FeedClock`. `lag_ms` is received minus venue time. Of a
    split feed each share has its own: `share` is its number, from 1, `shares` how many there are."""

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
    share: int = 1
    shares: int = 1


# From well to ill.
ORDER: Final[tuple[Health, ...]] = ("ok", "closed", "stale", "taking_over", "down")


def merged(beacons: Sequence[Beacon | None]) -> Beacon | None:
    """A split feed as one, from the beacons of all its shares in their order: as ill as the worst of them, which its reason
    names. None stands for a share that is not heard; None is returned where no share is. Terms and counts are of no
    meaning."""
    heard = [beacon for beacon in beacons if beacon is not None]
    if not heard:
        return None
    if len(beacons) == 1:
        return heard[0]
    worst = worst_of([(beacon.health, beacon.reason) if beacon is not None else UNHEARD for beacon in beacons])
    newest = max(heard, key=lambda beacon: beacon.clock_at_ms)
    return msgspec.structs.replace(
        newest,
        health=worst[0],
        reason=worst[1],
        share=1,
        flushes=sum(beacon.flushes for beacon in heard),
        age_ms=max((beacon.age_ms for beacon in heard if beacon.age_ms is not None), default=None),
        opens_ms=min((beacon.opens_ms for beacon in heard if beacon.opens_ms is not None), default=None),
        quotes_per_second=round(sum(beacon.quotes_per_second for beacon in heard), 1),
        lag_ms=max((beacon.lag_ms for beacon in heard if beacon.lag_ms is not None), default=None),
        accepted=sum(beacon.accepted for beacon in heard),
        catalogue=max(beacon.catalogue for beacon in heard),
    )


UNHEARD: Final[tuple[Health, str | None]] = ("down", "its ingest is not heard")


def worst_of(states: Sequence[tuple[Health, str | None]]) -> tuple[Health, str | None]:
    """Of the shares' healths with their reasons, in their order: the worst, and where there is more than one share, a
    reason that names the first that is so ill."""
    place = max(range(len(states)), key=lambda place: (ORDER.index(states[place][0]), -place))
    health, reason = states[place]
    if reason is None or len(states) == 1:
        return health, reason
    return health, f"share {place + 1} of {len(states)}: {reason}"
