"""How many requests a user may make: counted in Redis, so that all web processes count together. Where Redis is away
requests are let through, and the log says so.

The headers are those of draft-ietf-httpapi-ratelimit-headers-06: later drafts have put the three into one field that
clients hardly know yet.
"""

import logging
import math
import time
from functools import cache
from typing import Any, Final, NamedTuple

from django.conf import settings
from redis import RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from ..bus import keys
from ..bus.blocking import open_client
from . import rights

logger = logging.getLogger(__name__)

WINDOW_S: Final = 60
# A count is worth no more of a request's time than this; Redis answers in a fraction of a millisecond.
TIMEOUT_S: Final = 0.25
# Nor shall each request wait for it again while Redis is away.
PAUSE_S: Final = 5.0

# KEYS count · ARGV window in ms → requests in the window so far, ms until it ends. A window begins with its first request.
_COUNT: Final = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}
"""


class Allowance(NamedTuple):
    """What is left of `limit` requests for `reset_s` more seconds."""

    limit: int
    remaining: int
    reset_s: int


class Counter:
    """Counts requests on one server. `count` gives None while that does not answer."""

    def __init__(self, url: str) -> None:
        # A pooled connection may be dead since a restart: hence one retry.
        client = open_client(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 1)
        )
        self._script = client.register_script(_COUNT)
        self._away_until = 0.0

    def count(self, key: str) -> tuple[int, int] | None:
        """(requests in this window with this one, ms until it ends)."""
        if time.monotonic() < self._away_until:
            return None
        try:
            count, left_ms = self._script(keys=[key], args=[WINDOW_S * 1000])
        except RedisError as error:
            self._away_until = time.monotonic() + PAUSE_S
            logger.warning("requests are not counted for %g s, since Redis does not answer: %s", PAUSE_S, error)
            return None
        return int(count), int(left_ms)


@cache
def _counter(url: str) -> Counter:
    return Counter(url)


class UserThrottle(BaseThrottle):
    """All requests of a user, whichever session or token they come by."""

    scope = "all"

    def limit(self, request: Request) -> int:
        return rights.limits_of(request).requests_per_minute

    def allow_request(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return True  # and then refused by the permissions
        counted = _counter(settings.REDIS_URL).count(keys.requests(self.scope, request.user.pk))
        if counted is None:
            return True
        count, left_ms = counted
        limit = self.limit(request)
        self._wait_s = math.ceil(max(left_ms, 1) / 1000)
        allowance = Allowance(limit, max(0, limit - count), self._wait_s)
        before = _allowance(request)
        if before is None or allowance.remaining < before.remaining:
            request._request.allowance = allowance  # type: ignore[attr-defined]
        return count <= limit

    def wait(self) -> float:
        return float(self._wait_s)


def headers(request: Request) -> dict[str, str]:
    """What is left to the user, of the limit that is nearest; nothing where it was not counted."""
    allowance = _allowance(request)
    if allowance is None:
        return {}
    return {
        "RateLimit-Limit": str(allowance.limit),
        "RateLimit-Remaining": str(allowance.remaining),
        "RateLimit-Reset": str(allowance.reset_s),
    }


def _allowance(request: Request) -> Allowance | None:
    return getattr(request._request, "allowance", None)
