"""The file with all that is kept of a user."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.test import Client
from redis import Redis

from accounts import invitations, own_data, preferences, tokens, watchlists
from accounts.models import (
    FeedUse,
    RollingEntry,
    SignInAttempt,
    User,
    Watchlist,
    WatchlistEntry,
    WatchlistSection,
)
from tests.builders import make_instrument

from .proving import prove

PAGE = "/accounts/export/"


def browser(user: User) -> Client:
    client = Client(headers={"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"})
    client.force_login(user)
    return prove(client)


def downloaded(client: Client) -> Any:
    response = client.post(PAGE)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="strikewire-account-')
    assert "no-store" in response.headers["Cache-Control"]
    return json.loads(response.content)


@pytest.fixture
def client(owner: User, stranger: User, redis_client: Redis) -> Client:
    """The owner's browser; of owner and stranger there is some of everything."""
    acme, call = make_instrument("ACME"), make_instrument("ACME300118C00100000")
    for user in (owner, stranger):
        name = user.username
        user.groups.add(Group.objects.create(name=f"group of {name}"))
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        preferences.change(user, "Europe/Zurich", {"theme": "dark"})
        Authenticator.objects.create(user=user, type="totp", data={"secret": f"SECRET of {name}"})
        mine = Watchlist.objects.create(owner=user, name=f"list of {name}", share_key=f"{name:k<43}")
        WatchlistSection.objects.create(watchlist=mine, name=f"section of {name}", position=1)
        WatchlistEntry.objects.create(watchlist=mine, instrument=call, position=0)
        RollingEntry.objects.create(watchlist=mine, underlying=acme, rule="monthly", position=2)
        tokens.issue(user, name=f"token of {name}")
        SignInAttempt.objects.create(user=user, name=name, address="192.0.2.7", outcome="wrong")
        FeedUse.objects.create(user=user.pk, username=name, feed="simulated", month=dt.date(2026, 1, 1))
        user.user_permissions.add(Permission.objects.get(codename="view_coverage"))
        invitations.redeem(invitations.make(email=user.email)[0], user)
        invitations.make(user, f"friend-of-{name}@example.org")
        LogEntry.objects.create(user=user, object_repr=f"rule of {name}", action_flag=CHANGE, change_message="14 → 7")
    client = browser(owner)
    client.get("/accounts/settings/")  # and the session is noted
    return client


def test_it_has_all_that_is_kept(client: Client, owner: User) -> None:
    found = downloaded(client)
    account = found["account"]
    assert (account["username"], account["email"], account["groups"]) == (
        "owner",
        "owner@example.org",
        ["group of owner"],
    )
    assert found["emails"] == [{"email": "owner@example.org", "verified": True, "primary": True}]
    assert found["settings"]["time_zone"] == "Europe/Zurich"
    assert found["settings"]["display"]["theme"] == "dark"
    assert [one["type"] for one in found["second_factors"]] == ["totp"]
    (watchlist,) = found["watchlists"]
    assert (watchlist["name"], watchlist["shared"]) == ("list of owner", True)
    assert watchlist["items"] == [
        {"kind": "instrument", "feed": "simulated", "symbol": "ACME300118C00100000"},
        {"kind": "section", "name": "section of owner"},
        {
            "kind": "rolling",
            "feed": "simulated",
            "symbol": "ACME",
            "rule": "monthly",
            "strikes": 2,
            "rights": "CP",
        },
    ]
    assert [one["name"] for one in found["tokens"]] == ["token of owner"]
    assert any("Firefox" in one["browser"] for one in found["sessions"])
    assert ("owner", "wrong") in [(one["name"], one["outcome"]) for one in found["sign_in_attempts"]]
    assert [(one["feed"], one["month"]) for one in found["feed_use"]] == [("simulated", "2026-01-01")]
    assert account["permissions"] == ["marketdata.view_coverage"]
    assert found["invitation"]["email"] == "owner@example.org"
    assert [one["email"] for one in found["invitations_made"]] == ["friend-of-owner@example.org"]
    assert [(one["of"], one["said"]) for one in found["changes_made"]] == [("rule of owner", "14 → 7")]


# Where all that says something of a user is in the file.
PLACES = {
    "account.EmailAddress.user": "emails",
    "accounts.ApiToken.user": "tokens",
    "accounts.FeedUse.user": "feed_use",
    "accounts.Invitation.made_by": "invitations_made",
    "accounts.Invitation.used_by": "invitation",
    "accounts.SignInAttempt.user": "sign_in_attempts",
    "accounts.Watchlist.owner": "watchlists",
    "admin.LogEntry.user": "changes_made",
    "mfa.Authenticator.user": "second_factors",
    "usersessions.UserSession.user": "sessions",
}
OF_THE_USER = {
    "date_joined": ("account", "joined_at"),
    "display": ("settings", "display"),
    "email": ("account", "email"),
    "first_name": ("account", "first_name"),
    "groups": ("account", "groups"),
    "is_staff": ("account", "is_staff"),
    "is_superuser": ("account", "is_superuser"),
    "last_login": ("account", "last_sign_in_at"),
    "last_name": ("account", "last_name"),
    "time_zone": ("settings", "time_zone"),
    "user_permissions": ("account", "permissions"),
    "username": ("account", "username"),
}
# A number that says nothing, what proves who one is, and what is so for whoever reads the file.
LEFT_OUT = {"id", "password", "is_active", "has_begun"}


def names_a_user(field: Any) -> bool:
    """Also without a foreign key, as where the row outlives the user."""
    return field.concrete and (field.related_model is User or field.name in ("user", "user_id", "owner"))


def test_a_new_table_or_field_of_a_user_has_its_place_in_it(client: Client, owner: User) -> None:
    found = own_data.export(owner)
    there = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if names_a_user(field)
    }
    assert there == set(PLACES)
    assert all(found[place] for place in PLACES.values())
    fields = {field.name for field in User._meta.get_fields() if field.concrete}
    assert fields == set(OF_THE_USER) | LEFT_OUT
    assert all(name in found[part] for part, name in OF_THE_USER.values())


def test_it_has_no_secret_and_nothing_of_others(client: Client, owner: User) -> None:
    record, text = tokens.issue(owner)
    share_key = Watchlist.objects.get(owner=owner).share_key
    body = json.dumps(downloaded(client))
    secrets = (text, record.digest, record.token_key, owner.password, "SECRET", client.session.session_key, share_key)
    for secret in secrets:
        assert secret
        assert str(secret) not in body
    assert "stranger" not in body


def test_it_takes_a_bounded_number_of_queries(
    client: Client, owner: User, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for number in range(20):
        watchlists.create(owner, f"more {number}", ["ACME"])
        tokens.issue(owner)
    with django_assert_max_num_queries(26):
        assert len(downloaded(client)["watchlists"]) == 21


def test_a_session_that_did_not_prove_itself_lately_gets_none(client: Client) -> None:
    prove(client, ago_s=3_600)
    for method in ("get", "post"):
        response = getattr(client, method)(PAGE)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/accounts/prove/password/")


def test_the_page_says_what_is_in_it_and_is_for_those_who_are_signed_in(client: Client) -> None:
    assert "sessions" in client.get(PAGE).content.decode()
    assert Client().get(PAGE).headers["Location"].startswith("/accounts/login/")
    assert Client().post(PAGE).headers["Location"].startswith("/accounts/login/")
