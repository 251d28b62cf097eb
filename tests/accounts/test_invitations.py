"""Invitations: made by the administrator and by command, each good for one account, and refused in words."""

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from redis import Redis

from accounts import invitations
from accounts.models import Invitation, User
from accounts.sign_up import SignUpForm
from tests.conftest import PASSWORD

from .people import name_of

SIGN_UP = "/accounts/signup/"
ANN = {"username": "ann", "email": "ann@example.org", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture(autouse=True)
def _by_invitation(redis_client: Redis, db: None, settings: Settings) -> None:
    settings.SIGN_UP = "invitation"


def opened(client: Client, **wanted: Any) -> Invitation:
    invitation, key = invitations.make(**wanted)
    assert client.get(invitations.path_of(key))["Location"] == SIGN_UP
    return invitation


def test_the_link_leads_to_the_form_without_the_key_and_makes_one_account(client: Client) -> None:
    traders = Group.objects.create(name="traders")
    invitation, key = invitations.make(groups=[traders], email="ann@example.org")
    response = client.get(invitations.path_of(key), follow=True)
    assert response.redirect_chain == [(SIGN_UP, 302)]
    text = response.content.decode()
    assert key not in text
    assert 'value="ann@example.org"' in text
    assert client.post(SIGN_UP, ANN).status_code == 302
    assert name_of(client) == "ann"
    invitation.refresh_from_db()
    user = User.objects.get()
    assert invitation.used_by == user
    assert invitation.used_at is not None
    assert list(user.groups.all()) == [traders]
    refused = Client().get(invitations.path_of(key))
    assert refused.status_code == 403
    assert "used before" in refused.content.decode()


def test_without_one_nobody_makes_an_account(client: Client) -> None:
    for response in (client.get(SIGN_UP), client.post(SIGN_UP, ANN)):
        assert response.status_code == 403
        assert "by invitation" in response.content.decode()
    assert not User.objects.exists()


@pytest.mark.parametrize("key", ["x", "A" * 43, "A" * 43 + "x", "%00" * 43, "ä" * 43])
def test_what_is_no_invitation_is_refused_in_words(client: Client, key: str) -> None:
    response = client.get(f"/accounts/invitation/{key}/")
    assert response.status_code == 403
    assert "not an invitation to this site" in response.content.decode()
    assert client.get(SIGN_UP).status_code == 403


def test_an_expired_one_says_since_when(client: Client) -> None:
    _, key = invitations.make()
    yesterday = timezone.now() - dt.timedelta(days=1)
    Invitation.objects.update(expires_at=yesterday)
    response = client.get(invitations.path_of(key))
    assert response.status_code == 403
    assert f"expired on {yesterday:%Y-%m-%d}" in response.content.decode()


def test_it_is_for_its_address_alone(client: Client) -> None:
    invitation = opened(client, email="Ann@Example.org")
    response = client.post(SIGN_UP, {**ANN, "email": "eve@example.org"})
    assert response.status_code == 200
    assert "This invitation is for ann@example.org." in response.content.decode()
    assert not User.objects.exists()
    invitation.refresh_from_db()
    assert invitation.used_at is None
    assert client.post(SIGN_UP, {**ANN, "email": "ANN@example.org"}).status_code == 302


def test_one_that_expires_or_goes_while_the_form_is_open_is_refused(client: Client) -> None:
    opened(client)
    Invitation.objects.all().delete()
    assert client.post(SIGN_UP, ANN).status_code == 403
    assert not User.objects.exists()


def test_of_two_who_use_it_at_once_one_is_too_late(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    invitation = opened(client)
    checked = SignUpForm.clean

    def used_meanwhile(form: SignUpForm) -> Any:
        Invitation.objects.filter(pk=invitation.pk).update(used_at=timezone.now())
        return checked(form)

    monkeypatch.setattr(SignUpForm, "clean", used_meanwhile)
    response = client.post(SIGN_UP, ANN)
    assert response.status_code == 200
    assert "used meanwhile" in response.content.decode()
    assert not User.objects.exists()  # no account is left behind without its invitation


def test_a_closed_site_takes_none(client: Client, settings: Settings) -> None:
    settings.SIGN_UP = "closed"
    _, key = invitations.make()
    client.get(invitations.path_of(key))
    assert client.post(SIGN_UP, ANN).status_code == 403


def test_who_is_signed_in_does_not_use_one_up(client: Client, owner: User) -> None:
    client.force_login(owner)
    invitation, key = invitations.make()
    assert client.get(invitations.path_of(key)).status_code == 403
    invitation.refresh_from_db()
    assert invitation.used_at is None


def test_its_key_is_stored_nowhere() -> None:
    _, key = invitations.make(email="ann@example.org")
    assert key not in str(Invitation.objects.values())


# ── Made ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_command_prints_the_link_alone(
    client: Client, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    Group.objects.create(name="traders")
    call_command("invite", "--email", "ann@example.org", "--group", "traders", "--days", "3")
    out = capsys.readouterr()
    link = out.out.strip()
    assert link.startswith("http://localhost:8000/accounts/invitation/")
    assert "ann@example.org, good until" in out.err
    assert client.get(link.removeprefix("http://localhost:8000"))["Location"] == SIGN_UP
    invitation = Invitation.objects.get()
    assert [one.name for one in invitation.groups.all()] == ["traders"]
    assert dt.timedelta(days=2.9) < invitation.expires_at - timezone.now() <= dt.timedelta(days=3)


def test_the_command_names_the_site_that_the_settings_name(
    capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    settings.HTTPS, settings.ALLOWED_HOSTS = True, ["localhost", ".example.com", "desk.example.org"]
    call_command("invite")
    assert capsys.readouterr().out.startswith("https://desk.example.org/accounts/invitation/")
    call_command("invite", "--site", "http://10.0.0.7:8000/")
    assert capsys.readouterr().out.startswith("http://10.0.0.7:8000/accounts/invitation/")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--days", "0"], "from 1 to 365"),
        (["--days", "366"], "from 1 to 365"),
        (["--days", "x"], "from 1 to 365"),
        (["--email", "ann"], "not an email address"),
        (["--group", "nobody"], "there is no group 'nobody'"),
        (["--site", "desk.example.org"], "https://desk.example.org"),
    ],
)
def test_the_command_says_what_cannot_be(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("invite", *arguments)
    assert not Invitation.objects.exists()


def test_the_administrator_sees_the_link_once(client: Client, staff: User) -> None:
    client.force_login(staff)
    group = Group.objects.create(name="traders")
    added = client.post(
        "/admin/accounts/invitation/add/",
        {"email": "ann@example.org", "days": "5", "groups": [str(group.pk)]},
        follow=True,
    )
    text = added.content.decode()
    key = re.findall(r"http://testserver/accounts/invitation/([\w-]{43})/", text)[0]
    invitation = Invitation.objects.get()
    assert invitation.made_by == staff
    assert list(invitation.groups.all()) == [group]
    assert invitations.find(key) == invitation
    for page in ("/admin/accounts/invitation/", f"/admin/accounts/invitation/{invitation.pk}/change/"):
        shown = client.get(page)
        assert shown.status_code == 200
        assert key not in shown.content.decode()


def test_an_administrator_grants_no_rights_beyond_his_own(client: Client, db: None) -> None:
    clerk = User.objects.create_user("clerk", password=PASSWORD, is_staff=True)
    for name in ("add_invitation", "view_invitation"):
        clerk.user_permissions.add(Permission.objects.get(codename=name))
    powerful, plain = Group.objects.create(name="powerful"), Group.objects.create(name="plain")
    powerful.permissions.add(Permission.objects.get(codename="change_user"))
    client.force_login(clerk)
    page = "/admin/accounts/invitation/add/"
    text = client.get(page).content.decode()
    assert "plain" in text
    assert "powerful" not in text
    refused = client.post(page, {"days": "5", "groups": [str(powerful.pk)]})
    assert refused.status_code == 200
    assert not Invitation.objects.exists()
    client.post(page, {"days": "5", "groups": [str(plain.pk)]})
    assert Invitation.objects.count() == 1


def test_a_withdrawn_one_enters_the_trail_without_what_proves_it(client: Client, staff: User) -> None:
    client.force_login(staff)
    invitation, key = invitations.make()
    client.post(f"/admin/accounts/invitation/{invitation.pk}/delete/", {"post": "yes"})
    entry = LogEntry.objects.get()
    assert entry.change_message == "withdrawn"
    with pytest.raises(invitations.InvitationError, match="withdrawn"):
        invitations.find(key)
