"""The trail: every change of ours, from what to what, which nobody edits and no secret enters."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.test import Client

from accounts import tokens
from accounts.models import ApiToken, User
from marketdata.admin.trail import LONGEST, difference, written

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        ("", "nothing"),
        (0, "0"),
        (False, "no"),
        (10.0, "10"),
        (0.1 + 0.2, "0.3"),
        (["b", "a"], "a, b"),
        ([], "nothing"),
        ("x" * (LONGEST + 1), "x" * LONGEST + "…"),
    ],
)
def test_values_are_written_for_people(value: Any, text: str) -> None:
    assert written(value) == text


def test_only_what_differs_is_written() -> None:
    assert difference({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": True}) == "b: 2 → 3; c: nothing → yes"


def test_a_users_groups_are_named_and_a_password_is_not(admin: Client, staff: User) -> None:
    user = User.objects.create_user("new", password="correct horse 7 battery")
    desk = Group.objects.create(name="desk")
    form = {
        "username": "new",
        "first_name": "",
        "last_name": "",
        "email": "new@example.org",
        "is_active": "on",
        "groups": [desk.pk],
        "date_joined_0": user.date_joined.date().isoformat(),
        "date_joined_1": user.date_joined.time().isoformat(),
    }
    response = admin.post(f"/admin/accounts/user/{user.pk}/change/", form)
    assert response.status_code == 302, response.context["errors"]
    message = LogEntry.objects.latest("pk").change_message
    assert "email address: nothing → new@example.org" in message
    assert "groups: nothing → desk" in message
    secret = "another horse 8 battery"
    posted = {"password1": secret, "password2": secret, "usable_password": "true"}
    assert admin.post(f"/admin/accounts/user/{user.pk}/password/", posted).status_code == 302
    entry = LogEntry.objects.latest("pk")
    assert entry.change_message == "password set"
    assert not any(secret in text for text in LogEntry.objects.values_list("change_message", flat=True))


# A group's form has the feeds and limits of its members below; none of either.
NO_MORE = {f"{part}-{form}_FORMS": "0" for part in ("feed_grants", "limits") for form in ("TOTAL", "INITIAL")}


def test_it_is_read_by_the_staff_and_changed_by_nobody(admin: Client, staff: User) -> None:
    Group.objects.create(name="desk")
    admin.post("/admin/auth/group/add/", {"name": "floor", "permissions": [Permission.objects.all()[0].pk], **NO_MORE})
    entry = LogEntry.objects.get()
    assert "name: nothing → floor" in entry.change_message
    text = admin.get("/admin/admin/logentry/").content.decode()
    assert "name: nothing → floor" in text
    assert admin.get(f"/admin/admin/logentry/{entry.pk}/change/").status_code == 200
    assert admin.post(f"/admin/admin/logentry/{entry.pk}/change/", {"change_message": "x"}).status_code == 403
    assert admin.post(f"/admin/admin/logentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin.get("/admin/admin/logentry/add/").status_code == 403
    posted = {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"}
    admin.post("/admin/admin/logentry/", posted)
    assert LogEntry.objects.get().change_message == entry.change_message


def test_it_is_called_what_the_menu_calls_it(admin: Client) -> None:
    admin.post("/admin/auth/group/add/", {"name": "floor", **NO_MORE})
    text = admin.get("/admin/admin/logentry/").content.decode()
    assert "log entr" not in text.lower()
    assert "1 change" in " ".join(text.split())


def test_a_revoked_token_stands_on_it_without_what_proves_it(admin: Client, staff: User) -> None:
    tokens.issue(staff)
    token = ApiToken.objects.get()
    pages = "/admin/accounts/apitoken/"
    assert f"{token.token_key}</a>" in "".join(admin.get(pages).content.decode().split())
    assert admin.get(f"{pages}add/").status_code == 403
    assert admin.post(f"{pages}{token.digest}/delete/", {"post": "yes"}).status_code == 302
    assert not ApiToken.objects.exists()
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.change_message) == (f"{token.token_key}… of staff", "revoked")
