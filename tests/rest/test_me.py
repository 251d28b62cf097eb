"""Who one is, and the settings that one may change."""

from typing import Any

import pytest
from django.test import Client

from accounts import preferences
from accounts.models import User

from .conftest import ApiClient, by_session, by_token, fields, problem

DEFAULT = {"theme": "system", "colours": "teal", "times": "own", "density": "normal", "layout": {}}


@pytest.fixture
def page(owner: User, redis_client: Any) -> ApiClient:
    return by_session(owner, csrf=True)


def test_it_says_all_that_the_page_needs(page: ApiClient, owner: User) -> None:
    expected = {
        "username": "owner",
        "email": "owner@example.org",
        "is_staff": False,
        "time_zone": "",
        "display": DEFAULT,
    }
    assert expected.items() <= page.send("GET", "me/").json().items()
    assert expected.items() <= by_token(owner).send("GET", "me/").json().items()


def test_what_is_named_changes_and_the_rest_stays(page: ApiClient, owner: User) -> None:
    first = page.send("PATCH", "me/", {"time_zone": "Europe/Zurich", "display": {"theme": "dark"}})
    assert first.status_code == 200
    second = page.send("PATCH", "me/", {"display": {"layout": {"columns": ["bid", "ask"], "width": 1.5}}})
    assert second.json()["time_zone"] == "Europe/Zurich"
    assert second.json()["display"] == {
        **DEFAULT,
        "theme": "dark",
        "layout": {"columns": ["bid", "ask"], "width": 1.5},
    }
    assert page.send("GET", "me/").json() == second.json()
    third = page.send("PATCH", "me/", {"time_zone": "", "display": {"layout": {"columns": ["mark"]}}})
    assert third.json()["time_zone"] == ""
    assert third.json()["display"]["layout"] == {"columns": ["mark"], "width": 1.5}
    owner.refresh_from_db()
    assert owner.display["theme"] == "dark"


def test_what_two_browsers_arrange_is_all_there_and_null_takes_it_away(page: ApiClient, owner: User) -> None:
    other = by_session(owner, csrf=True)

    def arranged(by: ApiClient, layout: dict[str, Any] | None) -> Any:
        return by.send("PATCH", "me/", {"display": {"layout": layout}}).json()["display"]["layout"]

    arranged(page, {"columns": ["bid"], "rail": {"width": 200, "shut": None}})
    assert arranged(other, {"side": "P"}) == {"columns": ["bid"], "rail": {"width": 200, "shut": None}, "side": "P"}
    assert arranged(page, {"rail": None, "never": None}) == {"columns": ["bid"], "side": "P"}
    assert arranged(page, {}) == {"columns": ["bid"], "side": "P"}
    assert arranged(other, None) == {}
    assert page.send("GET", "me/").json()["display"] == DEFAULT


def test_nothing_is_changed_by_nothing(page: ApiClient) -> None:
    bodies: tuple[dict[str, Any], ...] = ({}, {"display": {}})
    for body in bodies:
        assert page.send("PATCH", "me/", body).json()["display"] == DEFAULT


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"username": "root"}, "username", "unknown_field"),
        ({"email": "x@example.org"}, "email", "unknown_field"),
        ({"is_staff": True}, "is_staff", "unknown_field"),
        ({"is_superuser": True}, "is_superuser", "unknown_field"),
        ({"password": "x"}, "password", "unknown_field"),
        ({"groups": [1]}, "groups", "unknown_field"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "invalid_choice"),
        ({"time_zone": "../../etc/passwd"}, "time_zone", "invalid_choice"),
        ({"time_zone": "localtime"}, "time_zone", "invalid_choice"),
        ({"time_zone": "x" * 65}, "time_zone", "max_length"),
        ({"time_zone": None}, "time_zone", "null"),
        ({"time_zone": 7}, "time_zone", "invalid_choice"),
        ({"display": []}, "display", "invalid"),
        ({"display": {"theme": "pink"}}, "display.theme", "invalid_choice"),
        ({"display": {"colours": None}}, "display.colours", "null"),
        ({"display": {"times": "UTC"}}, "display.times", "invalid_choice"),
        ({"display": {"font": "large"}}, "display.font", "unknown_field"),
        ({"display": {"layout": [1]}}, "display.layout", "not_a_dict"),
        ({"display": {"layout": {"a": "x" * preferences.LAYOUT_BYTES}}}, "display.layout", "too_large"),
        ({"display": {"layout": {"a": "\0"}}}, "display.layout", "null_characters_not_allowed"),
        ({"display": {"layout": {"a\0": 1}}}, "display.layout", "null_characters_not_allowed"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_whole(
    page: ApiClient, owner: User, body: dict[str, Any], field: str, code: str
) -> None:
    response = page.send("PATCH", "me/", {"display": {"theme": "dark"}, **body})
    assert fields(response) == [(field, code)]
    owner.refresh_from_db()
    assert (owner.username, owner.is_staff, owner.time_zone, owner.display) == ("owner", False, "", {})


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = {"a": value} if level % 2 else [value]
    return {"a": value}


def test_the_layout_is_nested_so_deep_and_no_deeper(page: ApiClient) -> None:
    fits = nested(preferences.LAYOUT_DEPTH - 1)
    assert page.send("PATCH", "me/", {"display": {"layout": fits}}).json()["display"]["layout"] == fits
    for depth in (preferences.LAYOUT_DEPTH, 100):
        response = page.send("PATCH", "me/", {"display": {"layout": nested(depth)}})
        assert fields(response) == [("display.layout", "too_deep")]


def test_the_layout_may_have_so_many_bytes(page: ApiClient) -> None:
    fits = {"a": "é" * ((preferences.LAYOUT_BYTES - len('{"a":""}')) // 2)}
    assert page.send("PATCH", "me/", {"display": {"layout": fits}}).status_code == 200
    # Also where each part alone would do.
    for more in ({**fits, "b": 1}, {"b": 1}):
        refused = page.send("PATCH", "me/", {"display": {"layout": more}})
        assert fields(refused) == [("display.layout", "too_large")]
    assert page.send("GET", "me/").json()["display"]["layout"] == fits
    assert page.send("PATCH", "me/", {"display": {"layout": {"b": 1, "a": None}}}).status_code == 200


def test_no_token_changes_settings(owner: User, redis_client: Any) -> None:
    assert "session" in problem(by_token(owner).send("PATCH", "me/", {"time_zone": "UTC"}), 403)["detail"]


def test_what_an_older_version_left_does_no_harm(page: ApiClient, owner: User) -> None:
    kept: tuple[Any, ...] = ([], "dark", {"theme": "pink", "font": 3, "layout": 7})
    for left in kept:
        User.objects.update(display=left)
        assert page.send("GET", "me/").json()["display"] == DEFAULT
        assert page.send("PATCH", "me/", {"display": {"times": "exchange"}}).status_code == 200


def test_a_change_sends_nobody_away(page: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr("accounts.revocation.announce", told.append)
    assert page.send("PATCH", "me/", {"display": {"theme": "dark"}}).status_code == 200
    assert told == []


def test_a_stranger_is_nobody() -> None:
    assert Client().patch("/api/v1/me/", {}, content_type="application/json").status_code == 401
