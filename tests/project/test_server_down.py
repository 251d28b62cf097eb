"""What people see while the database or Redis is away: a page that says so, and a line in the log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings
from redis.exceptions import ConnectionError as RedisConnectionError

from project.server_down import OneLine

PASSWORD = "correct horse battery staple"


def broken(request: HttpRequest, what: str) -> HttpResponse:
    raise {"database": OperationalError("gone\nHINT: x"), "redis": RedisConnectionError("100% gone")}.get(
        what, ValueError("ours")
    )


urlpatterns = [path("broken/<what>/", broken), path("api/broken/<what>/", broken)]
handler500 = "marketdata.rest.problems.server_error"


@contextmanager
def only_read() -> Iterator[None]:
    """As on a full disk, or on a server after a failover."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET TRANSACTION READ ONLY")  # the test's, and so to its end
            yield
            return
        cursor.execute("PRAGMA query_only = 1")
        try:
            yield
        finally:
            cursor.execute("PRAGMA query_only = 0")


@pytest.fixture
def visitor() -> Client:
    return Client(raise_request_exception=False)


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, bool]]:
    """Of failed requests: the line, and whether there is a traceback."""
    return [(one.getMessage(), bool(one.exc_info)) for one in caplog.records if one.name == "django.request"]


def test_signing_in_while_the_database_cannot_write(
    visitor: Client, django_user_model: type, caplog: pytest.LogCaptureFixture
) -> None:
    django_user_model.objects.create_user("ann", password=PASSWORD)  # type: ignore[attr-defined]
    with only_read():
        answer = visitor.post("/accounts/login/", {"login": "ann", "password": PASSWORD})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "Back in a moment" in answer.content.decode()
    ((line, has_traceback),) = said(caplog)
    assert line.startswith("Service Unavailable: /accounts/login/: ")
    assert "\n" not in line
    assert not has_traceback


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(("what", "why"), [("database", "gone"), ("redis", "100% gone")])
def test_it_is_said_to_people_and_programs(
    visitor: Client, what: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    page, answer = visitor.get(f"/broken/{what}/"), visitor.get(f"/api/broken/{what}/")
    assert (page.status_code, answer.status_code) == (503, 503)
    assert "text/html" in page.headers["Content-Type"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert what in answer.json()["detail"].lower()
    assert answer.headers["Retry-After"] == "5"
    assert said(caplog) == [
        (f"Service Unavailable: /broken/{what}/: {why}", False),
        (f"Service Unavailable: /api/broken/{what}/: {why}", False),
    ]


@pytest.mark.urls(__name__)
def test_a_fault_of_ours_keeps_its_traceback(visitor: Client, caplog: pytest.LogCaptureFixture) -> None:
    assert visitor.get("/broken/otherwise/").status_code == 500
    assert said(caplog) == [("Internal Server Error: /broken/otherwise/", True)]


def test_the_log_of_requests_is_filtered(settings: Settings) -> None:
    assert settings.LOGGING["loggers"]["django.request"]["filters"] == ["one_line"]
    assert any(isinstance(one, OneLine) for one in logging.getLogger("django.request").filters)
