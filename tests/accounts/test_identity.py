"""Session cookies and API tokens, as the sockets ask about them."""

import datetime as dt
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts import tokens
from accounts.access import rights_of
from accounts.identity import Identity, from_session, from_token
from accounts.models import READ, SCOPES, User

session: Callable[[dict[str, str]], Identity | None] = async_to_sync(from_session)
token: Callable[[str], Identity | None] = async_to_sync(from_token)


def cookies_of(user: User) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    return {name: morsel.value for name, morsel in client.cookies.items()}


def test_it_knows_a_signed_in_user_by_three_queries(
    owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    cookies = cookies_of(owner)
    with django_assert_num_queries(3):  # the session, the user, what their groups say
        found = session(cookies)
    assert found is not None
    assert (found.user_id, found.username, found.is_staff) == (owner.pk, "owner", False)
    assert found.credential.startswith("session:")


def test_a_credential_does_not_hold_the_session_key(owner: User) -> None:
    cookies = cookies_of(owner)
    found = session(cookies)
    assert found is not None
    assert cookies["sessionid"] not in found.credential


def test_a_session_has_all_scopes_and_a_token_its_own(owner: User) -> None:
    found = session(cookies_of(owner))
    assert found is not None
    assert found.scopes == SCOPES
    for scopes in (("read",), ("watchlists",), ("read", "watchlists")):
        found = token(tokens.issue(owner, scopes=scopes)[1])
        assert found is not None
        assert found.scopes == scopes


def test_staff_are_known_as_staff(staff: User) -> None:
    found = session(cookies_of(staff))
    assert found is not None
    assert found.is_staff


@pytest.mark.parametrize("key", ["", "x" * 32, "short", "a" * 1_000_000, "ABC" * 10, "' or 1=1 --", "\0" * 32])
def test_a_cookie_that_is_no_session_is_nobody(key: str, db: None) -> None:
    assert session({"sessionid": key}) is None


def test_no_cookie_is_nobody_without_a_query(django_assert_num_queries: DjangoAssertNumQueries, db: None) -> None:
    with django_assert_num_queries(0):
        assert session({}) is None
        assert session({"sessionid": "é" * 32}) is None


def test_an_expired_session_is_nobody_and_is_left_in_place(owner: User) -> None:
    cookies = cookies_of(owner)
    Session.objects.update(expire_date=timezone.now() - dt.timedelta(seconds=1))
    assert session(cookies) is None
    assert Session.objects.count() == 1


def test_a_session_of_before_a_password_change_is_nobody_and_is_left_in_place(owner: User) -> None:
    cookies = cookies_of(owner)
    owner.set_password("another horse 8 battery")
    owner.save()
    assert session(cookies) is None
    assert Session.objects.count() == 1


def test_an_inactive_user_is_nobody(owner: User) -> None:
    cookies = cookies_of(owner)
    owner.is_active = False
    owner.save()
    assert session(cookies) is None


def test_a_deleted_user_is_nobody(owner: User) -> None:
    cookies = cookies_of(owner)
    owner.delete()
    assert session(cookies) is None


def test_a_session_without_a_user_is_nobody(client: Client, db: None) -> None:
    store = client.session
    store["anything"] = 1
    store.save()
    assert store.session_key is not None
    assert session({"sessionid": store.session_key}) is None


def test_a_session_that_says_a_strange_user_id_is_nobody(owner: User) -> None:
    client = Client()
    client.force_login(owner)
    store = client.session
    for strange in ("x", None, -1, "9" * 40, [1]):
        store[SESSION_KEY] = strange
        store.save()
        assert session({"sessionid": str(store.session_key)}) is None


def test_a_session_by_a_backend_that_is_gone_is_nobody(owner: User, settings: Settings) -> None:
    cookies = cookies_of(owner)
    settings.AUTHENTICATION_BACKENDS = ["somewhere.Else"]
    assert session(cookies) is None


def test_a_session_survives_a_new_secret_key_while_the_former_is_a_fallback(owner: User, settings: Settings) -> None:
    cookies = cookies_of(owner)
    former = settings.SECRET_KEY
    settings.SECRET_KEY = secrets.token_urlsafe(48)
    settings.SECRET_KEY_FALLBACKS = [former]
    assert session(cookies) is not None
    settings.SECRET_KEY_FALLBACKS = []
    assert session(cookies) is None
    assert Session.objects.count() == 1


def test_it_knows_the_user_of_a_token_by_two_queries(
    owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    record, text = tokens.issue(owner)
    tokens.used(record)
    with django_assert_num_queries(2):  # the token with its user, what their groups say
        found = token(text)
    assert found == Identity(owner.pk, "owner", False, f"token:{record.digest[:16]}", (READ,), *rights_of(owner))


def test_two_tokens_of_a_user_are_two_credentials(owner: User) -> None:
    first, second = (token(tokens.issue(owner)[1]) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.credential != second.credential


@pytest.mark.parametrize("text", ["", "x", "a" * 1_000_000, "\0" * 64, "é" * 64, " " * 64, "a b" * 20])
def test_what_cannot_be_a_token_is_refused_without_a_query(
    text: str, django_assert_num_queries: DjangoAssertNumQueries, db: None
) -> None:
    with django_assert_num_queries(0):
        assert token(text) is None


def test_a_token_that_differs_in_its_last_character_is_refused(owner: User) -> None:
    _, text = tokens.issue(owner)
    assert token(text[:-1] + ("0" if text[-1] != "0" else "1")) is None


def test_an_expired_token_is_refused_and_left_in_place(owner: User) -> None:
    record, text = tokens.issue(owner)
    record.expiry = timezone.now() - dt.timedelta(seconds=1)
    record.save()
    assert token(text) is None
    record.refresh_from_db()


def test_a_token_without_an_end_is_accepted(owner: User) -> None:
    record, text = tokens.issue(owner, days=0)
    assert record.expiry is None
    assert token(text) is not None


def test_a_token_of_an_inactive_user_is_refused(owner: User) -> None:
    _, text = tokens.issue(owner)
    owner.is_active = False
    owner.save()
    assert token(text) is None


def test_a_token_is_not_kept_as_it_is(owner: User) -> None:
    record, text = tokens.issue(owner)
    stored: dict[str, Any] = {field.name: str(getattr(record, field.name)) for field in record._meta.fields}
    assert text not in stored.values()


def test_a_token_lives_as_long_as_the_setting_says(owner: User) -> None:
    record, _ = tokens.issue(owner)
    assert record.expiry is not None
    assert abs(record.expiry - timezone.now() - dt.timedelta(days=settings.TOKEN_DAYS)) < dt.timedelta(minutes=1)
