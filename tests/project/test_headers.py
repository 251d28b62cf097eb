"""What every answer tells the browser: pages, REST, the admin, static files, refusals; by HTTP and by HTTPS."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from redis import Redis

from accounts.models import User
from tests.conftest import PASSWORD
from tests.frontend.conftest import build as build
from tests.frontend.test_security import directives

from .production import documented, settings_of

pytestmark = pytest.mark.either_database

HOST = "desk.example.org"
# Where, as whom, and the status that comes of it.
ANSWERS = [
    ("/", "staff", 200),
    ("/", "", 302),
    ("/accounts/login/", "", 200),
    ("/accounts/tokens/", "staff", 200),
    ("/admin/", "staff", 200),
    ("/admin/", "", 302),
    ("/api/v1/me/", "staff", 200),
    ("/api/v1/me/", "", 401),
    ("/api/nothing/", "", 404),
    ("/api/docs/", "staff", 200),
    ("/nothing/", "", 404),
    ("/static/frontend/favicon.svg", "", 200),
    ("/static/nothing.js", "", 404),
]


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process reads out of the environment that the documentation names."""
    return settings_of(documented(tmp_path_factory.mktemp("production")))


@pytest.fixture(params=["http", "https"])
def ask(
    request: pytest.FixtureRequest,
    settings: Settings,
    production: dict[str, Any],
    build: Path,
    redis_client: Redis,
    staff: User,
) -> Any:
    """Asks as a browser on this machine would, and as one through the proxy of a site in production."""
    secure = request.param == "https"
    if secure:
        for name, value in production.items():
            setattr(settings, name, value)
    headers = {"host": HOST} if secure else {"host": "localhost:8000"}

    def asked(path: str, who: str = "", **extra: Any) -> Any:
        client = Client(headers=headers)
        if who:
            client.force_login(staff)
        return client.get(path, secure=secure, **extra)  # as project.forwarded found it

    asked.secure = secure  # type: ignore[attr-defined]
    return asked


def test_every_answer_says_all_of_it(ask: Any) -> None:
    for path, who, status in ANSWERS:
        response = ask(path, who)
        assert response.status_code == status, (path, who)
        told = response.headers
        policy = directives(told["Content-Security-Policy"])
        socket = f"wss://{HOST}" if ask.secure else "ws://localhost:8000"
        assert policy["connect-src"] == ["'self'", socket], path
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == ["'none'"], path
        inline = [one for one in policy["script-src"] if one not in ("'self'", "'unsafe-eval'")]
        assert inline == [], path
        if not path.startswith("/admin/"):
            assert policy["script-src"] == policy["style-src"] == ["'self'"], path
        assert told["X-Frame-Options"] == "DENY", path
        assert told["Referrer-Policy"] == "same-origin", path
        assert told["X-Content-Type-Options"] == "nosniff", path
        assert told["Cross-Origin-Opener-Policy"] == "same-origin", path
        assert "camera=()" in told["Permissions-Policy"], path
        assert "publickey-credentials-get=(self)" in told["Permissions-Policy"], path
        assert "Server" not in told, path
        year = "max-age=31536000; includeSubDomains; preload"
        assert told.get("Strict-Transport-Security") == (year if ask.secure else None), path


def test_cookies_have_their_flags(ask: Any) -> None:
    response = ask("/accounts/login/")
    csrf = response.cookies["csrftoken"]
    assert csrf["samesite"] == "Lax"
    assert bool(csrf["secure"]) is ask.secure
    assert not csrf["httponly"]  # the desk's script sends it back
    form = {"login": "staff", "password": PASSWORD, "csrfmiddlewaretoken": csrf.value}
    origin = {"origin": f"https://{HOST}", "referer": f"https://{HOST}/accounts/login/"} if ask.secure else {}
    signed_in = response.client.post("/accounts/login/", form, secure=ask.secure, headers=origin)
    session = signed_in.cookies["sessionid"]
    assert session["httponly"]
    assert session["samesite"] == "Lax"
    assert bool(session["secure"]) is ask.secure


def test_plain_http_is_sent_to_https_where_that_is_the_site(ask: Any) -> None:
    if not ask.secure:
        assert ask("/accounts/login/").status_code == 200
        return
    response = Client(headers={"host": HOST}).get("/accounts/login/")
    assert (response.status_code, response.headers["Location"]) == (301, f"https://{HOST}/accounts/login/")


def test_an_unknown_host_is_refused_and_named_nowhere(ask: Any) -> None:
    response = Client(headers={"host": "evil.example"}).get("/", secure=True)
    assert response.status_code == 400
    assert "evil" not in str(response.headers) + response.content.decode()
