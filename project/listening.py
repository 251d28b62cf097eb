"""The listening socket of the web process, whose options every accepted connection inherits."""

import errno
import socket
from typing import Final

from .errors import StartError

# By default the kernel takes up to 4 MB for a reader that does not read: minutes of stale quotes that no code of ours
# can take back. With this, a send waits, and what waits is conflated.
SEND_BUFFER_BYTES: Final = 256 * 1024
# A peer that acknowledges nothing for so long is gone (a laptop that was closed): the kernel then ends the connection,
# which a blocked send alone would keep for a quarter of an hour.
UNACKNOWLEDGED_MS: Final = 30_000
# Connections that the kernel has made and nobody has taken yet: a storm of all clients at once.
BACKLOG: Final = 2048


def listen(host: str, port: int, shared: bool = False) -> socket.socket:
    """A socket bound to `host` (a name or an address of this machine) and `port`, listening. With `shared`, others of this
    user may listen there too, and the kernel spreads what comes over them.

    Raises StartError, with status 2 where the port is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise StartError(f"{host} is not an address to listen on: {error.strerror}", 2) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise StartError(f"port {port} is in use: give another with --port", 2) from error
        if error.errno == errno.EACCES:
            raise StartError(
                f"port {port} is for the administrator of this machine: give another with --port", 2
            ) from error
        raise StartError(f"cannot listen on {host}, port {port}: {error.strerror}", 2) from error
    listener.setblocking(False)
    return listener
