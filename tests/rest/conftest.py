"""Clients of the REST API, signed in by session or by token."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from redis import Redis

from accounts import tokens
from accounts.models import SCOPES, User
from tests.history.conftest import history_database as history_database


class ApiClient(Client):
    """Sends JSON, takes problems as answers instead of exceptions, and enforces CSRF as a browser would meet it."""

    def __init__(self, **defaults: Any) -> None:
        super().__init__(enforce_csrf_checks=True, raise_request_exception=False, **defaults)

    def send(self, method: str, path: str, body: Any = None, **extra: Any) -> Any:
        if body is not None:
            extra = {"data": body, "content_type": "application/json", **extra}
        return getattr(self, method.lower())(
            path if path.startswith(("/", "http://testserver/")) else f"/api/v1/{path}", **extra
        )


def by_token(user: User, *scopes: str) -> ApiClient:
    """By a new token, of all scopes unless told. It was used just now: no request here has to write that."""
    record, text = tokens.issue(user, scopes=scopes or SCOPES)
    tokens.used(record)
    return ApiClient(headers={"authorization": f"Bearer {text}"})


def by_session(user: User, csrf: bool = False) -> ApiClient:
    """By a new session; with `csrf` as a page of ours, which sends the header."""
    client = ApiClient(headers={"x-csrftoken": "a" * 32} if csrf else {})
    client.force_login(user)
    if csrf:
        client.cookies["csrftoken"] = "a" * 32
    return client


@pytest.fixture
def api(owner: User, redis_client: Redis) -> ApiClient:
    """The owner, by token."""
    return by_token(owner)


@pytest.fixture
def others_api(stranger: User) -> ApiClient:
    """Somebody else, by token."""
    return by_token(stranger)


def problem(response: Any, status: int) -> dict[str, Any]:
    """The body of a problem, once it is sure that `response` is one with this status."""
    assert response.headers["Content-Type"] == "application/problem+json", response.content[:500]
    body: dict[str, Any] = response.json()
    assert response.status_code == body["status"] == status, body
    assert set(body) == {"type", "title", "status", "detail", "errors"}
    assert body["detail"]
    for error in body["errors"]:
        assert set(error) == {"field", "code", "message"}
        assert error["code"]
        assert error["message"]
    return body


def fields(response: Any) -> list[tuple[str | None, str]]:
    """Field and code of each error of a refused input."""
    return [(one["field"], one["code"]) for one in problem(response, 400)["errors"]]


@pytest.fixture(autouse=True)
def _keep_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the tests of accounts: Channels would close the connection that holds the test's transaction."""
    monkeypatch.setattr("channels.db.close_old_connections", lambda: None)


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: Settings) -> None:
    """Argon2 takes what a guesser should pay; a test that makes a user need not."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
