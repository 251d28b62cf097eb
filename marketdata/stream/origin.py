"""Which pages may open the browsers' socket: those of the site that the handshake itself was addressed to, and those that
the operator listed. Scheme, host and port all count, which Channels' own validator does not ask for.
"""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_PAGES = {"ws": "http", "wss": "https"}


def is_allowed(scope: dict[str, Any]) -> bool:
    """Whether the handshake in `scope` comes from an allowed page. One without an Origin does not."""
    headers = {name: value for name, value in scope["headers"] if name in (b"origin", b"host")}
    origin = _parts(headers.get(b"origin", b"").decode("latin-1"))
    if origin is None:
        return False
    host = headers.get(b"host", b"").decode("latin-1")
    scheme = scope.get("scheme", "ws")
    own = _parts(f"{_PAGES.get(scheme, scheme)}://{host}")
    domain, _ = split_domain_port(host)
    if own == origin and validate_host(domain, settings.ALLOWED_HOSTS):
        return True
    return any(_parts(listed) == origin for listed in settings.CSRF_TRUSTED_ORIGINS)


def _parts(origin: str) -> tuple[str, str, int] | None:
    """(scheme, host, port) of an origin; None for `null` and whatever else is not one."""
    try:
        parts = urlsplit(origin)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    if not parts.hostname or not port or parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    if parts.username is not None or parts.password is not None:
        return None
    return parts.scheme, parts.hostname, port
