"""Sharing by REST: whoever has the key reads, nobody else, and nobody once it is withdrawn."""

from typing import Any

import pytest
from django.urls import reverse

from accounts import sections, watchlists
from accounts.models import User, Watchlist
from marketdata.rest.sharing import HEADER
from tests.builders import make_instrument

from .conftest import ApiClient, fields, problem


@pytest.fixture
def tech(owner: User) -> Watchlist:
    make_instrument("A1")
    made = watchlists.create(owner, "Tech", ["A1"])
    sections.make(made, "Banks", 0)
    return made


@pytest.fixture
def key(api: ApiClient, tech: Watchlist) -> str:
    made: str = api.send("POST", f"watchlists/{tech.pk}/share/").json()["share_key"]
    return made


def read(api: ApiClient, key: str, **headers: str) -> Any:
    return api.send("GET", "shared/", headers={HEADER: key, **headers})


def test_the_owner_gives_a_link_that_stays(api: ApiClient, tech: Watchlist, key: str) -> None:
    response = api.send("POST", f"watchlists/{tech.pk}/share/")
    assert response.status_code == 201
    assert response.json() == {"share_key": key, "path": f"/#shared/{key}"}
    assert response.headers["Cache-Control"] == "no-store"
    assert api.send("GET", f"watchlists/{tech.pk}/").json()["share_key"] == key


def test_a_reader_sees_the_list_and_whose_it_is_and_no_more(others_api: ApiClient, tech: Watchlist, key: str) -> None:
    response = read(others_api, key)
    assert response.status_code == 200
    shown = response.json()
    assert shown.keys() == {"name", "owner", "version", "items"}
    assert (shown["name"], shown["owner"], shown["version"]) == ("Tech", "owner", 3)
    assert [one["kind"] for one in shown["items"]] == ["section", "instrument"]
    assert read(others_api, key, **{"if-none-match": response.headers["ETag"]}).status_code == 304
    # The id alone is of no use.
    problem(others_api.send("GET", f"watchlists/{tech.pk}/"), 404)


def test_withdrawn_it_reads_as_a_key_that_never_was(
    api: ApiClient, others_api: ApiClient, tech: Watchlist, key: str
) -> None:
    assert api.send("DELETE", f"watchlists/{tech.pk}/share/").status_code == 204
    gone, never = problem(read(others_api, key), 404), problem(read(others_api, "x" * 43), 404)
    assert gone == never
    assert [(one["field"], one["code"]) for one in gone["errors"]] == [(HEADER, "not_found")]
    assert api.send("GET", f"watchlists/{tech.pk}/").json()["share_key"] is None
    copied = problem(others_api.send("POST", "shared/copy/", {"key": key}), 404)
    assert [(one["field"], one["code"]) for one in copied["errors"]] == [("key", "not_found")]


def test_a_key_is_asked_for_in_the_header_and_no_address_takes_one(others_api: ApiClient, key: str) -> None:
    assert fields(others_api.send("GET", "shared/")) == [(HEADER, "required")]
    assert fields(others_api.send("GET", f"shared/?key={key}")) == [("key", "unknown_field")]
    problem(others_api.send("GET", f"shared/{key}/"), 404)
    assert reverse("shared") == "/api/v1/shared/"


def test_who_is_not_signed_in_reads_nothing(key: str) -> None:
    problem(read(ApiClient(), key), 401)


def test_a_reader_changes_nothing(others_api: ApiClient, tech: Watchlist, key: str) -> None:
    for method, path in (
        ("DELETE", "share/"),
        ("POST", "share/"),
        ("PATCH", ""),
        ("POST", "sections/"),
        ("PUT", "items/"),
    ):
        problem(others_api.send(method, f"watchlists/{tech.pk}/{path}", {"name": "x"}), 404)
    problem(others_api.send("DELETE", "shared/"), 405)
    assert Watchlist.objects.get(pk=tech.pk).version == 3


def test_a_reader_copies_it_to_lists_of_their_own(others_api: ApiClient, stranger: User, key: str) -> None:
    response = others_api.send("POST", "shared/copy/", {"key": key})
    assert response.status_code == 201
    made = response.json()
    assert (made["name"], made["share_key"], [one["kind"] for one in made["items"]]) == (
        "Tech",
        None,
        ["section", "instrument"],
    )
    assert Watchlist.objects.get(pk=made["id"]).owner == stranger
    assert others_api.send("POST", "shared/copy/", {"key": key, "name": "Mine"}).json()["name"] == "Mine"
    for body, expected in (
        ({}, [("key", "required")]),
        ({"key": key, "name": "Mine"}, [("name", "already_there")]),
        ({"key": key, "name": "x" * 81}, [("name", "max_length")]),
        ({"key": 7, "name": "x"}, None),
        ({"key": "x" * 65}, [("key", "max_length")]),
        ({"key": key, "owner": 1}, [("owner", "unknown_field")]),
    ):
        answer = others_api.send("POST", "shared/copy/", body)
        if expected is None:
            problem(answer, 404)
        else:
            assert fields(answer) == expected
    assert Watchlist.objects.filter(owner=stranger).count() == 2
