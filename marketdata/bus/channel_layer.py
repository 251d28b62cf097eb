"""The channel layer: Channels' own contract over one pub/sub connection a process, with rows as its one extension.

Control messages are few: they are queued per channel, up to a capacity. Rows are many: they are never queued, the process
keeps the latest of each instrument once (`board`). Both kinds travel to Redis-backed groups.
"""

import asyncio
import logging
import uuid
from collections.abc import Mapping
from typing import Any, Final

from channels.exceptions import ChannelFull
from channels.layers import BaseChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from channels_redis.utils import _wrap_close, decode_hosts

from . import keys
from .board import Board
from .client import Client
from .cluster import Cluster
from .last_values import LastValues
from .place import Place
from .shard_subscriber import ShardSubscriber
from .sharded_values import ShardedValues
from .subscriber import Subscriber

logger = logging.getLogger(__name__)

GROUP: Final = "__group__"
ROWS: Final = "q."
# A slot that moves, or a node that connects again, is no silence of a feed; what takes longer is.
UNHEARD_S: Final = 1.0


class StreamChannelLayer(RedisPubSubChannelLayer):
    """What settings name. It holds one `LoopLayer` an event loop, as the layer of channels_redis does, whose
    serialisation and clean-up at the end of a loop it keeps."""

    def _get_layer(self) -> "LoopLayer":
        loop = asyncio.get_running_loop()
        try:
            layer: LoopLayer = self._layers[loop]
        except KeyError:
            layer = self._layers[loop] = LoopLayer(**self._kwargs, channel_layer=self)
            _wrap_close(self, loop)
        return layer


class Mailbox:
    """What waits for one channel: at most `capacity` messages; the newest is dropped when it is full, and counted."""

    __slots__ = ("capacity", "dropped", "groups", "messages", "waiter")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        # A list, since it is empty in most of thousands, and short: a deque is 600 bytes.
        self.messages: list[Any] = []
        self.waiter: asyncio.Future[None] | None = None
        self.dropped = 0
        self.groups: set[str] = set()

    @property
    def is_full(self) -> bool:
        return len(self.messages) >= self.capacity

    def put(self, message: Any) -> None:
        if self.is_full:
            self.dropped += 1
            return
        self.messages.append(message)
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def take(self) -> Any:
        while not self.messages:
            if self.waiter is None or self.waiter.done():
                self.waiter = asyncio.get_running_loop().create_future()
            # Shielded, since several may wait on one channel and one giving up must not wake the others for nothing.
            await asyncio.shield(self.waiter)
        return self.messages.pop(0)


class LoopLayer(BaseChannelLayer):
    """The layer on one event loop. `hosts` has exactly one entry: the URL of a Redis or Valkey. `rows` is the address of a
    cluster where rows are on one; then they are in no groups, and a `group_send` to a row's group reaches nobody."""

    extensions = ["groups", "flush", "rows"]

    def __init__(
        self,
        hosts: list[Any] | None = None,
        prefix: str = "asgi",
        capacity: int = 100,
        channel_capacity: Mapping[Any, int] | None = None,
        resynchronise: bool = True,
        rows: str = "",
        channel_layer: Any = None,
    ) -> None:
        super().__init__(capacity=capacity)
        self.channel_capacity = self.compile_capacities(channel_capacity or {})
        hosts = decode_hosts(hosts)
        if len(hosts) != 1 or "address" not in hosts[0]:
            raise ValueError("CONFIG['hosts'] takes exactly one URL, as REDIS_URL is")
        self.prefix = prefix
        self.channel_layer = channel_layer
        self.process = uuid.uuid4().hex[:12]
        self.mailboxes: dict[str, Mailbox] = {}
        self.groups: dict[str, set[str]] = {}
        url = hosts[0]["address"]
        self.client = Client(url, f"{prefix}-web-commands")
        self.subscriber = Subscriber(url, f"{prefix}-web-subscriber", self._arrived, self._read, self._restored)
        self.cluster: Cluster | None = None
        self.row_subscriber: Subscriber | ShardSubscriber = self.subscriber
        values, channel_of = LastValues(self.client), self._row_channel
        if rows:
            self.cluster = Cluster(rows, f"{prefix}-web-rows")
            self.row_subscriber = ShardSubscriber(
                self.cluster.topology,
                f"{prefix}-web-rows-subscriber",
                lambda channel, payload: self.board.put(payload),
                self._read,
                lambda channels: self.board.subscribed_again(channels),
            )
            values, channel_of = ShardedValues(self.cluster.client), _shard_channel
        self.board = Board(values, self.row_subscriber, channel_of, resynchronise=resynchronise)
        self._row_prefix = self._group_channel(ROWS).encode()
        # Plain listeners on Redis channels that are neither groups nor mailboxes (beacons, the catalogue's versions).
        self.listeners: dict[str, Any] = {}

    # ── Channels ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(self, channel: str, message: Any) -> None:
        """To one channel. Raises ChannelFull where the channel lives in this process and is full; one of another process
        drops what is over its capacity, and counts it there."""
        self.require_valid_channel_name(channel)
        mailbox = self.mailboxes.get(channel)
        if mailbox is not None and mailbox.is_full:
            raise ChannelFull(channel)
        name = channel.encode()
        payload = bytes([len(name)]) + name + self.channel_layer.serialize(message)
        await self.client.call("PUBLISH", self._redis_channel(channel), payload)

    async def new_channel(self, prefix: str = "specific.") -> str:
        """A name of this process. One subscription stands for all names of a prefix, so that a connecting socket costs
        Redis nothing."""
        channel = f"{prefix}{self.process}!{uuid.uuid4().hex}"
        self.require_valid_channel_name(channel)
        await self._open(channel)
        return channel

    async def receive(self, channel: str) -> Any:
        """The next message of the channel. When the wait is cancelled the channel is closed, since that is how Channels
        ends a consumer."""
        if channel not in self.mailboxes:
            self.require_valid_channel_name(channel)
            await self._open(channel)
        try:
            return self.channel_layer.deserialize(await self.mailboxes[channel].take())
        except (asyncio.CancelledError, GeneratorExit):
            self.close_channel(channel)
            raise

    def close_channel(self, channel: str) -> None:
        """Forgets the channel and takes it out of every group. Also for a consumer that ended in an error, whose
        receive is not cancelled."""
        mailbox = self.mailboxes.pop(channel, None)
        if mailbox is None:
            return
        for group in mailbox.groups:
            self._leave(group, channel)
        name = self._redis_channel(channel)
        if not any(self._redis_channel(other) == name for other in self.mailboxes):
            self.subscriber.discard([name])

    async def group_add(self, group: str, channel: str) -> None:
        self.require_valid_group_name(group)
        if channel not in self.mailboxes:
            raise RuntimeError(f"group_add() takes a channel of this process; {channel!r} is not one")
        name = self._group_channel(group)
        self.groups.setdefault(name, set()).add(channel)
        self.mailboxes[channel].groups.add(name)
        await self.subscriber.add([name])

    async def group_discard(self, group: str, channel: str) -> None:
        self.require_valid_group_name(group)
        self.leave_group(group, channel)

    async def group_send(self, group: str, message: Any) -> None:
        self.require_valid_group_name(group)
        await self.client.call("PUBLISH", self._group_channel(group), self.channel_layer.serialize(message))

    async def flush(self) -> None:
        """Back to new, connections closed; they open again when next needed."""
        self.mailboxes.clear()
        self.groups.clear()
        self.listeners.clear()
        self.board.clear()
        await self.subscriber.close()
        await self.row_subscriber.close()
        self.client.close()
        if self.cluster is not None:
            await self.cluster.close()

    @property
    def hears_rows(self) -> bool:
        """Whether rows arrive of all that is watched, for all that is known here."""
        if isinstance(self.row_subscriber, ShardSubscriber) and self.row_subscriber.missing_s > UNHEARD_S:
            return False
        return self.subscriber.is_connected

    # ── Beyond Channels ───────────────────────────────────────────────────────────────────────────────────────────────

    async def listen(self, channel: str, listener: Any) -> None:
        """Calls `listener(payload)` for all that is published on a Redis channel."""
        self.listeners[channel] = listener
        await self.subscriber.add([channel])

    def leave_group(self, group: str, channel: str) -> None:
        """`group_discard` for where nothing may be awaited: it needs no answer of Redis."""
        name = self._group_channel(group)
        if channel in self.mailboxes:
            self.mailboxes[channel].groups.discard(name)
        self._leave(name, channel)

    def post(self, channel: str, message: Any) -> None:
        """A message from this process to one of its own channels, without Redis."""
        mailbox = self.mailboxes.get(channel)
        if mailbox is not None:
            mailbox.put(self.channel_layer.serialize(message))

    # ── Inside ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _group_channel(self, group: str) -> str:
        return f"{self.prefix}{GROUP}{group}"

    def _row_channel(self, place: Place) -> str:
        return self._group_channel(keys.row_group(place.feed, place.symbol))

    def _redis_channel(self, channel: str) -> str:
        """A specific name is reached by its process: everything up to the exclamation mark."""
        local, mark, _ = channel.partition("!")
        return f"{self.prefix}__channel__{local}{mark}"

    async def _open(self, channel: str) -> None:
        self.mailboxes[channel] = Mailbox(self.get_capacity(channel))
        try:
            await self.subscriber.add([self._redis_channel(channel)])
        except ConnectionError:
            # A socket may open while Redis is away: it is subscribed when Redis is back.
            logger.warning("a channel was opened while Redis is away")
        except BaseException:
            # Cancelled on the way: nobody has the name, so nobody else would ever close it.
            self.close_channel(channel)
            raise

    def _leave(self, name: str, channel: str) -> None:
        members = self.groups.get(name)
        if members is None:
            return
        members.discard(channel)
        if not members:
            del self.groups[name]
            self.subscriber.discard([name])

    def _arrived(self, channel: bytes, payload: bytes) -> None:
        if channel.startswith(self._row_prefix):
            self.board.put(payload)
            return
        name = channel.decode()
        if (listener := self.listeners.get(name)) is not None:
            try:
                listener(payload)
            except Exception:  # it would end the connection, and with it everybody's rows
                logger.exception("a message on %s cannot be used: %r", name, payload[:100])
        elif (members := self.groups.get(name)) is not None:
            for member in members:
                self._deliver(member, payload)
        elif payload:
            end = payload[0] + 1
            self._deliver(payload[1:end].decode("ascii", "replace"), payload[end:])

    def _deliver(self, channel: str, payload: bytes) -> None:
        mailbox = self.mailboxes.get(channel)
        if mailbox is None:
            return
        mailbox.put(payload)
        if mailbox.dropped == 1:
            logger.warning("a channel is over its capacity of %d messages; new ones are dropped", mailbox.capacity)

    def _read(self) -> None:
        self.board.end_of_chunk()

    def _restored(self) -> None:
        self.board.resynchronise_soon("subscribed again")


def _shard_channel(place: Place) -> str:
    return keys.shard_channel(place.feed, place.underlying, place.symbol)
