"""What the administrator tells a feed's leaders to do, over Redis: given by the admin's views and by commands, which
block, and taken by `ingest.leader`. An order that nobody hears is lost; what it was to bring about is found out anyway.
"""

from typing import Literal

import msgspec
from django.conf import settings

from . import keys
from .blocking import TIMEOUTS, open_client

Deed = Literal["list", "reconnect", "hand_over", "restart"]


class Order(msgspec.Struct, frozen=True):
    """`list`: look at the list, the rules and the switches again. `reconnect`: reopen every connection to the provider.
    `hand_over`: let a standby lead; `force` does so where none is known. `restart`: build the feed anew, with its options
    as they are now. Every share's leader hears it; where `share` is the number of one, only that leader obeys."""

    do: Deed
    by: str = ""
    force: bool = False
    share: int | None = None


_decode = msgspec.json.Decoder(Order).decode


def give(feed: str, order: Order) -> int:
    """Tells it the feed's ingest, and returns how many processes heard it. Raises redis.RedisError."""
    with open_client(settings.REDIS_URL, **TIMEOUTS) as client:
        return int(client.publish(keys.orders(feed), msgspec.json.encode(order)))


def taken(payload: bytes) -> Order:
    """Raises msgspec.DecodeError."""
    return _decode(payload)
