"""Whom a request is believed to come from, behind proxies."""

from typing import Any

import pytest

from project.forwarded import TrustedProxies


async def seen(count: int, kind: str, *headers: tuple[str, str]) -> tuple[str, str]:
    """(client address, scheme) as the application sees them."""
    found: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        found.append(scope)

    async def receive() -> Any:
        raise AssertionError

    async def send(message: Any) -> None:
        raise AssertionError

    scope: Any = {
        "type": kind,
        "scheme": "ws" if kind == "websocket" else "http",
        "client": ("10.0.0.1", 4711),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }
    await TrustedProxies(application, count)(scope, receive, send)
    assert scope["client"] == ("10.0.0.1", 4711)
    return found[0]["client"][0], found[0]["scheme"]


FORWARDED = "x-forwarded-for"


@pytest.mark.parametrize(
    ("count", "value", "client"),
    [
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.66, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.66, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, " , ", "10.0.0.1"),
        (1, "nonsense", "10.0.0.1"),
        (1, "203.0.113.9:4711", "203.0.113.9"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
async def test_what_the_client_wrote_itself_is_not_believed(count: int, value: str, client: str) -> None:
    assert (await seen(count, "http", (FORWARDED, value)))[0] == client


async def test_several_headers_are_one_list() -> None:
    assert (await seen(1, "http", (FORWARDED, "198.51.100.66"), (FORWARDED, "203.0.113.9")))[0] == "203.0.113.9"


@pytest.mark.parametrize(("kind", "scheme"), [("http", "https"), ("websocket", "wss")])
async def test_the_scheme_is_the_one_at_the_proxy(kind: str, scheme: str) -> None:
    assert (await seen(1, kind, ("x-forwarded-proto", "https")))[1] == scheme


async def test_without_a_word_of_the_proxy_nothing_changes() -> None:
    assert await seen(1, "websocket") == ("10.0.0.1", "ws")
