"""What one connection to Deribit is subscribed to, and how it gets there: `feed` says what is wanted, a ConnectionLoop runs
`session`, `client` is the socket.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from ..base import TemporaryFeedError
from ..budget import Budget
from ..connection_loop import Heard
from .channels import Interval
from .client import Client, Take, connected
from .errors import RAW_NEEDS_LOGIN, TOO_MANY_REQUESTS, VenueBusyError, VenueRefusalError

# What the venue takes in one call.
CHANNELS_A_CALL: Final = 500
# The venue refills 3.3 subscribe calls a second up to 10. A little under it, since calls that left in time may arrive
# closer together.
SUBSCRIBE_RATE: Final = 3.0
SUBSCRIBE_BURST: Final = 10

logger = logging.getLogger(__name__)


class _Accepted(msgspec.Struct):
    result: list[str]


_decode_accepted = msgspec.json.Decoder(_Accepted).decode


class Connection:
    """`want` says what to subscribe to, at any time. `subscribed` is called when all of it is, once for each socket;
    `missing` is told the topics that the venue does not know."""

    def __init__(
        self,
        name: str,
        url: str,
        interval: Interval,
        heartbeat_s: int,
        budget: Budget,
        take: Take,
        subscribed: Callable[[], None],
        missing: Callable[[Sequence[str]], None],
    ) -> None:
        self.name = name
        self.client: Client | None = None
        self._url = url
        self._interval = interval
        self._heartbeat_s = heartbeat_s
        self._budget = budget
        self._take = take
        self._subscribed = subscribed
        self._missing = missing
        self._wanted: dict[str, None] = {}
        self._changed = asyncio.Event()

    def want(self, topics: Iterable[str]) -> None:
        """From now on exactly these topics; what stays is not touched."""
        self._wanted = dict.fromkeys(topics)
        self._changed.set()

    async def session(self, heard: Heard) -> None:
        """Connects, subscribes, follows what is wanted; never returns. Raises FeedError."""

        def take(text: str, received_ms: float) -> Awaitable[object] | None:
            heard(data='"method":"subscription"' in text)
            return self._take(text, received_ms)

        await self._budget.refilled()
        async with connected(self._url, take) as client:
            try:
                await client.call("public/set_heartbeat", interval=self._heartbeat_s)
                self.client = client
                await self._first_to_fail(client)
            except VenueBusyError as error:
                if error.code == TOO_MANY_REQUESTS:
                    self._budget.exhaust()
                raise
            finally:
                self.client = None

    async def _first_to_fail(self, client: Client) -> None:
        tasks = {asyncio.create_task(self._follow(client)), asyncio.create_task(client.ended())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            errors = [error for task in done if (error := task.exception()) is not None]
            # An error reply may be followed by a cut at once: the reply is the reason.
            raise min(errors, key=lambda error: not isinstance(error, VenueBusyError | VenueRefusalError))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, client: Client) -> None:
        """Keeps the subscriptions as they are wanted. Never returns."""
        have: set[str] = set()
        unknown: set[str] = set()
        first = True
        while True:
            self._changed.clear()
            wanted = dict(self._wanted)
            unknown &= wanted.keys()
            have -= await self._unsubscribe(client, [topic for topic in have if topic not in wanted])
            asked = [topic for topic in wanted if topic not in have and topic not in unknown]
            have |= await self._subscribe(client, asked)
            if left := [topic for topic in asked if topic not in have]:
                # Once more: one that was just listed may not be everywhere yet.
                have |= await self._subscribe(client, left)
                refused = [topic for topic in left if topic not in have]
                unknown.update(refused)
                if refused:
                    self._missing(refused)
            if first:
                first = False
                self._subscribed()
            await self._changed.wait()

    async def _subscribe(self, client: Client, topics: Sequence[str]) -> set[str]:
        """The topics that the venue accepted; its answer comes in any order, and without those it does not know."""
        accepted: set[str] = set()
        for some in _chunks(topics):
            accepted |= await self._subscribe_some(client, some)
        return accepted

    async def _subscribe_some(self, client: Client, topics: Sequence[str]) -> set[str]:
        asked = {self._interval.channel_of(topic): topic for topic in topics}
        try:
            accepted = await self._call(client, "public/subscribe", list(asked))
        except VenueRefusalError as error:
            if error.code != RAW_NEEDS_LOGIN or not any(channel.endswith(".raw") for channel in asked):
                raise
            if self._interval.name == "raw":
                logger.warning("%s: %s; every 100 ms instead", self.name, error)
                self._interval.name = "100ms"
            return await self._subscribe_some(client, topics)
        return {asked[channel] for channel in accepted if channel in asked}

    async def _unsubscribe(self, client: Client, topics: Sequence[str]) -> set[str]:
        for some in _chunks(topics):
            await self._call(client, "public/unsubscribe", [self._interval.channel_of(topic) for topic in some])
        return set(topics)

    async def _call(self, client: Client, method: str, channels: list[str]) -> list[str]:
        await self._budget.take()
        reply = await client.call(method, channels=channels)
        try:
            return _decode_accepted(reply).result
        except msgspec.MsgspecError as error:
            raise TemporaryFeedError(f"{method} was answered with what is no list of channels: {error}") from error


def _chunks(topics: Sequence[str]) -> Iterator[Sequence[str]]:
    return (topics[start : start + CHANNELS_A_CALL] for start in range(0, len(topics), CHANNELS_A_CALL))
