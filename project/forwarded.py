"""Whose word counts about where a request came from: the proxies that stand before us, and nobody else's. What follows is
told by the scope alone, to pages, REST and sockets alike: nobody else reads these headers.
"""

import ipaddress
from typing import Any, Final

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

_SECURE: Final = {"http": "https", "websocket": "wss"}


class TrustedProxies:
    """Sets the scope's client and scheme from X-Forwarded-For and X-Forwarded-Proto of `count` proxies.

    Each proxy adds one address at the right: the one that the outermost of ours added is the last that can be believed.
    What stands further left came from the client, who may write anything.
    """

    def __init__(self, application: ASGI3Application, count: int) -> None:
        self._application = application
        self._count = count

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] in _SECURE:
            scope = self._corrected(scope)
        await self._application(scope, receive, send)

    def _corrected(self, scope: Any) -> Any:
        corrected = dict(scope)
        addresses = _listed(scope, b"x-forwarded-for")
        if len(addresses) >= self._count and (address := parsed(addresses[-self._count])):
            corrected["client"] = (address, 0)
        schemes = _listed(scope, b"x-forwarded-proto")
        if schemes and schemes[-1].lower() in ("https", "wss"):
            corrected["scheme"] = _SECURE[scope["type"]]
        return corrected


def parsed(text: str) -> str:
    """The IP address in `text`, empty where there is none. Also of `192.0.2.1:4711` and `[2001:db8::1]:4711`, as some
    proxies write; an IPv4 address within IPv6 is itself."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


def _listed(scope: Any, name: bytes) -> list[str]:
    values = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return [part.strip() for part in ",".join(values).split(",") if part.strip()]
