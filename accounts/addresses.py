"""The address that a request came from, as far as it can be believed: attempts are counted by it, sessions show it."""

import ipaddress
from typing import Final

from django.conf import settings
from django.http import HttpRequest

# A server on a Unix socket, with no proxy that says more.
UNKNOWN: Final = "0.0.0.0"  # noqa: S104 # bound to nothing
_NETWORK_V6: Final = 64  # what one household has of IPv6: within it anyone changes address at will


def address_of(request: HttpRequest) -> str:
    """The client's address: that which the outermost proxy of ours wrote down, else that of the connection. What a client
    itself writes into X-Forwarded-For stands further left, and counts for nothing."""
    count = settings.TRUSTED_PROXIES
    forwarded = [one.strip() for one in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if one.strip()]
    said = [forwarded[-count]] if 0 < count <= len(forwarded) else []
    for one in (*said, str(request.META.get("REMOTE_ADDR", ""))):
        if address := _parsed(one):
            return address
    return UNKNOWN


def network_of(request: HttpRequest) -> str:
    """What attempts are counted by: the address, of IPv6 its network."""
    address = ipaddress.ip_address(address_of(request))
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _NETWORK_V6), strict=False).network_address)


def _parsed(text: str) -> str:
    """Also `192.0.2.1:4711` and `[2001:db8::1]:4711`, as some proxies write; an IPv4 address within IPv6 is itself."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)
