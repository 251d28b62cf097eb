"""The ticket view: what it gives to whom."""

from asgiref.sync import async_to_sync
from django.test import Client

from accounts.identity import from_ticket
from accounts.models import User

from .conftest import ApiClient, by_session


def _redeemed(ticket: str) -> str | None:
    found = async_to_sync(from_ticket)(ticket)
    return None if found is None else found.username


def test_a_token_gets_a_ticket(api: ApiClient) -> None:
    response = api.send("POST", "stream/tickets/")
    assert response.status_code == 201
    assert set(response.json()) == {"ticket", "expires_in_s"}
    assert response.json()["expires_in_s"] == 60
    assert response.headers["Cache-Control"] == "no-store"
    assert _redeemed(response.json()["ticket"]) == "owner"


def test_a_session_gets_a_ticket_that_dies_with_it(owner: User, api: ApiClient) -> None:
    client = by_session(owner)
    client.cookies["csrftoken"] = "a" * 32
    first, second = (
        client.send("POST", "stream/tickets/", headers={"x-csrftoken": "a" * 32}).json()["ticket"] for _ in range(2)
    )
    assert _redeemed(first) == "owner"
    Client.logout(client)
    assert _redeemed(second) is None


def test_a_body_is_not_asked_for_and_changes_nothing(api: ApiClient, stranger: User) -> None:
    for body in (None, {"user": stranger.pk, "user_id": stranger.pk, "username": "stranger"}):
        response = api.send("POST", "stream/tickets/", body)
        assert _redeemed(response.json()["ticket"]) == "owner"
