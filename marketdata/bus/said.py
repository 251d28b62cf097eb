"""Reads what a feed's leaders keep saying of it, beacons or vitals, as that of one feed. One key says it all, but where the
feed is split: what stands there is then of any share and says how many there are, and each has a key of its own.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from ..shares import MOST, Share, shares_of
from . import beacon, keys, vitals
from .beacon import Beacon
from .client import Client
from .vitals import Vitals


class Said(Protocol):
    @property
    def shares(self) -> int: ...


S = TypeVar("S", bound=Said)


@dataclass(frozen=True)
class Kind(Generic[S]):
    """Something that is said each second: where it stands, how it is read, and how the shares' become one."""

    key: Callable[..., str]
    decode: Callable[[Any], S]
    merged: Callable[[Sequence[S | None]], S | None]

    def decoded(self, payload: Any) -> S | None:
        # Another version of ours may have written it.
        with suppress(msgspec.DecodeError):
            return None if payload is None else self.decode(payload)
        return None


BEACONS: Final = Kind(keys.status, msgspec.json.Decoder(Beacon).decode, beacon.merged)
VITALS: Final = Kind(keys.vitals, msgspec.json.Decoder(Vitals).decode, vitals.merged)


async def read(client: Client, kind: Kind[S], feed: str) -> S | None:
    """None where no leader is heard. Raises RedisDownError."""
    found = [kind.decoded(payload) for payload in await _payloads(client, kind, feed)]
    return found[0] if len(found) == 1 else kind.merged(found)


async def payloads(client: Client, kind: Kind[S], feed: str) -> list[bytes]:
    """What there is, of each share. Raises RedisDownError."""
    return [payload for payload in await _payloads(client, kind, feed) if payload is not None]


async def _payloads(client: Client, kind: Kind[S], feed: str) -> list[bytes | None]:
    one = await client.call("GET", kind.key(feed))
    shares = split(kind.decoded(one))
    return list(await client.call("MGET", *(kind.key(feed, share) for share in shares))) if shares else [one]


def read_blocking(client: Any, kind: Kind[S], feed: str, payload: Any) -> S | None:
    """The same, with a client of redis-py; `payload` is what stands at the feed's own key. Raises redis.RedisError."""
    one = kind.decoded(payload)
    if not (shares := split(one)):
        return one
    payloads = client.mget([kind.key(feed, share) for share in shares])
    return kind.merged([kind.decoded(payload) for payload in payloads])


def split(one: Said | None) -> list[Share]:
    """The shares to read, where what was found is of one of several."""
    return shares_of(one.shares) if one is not None and 1 < one.shares <= MOST else []
