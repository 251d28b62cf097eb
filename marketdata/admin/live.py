"""What Redis knows of a feed at this moment, for the admin's views, which block. Where Redis is away nothing is known, and
nothing fails.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import msgspec
import redis
from django.conf import settings

from ..bus import held, keys, last_values
from ..bus.beacon import Beacon
from ..bus.blocking import TIMEOUTS, open_client
from ..bus.vitals import Vitals
from ..facts import InstrumentFacts
from ..feeds.base import FeedClock
from ..ingest import money

T = TypeVar("T")

_vitals = msgspec.json.Decoder(Vitals).decode
_beacon = msgspec.json.Decoder(Beacon).decode
_rates = msgspec.json.Decoder(dict[int, float]).decode


class Live(NamedTuple):
    """`vitals` is None where no leader is heard, `now_ms` then our own time. `rates` are quotes a second by instrument,
    `spots` prices by underlying, `held` the instruments that open sockets hold. `redis` is False where it is away."""

    redis: bool
    vitals: Vitals | None
    now_ms: float
    rates: Mapping[int, float]
    spots: Mapping[str, float]
    held: frozenset[int]


def client() -> redis.Redis:
    """A client of the first server. Used with `with`."""
    return open_client(settings.REDIS_URL, **TIMEOUTS)


def live(feed: str, instruments: Iterable[InstrumentFacts]) -> Live:
    """What is known of the feed, and the money of these of its instruments."""
    instruments = list(instruments)
    with client() as server:
        try:
            vitals = server.get(keys.vitals(feed))
            beacon = server.get(keys.status(feed))
            rates = server.get(keys.rates(feed))
            rows = last_values.read_blocking(server, feed, _asked(instruments))
            sockets = held.read_blocking(server)
        except redis.RedisError:
            return Live(False, None, time.time() * 1000, {}, {}, frozenset())
    return Live(
        True,
        _read(_vitals, vitals),
        _feed_now(_read(_beacon, beacon)),
        _read(_rates, rates) or {},
        money.spots(instruments, rows.get),
        frozenset(sockets),
    )


def vitals_of(feeds: Iterable[str]) -> dict[str, Vitals | None]:
    """Each feed as its leader last said."""
    return _of_each(feeds, keys.vitals, _vitals)


def beacons_of(feeds: Iterable[str]) -> dict[str, Beacon | None]:
    """Each feed's newest sign of life, where it is fresh."""
    return _of_each(feeds, keys.status, _beacon)


def _asked(instruments: Iterable[InstrumentFacts]) -> list[int]:
    """The underlyings, and a few options of each, which carry its price too."""
    ids: list[int] = []
    options: dict[str, int] = {}
    for facts in instruments:
        if facts.symbol == facts.underlying:
            ids.append(facts.id)
        elif options.get(facts.underlying, 0) < money.ASKED:
            options[facts.underlying] = options.get(facts.underlying, 0) + 1
            ids.append(facts.id)
    return ids


def _of_each(feeds: Iterable[str], key: Callable[[str], str], decode: Callable[[Any], T]) -> dict[str, T | None]:
    feeds = list(feeds)
    if not feeds:
        return {}
    with client() as server:
        try:
            answers = server.mget([key(feed) for feed in feeds])
        except redis.RedisError:
            return dict.fromkeys(feeds)
    return {feed: _read(decode, answer) for feed, answer in zip(feeds, answers, strict=True)}


def _feed_now(beacon: Beacon | None) -> float:
    ours = time.time() * 1000
    if beacon is None:
        return ours
    return FeedClock(beacon.clock_at_ms, beacon.clock_offset_ms, beacon.clock_rate).now(ours)


def _read(decode: Callable[[Any], T], payload: Any) -> T | None:
    # Another version of ours may have written it.
    with suppress(msgspec.DecodeError):
        return None if payload is None else decode(payload)
    return None
