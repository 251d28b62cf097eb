"""Pasting by REST: a report on each symbol, in order, and bounds that are refused by name."""

import time
from typing import Any

import pytest

from accounts import pasting, watchlists
from accounts.models import User, Watchlist
from tests.builders import make_instrument

from .conftest import ApiClient, fields, problem


@pytest.fixture
def path(owner: User) -> str:
    for symbol in ("A1", "B2", "TWO"):
        make_instrument(symbol)
    make_instrument("TWO", feed="replay")
    return f"watchlists/{watchlists.create(owner, 'Tech', ['A1']).pk}/"


def symbols(api: ApiClient, path: str) -> list[str]:
    return [one["symbol"] for one in api.send("GET", path).json()["entries"]]


def test_a_text_is_reported_on_in_order(api: ApiClient, path: str) -> None:
    response = api.send("POST", f"{path}paste/", {"text": "b2, A1\nnone;TWO"})
    assert response.status_code == 200
    report = response.json()
    assert (report["taken"], report["already_there"], report["refused"], report["version"]) == (1, 1, 2, 2)
    assert report["dry_run"] is False
    assert [(one["text"], one["outcome"], one["symbol"], one["code"]) for one in report["results"]] == [
        ("b2", "taken", "B2", None),
        ("A1", "already_there", "A1", "already_there"),
        ("none", "refused", None, "unknown_symbol"),
        ("TWO", "refused", None, "ambiguous_symbol"),
    ]
    assert report["results"][3]["choices"] == ["replay.TWO", "simulated.TWO"]
    assert response.headers["ETag"] == '"2"'
    assert symbols(api, path) == ["A1", "B2"]


def test_a_list_and_a_dry_run(api: ApiClient, path: str) -> None:
    asked = {"symbols": ["B2", "simulated.TWO"], "dry_run": True}
    assert api.send("POST", f"{path}paste/", asked).json()["taken"] == 2
    assert symbols(api, path) == ["A1"]
    assert api.send("POST", f"{path}paste/", {**asked, "dry_run": False}).json()["taken"] == 2
    assert symbols(api, path) == ["A1", "B2", "TWO"]


def test_another_version_than_expected_takes_nothing(api: ApiClient, path: str) -> None:
    api.send("PATCH", path, {"position": 3})
    answer = problem(api.send("POST", f"{path}paste/", {"text": "B2"}, headers={"if-match": '"1"'}), 412)
    assert [(one["field"], one["code"]) for one in answer["errors"]] == [("If-Match", "stale")]
    assert symbols(api, path) == ["A1"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("text", "required")]),
        ({"dry_run": True}, [("text", "required")]),
        ({"text": "A", "symbols": ["A"]}, [("text", "conflict")]),
        ({"text": ""}, [("text", "blank")]),
        ({"text": None}, [("text", "null")]),
        ({"text": ["A"]}, [("text", "invalid")]),
        ({"text": "A\x00"}, [("text", "null_characters_not_allowed")]),
        ({"text": "A " * 40_000}, [("text", "max_length")]),
        ({"text": "é" * 40_000}, [("text", "max_length")]),
        ({"text": "A " * 10_001}, [("text", "too_many")]),
        ({"symbols": "A"}, [("symbols", "not_a_list")]),
        ({"symbols": [["A"]]}, [("symbols.0", "invalid")]),
        ({"symbols": ["A"] * 10_001}, [("symbols", "max_length")]),
        ({"text": "A", "dry_run": "perhaps"}, [("dry_run", "invalid")]),
        ({"text": "A", "watchlist": 1}, [("watchlist", "unknown_field")]),
    ],
)
def test_a_bad_request_names_its_field(api: ApiClient, path: str, body: Any, expected: list[tuple[str, str]]) -> None:
    assert fields(api.send("POST", f"{path}paste/", body)) == expected
    assert symbols(api, path) == ["A1"]


def test_a_strangers_list_is_not_there(others_api: ApiClient, path: str) -> None:
    problem(others_api.send("POST", f"{path}paste/", {"text": "B2"}), 404)
    problem(others_api.send("POST", f"{path}paste/", {"nonsense": 1}), 404)
    assert Watchlist.objects.get().entries.count() == 1


def test_ten_thousand_long_symbols_are_answered_in_the_time_of_one_request(api: ApiClient, path: str) -> None:
    asked = {"symbols": [f"simulated.SPY   260116C{n:08d}" for n in range(pasting.SYMBOLS)]}
    began = time.process_time()
    report = api.send("POST", f"{path}paste/", asked).json()
    # About half a second of an idle core; a test process beside another one takes several times as long.
    assert time.process_time() - began < 5.0
    assert report["refused"] == len(report["results"]) == pasting.SYMBOLS
    problem(api.send("POST", f"{path}paste/", {"symbols": ["x" * 999] * 2_000}), 413)
