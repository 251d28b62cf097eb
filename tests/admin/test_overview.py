"""The front page and the menu: how each feed stands, the latest changes, and only what a person may look at."""

import msgspec
import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from redis import Redis

from accounts.models import User
from marketdata.admin.overview import standings
from marketdata.bus import keys
from marketdata.bus.beacon import Beacon, Health
from marketdata.models import Coverage, Instrument

from .conftest import FEED
from .vitals import make_vitals

FRONT = "/admin/"

pytestmark = pytest.mark.django_db(transaction=True)


def lead(redis_client: Redis, feed: str, health: Health = "ok") -> None:
    """A leader is heard."""
    beacon = Beacon(feed, "simulated", 1, 1, 1, health, reason=None if health == "ok" else "no word from it")
    redis_client.set(keys.status(feed), msgspec.json.encode(beacon))
    redis_client.set(keys.vitals(feed), msgspec.json.encode(make_vitals(feed=feed, quotes_per_second=12.5)))


def clerk(client: Client, *rights: str) -> Client:
    """A member of the staff with these rights only."""
    user = User.objects.create_user("clerk", password="correct horse 7 battery", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    return client


def test_feeds_that_run_come_first_then_those_that_listed_something(
    listed: dict[str, Instrument], redis_client: Redis
) -> None:
    assert [(one.feed, one.state) for one in standings()] == [
        (FEED, "not running"),
        ("deribit", "not running"),
        ("replay", "not running"),
    ]
    lead(redis_client, "replay", "taking_over")
    found = standings()
    assert [one.feed for one in found] == ["replay", FEED, "deribit"]
    assert (found[0].state, found[0].reason, found[0].quotes_per_second) == ("taking over", "no word from it", 12.5)


def test_it_says_by_what_each_is_covered(listed: dict[str, Instrument]) -> None:
    Instrument.objects.filter(strike=80.0).update(covered=False)
    of = {one.feed: one for one in standings()}
    assert (of[FEED].covered, of[FEED].listed) == (25, 29)
    assert of[FEED].wants == "no rule: everything that it lists"
    assert of["deribit"].wants == "no rule: every underlying: expiries up to 14 days, strikes within 10 %"
    Coverage.objects.create(feed=FEED, enabled=False)
    assert standings()[0].wants == "all rules are switched off: its underlyings, and what is watched"
    Coverage.objects.create(feed=FEED, strike_percent=5)
    assert standings()[0].wants == "1 rule, 1 switched off"


def test_the_front_page_and_the_rules_show_it(
    admin: Client, listed: dict[str, Instrument], redis_client: Redis
) -> None:
    lead(redis_client, FEED)
    for page in (FRONT, "/admin/marketdata/coverage/"):
        text = admin.get(page).content.decode()
        assert "29 of 29 listed" in text
        assert "strikes within 10 %" in text


def test_the_latest_changes_stand_on_the_front_page(admin: Client, listed: dict[str, Instrument]) -> None:
    assert "Nothing was changed yet" in admin.get(FRONT).content.decode()
    posted = {"action": "switch_off", "_selected_action": [listed["ACME"].pk]}
    admin.post("/admin/marketdata/instrument/", posted)
    text = admin.get(FRONT).content.decode()
    assert "streaming: yes → no" in text
    assert "simulated.ACME" in text


def test_with_redis_away_the_front_page_is_there(admin: Client, listed: dict[str, Instrument]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.REDIS_URL", "unix:///nonexistent/redis.sock")
        response = admin.get(FRONT)
    assert response.status_code == 200
    assert "not running" in response.content.decode()


MENU = {
    "/admin/feeds/": None,
    "/admin/marketdata/coverage/": "view_coverage",
    "/admin/marketdata/instrument/": "view_instrument",
    "/admin/marketdata/feedsettings/": "view_feedsettings",
    "/admin/accounts/user/": "view_user",
    "/admin/auth/group/": "view_group",
    "/admin/accounts/invitation/": "view_invitation",
    "/admin/accounts/signinattempt/": "view_signinattempt",
    "/admin/accounts/watchlist/": "view_watchlist",
    "/admin/connections/": "view_user",
    "/admin/accounts/feeduse/": "view_feeduse",
    "/admin/accounts/apitoken/": "view_apitoken",
    "/admin/admin/logentry/": "view_logentry",
}


def menu(client: Client) -> set[str]:
    groups = client.get(FRONT).context["sidebar_navigation"]
    return {item["link"] for group in groups for item in group["items"]}


def test_the_menu_leads_to_all_for_who_may_see_all(admin: Client) -> None:
    assert menu(admin) == set(MENU)
    assert all(admin.get(page).status_code == 200 for page in MENU if page != "/admin/feeds/")


@pytest.mark.parametrize("right", sorted({right for right in MENU.values() if right}))
def test_a_right_opens_its_pages_and_no_other(client: Client, right: str) -> None:
    clerk(client, right)
    pages = {page for page, needed in MENU.items() if needed == right}
    assert menu(client) == {"/admin/feeds/", *pages}
    others = set(MENU) - {*pages, "/admin/feeds/"}
    assert {client.get(page).status_code for page in pages} == {200}
    assert {client.get(other).status_code for other in others} == {403}


def test_without_rights_there_are_neither_changes_nor_rules_on_the_front_page(
    client: Client, listed: dict[str, Instrument]
) -> None:
    response = clerk(client).get(FRONT)
    assert response.status_code == 200
    text = response.content.decode()
    assert "data-changes" not in text
    assert "strikes within" not in text
