"""The address that a request came from, as far as it can be believed: attempts are counted by it, sessions show it."""

import ipaddress
from typing import Final

from django.http import HttpRequest

from project.forwarded import parsed

# A server on a Unix socket, with no proxy that says more.
UNKNOWN: Final = "0.0.0.0"  # noqa: S104 # bound to nothing
_NETWORK_V6: Final = 64  # what one household has of IPv6: within it anyone changes address at will


def address_of(request: HttpRequest) -> str:
    """The client's address: behind proxies of ours that which `project.forwarded` found, else that of the connection."""
    return parsed(str(request.META.get("REMOTE_ADDR", ""))) or UNKNOWN


def network_of(request: HttpRequest) -> str:
    """What attempts are counted by: the address, of IPv6 its network."""
    address = ipaddress.ip_address(address_of(request))
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _NETWORK_V6), strict=False).network_address)
