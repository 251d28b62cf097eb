"""Rolling entries by REST: their shape, their refusals, and what a stranger sees of them."""

import datetime as dt
from typing import Any

import pytest
from redis import Redis

from accounts import watchlists
from accounts.models import RollingEntry, User

from . import live_market
from .conftest import ApiClient, fields, problem

EXPIRES_AT = dt.datetime(2030, 1, 18, 21, tzinfo=dt.UTC)


@pytest.fixture
def market(db: None, redis_client: Redis) -> Redis:
    acme = live_market.underlying()
    live_market.options(acme, EXPIRES_AT, [90, 100, 110])
    live_market.say(redis_client)
    live_market.quote(redis_client, acme, mark=101.0)
    return redis_client


@pytest.fixture
def path(owner: User, market: Redis) -> str:
    return f"watchlists/{watchlists.create(owner, 'Tech').pk}/"


def test_it_is_made_and_shown_with_what_it_holds(api: ApiClient, path: str) -> None:
    response = api.send("POST", f"{path}rolling/", {"underlying": "ACME", "strikes": 0})
    assert response.status_code == 201
    made = response.json()
    held = made.pop("held")
    assert made == {
        "kind": "rolling",
        "id": made["id"],
        "position": 0,
        "feed": "simulated",
        "underlying": "ACME",
        "rule": "next",
        "strikes": 0,
        "rights": "CP",
        "state": "following",
        "expiry": "2030-01-18",
        "centre": 100.0,
    }
    assert [one["symbol"] for one in held] == ["ACME300118C00100000", "ACME300118P00100000"]
    assert response.headers["ETag"] == '"2"'
    shown = api.send("GET", path).json()
    assert shown["items"] == [{**made, "held": held}]
    assert shown["entries"] == []


def test_it_is_changed_and_removed(api: ApiClient, path: str) -> None:
    made = api.send("POST", f"{path}rolling/", {"underlying": "simulated.ACME", "position": 0}).json()
    entry = f"{path}rolling/{made['id']}/"
    shown = api.send("PATCH", entry, {"strikes": 1, "rights": "C", "rule": "60d"}).json()["items"][0]
    assert [one["symbol"][10:] for one in shown["held"]] == ["C00090000", "C00100000", "C00110000"]
    assert api.send("PATCH", entry, {}).headers["ETag"] == '"3"'
    assert api.send("DELETE", entry).status_code == 204
    assert api.send("GET", path).json()["items"] == []
    answer = problem(api.send("DELETE", entry), 404)
    assert [(one["field"], one["code"]) for one in answer["errors"]] == [("rolling", "not_found")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("underlying", "required")]),
        ({"underlying": "NONE"}, [("underlying", "unknown_symbol")]),
        ({"underlying": "ACME300118C00100000"}, [("underlying", "not_an_underlying")]),
        ({"underlying": "ACME", "rule": "never"}, [("rule", "invalid_choice")]),
        ({"underlying": "ACME", "rule": None}, [("rule", "null")]),
        ({"underlying": "ACME", "rights": "PC"}, [("rights", "invalid_choice")]),
        ({"underlying": "ACME", "strikes": 21}, [("strikes", "max_value")]),
        ({"underlying": "ACME", "strikes": "x"}, [("strikes", "invalid")]),
        ({"underlying": "ACME", "position": -1}, [("position", "min_value")]),
        ({"underlying": "ACME", "held": [1]}, [("held", "unknown_field")]),
        (
            {"underlying": "ACME", "state": "none", "centre": 1},
            [("state", "unknown_field"), ("centre", "unknown_field")],
        ),
    ],
)
def test_a_bad_one_names_its_field(api: ApiClient, path: str, body: Any, expected: list[tuple[str, str]]) -> None:
    assert fields(api.send("POST", f"{path}rolling/", body)) == expected
    assert not RollingEntry.objects.exists()


def test_its_underlying_stays(api: ApiClient, path: str) -> None:
    made = api.send("POST", f"{path}rolling/", {"underlying": "ACME"}).json()
    answer = api.send("PATCH", f"{path}rolling/{made['id']}/", {"underlying": "ACME"})
    assert fields(answer) == [("underlying", "unknown_field")]


def test_it_waits_while_redis_is_away(api: ApiClient, path: str, market: Redis) -> None:
    market.delete(*market.keys("*status*"))
    made = api.send("POST", f"{path}rolling/", {"underlying": "ACME"}).json()
    assert (made["state"], made["held"], made["expiry"]) == ("waiting", [], None)


def test_a_strangers_is_not_there(api: ApiClient, others_api: ApiClient, path: str) -> None:
    made = api.send("POST", f"{path}rolling/", {"underlying": "ACME"}).json()
    for method, address, body in (
        ("POST", f"{path}rolling/", {"underlying": "ACME"}),
        ("POST", f"{path}rolling/", {"underlying": "NONE"}),
        ("PATCH", f"{path}rolling/{made['id']}/", {"strikes": 1}),
        ("DELETE", f"{path}rolling/{made['id']}/", None),
    ):
        answer = problem(others_api.send(method, address, body), 404)
        assert [(one["field"], one["code"]) for one in answer["errors"]] == [("watchlist", "not_found")]
    assert RollingEntry.objects.get().strikes == 2
