"""Which pages may open the browsers' socket."""

from typing import Any

import pytest
from django.test import override_settings

from marketdata.stream.origin import is_allowed
from project.forwarded import TrustedProxies


def scope(origin: str | None, host: str = "desk.example.org", scheme: str = "wss", **more: str) -> dict[str, Any]:
    headers = {"host": host, **({} if origin is None else {"origin": origin}), **more}
    return {
        "scheme": scheme,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "allowed"),
    [
        ("https://desk.example.org", "desk.example.org", "wss", True),
        ("https://desk.example.org:443", "desk.example.org", "wss", True),
        ("https://desk.example.org", "desk.example.org:443", "wss", True),
        ("https://DESK.example.org", "desk.example.org", "wss", True),
        ("http://desk.example.org", "desk.example.org", "wss", False),
        ("https://desk.example.org", "desk.example.org", "ws", False),
        ("https://desk.example.org:8443", "desk.example.org", "wss", False),
        ("https://desk.example.org:8443", "desk.example.org:8443", "wss", True),
        ("https://evil.example.org", "desk.example.org", "wss", False),
        # The host that the handshake names has to be ours, else a page of any host that points here would be.
        ("https://evil.example.org", "evil.example.org", "wss", False),
        ("https://listed.example.org:9000", "desk.example.org", "wss", True),
        ("http://listed.example.org:9000", "desk.example.org", "wss", False),
        ("https://listed.example.org", "desk.example.org", "wss", False),
        ("http://[::1]:8000", "[::1]:8000", "ws", True),
        ("null", "desk.example.org", "wss", False),
        ("", "desk.example.org", "wss", False),
        (None, "desk.example.org", "wss", False),
        ("https://desk.example.org", "", "wss", False),
        ("https://user@desk.example.org", "desk.example.org", "wss", False),
        ("https://desk.example.org:x", "desk.example.org", "wss", False),
        ("https://desk.example.org/page", "desk.example.org", "wss", False),
        ("https://desk.example.org?x", "desk.example.org", "wss", False),
    ],
)
def test_scheme_host_and_port_all_count(origin: str | None, host: str, scheme: str, allowed: bool) -> None:
    with override_settings(
        ALLOWED_HOSTS=["desk.example.org", "[::1]"],
        CSRF_TRUSTED_ORIGINS=["https://listed.example.org:9000"],
    ):
        assert is_allowed(scope(origin, host, scheme)) is allowed


@pytest.mark.parametrize(
    ("proxies", "forwarded", "allowed"), [(0, "https", False), (1, "https", True), (1, "http", False)]
)
async def test_a_proxys_word_counts_where_proxies_are_trusted(proxies: int, forwarded: str, allowed: bool) -> None:
    found: list[bool] = []

    async def stream(scope: Any, receive: Any, send: Any) -> None:
        found.append(is_allowed(scope))

    said: Any = scope("https://desk.example.org", scheme="ws", x_forwarded_proto=forwarded) | {"type": "websocket"}
    application: Any = TrustedProxies(stream, proxies) if proxies else stream
    with override_settings(ALLOWED_HOSTS=["desk.example.org"]):
        await application(said, None, None)
    assert found == [allowed]
