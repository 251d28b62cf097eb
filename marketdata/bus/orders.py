"""What the administrator tells a feed's leader to do, over Redis: given by the admin's views and by commands, which block,
and taken by `ingest.leader`. An order that nobody hears is lost; what it was to bring about is found out anyway.
"""

from typing import Final, Literal

import msgspec
import redis
from django.conf import settings

from . import keys

Deed = Literal["list", "reconnect", "hand_over", "restart"]
TIMEOUT_S: Final = 2.0


class Order(msgspec.Struct, frozen=True):
    """`list`: look at the list, the rules and the switches again. `reconnect`: reopen every connection to the provider.
    `hand_over`: let a standby lead; `force` does so where none is known. `restart`: build the feed anew, with its options
    as they are now."""

    do: Deed
    by: str = ""
    force: bool = False


_decode = msgspec.json.Decoder(Order).decode


def give(feed: str, order: Order) -> int:
    """Tells it the feed's ingest, and returns how many processes heard it. Raises redis.RedisError."""
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    with client:
        return int(client.publish(keys.orders(feed), msgspec.json.encode(order)))


def taken(payload: bytes) -> Order:
    """Raises msgspec.DecodeError."""
    return _decode(payload)
