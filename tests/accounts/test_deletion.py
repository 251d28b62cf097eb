"""Deleting one's own account."""

import datetime as dt
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.sessions.models import Session
from django.db.models import CASCADE
from django.test import Client
from redis import Redis

from accounts import demo, invitations, tokens, watchlists
from accounts.deletion import FORMER, NotDeletableError, delete_account
from accounts.models import ApiToken, FeedUse, Invitation, SignInAttempt, User, Watchlist
from tests.conftest import PASSWORD

from .proving import prove
from .test_own_data import names_a_user

PAGE = "/accounts/delete/"


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    client.get("/accounts/settings/")  # and the session is noted
    return prove(client)


@pytest.fixture
def page(owner: User, redis_client: Redis) -> Client:
    return browser(owner)


def test_all_of_it_goes_and_nothing_of_others(page: Client, owner: User, stranger: User) -> None:
    elsewhere, others = browser(owner), browser(stranger)
    for user in (owner, stranger):
        watchlists.create(user, "Mine")
        tokens.issue(user)
        EmailAddress.objects.create(user=user, email=user.email)
        SignInAttempt.objects.create(user=user, name=user.username, outcome="ok")
        FeedUse.objects.create(user=user.pk, username=user.username, feed="simulated", month=dt.date(2026, 1, 1))
    gone = owner.pk
    response = page.post(PAGE, {"name": "owner"})
    assert 'data-testid="deleted"' in response.content.decode()
    assert not User.objects.filter(username="owner").exists()
    for left in (
        Watchlist.objects.values_list("owner", flat=True),
        ApiToken.objects.values_list("user", flat=True),
        EmailAddress.objects.values_list("user", flat=True),
        SignInAttempt.objects.values_list("user", flat=True),
        UserSession.objects.values_list("user", flat=True),
    ):
        assert list(left) == [stranger.pk]
    assert set(FeedUse.objects.values_list("user", flat=True)) == {gone, stranger.pk}
    assert list(Session.objects.values_list("session_key", flat=True)) == [others.session.session_key]
    for client, path in ((page, PAGE), (elsewhere, "/")):
        assert client.get(path).headers["Location"].startswith("/accounts/login/")


def test_the_invitation_it_came_by_goes_and_opens_nothing_again(page: Client, owner: User, stranger: User) -> None:
    mine, key = invitations.make(stranger, "owner@example.org")
    invitations.make(owner, "friend@example.org")
    invitations.redeem(mine, owner)
    delete_account(owner)
    left = Invitation.objects.get()
    assert (left.email, left.made_by) == ("friend@example.org", None)
    with pytest.raises(invitations.InvitationError):
        invitations.find(key)


def test_a_new_table_goes_with_its_user_or_has_its_reason_to_stay() -> None:
    staying = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if names_a_user(field) and getattr(field.remote_field, "on_delete", None) is not CASCADE
    }
    assert staying == {
        "accounts.FeedUse.user",  # data agreements ask for it
        "accounts.Invitation.made_by",  # somebody else's way in
        "accounts.Invitation.used_by",  # deleted by name, above
    }


def test_its_sockets_and_those_who_read_its_lists_are_told(
    page: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr("accounts.revocation.announce", told.append)
    deleted: list[int] = []
    monkeypatch.setattr("accounts.deletion.watchlists.delete", lambda one: deleted.append(one.pk))
    mine = watchlists.create(owner, "Mine")
    gone = owner.pk
    delete_account(owner)
    assert gone in told
    assert deleted == [mine.pk]


@pytest.mark.parametrize("name", ["", "OWNER", "owner2", "stranger", "x" * 10_000])
def test_another_name_deletes_nothing(page: Client, owner: User, name: str) -> None:
    response = page.post(PAGE, {"name": name})
    assert 'id="id_name_error"' in response.content.decode()
    assert User.objects.filter(pk=owner.pk).exists()


def test_the_password_is_asked_for_again(page: Client, owner: User) -> None:
    prove(page, ago_s=3_600)
    response = page.post(PAGE, {"name": "owner"})
    assert response.headers["Location"].startswith("/accounts/prove/password/")
    assert User.objects.filter(pk=owner.pk).exists()
    assert page.post(response.headers["Location"], {"password": "wrong"}).status_code == 200
    assert User.objects.filter(pk=owner.pk).exists()
    page.post(response.headers["Location"], {"password": PASSWORD})
    assert not User.objects.filter(pk=owner.pk).exists()


def test_the_demo_user_stays(redis_client: Redis, db: None) -> None:
    user = User.objects.create_user(demo.USERNAME, password=PASSWORD)
    client = browser(user)
    assert 'data-testid="stays"' in client.get(PAGE).content.decode()
    assert 'data-testid="stays"' in client.post(PAGE, {"name": "demo"}).content.decode()
    assert User.objects.filter(pk=user.pk).exists()


def test_the_last_superuser_stays_and_another_may_go(redis_client: Redis, staff: User) -> None:
    client = browser(staff)
    User.objects.create_user("idle", is_superuser=True, is_active=False)
    assert "only administrator" in client.post(PAGE, {"name": "staff"}).content.decode()
    User.objects.create_user("second", is_superuser=True)
    assert 'data-testid="deleted"' in client.post(PAGE, {"name": "staff"}).content.decode()
    with pytest.raises(NotDeletableError):
        delete_account(User.objects.get(username="second"))


def test_what_an_administrator_changed_stays_in_the_trail(staff: User) -> None:
    User.objects.create_user("second", is_superuser=True)
    LogEntry.objects.create(
        user=staff, object_id="1", object_repr="a rule", action_flag=CHANGE, change_message="expiry days: 14 → 7"
    )
    delete_account(staff)
    entry: Any = LogEntry.objects.get()
    assert entry.user.username == FORMER
    assert not entry.user.is_active
    assert entry.change_message == "by staff, whose account is deleted: expiry days: 14 → 7"


def test_it_is_for_those_who_are_signed_in_and_asks_for_the_csrf_token(owner: User, redis_client: Redis) -> None:
    for method in ("get", "post"):
        assert getattr(Client(), method)(PAGE, {"name": "owner"}).headers["Location"].startswith("/accounts/login/")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    assert prove(strict).post(PAGE, {"name": "owner"}).status_code == 403
    assert User.objects.filter(pk=owner.pk).exists()
