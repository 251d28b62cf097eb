"""Every error under /api/ has one shape: a walk over every route, and each kind of failure."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings
from redis import Redis

from accounts import tokens
from accounts.models import User
from marketdata.rest import instruments

from .conftest import ApiClient, by_session, by_token, fields, problem

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE")


def routes(resolver: URLResolver, prefix: str = "/") -> Iterator[tuple[str, URLPattern]]:
    for part in resolver.url_patterns:
        path = prefix + str(part.pattern)
        if isinstance(part, URLResolver):
            yield from routes(part, path)
        elif path.startswith("/api/"):
            yield re.sub(r"<int:\w+>", "999", re.sub(r"<str:\w+>", "NONE", path)), part


ROUTES = sorted({path for path, _ in routes(get_resolver())})


def test_the_walk_sees_every_route() -> None:
    assert len(ROUTES) >= 18
    assert not any("<" in path for path in ROUTES)
    assert "/api/v1/watchlists/999/entries/999/" in ROUTES


@pytest.mark.parametrize("path", ROUTES)
def test_every_method_of_every_route_answers_success_or_a_problem(path: str, owner: User, redis_client: Redis) -> None:
    api = by_token(owner)
    for method in METHODS:
        response = api.send(method, path)
        assert response.status_code < 500, (method, path)
        if method == "HEAD" or response.status_code < 400:
            continue
        problem(response, response.status_code)


@pytest.mark.parametrize("path", [path for path in ROUTES if path not in ("/api/", "/api/docs/")])
def test_every_route_asks_who_it_is(path: str, db: None) -> None:
    response = ApiClient().send("GET", path)
    problem(response, 401)
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", [path for path in ROUTES if path not in ("/api/", "/api/docs/")])
def test_every_route_refuses_parameters_that_it_does_not_know(path: str, owner: User, redis_client: Redis) -> None:
    api = by_session(owner, csrf=True)
    allowed = api.send("DELETE" if "tickets" in path else "TRACE", path).headers["Allow"].split(", ")
    for method in allowed:
        if method == "OPTIONS":
            continue
        # A body, since without one the client says that it sends a form.
        response = api.send(method, f"{path}?nonsense=1", {} if method in ("POST", "PUT", "PATCH") else None)
        assert response.status_code == 400, method
        if method != "HEAD":
            assert ("nonsense", "unknown_field") in fields(response), method


# What is no object is refused before anything of it could reach a database.
NO_OBJECTS = ["{", "nonsense", "[" * 100_000, '{"a": NaN}', '"\\ud800"', "1e999", "[]", "7", '"x"', "null"]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "body", ['{"a":1}', *(pytest.param(body, marks=pytest.mark.either_database) for body in NO_OBJECTS)]
)
def test_no_body_breaks_a_route(path: str, body: str, owner: User, redis_client: Redis) -> None:
    api = by_token(owner)
    for method in ("POST", "PUT", "PATCH"):
        response = api.send(method, path, body.encode())
        if response.status_code >= 400:
            problem(response, response.status_code)
        assert response.status_code < 500


@pytest.mark.parametrize("path", ["/api/", "/api/nothing", "/api/v1/", "/api/v2/me/", "/api/v1/watchlists/x/"])
def test_an_unknown_address_is_a_problem(path: str, db: None) -> None:
    for method in ("GET", "POST", "DELETE"):
        problem(ApiClient().send(method, path), 404)


def test_a_missing_slash_is_named(db: None) -> None:
    assert "/api/v1/me/" in problem(ApiClient().send("GET", "/api/v1/me"), 404)["detail"]
    assert "/api/v1/nothing/" not in problem(ApiClient().send("GET", "/api/v1/nothing"), 404)["detail"]


def test_a_page_that_is_not_there_is_no_problem_document(client: ApiClient, db: None) -> None:
    response = client.get("/nothing-here/")
    assert response.status_code == 404
    assert "html" in response.headers["Content-Type"]


def test_malformed_json_says_where(api: ApiClient) -> None:
    assert "byte" in problem(api.send("POST", "watchlists/", b'{"name": }'), 400)["detail"]


def test_another_media_type_is_refused(api: ApiClient) -> None:
    problem(api.send("POST", "watchlists/", "name=x", content_type="application/x-www-form-urlencoded"), 415)
    response = api.send("POST", "watchlists/", "<x/>", content_type="text/xml")
    assert "There is: application/json." in problem(response, 415)["detail"]


def test_another_answer_than_json_cannot_be_had(api: ApiClient) -> None:
    assert (
        "There is: application/json." in problem(api.send("GET", "me/", headers={"accept": "text/csv"}), 406)["detail"]
    )


def test_a_method_that_is_not_there_names_itself(api: ApiClient) -> None:
    response = api.send("DELETE", "me/")
    assert problem(response, 405)["detail"] == 'Method "DELETE" not allowed. There is: GET, PATCH, HEAD.'
    assert "GET" in response.headers["Allow"]


def test_a_body_beyond_the_limit_is_refused(api: ApiClient) -> None:
    problem(api.send("POST", "watchlists/", json.dumps({"name": "x" * 300_000})), 413)


def test_a_session_without_the_csrf_header_may_not_change_anything(owner: User, redis_client: Redis) -> None:
    client = by_session(owner)
    assert client.send("GET", "me/").status_code == 200
    assert "CSRF" in problem(client.send("POST", "watchlists/", {"name": "x"}), 403)["detail"]
    problem(client.send("POST", "stream/tickets/"), 403)
    client.cookies["csrftoken"] = "a" * 32
    response = client.send("POST", "watchlists/", {"name": "x"}, headers={"x-csrftoken": "a" * 32})
    assert response.status_code == 201


@pytest.mark.parametrize(
    "header", ["Bearer x", "Bearer", "Bearer  ", f"Bearer {'a' * 64}", "Bearer a b c", "Bearer é\xff\xfe" + "a" * 60]
)
def test_a_bad_token_is_a_problem(header: str, db: None) -> None:
    problem(ApiClient(headers={"authorization": header}).send("GET", "me/"), 401)


def test_another_scheme_is_nobody(owner: User) -> None:
    text = tokens.issue(owner)[1]
    problem(ApiClient(headers={"authorization": f"Token {text}"}).send("GET", "me/"), 401)


def test_the_scheme_may_be_written_in_any_case(owner: User) -> None:
    text = tokens.issue(owner)[1]
    assert ApiClient(headers={"authorization": f"bearer {text}"}).send("GET", "me/").status_code == 200


def test_me_says_who_it_is(owner: User, staff: User) -> None:
    for client, name, is_staff in ((by_token(owner), "owner", False), (by_session(staff), "staff", True)):
        me = client.send("GET", "me/").json()
        assert (me["username"], me["is_staff"]) == (name, is_staff)


def test_a_failure_of_ours_is_a_problem_that_tells_nothing(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr(instruments, "_ordered", fail)
    assert "42" not in json.dumps(problem(api.send("GET", "instruments/"), 500))


@pytest.mark.either_database
def test_a_database_that_cannot_write_is_said_in_a_line_and_reading_goes_on(
    owner: User, redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    api = by_token(owner)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = 1")  # as on a full disk
        try:
            refused = api.send("POST", "/api/v1/watchlists/", json.dumps({"name": "Mine"}))
            read = api.send("GET", "/api/v1/watchlists/")
        finally:
            cursor.execute("PRAGMA query_only = 0")
    problem(refused, 503)
    assert refused.headers["Retry-After"] == "5"
    assert read.status_code == 200
    said = [record for record in caplog.records if record.name == "marketdata.rest.problems"]
    assert [(one.getMessage(), one.exc_info) for one in said] == [
        ("the database failed: attempt to write a readonly database", None)
    ]


def test_a_host_that_is_not_ours_is_a_problem(api: ApiClient) -> None:
    problem(api.send("GET", "me/", headers={"host": "elsewhere.example"}), 400)


def test_too_many_requests_say_when_to_come_back(api: ApiClient) -> None:
    for _ in range(60):
        assert api.send("POST", "stream/tickets/").status_code == 201
    response = api.send("POST", "stream/tickets/")
    problem(response, 429)
    assert 1 <= int(response.headers["Retry-After"]) <= 60


def test_without_redis_a_ticket_is_a_problem_and_the_rest_goes_on(owner: User, settings: Settings) -> None:
    api = by_token(owner)
    cache = settings.CACHES["default"]
    settings.CACHES = {"default": {**cache, "LOCATION": "unix:///nowhere/redis.sock"}}
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    response = api.send("POST", "stream/tickets/")
    assert "Redis" in problem(response, 503)["detail"]
    assert int(response.headers["Retry-After"]) > 0
    assert api.send("GET", "me/").status_code == 200
    assert api.send("GET", "instruments/").status_code == 200


def test_no_route_speaks_of_where_it_runs(api: ApiClient, rf: RequestFactory) -> None:
    assert "Server" not in api.send("GET", "me/").headers
