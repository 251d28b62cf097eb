"""Signing in and out through the pages' addresses."""

import pytest
from django.conf import settings as project_settings
from django.contrib.auth import get_user
from django.contrib.auth.hashers import MD5PasswordHasher, get_hasher, identify_hasher
from django.test import Client
from django.urls import NoReverseMatch, reverse
from pytest_django import Settings
from redis import Redis

from accounts import lock_out
from accounts.models import User
from tests.conftest import PASSWORD

LOGIN = "/accounts/login/"
LOGOUT = "/accounts/logout/"


@pytest.fixture(autouse=True)
def _redis(redis_client: Redis) -> None:
    """Attempts are counted there, and each test begins with none."""


def signed_in(client: Client) -> str:
    request = client.get("/accounts/login/").wsgi_request  # any request shows the session's user
    return str(get_user(request).get_username())


def sign_in(client: Client, login: str, password: str = PASSWORD, next_: str | None = None) -> object:
    body = {"login": login, "password": password} | ({} if next_ is None else {"next": next_})
    return client.post(LOGIN, body)


@pytest.mark.parametrize("login", ["owner", "owner@example.org", "OWNER@example.org", " owner "])
def test_a_user_signs_in_by_name_or_address(client: Client, owner: User, login: str) -> None:
    response = client.post(LOGIN, {"login": login, "password": PASSWORD})
    assert response.status_code == 302
    assert response.headers["Location"] == "/"
    assert signed_in(client) == "owner"


def test_the_sign_in_page_renders_for_anyone(client: Client, db: None) -> None:
    response = client.get(LOGIN)
    assert response.status_code == 200
    assert b"password" in response.content


def test_signing_in_changes_the_session_key(client: Client, owner: User) -> None:
    store = client.session
    store["x"] = 1
    store.save()
    before = store.session_key
    sign_in(client, "owner")
    assert client.session.session_key != before


@pytest.mark.parametrize(
    ("next_", "expected"),
    [
        ("/api/docs/", "/api/docs/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("\\\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("http:///evil.example", "/"),
        ("", "/"),
    ],
)
def test_after_signing_in_nobody_is_sent_elsewhere(client: Client, owner: User, next_: str, expected: str) -> None:
    response = client.post(LOGIN, {"login": "owner", "password": PASSWORD, "next": next_})
    assert response.headers["Location"] == expected


def test_who_is_signed_in_is_sent_on_from_the_sign_in_page(client: Client, owner: User) -> None:
    client.force_login(owner)
    response = client.get(f"{LOGIN}?next=//evil.example/")
    assert response.status_code == 302
    assert response.headers["Location"] == "/"


def test_a_wrong_password_an_unknown_name_and_an_inactive_user_read_the_same(client: Client, owner: User) -> None:
    User.objects.create_user("sleeper", password=PASSWORD, is_active=False)
    errors = []
    for login, password in (("owner", "wrong"), ("nobody", PASSWORD), ("sleeper", PASSWORD), ("sleeper", "wrong")):
        response = client.post(LOGIN, {"login": login, "password": password})
        assert response.status_code == 200
        errors.append(response.context["form"].non_field_errors())
    assert errors[0]
    assert errors == errors[:1] * 4
    assert signed_in(client) == ""


def test_known_and_unknown_names_take_the_same_work(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.create_user("sleeper", password=PASSWORD, is_active=False)
    work: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(hasher: MD5PasswordHasher, password: str, salt: str) -> str:
        work.append(password)
        return encode(hasher, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    amounts = set()
    for login in ("owner", "owner@example.org", "nobody", "nobody@example.org", "sleeper"):
        work.clear()
        sign_in(client, login, "wrong")
        amounts.add(len(work))
    assert len(amounts) == 1


def test_guessing_is_stopped_and_the_right_password_with_it(client: Client, owner: User) -> None:
    for _ in range(5):
        client.post(LOGIN, {"login": "owner", "password": "wrong"})
    response = client.post(LOGIN, {"login": "owner", "password": PASSWORD})
    assert response.status_code == 429
    assert signed_in(client) == ""


def test_a_flood_from_one_address_is_answered_by_a_page(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_out, "PASSWORD_FROM", lock_out.PASSWORD_FROM._replace(most=2))
    statuses = [client.post(LOGIN, {"login": f"user{n}", "password": "wrong"}).status_code for n in range(3)]
    assert statuses == [200, 200, 429]


def test_guesses_are_counted_for_all_web_processes(client: Client, owner: User, redis_client: Redis) -> None:
    client.post(LOGIN, {"login": "owner", "password": "wrong"})
    assert redis_client.keys(f"{project_settings.INSTALLATION}:lock:*")


def test_without_redis_nobody_signs_in_and_is_told_why(client: Client, owner: User, settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    response = client.post(LOGIN, {"login": "owner", "password": PASSWORD})
    assert response.status_code == 503
    assert b"Redis" in response.content
    assert int(response.headers["Retry-After"]) > 0


def test_signing_out_needs_a_post_and_ends_at_the_sign_in_page(client: Client, owner: User) -> None:
    sign_in(client, "owner")
    assert client.get(LOGOUT).status_code == 200
    assert signed_in(client) == "owner"
    response = client.post(LOGOUT)
    assert response.status_code == 302
    assert response.headers["Location"] == LOGIN
    assert signed_in(client) == ""


def test_signing_out_sends_nobody_elsewhere(client: Client, owner: User) -> None:
    sign_in(client, "owner")
    assert client.post(LOGOUT, {"next": "https://evil.example/"}).headers["Location"] == LOGIN


def test_forms_need_the_csrf_token(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(LOGIN, {"login": "owner", "password": PASSWORD}).status_code == 403
    client.force_login(owner)
    assert client.post(LOGOUT).status_code == 403
    assert signed_in(client) == "owner"


def test_nothing_of_allauth_answers_that_is_not_named_here(client: Client, db: None) -> None:
    for path in ("inactive/", "reauthenticate/", "login/code/confirm/", "2fa/trust/", "signup/passkey/", "social/"):
        assert client.get(f"/accounts/{path}").status_code == 404, path
    for name in ("account_inactive", "account_confirm_login_code", "mfa_trust", "account_signup_by_passkey"):
        with pytest.raises(NoReverseMatch):
            reverse(name)


def test_no_message_is_left_in_a_cookie(client: Client, owner: User) -> None:
    sign_in(client, "owner")
    assert "messages" not in client.cookies


def test_passwords_are_kept_by_argon2(settings: Settings, db: None) -> None:
    settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[1:]
    assert get_hasher().algorithm == "argon2"
    assert identify_hasher(User.objects.create_user("x", password=PASSWORD).password).algorithm == "argon2"


def test_a_page_for_users_leads_a_visitor_to_the_sign_in_page(client: Client, db: None) -> None:
    response = client.get("/admin/")
    assert response.status_code == 302
    response = client.get(response.headers["Location"])
    assert response.status_code == 302
    assert response.headers["Location"].startswith(f"{LOGIN}?next=")


def test_the_admin_has_no_form_of_its_own_to_guess_at(client: Client, staff: User) -> None:
    response = client.post("/admin/login/", {"username": "staff", "password": PASSWORD})
    assert response.status_code == 302
    assert response.headers["Location"].startswith(LOGIN)
    assert signed_in(client) == ""


def test_a_user_who_is_not_staff_is_kept_out_of_the_admin(client: Client, owner: User) -> None:
    client.force_login(owner)
    assert client.get("/admin/", follow=True).status_code == 403
