"""Who may publish for a feed, or for a share of one: a lease with a term. The term rises with every new leader, also when
Redis forgot all, and every flush is refused unless the lease still holds its term.

All shares of a feed count one term, so that an instrument never goes back when their number changes; and while a lease that
splits the feed otherwise is alive, none is given.
"""

import logging
import re
import secrets
import threading
import time
from collections.abc import Callable
from typing import Final

import redis

from ..shares import WHOLE, Share, shares_of
from . import keys, servers
from .blocking import master_of, open_client
from .servers import Master

logger = logging.getLogger(__name__)

DURATION_S: Final = 2.5
RENEWAL_S: Final = 0.5
# No flush starts with less of the lease left: the flush itself then ends well inside it.
MARGIN_S: Final = 1.0
# How long a new term waits for a replica to have it, where there are some.
COPY_S: Final = 0.25
_NAMED_TERM: Final = re.compile(r" term (\d+)")
EPOCH_S: Final = 1_767_225_600  # 2026-01-01 UTC: terms are seconds since then, which keeps a seq below 2^53 until 2043

# KEYS of all: lease, term, number of shares in force, terms of the shares, lease of the whole feed.
# ARGV owner, ms, least term, 1 to leave it where Redis knows no term of the share, number of the share, of how many
# → {term, '', last known term, that of the share, 0}, or {0, holder, …} where another leads it, or {0, '', …, number of
# shares} where leases are alive that split the feed otherwise. A lease that the owner holds already does not stand in its
# way: the answer to its last asking was lost.
_ACQUIRE: Final = """
local known = tonumber(redis.call('GET', KEYS[2]) or '0')
local last = known
local alive = redis.call('GET', KEYS[3])
if ARGV[6] ~= '1' then
  if redis.call('EXISTS', KEYS[5]) == 1 then alive = '1' end
  last = redis.call('HGET', KEYS[4], 'of') == ARGV[6] and tonumber(redis.call('HGET', KEYS[4], ARGV[5]) or '0') or 0
end
if alive and alive ~= ARGV[6] then return {0, '', known, last, tonumber(alive)} end
local holder = redis.call('GET', KEYS[1])
if holder and string.sub(holder, -#ARGV[1]) ~= ARGV[1] then return {0, holder, known, last, 0} end
if last == 0 and ARGV[4] == '1' then return {0, '', known, last, 0} end
local term = math.max(known + 1, tonumber(ARGV[3]))
local text = string.format('%.0f', term)
redis.call('SET', KEYS[2], text)
if ARGV[6] == '1' then
  redis.call('DEL', KEYS[4])
else
  if redis.call('HGET', KEYS[4], 'of') ~= ARGV[6] then redis.call('DEL', KEYS[4]) end
  redis.call('HSET', KEYS[4], 'of', ARGV[6], ARGV[5], text)
  redis.call('SET', KEYS[3], ARGV[6], 'PX', ARGV[2])
end
redis.call('SET', KEYS[1], text .. ':' .. ARGV[1], 'PX', ARGV[2])
return {term, '', known, last, 0}
"""
# ARGV token, ms, number of the share, of how many → 1 renewed, 0 not ours. The number in force never runs out before a
# lease that it is true of: both are renewed together.
_RENEW: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[4] ~= '1' then
  if (redis.call('GET', KEYS[3]) or ARGV[4]) ~= ARGV[4] then return 0 end
  redis.call('SET', KEYS[3], ARGV[4], 'PX', ARGV[2])
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
# ARGV token, owner, ms, least term, number of the share, of how many → the new term, or 0 when the lease is not ours
_ADVANCE: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local term = math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, tonumber(ARGV[4]))
local text = string.format('%.0f', term)
redis.call('SET', KEYS[2], text)
if ARGV[6] ~= '1' then
  redis.call('HSET', KEYS[4], 'of', ARGV[6], ARGV[5], text)
  redis.call('SET', KEYS[3], ARGV[6], 'PX', ARGV[3])
end
redis.call('SET', KEYS[1], text .. ':' .. ARGV[2], 'PX', ARGV[3])
return term
"""
# KEYS lease, number of shares in force, then the leases of all shares · ARGV token
_RELEASE: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
for i = 3, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then return 1 end
end
if #KEYS > 2 then redis.call('DEL', KEYS[2]) end
return 1
"""


class LeaseLostError(Exception):
    """The lease is not ours any more: it ran out, or another leader has it. Asking for it again tells which. `term` is the
    higher one of which we were refused, where a server named it; that may be all that is left of it, if Redis forgot it."""

    def __init__(self, term: int = 0) -> None:
        super().__init__()
        self.term = term

    @classmethod
    def told(cls, refusal: str) -> "LeaseLostError":
        """From the answer of a server that refused us."""
        named = _NAMED_TERM.search(refusal)
        return cls(int(named[1]) if named else 0)


class Lease:
    """The lease of one feed or share, renewed from its own thread so that a busy event loop does not lose it. All methods
    are blocking and safe to call from any thread; a coroutine calls them through `asyncio.to_thread`. `on_lost` is called
    from that thread."""

    def __init__(self, feed: str, url: str, on_lost: Callable[[], None], share: Share = WHOLE) -> None:
        self.feed = feed
        self.share = share
        self.owner = secrets.token_hex(8)
        self.term = 0
        self.holder = ""
        # In how many shares those split the feed who keep us from leading; 0 where nobody does.
        self.split_otherwise = 0
        self.on_lost = on_lost
        # The highest term seen, whoever's: Redis may forget it, and terms may be ahead of our clock.
        self._highest = 0
        self._keys = [
            keys.lease(feed, share),
            keys.term(feed),
            keys.shares(feed),
            keys.share_terms(feed),
            keys.lease(feed),
        ]
        # One try and a timeout well below the lease's length: a slow answer must leave time to ask again.
        self._redis = open_client(url, socket_timeout=0.8, socket_connect_timeout=0.8, retry=None)
        # Whether sentinels say which server is the master; and on which one the lease was won.
        self.may_fail_over = servers.watched(url) is not None
        self._master: Master | None = None
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
    def name(self) -> str:
        """Of what it is, for logs."""
        return self.feed if self.share.is_whole else f"{self.feed}, share {self.share}"

    @property
    def token(self) -> str:
        """What stands in Redis while we lead."""
        return f"{self.term}:{self.owner}"

    def remaining(self) -> float:
        """Seconds for which the lease is surely ours; 0 when it may not be."""
        return max(0.0, self._until - time.monotonic()) if self._held else 0.0

    def acquire(self, unless_forgotten: bool = False) -> bool:
        """Tries once. True when we lead, with `term` set; False when another does, named in `holder`, or when others split
        the feed otherwise. With `unless_forgotten`, False too (and no holder) where Redis has forgotten which terms there
        were.

        Raises redis.RedisError where Redis does not answer."""
        with self._lock:
            asked = self._ask()
            least = max(int(time.time()) - EPOCH_S, self._highest + 1)
            former = self.term
            arguments = (self.owner, _ms(DURATION_S), least, int(unless_forgotten), *self.share)
            term, holder, known, last, otherwise = self._redis.eval(_ACQUIRE, 5, *self._keys, *arguments)
            self.holder, self.split_otherwise = holder.decode(), int(otherwise)
            self._highest = max(self._highest, int(known), int(term))
            if not term:
                return False
            self.term, self._until, self._held = int(term), asked + DURATION_S, True
            self.led_last = last == former or (last == 0 and not self._stalled)
            self._stalled = False
            self._have_it_copied()
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name=f"lease-{self.name}", daemon=True)
            self._thread.start()
        return True

    def heard_of(self, term: int) -> None:
        """Some server remembers this term: the next that is ours is higher, whatever our clock and Redis say."""
        with self._lock:
            self._highest = max(self._highest, term)

    def advance(self) -> int:
        """A new, higher term under the same lease. Raises LeaseLostError when it is not ours any more."""
        with self._lock:
            asked = self._ask()
            least = max(int(time.time()) - EPOCH_S, self._highest + 1)
            arguments = (self.token, self.owner, _ms(DURATION_S), least, *self.share)
            term = self._redis.eval(_ADVANCE, 5, *self._keys, *arguments)
            if not term:
                self._held = False
                raise LeaseLostError
            self.term, self._until = int(term), asked + DURATION_S
            self._highest = max(self._highest, self.term)
            self._have_it_copied()
            return self.term

    def release(self) -> None:
        """Gives the lease up at once, so that a successor need not wait for it to run out."""
        self._stop.set()
        with self._lock:
            if self._held:
                self._held = False
                try:
                    every = (
                        [] if self.share.is_whole else [keys.lease(self.feed, one) for one in shares_of(self.share.of)]
                    )
                    self._redis.eval(_RELEASE, 2 + len(every), self._keys[0], self._keys[2], *every, self.token)
                except redis.RedisError as error:
                    logger.warning("the lease of %s was not given back: %s", self.name, error)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=2)
        self._redis.close()

    def _have_it_copied(self) -> None:
        """A term that a failover forgets could be given a second time."""
        self._master = master_of(self._redis)
        if self._master is None:
            return
        try:
            if not self._redis.wait(1, _ms(COPY_S)):
                logger.warning("no replica has acknowledged term %d of %s", self.term, self.name)
        except redis.RedisError as error:
            logger.warning("whether a replica has term %d of %s is not known: %s", self.term, self.name, error)

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
                    answer = self._redis.eval(_RENEW, 5, *self._keys, self.token, _ms(DURATION_S), *self.share)
                except redis.RedisError as error:
                    logger.warning("the lease of %s was not renewed: %s", self.name, error)
                    continue  # what is left of it runs out by itself, and no flush starts after that
                # A server that took over may not have had the last of what we wrote. A new term tells all of it again.
                if answer == 1 and master_of(self._redis) == self._master:
                    self._until = asked + DURATION_S
                    continue
                self._held = False
                # Told before the lock is given back: after a lease won meanwhile it would be taken for the loss of that.
                self.on_lost()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
