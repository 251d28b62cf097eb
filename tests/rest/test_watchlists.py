"""Watchlists by REST: shapes, refusals, and what a stranger sees of them."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts import sections, watchlists
from accounts.models import User, Watchlist, WatchlistEntry
from marketdata.models import Instrument
from tests.builders import make_instrument

from .conftest import ApiClient, fields, problem


@pytest.fixture
def instruments(db: None) -> list[Instrument]:
    return [make_instrument(symbol) for symbol in ("A1", "B2", "C3")]


@pytest.fixture
def tech(owner: User, instruments: list[Instrument]) -> Watchlist:
    return watchlists.create(owner, "Tech", ["A1", "B2"])


def symbols(shown: dict[str, Any]) -> list[str]:
    return [entry["symbol"] for entry in shown["entries"]]


def test_the_list_shows_each_watchlist_whole(api: ApiClient, tech: Watchlist, instruments: list[Instrument]) -> None:
    entry_ids = list(tech.entries.values_list("id", flat=True))
    entries = [
        {"id": id_, "feed": "simulated", "symbol": one.symbol, "instrument": one.pk, "position": place}
        for place, (id_, one) in enumerate(zip(entry_ids, instruments, strict=False))
    ]
    assert api.send("GET", "watchlists/").json() == {
        "next": None,
        "previous": None,
        "results": [
            {
                "id": tech.pk,
                "name": "Tech",
                "position": 0,
                "version": 1,
                "share_key": None,
                "entries": entries,
                "items": [{"kind": "instrument", **one} for one in entries],
            }
        ],
    }


def test_one_watchlist_looks_as_it_does_in_the_list(api: ApiClient, tech: Watchlist) -> None:
    assert api.send("GET", f"watchlists/{tech.pk}/").json() == api.send("GET", "watchlists/").json()["results"][0]


def test_the_list_costs_six_queries_however_long(
    owner: User, api: ApiClient, instruments: list[Instrument], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(5):
        watchlists.create(owner, str(n), ["A1", "B2", "C3"])
    # The token and its use, the watchlists, their entries, sections and rolling entries.
    with django_assert_num_queries(6):
        assert len(api.send("GET", "watchlists/").json()["results"]) == 5


def test_pages_of_watchlists_go_forth_and_back(owner: User, api: ApiClient) -> None:
    for n in range(5):
        watchlists.create(owner, str(n))
    first = api.send("GET", "watchlists/?page_size=2").json()
    second = api.send("GET", first["next"]).json()
    third = api.send("GET", second["next"]).json()
    assert [one["name"] for page in (first, second, third) for one in page["results"]] == list("01234")
    assert third["next"] is None
    assert first["previous"] is None
    assert api.send("GET", third["previous"]).json()["results"] == second["results"]


def test_a_watchlist_is_made_at_the_end(api: ApiClient, tech: Watchlist) -> None:
    response = api.send("POST", "watchlists/", {"name": "  Banks "})
    assert response.status_code == 201
    made = response.json()
    assert (made["name"], made["position"], made["version"], made["entries"]) == ("Banks", 1, 1, [])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("name", "required")]),
        ({"name": ""}, [("name", "blank")]),
        ({"name": "  "}, [("name", "blank")]),
        ({"name": "x" * 81}, [("name", "max_length")]),
        ({"name": "x" * 5000}, [("name", "max_length")]),
        ({"name": None}, [("name", "null")]),
        ({"name": ["x"]}, [("name", "invalid")]),
        ({"name": "a\x00b"}, [("name", "null_characters_not_allowed")]),
        ({"name": "Tech"}, [("name", "already_there")]),
        ({"name": "x", "owner": 1}, [("owner", "unknown_field")]),
        ({"name": "x", "version": 7, "id": 1}, [("version", "unknown_field"), ("id", "unknown_field")]),
        ([], [(None, "invalid")]),
    ],
)
def test_a_bad_new_watchlist_names_its_field(
    api: ApiClient, tech: Watchlist, body: Any, expected: list[tuple[str | None, str]]
) -> None:
    assert fields(api.send("POST", "watchlists/", body)) == expected
    assert Watchlist.objects.count() == 1


def test_the_51st_watchlist_is_refused(owner: User, api: ApiClient) -> None:
    Watchlist.objects.bulk_create(Watchlist(owner=owner, name=str(n)) for n in range(50))
    assert fields(api.send("POST", "watchlists/", {"name": "x"})) == [("name", "too_many")]


def test_a_watchlist_is_renamed_and_moved_in_one_edit(api: ApiClient, tech: Watchlist) -> None:
    shown = api.send("PATCH", f"watchlists/{tech.pk}/", {"name": "Banks", "position": 4}).json()
    assert (shown["name"], shown["position"], shown["version"]) == ("Banks", 4, 2)


def test_an_empty_change_is_no_edit(api: ApiClient, tech: Watchlist) -> None:
    assert api.send("PATCH", f"watchlists/{tech.pk}/", {}).json()["version"] == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"owner": 2}, [("owner", "unknown_field")]),
        ({"version": 99}, [("version", "unknown_field")]),
        ({"id": 99}, [("id", "unknown_field")]),
        ({"entries": []}, [("entries", "unknown_field")]),
        ({"position": -1}, [("position", "min_value")]),
        ({"position": 10**18}, [("position", "max_value")]),
        ({"position": "x"}, [("position", "invalid")]),
    ],
)
def test_what_may_not_be_set_is_refused_by_name(
    api: ApiClient, tech: Watchlist, body: Any, expected: list[tuple[str, str]]
) -> None:
    assert fields(api.send("PATCH", f"watchlists/{tech.pk}/", body)) == expected
    tech.refresh_from_db()
    assert (tech.owner.username, tech.version, tech.position) == ("owner", 1, 0)


def test_a_watchlist_is_deleted(api: ApiClient, tech: Watchlist) -> None:
    response = api.send("DELETE", f"watchlists/{tech.pk}/")
    assert (response.status_code, response.content) == (204, b"")
    problem(api.send("GET", f"watchlists/{tech.pk}/"), 404)


def test_an_instrument_is_added_at_the_end(api: ApiClient, tech: Watchlist, instruments: list[Instrument]) -> None:
    response = api.send("POST", f"watchlists/{tech.pk}/entries/", {"symbol": "C3"})
    assert response.status_code == 201
    entry = response.json()
    assert entry == {
        "id": entry["id"],
        "feed": "simulated",
        "symbol": "C3",
        "instrument": instruments[2].pk,
        "position": 2,
    }
    shown = api.send("GET", f"watchlists/{tech.pk}/").json()
    assert symbols(shown) == ["A1", "B2", "C3"]
    assert shown["version"] == 2


def test_a_symbol_that_cannot_be_added_says_why(api: ApiClient, tech: Watchlist) -> None:
    make_instrument("B2", feed="replay")
    make_instrument("OLD", active=False)
    for body, code in (
        ({"symbol": "NONE"}, "unknown_symbol"),
        ({"symbol": "nofeed.C3"}, "unknown_symbol"),
        ({"symbol": "x" * 900}, "unknown_symbol"),
        ({"symbol": "'; drop"}, "unknown_symbol"),
        ({"symbol": "OLD"}, "not_streaming"),
        ({"symbol": "B2"}, "ambiguous_symbol"),
        ({"symbol": "A1"}, "already_there"),
        ({"symbol": ""}, "blank"),
        ({}, "required"),
        ({"symbol": 7}, "unknown_symbol"),
        ({"symbol": {}}, "invalid"),
    ):
        assert fields(api.send("POST", f"watchlists/{tech.pk}/entries/", body)) == [("symbol", code)], body
    message = problem(api.send("POST", f"watchlists/{tech.pk}/entries/", {"symbol": "B2"}), 400)["errors"][0]["message"]
    assert "replay.B2 or simulated.B2" in message


def test_the_whole_list_is_replaced_in_order(api: ApiClient, tech: Watchlist) -> None:
    response = api.send("PUT", f"watchlists/{tech.pk}/entries/", {"symbols": ["C3", "simulated.A1"]})
    assert response.status_code == 200
    assert symbols(response.json()) == ["C3", "A1"]
    assert api.send("PUT", f"watchlists/{tech.pk}/entries/", {"symbols": []}).json()["entries"] == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (["C3", "NONE", "C3"], [("symbols.1", "unknown_symbol"), ("symbols.2", "already_there")]),
        (["C3", None], [("symbols.1", "null")]),
        (["C3", ["A1"]], [("symbols.1", "invalid")]),
        (["A1"] * 501, [("symbols", "max_length")]),
        ("A1", [("symbols", "not_a_list")]),
        (None, [("symbols", "null")]),
    ],
)
def test_a_bad_replacement_is_refused_whole(
    api: ApiClient, tech: Watchlist, body: Any, expected: list[tuple[str, str]]
) -> None:
    assert fields(api.send("PUT", f"watchlists/{tech.pk}/entries/", {"symbols": body})) == expected
    assert symbols(api.send("GET", f"watchlists/{tech.pk}/").json()) == ["A1", "B2"]


def test_replacing_500_takes_a_bounded_number_of_queries(
    api: ApiClient, tech: Watchlist, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    made = Instrument.objects.bulk_create(
        Instrument(feed="simulated", symbol=f"S{n}", kind="stock", underlying=f"S{n}") for n in range(500)
    )
    names = [one.symbol for one in made]
    with django_assert_max_num_queries(25):
        response = api.send("PUT", f"watchlists/{tech.pk}/entries/", {"symbols": names})
    assert symbols(response.json()) == names
    with django_assert_max_num_queries(25):
        response = api.send("PUT", f"watchlists/{tech.pk}/entries/", {"symbols": names[::-1]})
    assert symbols(response.json()) == names[::-1]


def test_an_entry_is_removed(api: ApiClient, tech: Watchlist) -> None:
    first, second = tech.entries.all()
    assert api.send("DELETE", f"watchlists/{tech.pk}/entries/{first.pk}/").status_code == 204
    shown = api.send("GET", f"watchlists/{tech.pk}/").json()
    assert [entry["id"] for entry in shown["entries"]] == [second.pk]
    assert shown["version"] == 2
    problem(api.send("DELETE", f"watchlists/{tech.pk}/entries/{first.pk}/"), 404)


def test_a_stranger_meets_what_is_not_there(
    api: ApiClient, others_api: ApiClient, stranger: User, tech: Watchlist
) -> None:
    entry = tech.entries.all()[0].pk
    own = watchlists.create(stranger, "own")
    attempts: list[tuple[str, str, Any]] = [
        ("GET", f"watchlists/{tech.pk}/", None),
        ("PATCH", f"watchlists/{tech.pk}/", {"name": "mine"}),
        ("PATCH", f"watchlists/{tech.pk}/", {"nonsense": 1}),
        ("DELETE", f"watchlists/{tech.pk}/", None),
        ("POST", f"watchlists/{tech.pk}/entries/", {"symbol": "C3"}),
        ("POST", f"watchlists/{tech.pk}/entries/", {"symbol": "NONE"}),
        ("PUT", f"watchlists/{tech.pk}/entries/", {"symbols": []}),
        ("DELETE", f"watchlists/{tech.pk}/entries/{entry}/", None),
        ("DELETE", f"watchlists/{own.pk}/entries/{entry}/", None),
    ]
    for method, path, body in attempts:
        answer = problem(others_api.send(method, path, body), 404)
        absent = problem(others_api.send(method, path.replace(str(tech.pk), "999999"), body), 404)
        assert answer == absent, (method, path)
        field = "entry" if f"/{own.pk}/" in path else "watchlist"
        assert [(one["field"], one["code"]) for one in answer["errors"]] == [(field, "not_found")]
    assert [one["name"] for one in others_api.send("GET", "watchlists/").json()["results"]] == ["own"]
    assert WatchlistEntry.objects.filter(watchlist=tech).count() == 2
    assert Watchlist.objects.get(pk=tech.pk).version == 1


@pytest.mark.parametrize("number", ["0", "99999999999999999999999999"])
def test_an_absurd_id_is_not_there(api: ApiClient, number: str) -> None:
    problem(api.send("GET", f"watchlists/{number}/"), 404)
    problem(api.send("PUT", f"watchlists/{number}/entries/", {"symbols": []}), 404)


def test_unknown_parameters_of_the_list_are_refused(api: ApiClient) -> None:
    assert fields(api.send("GET", "watchlists/?name=x")) == [("name", "unknown_field")]


# ── Sections, and the order of all items ──────────────────────────────────────────────────────────────────────────────


def names(shown: dict[str, Any]) -> list[str]:
    return [one.get("name") or one["symbol"] for one in shown["items"]]


def test_a_section_is_made_changed_and_removed(api: ApiClient, tech: Watchlist) -> None:
    path = f"watchlists/{tech.pk}/"
    response = api.send("POST", f"{path}sections/", {"name": " Banks ", "position": 1})
    assert response.status_code == 201
    made = response.json()
    assert made == {"kind": "section", "id": made["id"], "position": 1, "name": "Banks"}
    assert names(api.send("GET", path).json()) == ["A1", "Banks", "B2"]
    shown = api.send("PATCH", f"{path}sections/{made['id']}/", {"name": "Bonds", "position": 9}).json()
    assert names(shown) == ["A1", "B2", "Bonds"]
    assert symbols(shown) == ["A1", "B2"]
    assert api.send("DELETE", f"{path}sections/{made['id']}/").status_code == 204
    assert names(api.send("GET", path).json()) == ["A1", "B2"]
    answer = problem(api.send("PATCH", f"{path}sections/{made['id']}/", {"name": "x"}), 404)
    assert [(one["field"], one["code"]) for one in answer["errors"]] == [("section", "not_found")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("name", "required")]),
        ({"name": " "}, [("name", "blank")]),
        ({"name": "x" * 81}, [("name", "max_length")]),
        ({"name": "a\nb"}, [("name", "invalid")]),
        ({"name": "x", "position": -1}, [("position", "min_value")]),
        ({"name": "x", "position": 10**9}, [("position", "max_value")]),
        ({"name": "x", "watchlist": 1}, [("watchlist", "unknown_field")]),
    ],
)
def test_a_bad_section_names_its_field(
    api: ApiClient, tech: Watchlist, body: Any, expected: list[tuple[str, str]]
) -> None:
    assert fields(api.send("POST", f"watchlists/{tech.pk}/sections/", body)) == expected
    assert names(api.send("GET", f"watchlists/{tech.pk}/").json()) == ["A1", "B2"]


def test_all_items_are_put_in_order_at_once(api: ApiClient, tech: Watchlist) -> None:
    path = f"watchlists/{tech.pk}/"
    api.send("POST", f"{path}sections/", {"name": "Banks"})
    items = [{"kind": one["kind"], "id": one["id"]} for one in api.send("GET", path).json()["items"]]
    response = api.send("PUT", f"{path}items/", {"items": items[::-1]})
    assert names(response.json()) == ["Banks", "B2", "A1"]
    assert [one["position"] for one in response.json()["items"]] == [0, 1, 2]


@pytest.mark.parametrize(
    ("items", "status", "expected"),
    [
        (None, 400, [("items", "required")]),
        ("x", 400, [("items", "not_a_list")]),
        ([7], 400, [("items.0", "invalid")]),
        ([{"kind": "instrument"}], 400, [("items.0.id", "required")]),
        ([{"kind": "chain", "id": 1}], 400, [("items.0.kind", "invalid_choice")]),
        ([{"kind": "section", "id": 0}], 400, [("items.0.id", "min_value")]),
        ([{"kind": "section", "id": 1, "position": 2}], 400, [("items.0.position", "unknown_field")]),
        ([{"kind": "section", "id": 9}] * 2, 400, [("items.1", "already_there")]),
        ([{"kind": "section", "id": 10**15}], 409, [("items.0", "gone")]),
        ([{"kind": "section", "id": 9}] * 501, 400, [("items", "max_length")]),
    ],
)
def test_a_bad_order_changes_nothing(
    api: ApiClient, tech: Watchlist, items: Any, status: int, expected: list[tuple[str, str]]
) -> None:
    body = {} if items is None else {"items": items}
    answer = problem(api.send("PUT", f"watchlists/{tech.pk}/items/", body), status)
    assert [(one["field"], one["code"]) for one in answer["errors"]] == expected
    shown = api.send("GET", f"watchlists/{tech.pk}/").json()
    assert (names(shown), shown["version"]) == (["A1", "B2"], 1)


def test_an_order_of_another_version_than_the_clients_is_refused(api: ApiClient, tech: Watchlist) -> None:
    path = f"watchlists/{tech.pk}/"
    first = api.send("GET", path)
    assert first.headers["ETag"] == '"1"'
    assert api.send("GET", path, headers={"if-none-match": '"1"'}).status_code == 304
    items = [{"kind": one["kind"], "id": one["id"]} for one in first.json()["items"]][::-1]
    added = api.send("POST", f"{path}entries/", {"symbol": "C3"}, headers={"if-match": '"1"'})
    assert (added.status_code, added.headers["ETag"]) == (201, '"2"')
    answer = problem(api.send("PUT", f"{path}items/", {"items": items}, headers={"if-match": '"1"'}), 412)
    assert [(one["field"], one["code"]) for one in answer["errors"]] == [("If-Match", "stale")]
    assert names(api.send("GET", path).json()) == ["A1", "B2", "C3"]
    # Without a precondition the last one wins, and what it did not know of stands at the end.
    assert names(api.send("PUT", f"{path}items/", {"items": items}).json()) == ["B2", "A1", "C3"]
    for tag in ('"3"', 'W/"3"', '"x", "3"', "*"):
        items.reverse()
        response = api.send("PUT", f"{path}items/", {"items": items}, headers={"if-match": tag})
        assert response.status_code == 200, tag
        api.send("PATCH", path, {"position": 1})
        Watchlist.objects.update(version=3)
    problem(api.send("DELETE", path, headers={"if-match": "nonsense"}), 412)
    assert Watchlist.objects.exists()


def test_a_strangers_sections_and_order_are_not_there(others_api: ApiClient, tech: Watchlist) -> None:
    section = sections.make(tech, "Banks")
    for method, path, body in (
        ("POST", "sections/", {"name": "x"}),
        ("POST", "sections/", {"name": ""}),
        ("PATCH", f"sections/{section.pk}/", {"name": "x"}),
        ("DELETE", f"sections/{section.pk}/", None),
        ("PUT", "items/", {"items": []}),
        ("PUT", "items/", {"nonsense": 1}),
    ):
        answer = problem(
            others_api.send(method, f"watchlists/{tech.pk}/{path}", body, headers={"if-match": '"9"'}), 404
        )
        assert [(one["field"], one["code"]) for one in answer["errors"]] == [("watchlist", "not_found")]
    assert Watchlist.objects.get(pk=tech.pk).version == 2
