"""What the sides of the comparison are called, by the key that arguments and files have."""

from typing import Final

NAMES: Final = {
    "strikewire": "Strikewire on uvicorn",
    "strikewire-daphne": "Strikewire on Daphne",
    "node-batched": "Node ws + ioredis, batched at our beat",
    "uws-batched": "µWebSockets on Node, batched at our beat",
    "one-frame": "Node ws + ioredis, one frame an update",
    "socket.io": "Socket.IO with its Redis adapter",
    "channels-pubsub": "plain Channels, pub/sub layer",
    "channels-core": "plain Channels, core layer",
}


def name_of(key: str) -> str:
    """That of a side of somebody's own is its key."""
    return NAMES.get(key, key)
