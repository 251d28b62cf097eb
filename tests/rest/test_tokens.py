"""API tokens by REST, and what each scope lets a token do."""

from typing import Any

import pytest

from accounts import tokens
from accounts.identity import identity_of_token
from accounts.models import READ, WATCHLISTS, ApiToken, User
from marketdata.rest import scopes
from tests.accounts.proving import prove

from .conftest import ApiClient, by_session, by_token, fields, problem


@pytest.fixture
def session(owner: User, redis_client: Any) -> ApiClient:
    """The owner's page, which has proved who it is."""
    client = by_session(owner, csrf=True)
    prove(client)
    return client


def make(client: ApiClient, **body: Any) -> Any:
    return client.send("POST", "tokens/", {"name": "backtest", **body})


def test_a_token_is_told_once(session: ApiClient) -> None:
    response = make(session, days=7, scopes=["read", "watchlists"])
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    made = response.json()
    who = identity_of_token(made["token"])
    assert who is not None
    assert who.scopes == ("read", "watchlists")
    assert made["token"].startswith(made["begins"])
    (listed,) = session.send("GET", "tokens/").json()["results"]
    assert {**listed, "token": made["token"]} == {**made, "last_used_at": listed["last_used_at"]}
    assert set(listed) == {"id", "name", "begins", "scopes", "created_at", "expires_at", "last_used_at"}
    assert listed["expires_at"].endswith("Z")


def test_what_is_not_said_is_the_least(session: ApiClient) -> None:
    made = make(session).json()
    assert made["scopes"] == ["read"]
    assert made["expires_at"] is not None


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"name": ""}, "name", "blank"),
        ({"name": "x" * 81}, "name", "max_length"),
        ({"name": None}, "name", "null"),
        ({"name": "a\tb"}, "name", "invalid"),
        ({"days": 0}, "days", "min_value"),
        ({"days": 3651}, "days", "max_value"),
        ({"days": None}, "days", "not_allowed"),
        ({"days": "x"}, "days", "invalid"),
        ({"scopes": []}, "scopes", "min_length"),
        ({"scopes": ["admin"]}, "scopes.0", "invalid_choice"),
        ({"scopes": "read"}, "scopes", "not_a_list"),
        ({"scopes": ["read"] * 3}, "scopes", "max_length"),
        ({"user": 1}, "user", "unknown_field"),
        ({"digest": "x"}, "digest", "unknown_field"),
        ({"last_used_at": None}, "last_used_at", "unknown_field"),
    ],
)
def test_what_cannot_be_is_refused_by_name(session: ApiClient, body: dict[str, Any], field: str, code: str) -> None:
    assert fields(make(session, **body)) == [(field, code)]
    assert not ApiToken.objects.exists()


def test_a_session_that_has_not_proved_itself_lately_makes_none(session: ApiClient) -> None:
    prove(session, ago_s=3_600)
    assert "/accounts/tokens/" in problem(make(session), 403)["detail"]
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("held", [(READ,), (WATCHLISTS,), (READ, WATCHLISTS)])
def test_a_token_makes_sees_and_revokes_no_tokens(owner: User, redis_client: Any, held: tuple[str, ...]) -> None:
    api = by_token(owner, *held)
    handle = tokens.handle_of(ApiToken.objects.get())
    for method, path in (("GET", "tokens/"), ("POST", "tokens/"), ("DELETE", f"tokens/{handle}/")):
        assert "session" in problem(api.send(method, path, {"name": "x"} if method == "POST" else None), 403)["detail"]
    assert ApiToken.objects.count() == 1


def test_only_its_owner_revokes_a_token(session: ApiClient, owner: User, stranger: User) -> None:
    theirs = tokens.handle_of(tokens.issue(stranger)[0])
    mine, text = tokens.issue(owner)
    for name in (theirs, "0" * 16, "nothing", mine.digest, "a" * 5_000):
        problem(session.send("DELETE", f"tokens/{name}/"), 404)
    assert session.send("DELETE", f"tokens/{tokens.handle_of(mine)}/").status_code == 204
    problem(session.send("DELETE", f"tokens/{tokens.handle_of(mine)}/"), 404)
    assert identity_of_token(text) is None
    assert ApiToken.objects.get().user == stranger


def test_the_list_is_ones_own(session: ApiClient, stranger: User) -> None:
    tokens.issue(stranger)
    assert session.send("GET", "tokens/").json() == {"next": None, "previous": None, "results": []}


# ── Scopes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_reads_by_read_and_changes_by_watchlists(owner: User, redis_client: Any) -> None:
    reads, writes = by_token(owner, READ), by_token(owner, WATCHLISTS)
    made = writes.send("POST", "watchlists/", {"name": "Mine"})
    assert made.status_code == 201
    path = f"watchlists/{made.json()['id']}/"
    for api, method, body, missing in (
        (reads, "GET", None, ""),
        (reads, "PATCH", {"name": "Yours"}, WATCHLISTS),
        (reads, "DELETE", None, WATCHLISTS),
        (writes, "GET", None, READ),
        (writes, "HEAD", None, READ),
        (writes, "PATCH", {"name": "Ours"}, ""),
        (writes, "DELETE", None, ""),
    ):
        response = api.send(method, path, body)
        if not missing:
            assert response.status_code in (200, 204), (method, missing)
            continue
        assert response.status_code == 403
        assert response.headers["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{missing}"'
        if method != "HEAD":
            assert f"scope {missing}" in problem(response, 403)["detail"]


def test_a_ticket_needs_what_the_stream_needs(owner: User, redis_client: Any) -> None:
    assert by_token(owner, READ).send("POST", "stream/tickets/").status_code == 201
    assert "scope read" in problem(by_token(owner, WATCHLISTS).send("POST", "stream/tickets/"), 403)["detail"]


def test_a_token_without_any_scope_does_nothing(owner: User, redis_client: Any) -> None:
    api = by_token(owner)
    ApiToken.objects.update(scopes="")
    for method, path in (("GET", "me/"), ("GET", "watchlists/"), ("POST", "watchlists/"), ("GET", "/api/schema/")):
        problem(api.send(method, path), 403)


def test_a_view_that_says_nothing_is_changed_by_no_token() -> None:
    assert scopes.needed(object(), "POST") is None
    assert scopes.needed(object(), "GET") == READ


def test_a_method_that_is_not_there_is_no_matter_of_scopes(owner: User, redis_client: Any) -> None:
    problem(by_token(owner, READ).send("PUT", "watchlists/"), 405)


def test_a_session_needs_no_scope(session: ApiClient) -> None:
    assert session.send("POST", "watchlists/", {"name": "Mine"}).status_code == 201
