"""By which names and addresses others on the network may reach this machine."""

import contextlib
import socket


def own_addresses() -> list[str]:
    """This machine's IPv4 address on the default route, and its host name. Sends nothing."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        # Connecting a datagram socket only asks the routing table; 192.0.2.1 is set aside for documentation.
        probe.connect(("192.0.2.1", 9))
        found.append(probe.getsockname()[0])
    found.append(socket.gethostname())
    return [address for address in dict.fromkeys(found) if address and not address.startswith(("127.", "0."))]
