"""The settings page."""

from typing import Any

import pytest
from django.test import Client
from redis import Redis

from accounts.models import User

pytestmark = pytest.mark.either_database

PAGE = "/accounts/settings/"


@pytest.fixture
def page(owner: User, redis_client: Redis) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def chosen(**changes: Any) -> dict[str, Any]:
    return {
        "time_zone": "Asia/Tokyo",
        "theme": "dark",
        "colours": "green",
        "times": "utc",
        "density": "dense",
        **changes,
    }


def test_what_is_saved_is_there_and_the_pages_layout_with_it(page: Client, owner: User) -> None:
    User.objects.update(display={"layout": {"rail": 200}})
    response = page.post(PAGE, chosen(), follow=True)
    assert "Saved." in response.content.decode()
    owner.refresh_from_db()
    assert owner.time_zone == "Asia/Tokyo"
    assert owner.display == {
        "theme": "dark",
        "colours": "green",
        "times": "utc",
        "density": "dense",
        "layout": {"rail": 200},
    }
    assert '<option value="Asia/Tokyo" selected>' in response.content.decode()


def test_the_theme_holds_from_the_first_byte_of_the_next_page(page: Client) -> None:
    assert 'data-theme="dark"' in page.post(PAGE, chosen(), follow=True).content.decode()
    cookie = page.cookies["theme"]
    assert (cookie.value, cookie["path"], cookie["samesite"]) == ("dark", "/", "Lax")
    assert "data-theme" not in page.post(PAGE, chosen(theme="system"), follow=True).content.decode()


def test_the_account_has_its_look_in_any_browser_and_a_stranger_what_the_browser_was_told(owner: User) -> None:
    User.objects.update(display={"theme": "dark", "colours": "green", "density": "dense"})
    elsewhere = Client()
    elsewhere.cookies["theme"] = "light"  # whoever was signed in there before
    elsewhere.force_login(owner)
    text = elsewhere.get(PAGE).content.decode()
    assert '<html lang="en" data-theme="dark" data-colours="green" data-density="dense">' in text
    stranger = Client()
    assert '<html lang="en">' in stranger.get("/accounts/login/").content.decode()
    stranger.cookies["theme"] = "light"
    assert '<html lang="en" data-theme="light">' in stranger.get("/accounts/login/").content.decode()
    stranger.cookies["theme"] = '"><script>'
    assert '<html lang="en">' in stranger.get("/accounts/login/").content.decode()


@pytest.mark.parametrize(
    "changes",
    [{"time_zone": "Mars/Olympus"}, {"theme": "pink"}, {"colours": ""}, {"times": "x" * 10_000}, {"time_zone": "a\0b"}],
)
def test_what_cannot_be_is_told_at_its_field(page: Client, owner: User, changes: dict[str, str]) -> None:
    response = page.post(PAGE, chosen(**changes))
    assert response.status_code == 200
    (name,) = changes
    assert f'id="id_{name}_error"' in response.content.decode()
    owner.refresh_from_db()
    assert (owner.time_zone, owner.display) == ("", {})


def test_nothing_else_of_a_user_is_taken_from_the_form(page: Client, owner: User) -> None:
    page.post(PAGE, chosen(is_staff="on", is_superuser="on", username="root", email="x@example.org", password="x"))
    owner.refresh_from_db()
    assert (owner.username, owner.email) == ("owner", "owner@example.org")
    assert (owner.is_staff, owner.is_superuser) == (False, False)
    assert owner.time_zone == "Asia/Tokyo"


def test_it_is_for_those_who_are_signed_in_and_asks_for_the_csrf_token(owner: User) -> None:
    assert Client().get(PAGE).headers["Location"] == f"/accounts/login/?next={PAGE}"
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    assert strict.post(PAGE, chosen()).status_code == 403
