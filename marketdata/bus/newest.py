"""The newest rows of some instruments and the beacons of their feeds, in one round trip that blocks: for REST, whose views
run in threads. Sockets have the board.
"""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from . import keys, last_values, said
from .beacon import Beacon
from .blocking import open_client
from .last_values import Row

# Above the slowest answer of a busy server, below what a client waits for. One retry, since a pooled connection may be
# dead since a restart.
TIMEOUT_S: Final = 2.0


class Newest(NamedTuple):
    """`rows` by instrument, without those that have none yet. `beacons` by feed, None where its leader is not heard."""

    rows: Mapping[int, Row]
    beacons: Mapping[str, Beacon | None]


def read(ids_by_feed: Mapping[str, Collection[int]]) -> Newest:
    """Of every feed that is named. Raises redis.RedisError."""
    asked = {feed: list(ids) for feed, ids in ids_by_feed.items()}
    client = _client(settings.REDIS_URL)
    pipeline = client.pipeline(transaction=False)
    for feed, ids in asked.items():
        pipeline.get(keys.status(feed))
        if ids:
            pipeline.hmget(keys.last_values(feed), ids)
    answers: list[Any] = pipeline.execute() if asked else []
    rows: dict[int, Row] = {}
    beacons: dict[str, Beacon | None] = {}
    position = 0
    for feed, ids in asked.items():
        beacons[feed] = said.read_blocking(client, said.BEACONS, feed, answers[position])
        position += 1
        if ids:
            rows.update(last_values.decoded(ids, answers[position]))
            position += 1
    return Newest(rows, beacons)


@cache
def _client(url: str) -> Redis:
    return open_client(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 1))
