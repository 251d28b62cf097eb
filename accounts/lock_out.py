"""The one lock-out: how often somebody may try, by user and by address. The counts are in Redis, for all web processes, and
a try is counted before it is looked at, so that many at once are no way round. `guard` turns a refusal into an answer.
"""

import hashlib
import math
from collections.abc import Iterable
from typing import Final, NamedTuple

from django.conf import settings

from marketdata.bus.blocking import blocking_client


class Limit(NamedTuple):
    """`most` tries in `period_s` seconds from the first."""

    name: str
    most: int
    period_s: int


# Wrong passwords. From one address nobody makes more than 60 guesses an hour at a user, nor locks that user out elsewhere.
PASSWORD: Final = Limit("password", 5, 300)
PASSWORD_FROM: Final = Limit("password-from", 30, 600)
# From everywhere together: what many addresses may guess, who lock the user out for the rest of the hour.
PASSWORD_OF: Final = Limit("password-of", 200, 3600)
# Wrong codes. Who gets here knows the password already: by user alone, wherever the guesses come from.
SECOND_FACTOR: Final = Limit("second-factor", 8, 900)
# Forms that are posted, right or wrong.
SIGN_IN_FROM: Final = Limit("sign-in-from", 120, 600)
SIGN_UP_FROM: Final = Limit("sign-up-from", 20, 3600)
PASSKEY_FROM: Final = Limit("passkey-from", 120, 600)  # challenges too: each takes a session
RESET_FROM: Final = Limit("reset-from", 10, 3600)
NEW_PASSWORD_FROM: Final = Limit("new-password-from", 30, 600)
# Mails to one address, whoever asks for them, so that nobody's mailbox is filled.
MAIL_TO: Final = Limit("mail-to", 5, 3600)

# All or none: a try that one count refuses uses up none of the others. Answers the place of the count that refuses, how
# many milliseconds it does so for, and whether this is the first that it refuses; or nothing but zeros.
_CLAIM: Final = """
for place, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[2 * place - 1]) then
    local left = redis.call('PTTL', key)
    local first = redis.call('SET', key .. ':told', '1', 'PX', math.max(left, 1), 'NX')
    return {place, left, first and 1 or 0}
  end
end
for place, key in ipairs(KEYS) do
  if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, ARGV[2 * place]) end
end
return {0, 0, 0}
"""
_GIVE_BACK: Final = """
for _, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') > 0 then redis.call('DECR', key) end
end
"""


class LockedOutError(Exception):
    """Too many tries. The next may come in `wait_s` seconds; `first` says that this is the first one refused."""

    def __init__(self, wait_s: int, first: bool) -> None:
        super().__init__(f"Try again in {in_words(wait_s)}.")
        self.wait_s = wait_s
        self.first = first


class Claim:
    """Tries that were counted. Right ones are given back: only what was wrong is held against anybody."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys

    def give_back(self) -> None:
        """Raises RedisError."""
        blocking_client(settings.REDIS_URL).eval(_GIVE_BACK, len(self._keys), *self._keys)


def claim(*counted: tuple[Limit, str]) -> Claim:
    """Counts a try by each limit, by whom the text beside it names. Raises LockedOutError, and RedisError."""
    keys = [_key(limit, who) for limit, who in counted]
    arguments = [str(number) for limit, _ in counted for number in (limit.most, limit.period_s * 1000)]
    place, left_ms, first = blocking_client(settings.REDIS_URL).eval(_CLAIM, len(keys), *keys, *arguments)
    if place:
        raise LockedOutError(max(1, math.ceil(left_ms / 1000)), bool(first))
    return Claim(keys)


def forget(counted: Iterable[tuple[Limit, str]]) -> None:
    """As if nothing had been tried. Raises RedisError."""
    keys = [_key(limit, who) for limit, who in counted]
    blocking_client(settings.REDIS_URL).delete(*keys, *(f"{key}:told" for key in keys))


def in_words(wait_s: int) -> str:
    """`40 seconds`, `2 minutes`: never less than it is."""
    if wait_s < 90:
        return f"{wait_s} second{'' if wait_s == 1 else 's'}"
    return f"{math.ceil(wait_s / 60)} minutes"


def _key(limit: Limit, who: str) -> str:
    # A digest: what people type as their name may be anything, also their password.
    digest = hashlib.sha256(who.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{settings.INSTALLATION}:lock:{limit.name}:{digest}"
