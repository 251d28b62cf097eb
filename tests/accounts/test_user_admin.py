"""What administrators do to users and groups, and what those who are no superusers may not."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from redis import Redis

from accounts import invitations, tokens, watchlists
from accounts.deletion import FORMER
from accounts.models import ApiToken, FeedGrant, Invitation, SignInAttempt, User, Watchlist
from tests.conftest import PASSWORD

# As the routes do, when they are first looked at.
admin.autodiscover()
NEW = "another horse 9 battery"


@pytest.fixture(autouse=True)
def _redis(redis_client: Redis, db: None) -> None:
    """Sign-ins are counted there."""


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", password=PASSWORD))
    return client


@pytest.fixture
def clerk() -> User:
    """Staff, who may do all to users and groups that a permission lets one."""
    user = User.objects.create_user("clerk", password=PASSWORD, is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__model__in=("user", "group", "feedgrant", "grouplimits"))
    )
    return user


@pytest.fixture
def desk(clerk: User) -> Client:
    client = Client()
    client.force_login(clerk)
    return client


def page(user: User | Group, kind: str = "change") -> str:
    model = "accounts_user" if isinstance(user, User) else "auth_group"
    return reverse(f"admin:{model}_{kind}", args=[user.pk])


def form(user: User, **changes: Any) -> dict[str, Any]:
    joined = user.date_joined
    return {
        "username": user.username,
        "email": user.email,
        "is_active": "on",
        "date_joined_0": f"{joined:%Y-%m-%d}",
        "date_joined_1": f"{joined:%H:%M:%S}",
        **changes,
    }


def group_form(group: Group, **changes: Any) -> dict[str, Any]:
    none = {"TOTAL_FORMS": 0, "INITIAL_FORMS": 0}
    inlines = {f"{name}-{key}": value for name in ("feed_grants", "limits") for key, value in none.items()}
    return {"name": group.name, **inlines, **changes}


# ── Rights ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_clerk_changes_users_and_makes_nobody_more_than_a_user(desk: Client, owner: User) -> None:
    right = Permission.objects.get(codename="change_coverage")
    changes = {"is_staff": "on", "is_superuser": "on", "user_permissions": [right.pk], "first_name": "Ann"}
    assert desk.post(page(owner), form(owner, **changes)).status_code == 302
    owner.refresh_from_db()
    assert (owner.first_name, owner.is_staff, owner.is_superuser) == ("Ann", False, False)
    assert not owner.user_permissions.exists()


@pytest.mark.parametrize("name", ["clerk", "root", "colleague"])
def test_a_clerk_changes_nobody_with_rights_in_the_administration(desk: Client, clerk: User, name: str) -> None:
    User.objects.create_superuser("root", password=PASSWORD)
    User.objects.create_user("colleague", is_staff=True)
    other = User.objects.get(username=name)
    assert desk.get(page(other)).status_code == 200  # may be looked at
    assert desk.post(page(other), form(other, is_superuser="on")).status_code == 403
    password = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    assert desk.post(reverse("admin:auth_user_password_change", args=[other.pk]), password).status_code == 403
    assert desk.post(page(other, "delete"), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [other.pk], "post": "yes"}
    desk.post(reverse("admin:accounts_user_changelist"), chosen)
    before = other.password
    other.refresh_from_db()
    assert (other.password, other.is_superuser) == (before, name == "root")


def test_a_clerk_gives_no_group_with_more_rights_and_takes_none_away_unseen(desk: Client, owner: User) -> None:
    mighty, plain = Group.objects.create(name="mighty"), Group.objects.create(name="plain")
    mighty.permissions.add(Permission.objects.get(codename="change_coverage"))
    refused = desk.post(page(owner), form(owner, groups=[mighty.pk]))
    assert "groups" in refused.context["adminform"].errors
    owner.groups.add(mighty)
    assert desk.post(page(owner), form(owner, groups=[mighty.pk, plain.pk])).status_code == 302
    assert set(owner.groups.all()) == {mighty, plain}


def test_a_clerk_gives_a_group_feeds_and_no_permissions(desk: Client) -> None:
    group = Group.objects.create(name="traders")
    right = Permission.objects.get(codename="change_coverage")
    grant = {"feed_grants-TOTAL_FORMS": 1, "feed_grants-0-group": group.pk, "feed_grants-0-feed": "simulated"}
    assert desk.post(page(group), group_form(group, permissions=[right.pk], **grant)).status_code == 302
    assert not group.permissions.exists()
    assert FeedGrant.objects.get().group == group
    desk.post(reverse("admin:auth_group_add"), group_form(Group(name="new"), permissions=[right.pk]))
    assert not Group.objects.get(name="new").permissions.exists()


def test_a_superuser_does_all_of_it(root: Client, owner: User) -> None:
    right = Permission.objects.get(codename="change_coverage")
    mighty = Group.objects.create(name="mighty")
    root.post(page(mighty), group_form(mighty, permissions=[right.pk]))
    changes = {"is_staff": "on", "is_superuser": "on", "user_permissions": [right.pk], "groups": [mighty.pk]}
    assert root.post(page(owner), form(owner, **changes)).status_code == 302
    owner.refresh_from_db()
    assert (owner.is_staff, owner.is_superuser) == (True, True)
    assert (list(owner.user_permissions.all()), list(mighty.permissions.all())) == ([right], [right])


# ── Addresses and passwords ───────────────────────────────────────────────────────────────────────────────────────────
def test_a_former_address_opens_nothing_once_an_administrator_changed_it(root: Client, owner: User) -> None:
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    former = owner.email
    assert root.post(page(owner), form(owner, email="right@example.org")).status_code == 302
    assert not EmailAddress.objects.filter(email=former).exists()
    owner.refresh_from_db()
    assert owner.email == "right@example.org"
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    root.post(page(owner), form(owner, first_name="Ann"))
    assert EmailAddress.objects.get().verified


def test_the_administration_has_no_form_of_its_own_to_guess_ones_password_at(root: Client) -> None:
    for method in ("get", "post"):
        response = getattr(root, method)("/admin/password_change/")
        assert response["Location"] == "/accounts/password/change/"


# ── Deleting ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_user_who_has_been_here_is_deleted_as_by_themselves(root: Client, owner: User) -> None:
    watchlists.create(owner, "Mine")
    tokens.issue(owner)
    EmailAddress.objects.create(user=owner, email=owner.email)
    SignInAttempt.objects.create(user=owner, name=owner.username, outcome="ok")
    invitations.redeem(invitations.make(email=owner.email)[0], owner)
    LogEntry.objects.create(user=owner, object_repr="a rule", action_flag=CHANGE, change_message="14 → 7")
    assert root.get(page(owner, "delete")).status_code == 200
    assert root.post(page(owner, "delete"), {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=owner.pk).exists()
    for left in (Watchlist, ApiToken, EmailAddress, SignInAttempt, Invitation):
        assert not left._default_manager.exists(), left
    kept = LogEntry.objects.get(object_repr="a rule")
    assert (kept.user.username, "owner" in kept.change_message) == (FORMER, True)
    assert LogEntry.objects.filter(object_repr="owner", user__username="root").exists()


def test_many_at_once_too_and_those_who_have_to_stay_stay(root: Client, owner: User, stranger: User) -> None:
    for user in (owner, stranger):
        SignInAttempt.objects.create(user=user, name=user.username, outcome="ok")
    former = User.objects.create_user(FORMER, is_active=False)
    changelist = reverse("admin:accounts_user_changelist")

    def delete(*users: User) -> None:
        chosen = {"action": "delete_selected", "_selected_action": [one.pk for one in users], "post": "yes"}
        root.post(changelist, chosen)

    delete(owner, stranger)
    assert set(User.objects.values_list("username", flat=True)) == {"root", FORMER}
    delete(former)
    delete(User.objects.get(username="root"))
    assert User.objects.count() == 2
    for user in User.objects.all():
        assert root.post(page(user, "delete"), {"post": "yes"}).status_code == 403
    assert User.objects.count() == 2
