"""Who may publish for a feed: a lease with a term. The term rises with every new leader, also when Redis forgot all, and
every flush is refused unless the lease still holds its term.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Final

import redis

from . import keys

logger = logging.getLogger(__name__)

DURATION_S: Final = 2.5
RENEWAL_S: Final = 0.5
# No flush starts with less of the lease left: the flush itself then ends well inside it.
MARGIN_S: Final = 1.0
EPOCH_S: Final = 1_767_225_600  # 2026-01-01 UTC: terms are seconds since then, which keeps a seq below 2^53 until 2043

# KEYS lease, term · ARGV owner, ms, least term, 1 to leave it where Redis knows no term → {term, '', last known term} or
# {0, holder, last known term}. A lease that the owner holds already does not stand in its way: the answer to its last
# asking was lost.
_ACQUIRE: Final = """
local holder = redis.call('GET', KEYS[1])
local known = tonumber(redis.call('GET', KEYS[2]) or '0')
if holder and string.sub(holder, -#ARGV[1]) ~= ARGV[1] then return {0, holder, known} end
if known == 0 and ARGV[4] == '1' then return {0, '', known} end
local term = math.max(known + 1, tonumber(ARGV[3]))
redis.call('SET', KEYS[2], string.format('%.0f', term))
redis.call('SET', KEYS[1], string.format('%.0f', term) .. ':' .. ARGV[1], 'PX', ARGV[2])
return {term, '', known}
"""
# KEYS lease · ARGV token, ms → 1 renewed, 0 not ours
_RENEW: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
# KEYS lease, term · ARGV token, owner, ms, least term → the new term, or 0 when the lease is not ours
_ADVANCE: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local term = math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, tonumber(ARGV[4]))
redis.call('SET', KEYS[2], string.format('%.0f', term))
redis.call('SET', KEYS[1], string.format('%.0f', term) .. ':' .. ARGV[2], 'PX', ARGV[3])
return term
"""
_RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class LeaseLostError(Exception):
    """The lease is not ours any more: it ran out, or another leader has it. Asking for it again tells which."""


class Lease:
    """The lease of one feed, renewed from its own thread so that a busy event loop does not lose it. All methods are
    blocking and safe to call from any thread; a coroutine calls them through `asyncio.to_thread`."""

    def __init__(self, feed: str, url: str, on_lost: Callable[[], None]) -> None:
        self.feed = feed
        self.owner = secrets.token_hex(8)
        self.term = 0
        self.holder = ""
        # The highest term seen, whoever's: Redis may forget it, and terms may be ahead of our clock.
        self._highest = 0
        self._on_lost = on_lost
        self._keys = [keys.lease(feed), keys.term(feed)]
        # One try and a timeout well below the lease's length: a slow answer must leave time to ask again.
        self._redis = redis.Redis.from_url(url, socket_timeout=0.8, socket_connect_timeout=0.8, retry=None)
        self._lock = threading.RLock()
        self._until = 0.0
        self._held = False
        # Whether nobody can have led between our former term and this one: Redis remembers none, or remembers nothing
        # while this process was awake all the time and so would have seen another's lease.
        self.led_last = False
        self._stalled = False
        self._asked = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def token(self) -> str:
        """What stands in Redis while we lead."""
        return f"{self.term}:{self.owner}"

    def remaining(self) -> float:
        """Seconds for which the lease is surely ours; 0 when it may not be."""
        return max(0.0, self._until - time.monotonic()) if self._held else 0.0

    def acquire(self, unless_forgotten: bool = False) -> bool:
        """Tries once. True when we lead, with `term` set; False when another does, named in `holder`. With
        `unless_forgotten`, False too (and no holder) where Redis has forgotten which terms there were.

        Raises redis.RedisError where Redis does not answer."""
        with self._lock:
            asked = self._ask()
            least = max(int(time.time()) - EPOCH_S, self._highest + 1)
            former = self.term
            arguments = (self.owner, _ms(DURATION_S), least, int(unless_forgotten))
            term, holder, known = self._redis.eval(_ACQUIRE, 2, *self._keys, *arguments)
            self.holder = holder.decode()
            self._highest = max(self._highest, int(known), int(term))
            if not term:
                return False
            self.term, self._until, self._held = int(term), asked + DURATION_S, True
            self.led_last = known == former or (known == 0 and not self._stalled)
            self._stalled = False
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name=f"lease-{self.feed}", daemon=True)
            self._thread.start()
        return True

    def advance(self) -> int:
        """A new, higher term under the same lease. Raises LeaseLostError when it is not ours any more."""
        with self._lock:
            asked = self._ask()
            least = max(int(time.time()) - EPOCH_S, self._highest + 1)
            term = self._redis.eval(_ADVANCE, 2, *self._keys, self.token, self.owner, _ms(DURATION_S), least)
            if not term:
                self._held = False
                raise LeaseLostError
            self.term, self._until = int(term), asked + DURATION_S
            self._highest = max(self._highest, self.term)
            return self.term

    def release(self) -> None:
        """Gives the lease up at once, so that a successor need not wait for it to run out."""
        self._stop.set()
        with self._lock:
            if self._held:
                self._held = False
                try:
                    self._redis.eval(_RELEASE, 1, self._keys[0], self.token)
                except redis.RedisError as error:
                    logger.warning("the lease of %s was not given back: %s", self.feed, error)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=2)
        self._redis.close()

    def _ask(self) -> float:
        """The moment at which Redis is asked, whatever for; one that comes late after the last says that we slept."""
        asked = time.monotonic()
        self._stalled = self._stalled or asked - self._asked > DURATION_S
        self._asked = asked
        return asked

    def _keep(self) -> None:
        while not self._stop.wait(RENEWAL_S):
            with self._lock:
                if not self._held:
                    continue
                asked = self._ask()
                try:
                    answer = self._redis.eval(_RENEW, 1, self._keys[0], self.token, _ms(DURATION_S))
                except redis.RedisError as error:
                    logger.warning("the lease of %s was not renewed: %s", self.feed, error)
                    continue  # what is left of it runs out by itself, and no flush starts after that
                if answer == 1:
                    self._until = asked + DURATION_S
                    continue
                self._held = False
                # Told before the lock is given back: after a lease won meanwhile it would be taken for the loss of that.
                self._on_lost()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
