"""Feed settings, checked before they are saved; the feed page and its buttons, which ask first."""

from typing import Any

import msgspec
import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from redis import Redis

from accounts.models import User
from marketdata.bus import keys
from marketdata.bus.beacon import Beacon
from marketdata.ingest.options import options_of
from marketdata.models import FeedSettings, Instrument
from marketdata.shares import Share

from .conftest import FEED, Ears
from .vitals import make_vitals

ADD = "/admin/marketdata/feedsettings/add/"
PAGE = "/admin/feeds/"

pytestmark = pytest.mark.django_db(transaction=True)


def form(**values: Any) -> dict[str, Any]:
    return {"feed": FEED, "most_instruments": "", "most_quotes_per_second": "", "options": "{}", **values}


def say(redis_client: Redis, **changes: Any) -> None:
    redis_client.set(keys.vitals(FEED), msgspec.json.encode(make_vitals(**changes)))


def test_options_go_over_the_environments_and_the_running_feed_is_built_anew(admin: Client, ears: Ears) -> None:
    assert admin.post(ADD, form(options='{"quotes_per_second": 123}')).status_code == 302
    assert options_of(FEED) == {"quotes_per_second": 123, "seed": 1}
    assert [order["do"] for order in ears.heard()] == ["restart"]
    assert "options: nothing → {'quotes_per_second': 123}" in LogEntry.objects.get().change_message


def test_limits_alone_disturb_nobody(admin: Client, ears: Ears) -> None:
    assert admin.post(ADD, form(most_instruments="500")).status_code == 302
    assert ears.heard() == []


def test_deleting_the_options_builds_the_feed_anew_too(admin: Client, ears: Ears) -> None:
    made = FeedSettings.objects.create(feed=FEED, options={"seed": 7})
    assert (
        admin.post(reverse("admin:marketdata_feedsettings_delete", args=[made.pk]), {"post": "yes"}).status_code == 302
    )
    assert options_of(FEED)["seed"] == 1
    assert [order["do"] for order in ears.heard()] == ["restart"]


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"options": "{"}, "options", "valid JSON"),
        ({"options": "[]"}, "options", "JSON object"),
        ({"options": '{"quotes": 1}'}, "options", "no option quotes; there are quotes_per_second, seed"),
        ({"options": '{"quotes_per_second": 0}'}, "options", "0 quotes a second"),
        ({"options": '{"quotes_per_second": "many"}'}, "options", "quotes_per_second has to be a number, such as 500"),
        ({"options": '{"quotes_per_second": true}'}, "options", "quotes_per_second has to be a number, such as 500"),
        ({"options": '{"quotes_per_second": NaN}'}, "options", "quotes_per_second has to be a number, such as 500"),
        ({"feed": "replay", "options": '{"file": 5}'}, "options", "file has to be text in quotes"),
        ({"feed": "replay", "options": '{"loop": "no"}'}, "options", "loop has to be true or false"),
        (
            {"feed": "deribit", "options": '{"currencies": "BTC"}'},
            "options",
            'has to be a list, such as ["BTC", "ETH"]',
        ),
        ({"options": '{"seed": -1}'}, "options", "the seed is -1"),
        ({"feed": "replay", "options": '{"file": "/nowhere"}'}, "options", "/nowhere"),
        ({"feed": "none"}, "feed", "not one of the available choices"),
        ({"most_instruments": "-1"}, "most_instruments", "greater than or equal to 0"),
    ],
)
def test_what_the_feed_cannot_be_built_with_is_refused_by_field(
    admin: Client, ears: Ears, values: dict[str, str], field: str, words: str
) -> None:
    response = admin.post(ADD, form(**values))
    assert words in " ".join(response.context["adminform"].form.errors[field])
    assert not FeedSettings.objects.exists()
    assert ears.heard() == []


def test_the_page_names_every_feed_and_its_buttons(admin: Client, built: None) -> None:
    text = admin.get(PAGE).content.decode()
    for feed in ("deribit", "replay", "simulated"):
        assert f'data-feed="{feed}"' in text
        assert f"{PAGE}{feed}/hand-over/" in text


def test_a_button_asks_first_and_orders_once_confirmed(admin: Client, redis_client: Redis, ears: Ears) -> None:
    say(redis_client)
    address = f"{PAGE}{FEED}/reconnect/"
    assert "Reconnect simulated?" in admin.get(address).content.decode()
    assert ears.heard() == []
    assert admin.post(address).status_code == 302
    assert ears.heard() == [{"do": "reconnect", "by": "staff", "force": False, "share": None}]
    assert LogEntry.objects.get().change_message == "told to reconnect"


def test_it_is_handed_over_to_a_standby(admin: Client, redis_client: Redis, ears: Ears) -> None:
    say(redis_client, standbys=1)
    assert "No standby" not in admin.get(f"{PAGE}{FEED}/hand-over/").content.decode()
    assert admin.post(f"{PAGE}{FEED}/hand-over/").status_code == 302
    assert [(order["do"], order["force"]) for order in ears.heard()] == [("hand_over", False)]


def test_of_a_split_feed_one_share_is_handed_over(admin: Client, redis_client: Redis, ears: Ears) -> None:
    for share, standbys in ((1, 0), (2, 1)):
        one = msgspec.json.encode(make_vitals(share=share, shares=2, standbys=standbys, host=f"host{share}"))
        redis_client.set(keys.vitals(FEED, Share(share, 2)), one)
        redis_client.set(keys.vitals(FEED), one)
    address = f"{PAGE}{FEED}/hand-over/"
    page = admin.get(address).content.decode()
    assert "host1, process 1, 0 standing by" in page
    assert "host2, process 1, 1 standing by" in page
    assert (
        "Share 1 of simulated was not handed over" in admin.post(address, {"share": "1"}, follow=True).content.decode()
    )
    assert admin.post(address, {"share": "3"}).status_code == 404
    assert admin.post(address, {"share": "2"}).status_code == 302
    assert [(order["do"], order["share"]) for order in ears.heard()] == [("hand_over", 2)]
    assert LogEntry.objects.get().change_message == "told to hand over, share 2"


def test_without_a_standby_it_is_not_handed_over_unless_that_is_confirmed(
    admin: Client, redis_client: Redis, ears: Ears
) -> None:
    say(redis_client)
    address = f"{PAGE}{FEED}/hand-over/"
    assert "No standby of this feed is known" in admin.get(address).content.decode()
    assert "was not handed over" in admin.post(address, follow=True).content.decode()
    assert ears.heard() == []
    assert admin.post(address, {"force": "yes"}).status_code == 302
    assert [(order["do"], order["force"]) for order in ears.heard()] == [("hand_over", True)]
    assert LogEntry.objects.get().change_message == "told to hand over without a standby"


@pytest.mark.parametrize("address", [f"{PAGE}none/reconnect/", f"{PAGE}{FEED}/explode/"])
def test_an_unknown_feed_or_button_is_not_there(admin: Client, address: str) -> None:
    assert admin.get(address).status_code == 404


def test_it_is_for_the_staff_and_the_buttons_for_those_with_the_right(
    client: Client, stranger: User, built: None, ears: Ears
) -> None:
    client.force_login(stranger)
    assert client.get(PAGE).status_code == 302
    User.objects.filter(pk=stranger.pk).update(is_staff=True)
    client.force_login(User.objects.get(pk=stranger.pk))
    text = client.get(PAGE).content.decode()
    assert "hand-over" not in text
    assert client.post(f"{PAGE}{FEED}/reconnect/").status_code == 403
    assert ears.heard() == []


def test_limits_of_a_feed_that_is_not_set_up_can_be_set(admin: Client, ears: Ears) -> None:
    assert admin.post(ADD, form(feed="replay", most_instruments="500")).status_code == 302
    assert FeedSettings.objects.get().feed == "replay"


def test_a_maximum_below_what_is_covered_is_saved_and_said(admin: Client, listed: dict[str, Instrument]) -> None:
    text = admin.post(ADD, form(most_instruments="20"), follow=True).content.decode()
    assert "covers 29 instruments now, 9 more than this maximum" in text
    assert FeedSettings.objects.get().most_instruments == 20


def test_settings_that_are_there_are_to_be_changed(admin: Client) -> None:
    FeedSettings.objects.create(feed=FEED)
    response = admin.post(ADD, form())
    assert response.context["adminform"].form.errors["feed"] == ["This feed has settings already: change those."]


def test_no_secret_among_the_options_is_shown(admin: Client, settings: Any, ears: Ears) -> None:
    settings.FEEDS = {**settings.FEEDS, FEED: {**settings.FEEDS[FEED], "api_key": "hush"}}
    assert "api_key" in (text := admin.get(ADD).content.decode())
    assert "hush" not in text
    assert admin.post(ADD, form(options='{"api_key": "hush hush"}')).status_code == 302
    assert "hush" not in admin.get("/admin/marketdata/feedsettings/").content.decode()
    assert "hush" not in LogEntry.objects.get().change_message


def test_the_feeds_that_run_stand_first(admin: Client, built: None, redis_client: Redis) -> None:
    beacon = Beacon("replay", "replay", 1, 1, 1, "ok")
    redis_client.set(keys.status("replay"), msgspec.json.encode(beacon))
    assert admin.get(PAGE).context["feeds"][0] == "replay"
