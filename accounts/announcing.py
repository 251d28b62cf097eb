"""Who is told of a watchlist's edit, after its commit: the sockets that show the list or belong to its owner, and ingest
of the feeds whose money its rolling entries follow.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from redis import RedisError

from marketdata.bus import keys
from marketdata.bus.blocking import blocking_client

from .models import Watchlist

logger = logging.getLogger(__name__)

Cause = Literal["edited", "rolled"]

_TIMEOUT_S: Final = 2.0
# Each further message is one more PUBLISH: some 0.1 ms.
_TIMEOUT_PER_MESSAGE_S: Final = 0.01


class Edit(NamedTuple):
    """A watchlist with the version that an edit gave it."""

    watchlist: int
    version: int
    owner: int


def after_commit(watchlist: Watchlist, cause: Cause = "edited") -> None:
    edit = Edit(watchlist.pk, watchlist.version, watchlist.owner_id)
    transaction.on_commit(lambda: tell([edit], cause))


def tell(edits: Sequence[Edit], cause: Cause) -> None:
    """Never raises: the edits are committed, and must not fail for whatever the layer may raise."""
    messages = [
        message
        for one in edits
        for message in (
            (
                f"watchlist.{one.watchlist}",
                {"type": "watchlist.changed", "watchlist": one.watchlist, "version": one.version, "cause": cause},
            ),
            (f"user.{one.owner}", {"type": "watchlists.changed"}),
        )
    ]
    try:
        async_to_sync(_send)(messages)
    except Exception as error:
        which = ", ".join(str(one.watchlist) for one in edits[:5])
        logger.warning("watchlists (%s) changed, but nobody could be told: %r", which, error)


async def _send(messages: Sequence[tuple[str, dict[str, Any]]]) -> None:
    layer = get_channel_layer()
    async with asyncio.timeout(_TIMEOUT_S + _TIMEOUT_PER_MESSAGE_S * len(messages)):
        for group, message in messages:
            await layer.group_send(group, message)


def rolling_changed(feeds: Iterable[str]) -> None:
    """After the commit: the ingest of `feeds` reads rolling entries again within a second."""
    names = sorted(set(feeds))
    if names:
        transaction.on_commit(lambda: _count(names))


def _count(feeds: Sequence[str]) -> None:
    try:
        for feed in feeds:
            blocking_client(settings.REDIS_URL).incr(keys.rolling(feed))
    except RedisError as error:
        # It reads them again by itself within a minute.
        logger.warning("rolling entries changed, but ingest could not be told: %r", error)
