"""The content security policy of every page."""

from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from accounts.models import User
from frontend.security import HEADER, ContentSecurityPolicyMiddleware, policy


def directives(text: str) -> dict[str, list[str]]:
    return {part.split()[0]: part.split()[1:] for part in text.split(";")}


def test_scripts_and_styles_come_from_our_own_origin_and_never_inline() -> None:
    found = directives(policy(RequestFactory().get("/")))
    assert found["default-src"] == ["'none'"]
    assert found["script-src"] == found["style-src"] == ["'self'"]
    assert found["frame-ancestors"] == found["base-uri"] == ["'none'"]
    assert found["form-action"] == ["'self'"]


@pytest.mark.parametrize(("secure", "socket"), [(False, "ws://127.0.0.1:8000"), (True, "wss://127.0.0.1:8000")])
def test_the_socket_of_the_same_host_is_named(secure: bool, socket: str) -> None:
    request = RequestFactory().get("/", secure=secure, headers={"host": "127.0.0.1:8000"})
    assert directives(policy(request))["connect-src"] == ["'self'", socket]


def test_an_unknown_host_is_not_named() -> None:
    request = RequestFactory().get("/", headers={"host": "evil.example"})
    assert directives(policy(request))["connect-src"] == ["'self'"]


def test_a_view_may_set_a_policy_of_its_own() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={HEADER: "default-src 'self'"})

    request = RequestFactory().get("/")
    response = ContentSecurityPolicyMiddleware(view).process_response(request, view(request))
    assert response.headers[HEADER] == "default-src 'self'"


@pytest.mark.django_db
def test_pages_and_errors_carry_it(client: Client, owner: User, build: Path, cache_in_memory: None) -> None:
    client.force_login(owner)
    for path, status in (("/", 200), ("/nowhere/", 404), ("/accounts/logout/", 200)):
        response = client.get(path)
        assert response.status_code == status
        assert "script-src 'self'" in response.headers[HEADER]


@pytest.mark.django_db
def test_no_page_of_ours_has_anything_inline(client: Client, owner: User, build: Path, cache_in_memory: None) -> None:
    pages = [client.get("/accounts/login/"), client.get("/nowhere/")]
    client.force_login(owner)
    pages += [client.get("/"), client.get("/accounts/logout/")]
    for response in pages:
        text = response.content.decode()
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        assert text.count("<script") == text.count('<script type="module" src="/static/build/')
