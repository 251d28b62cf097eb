"""Making an account of one's own: who may, what is taken, and what it gives away."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from pytest_django import Settings
from redis import Redis

from accounts.models import User
from tests.conftest import PASSWORD

from .people import link_in, name_of

SIGN_UP = "/accounts/signup/"
ANN = {"username": "ann", "email": "ann@example.org", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture(autouse=True)
def _open(redis_client: Redis, db: None, settings: Settings) -> None:
    settings.SIGN_UP = "open"


def posted(client: Client, **changes: Any) -> Any:
    return client.post(SIGN_UP, {**ANN, **changes})


def test_where_it_is_closed_nobody_makes_an_account(client: Client, settings: Settings) -> None:
    settings.SIGN_UP = "closed"
    for response in (client.get(SIGN_UP), posted(client)):
        assert response.status_code == 403
        assert b"made by the administrators" in response.content
    assert not User.objects.exists()


def test_where_it_is_open_one_is_signed_in_and_the_address_is_to_be_confirmed(client: Client) -> None:
    response = posted(client, email="Ann@Example.org")
    assert (response.status_code, response["Location"]) == (302, "/")
    assert name_of(client) == "ann"
    user = User.objects.get()
    assert (user.email, user.is_active, user.is_staff, user.is_superuser) == ("ann@example.org", True, False, False)
    assert not EmailAddress.objects.get(user=user).verified
    client.post(link_in(mail.outbox[0]))
    assert EmailAddress.objects.get(user=user).verified


def test_where_addresses_are_to_be_confirmed_one_is_in_only_afterwards(client: Client, settings: Settings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    response = posted(client)
    assert response["Location"] == "/accounts/email/confirm/"
    assert client.get(response["Location"]).status_code == 200
    assert name_of(client) == ""
    stranger = Client()
    link = link_in(mail.outbox[0])
    assert "belongs to ann" in stranger.get(link).content.decode()
    # Whoever reads the mail elsewhere confirms the address, and is not signed in by it.
    client_elsewhere = Client()
    assert not EmailAddress.objects.get().verified
    client.post(link)
    assert name_of(client) == "ann"
    client_elsewhere.post(link)
    assert name_of(client_elsewhere) == ""


def test_where_addresses_count_for_nothing_one_needs_none(client: Client, settings: Settings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "none"
    settings.ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
    assert posted(client, email="")["Location"] == "/"
    assert name_of(client) == "ann"
    assert not mail.outbox
    assert client.get("/accounts/").status_code == client.get("/accounts/email/").status_code == 200


def test_without_a_confirmed_address_nobody_signs_in_where_it_is_asked_for(client: Client, settings: Settings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    posted(client)
    other = Client()
    response = other.post("/accounts/login/", {"login": "ann", "password": PASSWORD})
    assert response["Location"] == "/accounts/email/confirm/"
    assert name_of(other) == ""


@pytest.mark.parametrize("verification", ["optional", "mandatory"])
def test_it_says_the_same_of_a_known_address_and_of_an_unknown(
    client: Client, owner: User, settings: Settings, verification: str
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = verification
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    known, unknown = Client(), Client()
    answers = [posted(known, email=owner.email), posted(unknown, username="ben", email="ben@example.org")]
    assert len({(one.status_code, one["Location"]) for one in answers}) == 1
    pages = [one.get(answers[0]["Location"]) for one in (known, unknown)]
    assert len({one.status_code for one in pages}) == 1
    assert len(mail.outbox) == 2
    # And the address stays its owner's alone.
    if verification == "mandatory":
        assert not User.objects.filter(username="ann").exists()
        assert "already" in mail.outbox[0].body
    else:
        known.post(link_in(mail.outbox[0]))
    assert list(EmailAddress.objects.filter(email=owner.email, verified=True).values_list("user", flat=True)) == [
        owner.pk
    ]


def test_what_else_is_posted_counts_for_nothing(client: Client) -> None:
    posted(
        client,
        is_staff="on",
        is_superuser="1",
        is_active="",
        groups="1",
        user_permissions="1",
        id="7",
        date_joined="2001-01-01",
        time_zone="Europe/Paris",
        first_name="A" * 200,
    )
    user = User.objects.get()
    assert not user.is_staff
    assert not user.is_superuser
    assert user.is_active
    assert user.pk != 7 or user.date_joined.year > 2001
    assert (user.time_zone, user.groups.count(), user.user_permissions.count()) == ("", 0, 0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "a" * 151}, "username"),
        ({"username": "a b"}, "username"),
        ({"username": "<script>"}, "username"),
        ({"username": "a\x00b"}, "username"),
        ({"username": "OWNER"}, "username"),
        ({"email": ""}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": f"{'a' * 250}@example.org"}, "email"),
        ({"email": "a@example.org\nBcc: b@example.org"}, "email"),
        ({"password1": "short7!", "password2": "short7!"}, "password1"),
        ({"password1": "password123", "password2": "password123"}, "password1"),
        ({"password1": "9876543210123", "password2": "9876543210123"}, "password1"),
        ({"password1": "a7!" * 400, "password2": "a7!" * 400}, "password1"),
        ({"password2": "another horse 7 battery"}, "password2"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    client: Client, owner: User, changes: dict[str, str], field: str
) -> None:
    response = posted(client, **changes)
    assert response.status_code == 200
    assert field in response.context["form"].errors
    text = response.content.decode()
    assert f'id="id_{field}_error"' in text
    assert f"id_{field}_error" in text.split(f'name="{field}"')[1].split(">")[0]
    assert User.objects.count() == 1
    assert PASSWORD not in text


def test_a_name_that_is_taken_meanwhile_is_refused_and_not_an_error(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.adapter.AccountAdapter.clean_username", lambda self, name, shallow=False: name)
    response = posted(client, username="owner")
    assert response.status_code == 200
    assert "Somebody has this name already." in response.content.decode()


@pytest.mark.parametrize(
    "next_", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil.example"]
)
def test_afterwards_nobody_is_sent_elsewhere(client: Client, next_: str) -> None:
    assert posted(client, next=next_)["Location"] == "/"


def test_the_form_needs_the_csrf_token() -> None:
    assert posted(Client(enforce_csrf_checks=True)).status_code == 403


def test_who_is_signed_in_makes_no_other_account(client: Client, owner: User) -> None:
    client.force_login(owner)
    assert posted(client)["Location"] == "/"
    assert not User.objects.filter(username="ann").exists()


def test_its_form_says_to_password_managers_what_it_is(client: Client) -> None:
    text = client.get(SIGN_UP).content.decode()
    assert text.count('autocomplete="new-password"') == 2
    assert 'autocomplete="username"' in text
    assert 'autocomplete="email"' in text
    assert "placeholder" not in text
