"""What forms share."""

import re

import pytest
from django.test import Client
from pytest_django import Settings
from redis import Redis

from accounts.models import User

RIGHT = {
    "username": "ann",
    "email": "ann@example.org",
    "password1": "correct horse 7 battery",
    "password2": "correct horse 7 battery",
}


@pytest.fixture(autouse=True)
def _redis(redis_client: Redis, db: None) -> None:
    """Forms that are posted are counted there."""


def focused(page: str) -> list[str]:
    """The names of the fields that ask for the focus, in order."""
    fields = [one for one in re.findall(r"<(?:input|select)[^>]*>", page) if "autofocus" in one]
    return [name for one in fields for name in re.findall(r'name="(\w+)"', one)]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"username": "no spaces"}, "username"),
        ({"email": "nowhere"}, "email"),
        ({"password1": "short", "password2": "short"}, "password1"),
        ({"email": "nowhere", "password1": "short", "password2": "short"}, "email"),
    ],
)
def test_the_first_field_that_is_wrong_has_the_focus_and_says_why(
    client: Client, settings: Settings, changes: dict[str, str], name: str
) -> None:
    settings.SIGN_UP = "open"
    page = client.post("/accounts/signup/", {**RIGHT, **changes}).content.decode()
    assert focused(page)[-1:] == [name]
    field = re.findall(rf'<input[^>]*name="{name}"[^>]*>', page)[0]
    assert f"id_{name}_error" in field
    assert f'id="id_{name}_error"' in page


def test_at_the_sign_in_what_is_wrong_is_tied_to_the_field_that_has_the_focus(client: Client, owner: User) -> None:
    page = client.post("/accounts/login/", {"login": "owner", "password": "wrong"}).content.decode()
    assert focused(page) == ["password"]
    assert 'aria-describedby="problems"' in re.findall(r'<input[^>]*name="password"[^>]*>', page)[0]
    assert 'id="problems"' in page


def test_in_the_administration_too(client: Client, staff: User) -> None:
    client.force_login(staff)
    page = client.post("/admin/auth/group/add/", {"name": ""}).content.decode()
    assert "name" in focused(page)
