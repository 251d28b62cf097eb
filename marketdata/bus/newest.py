"""The newest rows of some instruments and the beacons of their feeds, in one round trip that blocks, or two where rows are
on a cluster: for REST, whose views run in threads. Sockets have the board.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from . import keys, last_values, said, sharded_reading
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


# {feed: {underlying: ids}}
Asked = Mapping[str, Mapping[str, Collection[int]]]


def read(asked: Asked) -> Newest:
    """Of every feed that is named. Raises redis.RedisError."""
    client = _client(settings.REDIS_URL)
    pipeline = client.pipeline(transaction=False)
    ids_by_feed = {} if settings.ROWS_REDIS_URL else {feed: _flat(asked[feed]) for feed in asked}
    for feed in asked:
        pipeline.get(keys.status(feed))
    for feed, ids in ids_by_feed.items():
        if ids:
            pipeline.hmget(keys.last_values(feed), ids)
    answers: Iterator[Any] = iter(pipeline.execute() if asked else [])
    beacons = {feed: said.read_blocking(client, said.BEACONS, feed, next(answers)) for feed in asked}
    if settings.ROWS_REDIS_URL:
        return Newest(sharded_reading.read(settings.ROWS_REDIS_URL, asked), beacons)
    rows: dict[int, Row] = {}
    for ids in filter(None, ids_by_feed.values()):
        rows.update(last_values.decoded(ids, next(answers)))
    return Newest(rows, beacons)


def rows(client: Redis, asked: Asked) -> dict[int, Row]:
    """The rows alone, with a client of the first server. Raises redis.RedisError."""
    if settings.ROWS_REDIS_URL:
        return sharded_reading.read(settings.ROWS_REDIS_URL, asked)
    found: dict[int, Row] = {}
    for feed, by_underlying in asked.items():
        found.update(last_values.read_blocking(client, feed, _flat(by_underlying)))
    return found


def _flat(by_underlying: Mapping[str, Collection[int]]) -> list[int]:
    return [instrument_id for ids in by_underlying.values() for instrument_id in ids]


@cache
def _client(url: str) -> Redis:
    return open_client(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 1))
