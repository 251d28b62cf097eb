"""The second factor: apps and their codes, recovery codes, passkeys that are none, and the administration behind it."""

import json
import re

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from redis import Redis

from accounts import passkeys
from accounts.models import User
from tests.conftest import PASSWORD

from .people import (
    CODE,
    code_of,
    has_second_factor,
    name_of,
    recovery_codes,
    set_up_app,
    sign_in,
    wrong_code,
)
from .proving import prove

APP = "/accounts/2fa/app/"
CODES = "/accounts/2fa/recovery-codes/"
NEW_CODES = "/accounts/2fa/recovery-codes/new/"
KEYS = "/accounts/2fa/webauthn/"
PASSKEY = "/accounts/login/passkey/"


@pytest.fixture(autouse=True)
def _redis(redis_client: Redis, db: None) -> None:
    """Attempts are counted there, and each test begins with none."""


@pytest.fixture
def own(client: Client, owner: User) -> Client:
    """The owner, who has just proved to be there."""
    client.force_login(owner)
    return prove(client)


# ── Setting one up ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_app_is_set_up_with_a_code_of_it_and_recovery_codes_are_shown_once(own: Client, owner: User) -> None:
    page = own.get(APP).content.decode()
    secret = re.findall(r'data-testid="secret">([A-Z2-7]{32})<', page)[0]
    assert 'src="data:image/svg+xml' in page
    refused = own.post(APP, {"code": wrong_code(secret)})
    assert "code" in refused.context["form"].errors
    assert not has_second_factor(owner)
    done = own.post(APP, {"code": code_of(secret)})
    assert done["Location"] == CODES
    shown = own.get(CODES)
    codes = re.findall(r"<code>(\d{8})</code>", shown.content.decode())
    assert len(set(codes)) == 10
    assert all(code in shown.content.decode().split("data:text/plain")[1] for code in codes)  # as a file, too
    assert "no-store" in shown["Cache-Control"]
    again = own.get(CODES).content.decode()
    assert not any(code in again for code in codes)
    assert "not shown again" in again


def test_whoever_finds_a_session_open_sets_nothing_up(client: Client, owner: User) -> None:
    client.force_login(owner)
    for path in (APP, f"{KEYS}add/", NEW_CODES, "/accounts/2fa/app/remove/"):
        set_up_app(owner) if "remove" in path else None
        asked = client.get(path)
        assert asked.status_code == 302
        assert asked["Location"].startswith("/accounts/prove/"), path


def test_proving_it_leads_on_to_where_one_was_going(client: Client, owner: User) -> None:
    client.force_login(owner)
    asked = client.get(APP)["Location"]
    assert asked == "/accounts/prove/password/?next=%2Faccounts%2F2fa%2Fapp%2F"
    assert client.get(asked).status_code == 200
    assert "not your password" in client.post(asked, {"password": "wrong", "next": APP}).content.decode()
    assert client.post(asked, {"password": PASSWORD, "next": APP})["Location"] == APP
    assert client.get(APP).status_code == 200


@pytest.mark.parametrize("next_", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_proving_it_leads_nobody_elsewhere(client: Client, owner: User, next_: str) -> None:
    client.force_login(owner)
    response = client.post("/accounts/prove/password/", {"password": PASSWORD, "next": next_})
    assert response["Location"] == "/"


def test_its_owner_is_told_by_mail_that_it_is_gone(own: Client, owner: User) -> None:
    set_up_app(owner)
    recovery_codes(owner)
    own.post("/accounts/2fa/app/remove/")
    assert "deactivated" in mail.outbox[-1].subject.lower()
    assert not has_second_factor(owner)  # the recovery codes go with the last of them


def test_strangers_have_no_second_factor_to_look_at(client: Client) -> None:
    for path in ("/accounts/", "/accounts/2fa/", APP, CODES, NEW_CODES, KEYS, f"{KEYS}add/", "/accounts/prove/code/"):
        assert client.get(path)["Location"].startswith("/accounts/login/"), path


# ── Signing in with it ────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_password_alone_signs_nobody_in(client: Client, owner: User) -> None:
    secret = set_up_app(owner)
    assert sign_in(client)["Location"] == CODE
    assert name_of(client) == ""
    for path in ("/", "/accounts/", "/api/v1/me/"):
        assert client.get(path).status_code in (302, 401, 403), path
    assert client.post(CODE, {"code": code_of(secret)})["Location"] == "/"
    assert name_of(client) == "owner"


def test_afterwards_one_is_where_one_was_going_and_nowhere_else(client: Client, owner: User) -> None:
    secret = set_up_app(owner)
    client.post("/accounts/login/", {"login": "owner", "password": PASSWORD, "next": "/accounts/sessions/"})
    assert client.post(CODE, {"code": code_of(secret), "next": "//evil.example/"})["Location"] == "/accounts/sessions/"


@pytest.mark.parametrize("code", ["", "0", "abcdef", "0" * 33, "١٢٣٤٥٦", "\x00", "<script>"])
def test_what_is_no_code_is_refused_at_its_field(client: Client, owner: User, code: str) -> None:
    set_up_app(owner)
    sign_in(client)
    response = client.post(CODE, {"code": code})
    assert response.status_code == 200
    assert "code" in response.context["form"].errors
    assert name_of(client) == ""


def test_a_code_works_once(client: Client, owner: User) -> None:
    code = code_of(set_up_app(owner))
    other = Client()
    for one in (client, other):
        sign_in(one)
        one.post(CODE, {"code": code})
    assert (name_of(client), name_of(other)) == ("owner", "")


def test_a_code_works_once_for_as_long_as_it_is_taken(client: Client, owner: User) -> None:
    code = code_of(set_up_app(owner), steps=-1)  # of a clock that is ahead: it is taken for two periods more
    sign_in(client)
    client.post(CODE, {"code": code})
    assert name_of(client) == "owner"
    # After its first period allauth has forgotten that it was used.
    assert cache.delete(f"allauth.mfa.totp.used?user={owner.pk}&code={code}")
    other = Client()
    sign_in(other)
    other.post(CODE, {"code": code})
    assert name_of(other) == ""


def test_the_code_that_set_it_up_signs_nobody_in(own: Client, owner: User) -> None:
    secret = re.findall(r'data-testid="secret">([A-Z2-7]{32})<', own.get(APP).content.decode())[0]
    code = code_of(secret)
    own.post(APP, {"code": code})
    other = Client()
    sign_in(other)
    other.post(CODE, {"code": code})
    assert name_of(other) == ""


def test_the_code_before_the_last_is_too_old(client: Client, owner: User) -> None:
    secret = set_up_app(owner)
    sign_in(client)
    client.post(CODE, {"code": code_of(secret, steps=3)})
    assert name_of(client) == ""


def test_a_recovery_code_works_once_in_its_place(client: Client, owner: User) -> None:
    set_up_app(owner)
    first, second, *_ = recovery_codes(owner)
    for code, expected in ((first, "owner"), (first, ""), (second, "owner")):
        fresh = Client()
        sign_in(fresh)
        fresh.post(CODE, {"code": code})
        assert name_of(fresh) == expected


def test_new_recovery_codes_end_the_former(own: Client, client: Client, owner: User) -> None:
    set_up_app(owner)
    former = recovery_codes(owner)[0]
    assert own.post(NEW_CODES)["Location"] == CODES
    fresh = Client()
    sign_in(fresh)
    fresh.post(CODE, {"code": former})
    assert name_of(fresh) == ""


def test_there_are_no_recovery_codes_without_a_second_factor(own: Client, owner: User) -> None:
    response = own.post(NEW_CODES)
    assert response.status_code == 200
    assert "you have none" in response.content.decode()
    assert not has_second_factor(owner)


def test_the_page_of_codes_is_for_who_showed_a_password(client: Client) -> None:
    for method in (client.get, client.post):
        assert method(CODE)["Location"] == "/accounts/login/"


def test_who_goes_back_to_the_sign_in_starts_again(client: Client, owner: User, stranger: User) -> None:
    secret = set_up_app(owner)
    sign_in(client)
    assert client.get("/accounts/login/")["Location"] == CODE
    again = re.findall(r'href="([^"]+)">Start again', client.get(CODE).content.decode())[0]
    assert client.get(again).status_code == 200
    assert client.post(CODE, {"code": code_of(secret)})["Location"] == "/accounts/login/"
    sign_in(client, "stranger")
    assert name_of(client) == "stranger"


def test_a_user_who_was_deactivated_between_the_steps_is_not_let_in(client: Client, owner: User) -> None:
    secret = set_up_app(owner)
    sign_in(client)
    User.objects.update(is_active=False)
    client.post(CODE, {"code": code_of(secret)})
    assert client.get("/accounts/").status_code == 302


# ── The administration ────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_session_that_showed_only_the_password_does_not_open_the_administration(client: Client, staff: User) -> None:
    secret = set_up_app(staff)
    assert client.post("/accounts/login/?next=/admin/", {"login": "staff", "password": PASSWORD})["Location"] == CODE
    assert client.get("/admin/").status_code == 302
    assert client.get("/admin/", follow=True).redirect_chain[-1][0] == CODE
    client.post(CODE, {"code": code_of(secret)})
    assert client.get("/admin/").status_code == 200


def test_nor_does_one_that_is_older_than_the_second_factor(client: Client, staff: User) -> None:
    sign_in(client, "staff")
    assert client.get("/admin/").status_code == 200
    secret = set_up_app(staff)
    page = "/admin/accounts/user/"
    for path in (page, "/admin/feeds/", "/admin/"):
        assert client.get(path).status_code == 302, path
    assert client.post(f"{page}{staff.pk}/delete/", {"post": "yes"}).status_code == 302
    asked = client.get(page, follow=True)
    assert asked.redirect_chain[-1][0] == f"/accounts/prove/code/?next={page.replace('/', '%2F')}"
    assert client.post("/accounts/prove/code/", {"code": code_of(secret), "next": page})["Location"] == page
    assert client.get(page).status_code == 200


def test_who_has_none_is_not_asked_for_it(client: Client, staff: User) -> None:
    sign_in(client, "staff")
    assert client.get("/admin/").status_code == 200


def test_an_administrator_takes_a_lost_one_away(client: Client, owner: User, staff: User) -> None:
    set_up_app(owner)
    recovery_codes(owner)
    client.force_login(staff)
    data = {"action": "take_second_factor", "_selected_action": [str(owner.pk), str(staff.pk)]}
    response = client.post("/admin/accounts/user/", data, follow=True)
    assert "Without a second factor now: owner." in response.content.decode()
    assert not has_second_factor(owner)
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (str(owner.pk), "second factor taken away")


def test_a_clerk_takes_none_of_an_administrator(client: Client, owner: User, staff: User) -> None:
    clerk = User.objects.create_user("clerk", password=PASSWORD, is_staff=True)
    for name in ("change_user", "view_user"):
        clerk.user_permissions.add(Permission.objects.get(codename=name))
    set_up_app(staff)
    set_up_app(owner)
    client.force_login(clerk)
    data = {"action": "take_second_factor", "_selected_action": [str(owner.pk), str(staff.pk)]}
    client.post("/admin/accounts/user/", data)
    assert (has_second_factor(owner), has_second_factor(staff)) == (False, True)


def test_the_command_takes_a_lost_one_away(owner: User, stranger: User, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_app(owner)
    set_up_app(stranger)
    call_command("take_second_factor", "owner")
    assert (has_second_factor(owner), has_second_factor(stranger)) == (False, True)
    assert "no second factor any more" in capsys.readouterr().out
    for name, said in (("owner", "has no second factor"), ("nobody", "there is no user")):
        with pytest.raises(CommandError, match=said):
            call_command("take_second_factor", name)


def test_no_page_of_the_administration_shows_secrets(client: Client, staff: User, owner: User) -> None:
    secret = set_up_app(owner)
    client.force_login(staff)
    assert client.get("/admin/mfa/authenticator/").status_code == 404
    assert client.get("/admin/usersessions/usersession/").status_code == 404
    assert secret not in client.get(f"/admin/accounts/user/{owner.pk}/change/").content.decode()


# ── Passkeys; a real one is tried in the browser ──────────────────────────────────────────────────────────────────────
NONSENSE = [
    "",
    "x",
    "null",
    "[]",
    "1",
    '"x"',
    "{}",
    '{"id": 1}',
    '{"response": []}',
    '{"response": {"userHandle": 7}}',
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}',
    json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "AA"}}),
    json.dumps(
        {
            "id": "AAAA",
            "rawId": "AAAA",
            "type": "public-key",
            "response": {
                "clientDataJSON": "e30",
                "authenticatorData": "AA",
                "signature": "AA",
                "userHandle": "AA",
                "attestationObject": "oA",
            },
            "clientExtensionResults": {},
        }
    ),
    json.dumps({"id": "A" * 20_000}),
    '{"a":' * 2_000 + "1" + "}" * 2_000,
]


@pytest.mark.parametrize("credential", NONSENSE)
def test_what_is_no_passkey_is_refused_in_words_everywhere(
    client: Client, owner: User, stranger: User, credential: str
) -> None:
    client.get(PASSKEY, headers={"accept": "application/json"})  # a challenge
    refused = client.post(PASSKEY, {"credential": credential}, follow=True)
    assert refused.redirect_chain[-1][0] == "/accounts/login/"
    assert name_of(client) == ""
    set_up_app(owner)
    sign_in(client)
    client.get(CODE)
    assert client.post(CODE, {"credential": credential}).status_code == 200
    assert name_of(client) == ""
    client.force_login(stranger)
    prove(client)
    client.get(f"{KEYS}add/")
    added = client.post(f"{KEYS}add/", {"name": "Mine", "credential": credential})
    assert added.status_code == 200
    assert added.context["form"].errors
    assert not has_second_factor(stranger)


def signed_in_by_key(client: Client, user: User, monkeypatch: pytest.MonkeyPatch, next_: str = "") -> str:
    """Where one is led by a key that was shown; that it is the right one is taken for granted here."""
    key = Authenticator.objects.create(
        user=user, type=Authenticator.Type.WEBAUTHN, data={"name": "k", "credential": {}}
    )
    monkeypatch.setattr(passkeys.SignInKeyForm, "clean_credential", lambda form: key)
    return str(client.post(PASSKEY, {"credential": '{"id": "AA"}', "next": next_})["Location"])


@pytest.mark.parametrize(
    ("next_", "expected"), [("/accounts/sessions/", "/accounts/sessions/"), ("//evil.example/", "/")]
)
def test_a_passkey_leads_to_where_one_was_going_and_nowhere_else(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch, next_: str, expected: str
) -> None:
    assert signed_in_by_key(client, owner, monkeypatch, next_) == expected
    assert name_of(client) == "owner"


def test_a_passkey_of_an_inactive_user_opens_nothing(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.is_active = False
    owner.save()
    where = signed_in_by_key(client, owner, monkeypatch)
    assert where == "/accounts/login/"
    assert name_of(client) == ""
    assert "not known here" in client.get(where).content.decode()


def test_the_challenge_is_for_programs_that_ask_for_it(client: Client, owner: User) -> None:
    options = client.get(PASSKEY, headers={"accept": "application/json"}).json()["request_options"]["publicKey"]
    assert options["rpId"] == "testserver"
    assert options["userVerification"] == "required"
    assert not options.get("allowCredentials")  # it names nobody's keys
    assert client.get(PASSKEY)["Location"] == "/accounts/login/"


def test_somebody_elses_key_reads_as_absent(own: Client, stranger: User) -> None:
    key = Authenticator.objects.create(
        user=stranger, type=Authenticator.Type.WEBAUTHN, data={"name": "theirs", "credential": {}}
    )
    for verb in ("rename", "remove"):
        for method in (own.get, own.post):
            assert method(f"{KEYS}{key.pk}/{verb}/", {"name": "mine"}).status_code == 404
    key.refresh_from_db()
    assert key.data["name"] == "theirs"


def test_a_key_has_a_name_of_some_length_and_there_are_so_many(
    own: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Authenticator.objects.create(
        user=owner, type=Authenticator.Type.WEBAUTHN, data={"name": "mine", "credential": {}}
    )
    for name in ("", "n" * 81):
        assert "name" in own.post(f"{KEYS}{key.pk}/rename/", {"name": name}).context["form"].errors
    assert own.post(f"{KEYS}{key.pk}/rename/", {"name": "<b>n"})["Location"] == KEYS
    assert "&lt;b&gt;n" in own.get(KEYS).content.decode()
    monkeypatch.setattr(passkeys, "MOST_KEYS", 1)
    form = passkeys.AddKeyForm(user=owner, data={"name": "x", "credential": "{}"})
    assert "may have 1" in str(form.errors)
