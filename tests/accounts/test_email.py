"""Mail: forgotten passwords, changed and confirmed addresses, and what happens where no mail can be sent."""

import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail import get_connection, send_mail
from django.test import Client
from pytest_django import Settings
from redis import Redis

from accounts.identity import identity_of_session
from accounts.models import User
from project import environment as env
from tests.conftest import PASSWORD

from .people import link_in, name_of, sign_in
from .proving import prove

RESET = "/accounts/password/reset/"
EMAIL = "/accounts/email/"
NEW = "another horse 8 battery"
NEW_TWICE = {"password1": NEW, "password2": NEW}


@pytest.fixture(autouse=True)
def _redis(redis_client: Redis, db: None) -> None:
    """Attempts are counted there, and each test begins with none."""


# ── A forgotten password ──────────────────────────────────────────────────────────────────────────────────────────────
def reset_link(client: Client, email: str = "owner@example.org") -> str:
    client.post(RESET, {"email": email})
    return link_in(mail.outbox[-1])


def test_the_link_sets_a_new_password_once(client: Client, owner: User) -> None:
    link = reset_link(client)
    form = client.get(link)
    assert form["Location"].endswith("-set-password/")  # the key stands in no address from here on
    assert client.get(form["Location"]).status_code == 200
    assert client.post(form["Location"], NEW_TWICE)["Location"] == "/accounts/password/reset/key/done/"
    assert name_of(client) == ""
    sign_in(client, password=NEW)
    assert name_of(client) == "owner"
    other = Client()
    again = other.get(link)
    assert "used before" in again.content.decode()
    assert "used before" in other.post(form["Location"], NEW_TWICE).content.decode()


def test_it_says_the_same_of_a_known_an_unknown_and_an_inactive_users_address(client: Client, owner: User) -> None:
    User.objects.create_user("sleeper", "sleeper@example.org", PASSWORD, is_active=False)
    answers = [
        client.post(RESET, {"email": email})
        for email in ("owner@example.org", "nobody@example.org", "sleeper@example.org")
    ]
    assert len({(one.status_code, one["Location"], one.content) for one in answers}) == 1
    # A mail goes out in each case, so that the time it takes tells nothing either; only one of them has a link.
    assert ["/password/reset/key/" in str(one.body) for one in mail.outbox] == [True, False, False]


def test_a_forged_host_gets_into_no_mail(client: Client, owner: User) -> None:
    response = client.post(RESET, {"email": "owner@example.org"}, headers={"host": "evil.example"})
    assert response.status_code == 400
    assert not mail.outbox


def test_a_new_password_ends_the_sessions_of_the_former(client: Client, owner: User) -> None:
    sign_in(client)
    key = client.session.session_key
    assert key is not None
    other = Client()
    assert identity_of_session(key) is not None
    other.post(other.get(reset_link(other))["Location"], NEW_TWICE)
    assert identity_of_session(key) is None


@pytest.mark.parametrize("happened", ["a new password", "a sign-in", "another address", "three days", "deactivated"])
def test_the_link_is_good_only_while_nothing_happened(
    client: Client, owner: User, happened: str, settings: Settings
) -> None:
    link = reset_link(client)
    match happened:
        case "a new password":
            owner.set_password(NEW)
            owner.save()
        case "a sign-in":
            sign_in(Client())
        case "another address":
            owner.email = "else@example.org"
            owner.save()
        case "three days":
            settings.PASSWORD_RESET_TIMEOUT = -1
        case "deactivated":
            owner.delete()
    assert "used before, or is too old" in client.get(link).content.decode()


def test_the_link_signs_out_whoever_else_is_there(client: Client, owner: User, stranger: User) -> None:
    link = reset_link(client)
    client.force_login(stranger)
    client.get(client.get(link)["Location"])
    assert name_of(client) == ""


@pytest.mark.parametrize("key", ["1-x", "zzzzzzzzzzzzzzzzzzzzzzzzz-x", "0-set-password", "1-%00"])
def test_what_is_no_link_is_refused(client: Client, owner: User, key: str) -> None:
    for method in (client.get, client.post):
        assert "used before, or is too old" in method(f"/accounts/password/reset/key/{key}/").content.decode()


@pytest.mark.parametrize(
    "email", ["", "nobody", f"{'a' * 250}@example.org", "a@example.org\nBcc: b@example.org", "\x00"]
)
def test_what_is_no_address_is_refused_at_its_field(client: Client, email: str) -> None:
    response = client.post(RESET, {"email": email})
    assert "email" in response.context["form"].errors
    assert not mail.outbox


# ── One's own password ────────────────────────────────────────────────────────────────────────────────────────────────
CHANGE = "/accounts/password/change/"


def test_a_changed_password_keeps_this_session_and_ends_the_others(client: Client, owner: User) -> None:
    other = Client()
    sign_in(client)
    sign_in(other)
    client.post(CHANGE, {"oldpassword": PASSWORD, **NEW_TWICE})
    assert (name_of(client), name_of(other)) == ("owner", "")
    assert "password" in mail.outbox[-1].subject.lower()  # and its owner is told


def test_a_wrong_old_password_is_refused_and_counted(client: Client, owner: User) -> None:
    client.force_login(owner)
    for _ in range(5):
        response = client.post(CHANGE, {"oldpassword": "wrong", **NEW_TWICE})
        assert "That is not your password." in response.content.decode()
    assert client.post(CHANGE, {"oldpassword": PASSWORD, **NEW_TWICE}).status_code == 429
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


@pytest.mark.parametrize("password", ["short7!", "password123", "owner@example.org", "9876543210123", "a7!" * 400])
def test_a_bad_new_password_is_refused_at_its_field(client: Client, owner: User, password: str) -> None:
    client.force_login(owner)
    response = client.post(CHANGE, {"oldpassword": PASSWORD, "password1": password, "password2": password})
    assert "password1" in response.context["form"].errors


def test_strangers_have_no_password_to_change(client: Client) -> None:
    assert client.get(CHANGE)["Location"].startswith("/accounts/login/")


# ── One's own address ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_changed_address_counts_once_it_is_confirmed(client: Client, owner: User) -> None:
    client.force_login(owner)
    assert client.get(EMAIL).status_code == 200
    asked = client.post(EMAIL, {"action_add": "", "email": "new@example.org"})
    assert asked["Location"].startswith("/accounts/prove/password/")  # whoever has the address can have the password
    client.post(asked["Location"], {"password": PASSWORD, "next": EMAIL})
    owner.refresh_from_db()
    assert owner.email == "owner@example.org"
    assert "new@example.org" in client.get(EMAIL).content.decode()
    client.post(link_in(mail.outbox[-1]))
    owner.refresh_from_db()
    assert owner.email == "new@example.org"
    assert list(EmailAddress.objects.filter(user=owner).values_list("email", "verified")) == [("new@example.org", True)]
    # Somebody else may have done it, at a session that was left open.
    assert [one.to for one in mail.outbox if "changed" in one.subject.lower()] == [["owner@example.org"]]


def test_an_address_that_waits_can_be_given_up_and_the_one_in_use_cannot(client: Client, owner: User) -> None:
    prove_in(client, owner)
    for email in ("first@example.org", "second@example.org"):
        client.post(EMAIL, {"action_add": "", "email": email})
    assert set(EmailAddress.objects.values_list("email", flat=True)) == {"owner@example.org", "second@example.org"}
    for email in ("owner@example.org", "second@example.org"):
        client.post(EMAIL, {"action_remove": "", "email": email})
    assert set(EmailAddress.objects.values_list("email", flat=True)) == {"owner@example.org"}
    owner.refresh_from_db()
    assert owner.email == "owner@example.org"


def test_an_address_that_somebody_else_has_is_not_given_away_nor_taken(
    client: Client, owner: User, stranger: User
) -> None:
    EmailAddress.objects.create(user=stranger, email=stranger.email, verified=True, primary=True)
    prove_in(client, owner)
    known = client.post(EMAIL, {"action_add": "", "email": stranger.email})
    unknown = client.post(EMAIL, {"action_add": "", "email": "new@example.org"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    for one in mail.outbox:
        if stranger.email in one.to and "/email/confirm/" in str(one.body):
            client.post(link_in(one))
    assert EmailAddress.objects.get(email=stranger.email, verified=True).user == stranger


def test_somebody_elses_address_is_not_sent_to_or_removed_from_here(
    client: Client, owner: User, stranger: User
) -> None:
    EmailAddress.objects.create(user=stranger, email=stranger.email, verified=False, primary=True)
    prove_in(client, owner)
    for action in ("action_send", "action_remove", "action_primary"):
        client.post(EMAIL, {action: "", "email": stranger.email})
    assert not mail.outbox
    assert EmailAddress.objects.filter(user=stranger).exists()


def test_nobodys_mailbox_is_filled_from_here(client: Client, owner: User) -> None:
    prove_in(client, owner)
    statuses = [
        client.post(EMAIL, {"action_add": "", "email": f"new{count}@example.org"}).status_code for count in range(7)
    ]
    assert statuses[-1] == 429
    assert len(mail.outbox) <= 5


@pytest.mark.parametrize("key", ["x", "MQ:1abc:def", "a" * 500])
def test_what_confirms_nothing_says_so(client: Client, key: str) -> None:
    assert "used before, or is older" in client.get(f"/accounts/email/confirm/{key}/").content.decode()


def prove_in(client: Client, user: User) -> Client:
    client.force_login(user)
    return prove(client)


def test_a_proof_is_good_for_ten_minutes(client: Client, owner: User) -> None:
    client.force_login(owner)
    prove(client, ago_s=590)
    assert client.post(EMAIL, {"action_add": "", "email": "a@example.org"})["Location"] == EMAIL
    prove(client, ago_s=610)
    assert client.post(EMAIL, {"action_add": "", "email": "b@example.org"})["Location"].startswith("/accounts/prove/")


# ── Sending ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_where_no_mail_can_be_sent_it_is_said(
    client: Client, owner: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    response = client.post(RESET, {"email": "owner@example.org"})
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert "mail could not be sent" in response.content.decode()
    assert "ConnectionRefusedError" in caplog.text
    assert "owner@example.org" not in caplog.text


def test_tidings_that_cannot_be_sent_stop_nothing(client: Client, owner: User, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    client.force_login(owner)
    assert client.post(CHANGE, {"oldpassword": PASSWORD, **NEW_TWICE}).status_code == 302
    owner.refresh_from_db()
    assert owner.check_password(NEW)


class _Sink(socketserver.StreamRequestHandler):
    """Takes one mail, as a relay on one's own machine does."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        data = False
        for line in self.rfile:
            self.server.heard.append(line.decode().rstrip())  # type: ignore[attr-defined]
            if data:
                data = line != b".\r\n"
                if not data:
                    self.wfile.write(b"250 taken\r\n")
            elif line.upper().startswith(b"DATA"):
                data = True
                self.wfile.write(b"354 go on\r\n")
            elif line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def relay() -> Iterator[Any]:
    with socketserver.TCPServer(("127.0.0.1", 0), _Sink) as server:
        server.heard = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


def test_a_mail_goes_where_the_setting_says(relay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIKEWIRE_EMAIL_URL", f"smtp://127.0.0.1:{relay.server_address[1]}?starttls=no")
    how = env.mail("STRIKEWIRE_EMAIL_URL", "console://")
    connection = get_connection(how["backend"], host=how["host"], port=how["port"], use_tls=how["starttls"], timeout=5)
    send_mail("A subject", "Words.", "desk@example.org", ["ann@example.org"], connection=connection)
    assert "RCPT TO:<ANN@EXAMPLE.ORG>" in [line.upper() for line in relay.heard]
    assert "Subject: A subject" in relay.heard


def test_mails_name_the_product_and_nothing_secret(client: Client, owner: User) -> None:
    reset_link(client)
    (one,) = mail.outbox
    assert one.subject.startswith("[Strikewire] ")
    assert PASSWORD not in str(one.body)
    assert owner.password not in str(one.body)
