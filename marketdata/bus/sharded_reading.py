"""Last values from a cluster for code that blocks, as views and threads do, with redis-py's own client for clusters."""

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any, Final

from redis import RedisCluster
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.connection import SSLConnection, parse_url
from redis.exceptions import ConnectionError as AwayError
from redis.exceptions import RedisClusterException
from redis.retry import Retry

from . import cluster_address, keys, last_values
from .blocking import TIMEOUTS
from .last_values import CHUNK, Row

# Each asks the cluster anew who has the slots.
RETRIES: Final = 2


def read(url: str, asked: Mapping[str, Mapping[str, Collection[int]]]) -> dict[int, Row]:
    """The rows that there are of these instruments, {feed: {underlying: ids}}, by column. Raises redis.RedisError."""
    parts = [
        (keys.shard(feed, underlying), ids)
        for feed, by_underlying in asked.items()
        for underlying, all_ids in by_underlying.items()
        for ids in _parts(list(all_ids))
    ]
    if not parts:
        return {}
    try:
        pipeline = _client(url).pipeline()  # type: ignore[no-untyped-call]
        for key, ids in parts:
            pipeline.hmget(key, ids)
        answers: list[Any] = pipeline.execute()
    except RedisClusterException as error:  # which is no RedisError
        raise AwayError(f"the cluster for rows: {error}") from error
    found: dict[int, Row] = {}
    for (_, ids), answer in zip(parts, answers, strict=True):
        found.update(last_values.decoded(ids, answer))
    return found


def _parts(ids: list[int]) -> Iterable[list[int]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))


@cache
def _client(url: str) -> RedisCluster:
    address = cluster_address.parse(url)
    options: dict[str, Any] = dict(parse_url(address.url(address.nodes[0])))  # type: ignore[no-untyped-call]
    tls = options.pop("connection_class", None) is SSLConnection
    for name in ("host", "port", "db"):
        options.pop(name, None)
    try:
        return RedisCluster(
            startup_nodes=[ClusterNode(*node) for node in address.nodes],  # type: ignore[no-untyped-call]
            ssl=tls,
            retry=Retry(NoBackoff(), RETRIES),
            **TIMEOUTS,
            **options,
        )
    except RedisClusterException as error:
        raise AwayError(f"the cluster for rows: {error}") from error
