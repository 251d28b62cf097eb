"""Who may see what, by REST: lists leave out what one may not see, and what is asked for by name is a 403 that names the
feed; and how many requests each may make."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from pytest_django import Settings

from accounts.models import FeedGrant, FeedUse, GroupLimits, User
from marketdata.models import Instrument

from .conftest import ApiClient, problem

OPEN, SHUT = "simulated", "deribit"
DAY = "2045-01-20"


@pytest.fixture
def market(db: None, settings: Settings) -> None:
    """Each feed has two underlyings with a call and a put; BTC is on both."""
    settings.OPEN_FEEDS = [OPEN]
    for feed, underlyings in ((OPEN, ("ACME", "BTC")), (SHUT, ("BTC", "ETH"))):
        for symbol in underlyings:
            Instrument.objects.create(feed=feed, symbol=symbol, kind="crypto", underlying=symbol)
            for right in "CP":
                Instrument.objects.create(
                    feed=feed,
                    symbol=f"{symbol}-100-{right}" if feed == OPEN else f"{symbol}-200-{right}",
                    kind="option",
                    underlying=symbol,
                    root=symbol,
                    expiry=DAY,
                    expires_at=f"{DAY}T21:00Z",
                    strike=100.0,
                    right=right,
                )


def grant(user: User, feed: str, underlying: str = "") -> None:
    group, _ = Group.objects.get_or_create(name="desk")
    group.user_set.add(user)
    FeedGrant.objects.create(group=group, feed=feed, underlying=underlying)


def results(api: Client, path: str) -> list[Any]:
    response = api.get(f"/api/v1/{path}")
    assert response.status_code == 200, response.content
    found: list[Any] = response.json()["results"]
    return found


BY_NAME = (
    "instruments/{0}/",
    "instruments/{0}/bars/",
    "instruments/{0}/ticks/",
    "instruments/{0}/trades/",
    "instruments/{0}/bars/?format=csv",
    "instruments/{0}/ticks/?format=ndjson",
    "chains/{0}/",
    "chains/{0}/?format=csv",
    "chains/{0}/surface/",
    "chains/{0}/2045-01-20/",
    "chains/{0}/2045-01-20/?format=csv",
    "chains/{0}/2045-01-20/smile/",
)


@pytest.mark.usefixtures("market", "history_database")
def test_what_is_asked_for_by_name_is_forbidden_and_its_feed_named(api: ApiClient, owner: User) -> None:
    addresses = [f"/api/v1/{path.format(name)}" for path in BY_NAME for name in ("ETH", "deribit.BTC")]
    for address in addresses:
        body = problem(api.get(address), 403)
        field = "underlying" if "/chains/" in address else "symbol"
        assert [(one["field"], one["code"]) for one in body["errors"]] == [(field, "forbidden")], address
        assert SHUT in body["detail"]
    assert not FeedUse.objects.exists()
    grant(owner, SHUT)
    for address in addresses:
        assert api.get(address).status_code == 200, address
    assert list(FeedUse.objects.values_list("user", "feed")) == [(owner.pk, SHUT)]


@pytest.mark.usefixtures("market")
def test_lists_and_search_leave_out_what_may_not_be_seen(api: ApiClient, owner: User) -> None:
    def seen() -> tuple[set[str], set[str], set[str]]:
        return (
            {f"{one['feed']}.{one['symbol']}" for one in results(api, "instruments/?kind=crypto")},
            {f"{one['feed']}.{one['symbol']}" for one in results(api, "instruments/?text=eth")},
            {f"{one['feed']}.{one['underlying']}" for one in results(api, "chains/")},
        )

    both = {"simulated.ACME", "simulated.BTC"}
    assert seen() == (both, set(), both)
    assert results(api, f"instruments/?feed={SHUT}") == []
    assert results(api, f"chains/?feed={SHUT}") == []
    grant(owner, SHUT, "ETH")
    assert seen() == (
        {*both, "deribit.ETH"},
        {"deribit.ETH", "deribit.ETH-200-C", "deribit.ETH-200-P"},
        {*both, "deribit.ETH"},
    )


@pytest.mark.usefixtures("market")
def test_an_underlying_opens_itself_and_its_contracts(api: ApiClient, owner: User) -> None:
    grant(owner, SHUT, "ETH")
    for path in ("instruments/ETH/", "instruments/ETH-200-C/", f"chains/ETH/{DAY}/"):
        assert api.get(f"/api/v1/{path}").status_code == 200, path
    problem(api.get("/api/v1/instruments/BTC-200-C/"), 403)


@pytest.mark.usefixtures("market")
def test_a_bare_symbol_means_the_one_feed_that_may_be_seen(api: ApiClient, owner: User) -> None:
    assert api.get("/api/v1/instruments/BTC/").json()["feed"] == OPEN
    grant(owner, SHUT)
    body = problem(api.get("/api/v1/instruments/BTC/"), 400)
    assert body["errors"][0]["code"] == "ambiguous_symbol"


@pytest.mark.usefixtures("market")
def test_quotes_name_what_is_forbidden_and_answer_the_rest(api: ApiClient, owner: User) -> None:
    answer = api.get("/api/v1/quotes/?symbols=ACME,ETH,NOSUCH").json()
    assert [one["symbol"] for one in answer["results"]] == ["ACME"]
    assert {one["symbol"]: one["code"] for one in answer["refused"]} == {
        "ETH": "forbidden",
        "NOSUCH": "unknown_symbol",
    }
    assert [one["feed"] for one in answer["feeds"]] == [OPEN]
    table = api.get("/api/v1/quotes/?symbols=ACME,ETH&format=csv").content.decode()
    assert table.splitlines()[2].endswith(",forbidden")
    assert list(FeedUse.objects.values_list("user", "feed")) == [(owner.pk, OPEN)]


@pytest.mark.usefixtures("market")
def test_a_superuser_sees_everything(staff: User) -> None:
    client = ApiClient()
    client.force_login(staff)
    assert len(results(client, "instruments/?kind=crypto")) == 4


@pytest.mark.usefixtures("market")
def test_requests_are_limited_as_groups_say_and_at_once(api: ApiClient, owner: User, others_api: ApiClient) -> None:
    group = Group.objects.create(name="trial")
    group.user_set.add(owner)
    limits = GroupLimits.objects.create(group=group, requests_per_minute=2)
    answers = [api.get("/api/v1/me/") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[0].headers["RateLimit-Limit"] == "2"
    assert others_api.get("/api/v1/me/").headers["RateLimit-Limit"] == "600"
    limits.requests_per_minute = 1_000
    limits.save()
    assert api.get("/api/v1/me/").headers["RateLimit-Limit"] == "1000"
