"""How a process comes to lead: it tries for a lease, or for any of several, and stands by until it has one."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Sequence
from typing import Final

import redis

from ..bus import standbys
from ..bus.client import Client
from ..bus.connection import RedisDownError
from ..bus.lease import RENEWAL_S, Lease
from ..shares import Share

logger = logging.getLogger(__name__)

STANDBY_S: Final = 0.25
# What a standby leaves the former leader to lead again in after Redis forgot everything: that one knows all rows, and finds
# out within a renewal.
FORMER_FIRST_S: Final = 3 * RENEWAL_S


async def win_any(feed: str, url: str, shares: Sequence[Share]) -> Lease:
    """The lease of one of these shares, whichever is free first. Each process tries them in an order of its own, so that
    several that start together do not all wait for the same one."""
    leases = [Lease(feed, url, _nothing, share) for share in random.sample(shares, len(shares))]
    client = Client(url, f"ingest-{feed}-campaign")
    won: Lease | None = None
    try:
        won = await win(leases, client)
        return won
    finally:
        client.close()
        for lease in leases:
            if lease is not won:
                lease.release()


def _nothing() -> None:
    """Who leads by it has itself told."""


async def win(leases: Sequence[Lease], client: Client) -> Lease:
    """The first of them that is ours; the others are left alone. `client` is where it is said who stands by."""
    tries = [_Try(lease) for lease in leases]
    said_at = 0.0
    while True:
        for one in tries:
            try:
                if await asyncio.to_thread(one.succeeds):
                    await _say_no_more(tries, client)
                    return one.lease
            except redis.RedisError as error:
                one.tell_once(logging.WARNING, f"no lease for {one.lease.name} yet: {error}")
                if one.stands_by and one.lease.may_fail_over:
                    await _leave_it_to_the_former(client)
        now = time.monotonic()
        if now - said_at >= standbys.SAID_EVERY_S:
            said_at = now
            for lease in (one.lease for one in tries if one.lease.holder):
                with contextlib.suppress(RedisDownError):
                    await standbys.say(client, lease.feed, lease.owner, lease.share)
        await asyncio.sleep(STANDBY_S)


async def _leave_it_to_the_former(client: Client) -> None:
    """Redis is away from the leader too, and its lease may run out meanwhile. The server that takes over may have lost
    what was published last: who led knows it, and shall lead again when that server is there."""
    while True:
        with contextlib.suppress(RedisDownError):
            await client.call("PING")
            break
        await asyncio.sleep(STANDBY_S)
    await asyncio.sleep(FORMER_FIRST_S)


async def _say_no_more(tries: Sequence["_Try"], client: Client) -> None:
    for lease in (one.lease for one in tries):
        with contextlib.suppress(RedisDownError):
            await standbys.leave(client, lease.feed, lease.owner, lease.share)


class _Try:
    """For one lease. What is in its way is logged when it is another than before."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.stands_by = False
        self._told = ""
        self._forgotten_at: float | None = None

    def succeeds(self) -> bool:
        """Blocking. Raises redis.RedisError."""
        lease, forgotten_at = self.lease, self._forgotten_at
        # Who saw nobody lead has nobody to wait for.
        waits = self.stands_by and (forgotten_at is None or time.monotonic() - forgotten_at < FORMER_FIRST_S)
        if lease.acquire(waits):
            return True
        if lease.split_otherwise:
            self.tell_once(
                logging.INFO,
                f"those who lead {lease.feed} split it in {lease.split_otherwise}, and not in {lease.share.of}: waiting "
                "until the last of them has ended",
            )
        elif lease.holder:
            self.stands_by, self._forgotten_at = True, None
            self.tell_once(logging.INFO, f"{lease.name} is led by {lease.holder}; standing by")
        else:
            self._forgotten_at = forgotten_at or time.monotonic()
        return False

    def tell_once(self, level: int, text: str) -> None:
        if text != self._told:
            self._told = text
            logger.log(level, "%s", text)
