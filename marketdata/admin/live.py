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

from ..bus import held, keys, newest, said
from ..bus.beacon import Beacon
from ..bus.blocking import TIMEOUTS, open_client
from ..bus.vitals import Vitals
from ..facts import InstrumentFacts
from ..feeds.base import FeedClock
from ..ingest import money

T = TypeVar("T")
S = TypeVar("S", bound=said.Said)

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
            vitals = said.read_blocking(server, said.VITALS, feed, server.get(keys.vitals(feed)))
            beacon = said.read_blocking(server, said.BEACONS, feed, server.get(keys.status(feed)))
            rates = server.mget([keys.rates(feed), *(keys.rates(feed, share) for share in said.split(vitals))])
            rows = newest.rows(server, {feed: _asked(instruments)})
            sockets = held.read_blocking(server)
        except redis.RedisError:
            return Live(False, None, time.time() * 1000, {}, {}, frozenset())
    return Live(
        True,
        vitals,
        _feed_now(beacon),
        {i: rate for payload in rates for i, rate in (_read(_rates, payload) or {}).items()},
        money.spots(instruments, rows.get),
        frozenset(sockets),
    )


def vitals_of(feeds: Iterable[str]) -> dict[str, Vitals | None]:
    """Each feed as its leader last said."""
    return _of_each(feeds, said.VITALS)


def beacons_of(feeds: Iterable[str]) -> dict[str, Beacon | None]:
    """Each feed's newest sign of life, where it is fresh."""
    return _of_each(feeds, said.BEACONS)


def _asked(instruments: Iterable[InstrumentFacts]) -> dict[str, list[int]]:
    """The underlyings, and a few options of each, which carry its price too: ids by underlying."""
    asked: dict[str, list[int]] = {}
    options: dict[str, int] = {}
    for facts in instruments:
        if facts.symbol == facts.underlying:
            asked.setdefault(facts.underlying, []).append(facts.id)
        elif options.get(facts.underlying, 0) < money.ASKED:
            options[facts.underlying] = options.get(facts.underlying, 0) + 1
            asked.setdefault(facts.underlying, []).append(facts.id)
    return asked


def _of_each(feeds: Iterable[str], kind: said.Kind[S]) -> dict[str, S | None]:
    feeds = list(feeds)
    if not feeds:
        return {}
    with client() as server:
        try:
            answers = server.mget([kind.key(feed) for feed in feeds])
            return {
                feed: said.read_blocking(server, kind, feed, answer)
                for feed, answer in zip(feeds, answers, strict=True)
            }
        except redis.RedisError:
            return dict.fromkeys(feeds)


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
