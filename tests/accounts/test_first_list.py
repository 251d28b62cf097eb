"""The watchlist that a new user finds."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from redis import Redis

from accounts import first_list, watchlists
from accounts.models import User, Watchlist
from marketdata.symbols import OptionName, format_osi
from tests.builders import make_instrument

pytestmark = pytest.mark.either_database

NOW = dt.datetime.now(dt.UTC)
PAGE = "/first-list/"


def list_market(underlying: str, feed: str = "simulated", strikes: int = 5) -> None:
    none: Any = {"expiry": None, "expires_at": None, "strike": None, "right": ""}
    make_instrument(underlying, feed=feed, kind="stock", underlying=underlying, **none)
    for days in (10, 40):
        day = (NOW + dt.timedelta(days=days)).date()
        for strike in (100.0 + step for step in range(strikes)):
            for right in ("C", "P"):
                make_instrument(
                    format_osi(OptionName(underlying, day, "C" if right == "C" else "P", strike)),
                    feed=feed,
                    underlying=underlying,
                    root=underlying,
                    expiry=day,
                    expires_at=NOW + dt.timedelta(days=days),
                    strike=strike,
                    right=right,
                )


def held(user: User) -> list[list[str]]:
    lists = Watchlist.objects.filter(owner=user)
    return [[one.instrument.underlying for one in found.entries.select_related("instrument")] for found in lists]


@pytest.fixture
def page(owner: User, redis_client: Redis) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def ask(client: Client, *feeds: str) -> bool:
    settled: bool = client.post(PAGE, {"feed": list(feeds)}).json()["settled"]
    return settled


def test_it_waits_for_a_living_market_and_is_of_the_underlying_with_the_most_options(page: Client, owner: User) -> None:
    assert ask(page, "simulated") is False
    list_market("QUIET")
    list_market("BUSY", strikes=7)
    list_market("DEAD", feed="deribit", strikes=9)
    assert ask(page) is False
    assert ask(page, "simulated", "a\0b") is True
    assert held(owner) == [["BUSY"] * 7]
    found = Watchlist.objects.get()
    assert (found.name, found.entries.filter(instrument__kind="option").count()) == ("Start here", 6)


def test_it_is_made_once(page: Client, owner: User) -> None:
    list_market("ACME")
    assert ask(page, "simulated")
    watchlists.delete(Watchlist.objects.get())
    assert ask(page, "simulated")
    assert held(owner) == []


def test_who_has_a_list_already_needs_none(page: Client, owner: User) -> None:
    list_market("ACME")
    watchlists.create(owner, "Mine")
    assert ask(page, "simulated")
    assert held(owner) == [[]]
    owner.refresh_from_db()
    assert owner.has_begun


def test_it_shows_nobody_what_is_not_theirs(owner: User) -> None:
    list_market("ACME", feed="closed")
    assert first_list.give(owner, ["closed"]) is False
    assert held(owner) == []


def test_it_is_asked_for_by_post_and_signed_in() -> None:
    assert Client().post(PAGE).headers["Location"].startswith("/accounts/login/")
    assert Client().get(PAGE).status_code == 405


def test_it_counts_among_the_rest_requests_of_its_user(page: Client, settings: Settings) -> None:
    settings.REST_REQUESTS_PER_MINUTE = 2
    assert page.get("/api/v1/me/").headers["RateLimit-Remaining"] == "1"
    assert page.post(PAGE).headers["RateLimit-Remaining"] == "0"
    refused = page.post(PAGE)
    assert refused.status_code == refused.json()["status"] == 429
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 58 <= int(refused.headers["Retry-After"]) <= 60
    assert page.get("/api/v1/me/").status_code == 429
