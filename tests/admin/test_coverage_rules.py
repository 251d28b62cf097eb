"""Coverage rules in the admin: shown before they are saved, refused beyond a limit, told to the ingest, on a trail."""

from typing import Any

import msgspec
import pytest
from django.contrib.admin.models import LogEntry
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from redis import Redis

from accounts.models import User, Watchlist, WatchlistEntry
from marketdata.bus import keys
from marketdata.models import Coverage, FeedSettings, Instrument

from .conftest import FEED, Ears

ADD = "/admin/marketdata/coverage/add/"
LIST = "/admin/marketdata/coverage/"

pytestmark = pytest.mark.django_db(transaction=True)


def form(**values: Any) -> dict[str, Any]:
    return {"feed": FEED, "underlying": "", "expiry_days": "", "strike_percent": "", "note": "", **values}


def rule(**values: Any) -> Coverage:
    return Coverage.objects.create(feed=FEED, **values)


def change(made: Coverage) -> str:
    return reverse("admin:marketdata_coverage_change", args=[made.pk])


def shown(response: HttpResponse) -> tuple[int, int]:
    """How many come and go, on the preview."""
    assert response.status_code == 200
    (preview,) = response.context["previews"]  # type: ignore[attr-defined]
    text = response.content.decode()
    assert f'data-coming="{preview.coming}"' in text
    assert f'data-going="{preview.going}"' in text
    return preview.coming, preview.going


def saved(admin: Client, address: str, values: dict[str, Any]) -> HttpResponse:
    """Both posts: the preview, then what its form posts."""
    first = admin.post(address, values)
    shown(first)  # type: ignore[arg-type]
    posted = dict(first.context["posted"])
    return admin.post(address, {**posted, first.context["confirmed"]: "yes"})  # type: ignore[return-value]


def trail() -> list[tuple[int, str]]:
    return list(LogEntry.objects.order_by("pk").values_list("action_flag", "change_message"))


def test_saving_shows_first_what_would_go_and_saves_nothing_yet(
    admin: Client, listed: dict[str, Instrument], ears: Ears
) -> None:
    response = admin.post(ADD, form(strike_percent="10", enabled="on"))
    # Of seven strikes at four expiries, three are within ten percent of 100.
    assert shown(response) == (0, 16)  # type: ignore[arg-type]
    assert not Coverage.objects.exists()
    assert ears.heard() == []
    assert trail() == []


def test_confirmed_it_saves_tells_the_ingest_and_stands_on_the_trail(
    admin: Client, staff: User, listed: dict[str, Instrument], ears: Ears
) -> None:
    response = saved(admin, ADD, form(underlying="ACME", strike_percent="10", enabled="on", note="near"))
    assert response.status_code == 302
    made = Coverage.objects.get()
    assert (made.underlying, made.strike_percent, made.enabled, made.note) == ("ACME", 10, True, "near")
    assert ears.heard() == [{"do": "list", "by": "staff", "force": False, "share": None}]
    ((flag, message),) = trail()
    assert flag == 1
    assert message == (
        "feed: nothing → simulated; underlying: nothing → ACME; strikes within percent: nothing → 10; "
        "enabled: nothing → yes; note: nothing → near"
    )


def test_a_change_says_from_what_to_what(admin: Client, listed: dict[str, Instrument], ears: Ears) -> None:
    made = rule(strike_percent=10)
    values = form(strike_percent="20", enabled="on")
    assert saved(admin, change(made), values).status_code == 302
    assert trail() == [(2, "strikes within percent: 10 → 20")]


def test_what_does_not_change_the_coverage_is_saved_without_a_question(
    admin: Client, listed: dict[str, Instrument], ears: Ears
) -> None:
    made = rule(strike_percent=10)
    response = admin.post(change(made), form(strike_percent="10", enabled="on", note="why"))
    assert response.status_code == 302
    assert trail() == [(2, "note: nothing → why")]


@pytest.mark.parametrize("name", ["most_instruments", "most_quotes_per_second"])
def test_beyond_a_limit_it_is_refused_and_says_by_how_much(
    admin: Client, listed: dict[str, Instrument], redis_client: Redis, ears: Ears, name: str
) -> None:
    FeedSettings.objects.create(feed=FEED, **{name: 10})
    rates = {one.pk: 1.0 for one in listed.values()}
    redis_client.set(keys.rates(FEED), msgspec.json.encode(rates))
    for confirmed in ({}, {"_confirmed": "yes"}):
        response = admin.post(ADD, {**form(strike_percent="10", enabled="on"), **confirmed})
        assert response.status_code == 200
        assert "3 more than the maximum of 10" in response.content.decode()
        assert not Coverage.objects.exists()
    assert ears.heard() == []
    assert shown(admin.post(ADD, form(strike_percent="5", enabled="on"))) == (0, 24)  # type: ignore[arg-type]


def test_quotes_are_estimated_by_what_was_measured(
    admin: Client, listed: dict[str, Instrument], redis_client: Redis
) -> None:
    near = [one for one in listed.values() if one.strike == 100.0]
    redis_client.set(keys.rates(FEED), msgspec.json.encode({one.pk: 2.0 for one in near}))
    response = admin.post(ADD, form(strike_percent="1", enabled="on"))
    (preview,) = response.context["previews"]
    # Four options measured; the stock is taken for the mean of them.
    assert (preview.quotes_after, preview.measured, preview.after) == (10.0, 4, 5)


def test_what_a_watchlist_or_an_open_socket_holds_is_said_to_stay(
    admin: Client, owner: User, listed: dict[str, Instrument], redis_client: Redis
) -> None:
    far = [one for one in listed.values() if one.strike == 80.0]
    WatchlistEntry.objects.create(watchlist=Watchlist.objects.create(owner=owner, name="Mine"), instrument=far[0])
    redis_client.sadd(keys.webs(), "one")
    redis_client.sadd(keys.held("one"), far[1].pk)
    response = admin.post(ADD, form(strike_percent="10", enabled="on"))
    assert shown(response) == (0, 14)  # type: ignore[arg-type]
    assert response.context["previews"][0].held == 2
    text = response.content.decode()
    assert "2 stay although no rule wants them, because somebody watches them" in text
    assert f"{far[0].symbol}, {far[1].symbol}" in text


def test_what_stays_since_no_price_is_known_is_not_said_to_be_watched(
    admin: Client, listed: dict[str, Instrument], redis_client: Redis
) -> None:
    redis_client.delete(keys.last_values(FEED))
    response = admin.post(ADD, form(strike_percent="10", enabled="on"))
    assert shown(response) == (0, 0)  # type: ignore[arg-type]
    assert response.context["previews"][0].held == 0
    assert "The price of ACME is not known" in response.content.decode()


def test_with_redis_away_it_is_shown_all_the_same_and_says_so(
    admin: Client, listed: dict[str, Instrument], settings: Any
) -> None:
    settings.REDIS_URL = "unix:///nonexistent/redis.sock"
    response = admin.post(ADD, form(expiry_days="1", enabled="on"))
    assert "Redis does not answer" in response.content.decode()


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"feed": "none"}, "feed", "none is not one of the available choices"),
        ({"underlying": "a b"}, "underlying", "Letters, digits"),
        ({"underlying": "GIZMO"}, "underlying", "lists nothing on GIZMO"),
        ({"expiry_days": "-1"}, "expiry_days", "greater than or equal to 0"),
        ({"expiry_days": "3661"}, "expiry_days", "less than or equal to 3660"),
        ({"strike_percent": "-0.5"}, "strike_percent", "greater than or equal to 0"),
        ({"strike_percent": "nan"}, "strike_percent", "number"),
        ({"note": "x" * 201}, "note", "at most 200 characters"),
    ],
)
def test_what_cannot_be_is_refused_by_field(
    admin: Client, listed: dict[str, Instrument], values: dict[str, str], field: str, words: str
) -> None:
    response = admin.post(ADD, {**form(**values), "_confirmed": "yes"})
    assert words in " ".join(response.context["adminform"].form.errors[field])
    assert not Coverage.objects.exists()


def test_deleting_the_last_rule_shows_that_all_comes_back(
    admin: Client, listed: dict[str, Instrument], ears: Ears
) -> None:
    made = rule(strike_percent=10)
    Instrument.objects.exclude(strike__range=(90, 110)).exclude(strike=None).update(covered=False)
    address = reverse("admin:marketdata_coverage_delete", args=[made.pk])
    first = admin.get(address)
    assert shown(first) == (16, 0)  # type: ignore[arg-type]
    assert Coverage.objects.exists()
    assert admin.post(address, {"_confirmed": "yes"}).status_code == 302
    assert not Coverage.objects.exists()
    assert [order["do"] for order in ears.heard()] == ["list"]
    ((flag, message),) = trail()
    assert flag == 3
    assert message == "was feed: simulated; strikes within percent: 10; enabled: yes"


def test_many_are_switched_at_once_after_one_question(admin: Client, listed: dict[str, Instrument], ears: Ears) -> None:
    made = [rule(strike_percent=10), rule(strike_percent=11), rule(strike_percent=1, enabled=False)]
    chosen = {"action": "switch_off", "_selected_action": [one.pk for one in made]}
    first = admin.post(LIST, chosen)
    assert shown(first)[1] == 28  # type: ignore[arg-type]
    assert Coverage.objects.filter(enabled=True).count() == 2
    assert admin.post(LIST, {**chosen, "_confirmed": "yes"}).status_code == 302
    assert not Coverage.objects.filter(enabled=True).exists()
    assert [message for _, message in trail()] == ["enabled: yes → no"] * 2
    assert len(ears.heard()) == 1


def test_many_are_deleted_after_one_question(admin: Client, listed: dict[str, Instrument], ears: Ears) -> None:
    made = [rule(strike_percent=10), rule(strike_percent=11)]
    chosen = {"action": "remove", "_selected_action": [one.pk for one in made]}
    assert shown(admin.post(LIST, chosen)) == (0, 0)  # type: ignore[arg-type]
    assert admin.post(LIST, {**chosen, "_confirmed": "yes"}).status_code == 302
    assert not Coverage.objects.exists()
    assert [flag for flag, _ in trail()] == [3, 3]


def test_an_ingest_that_does_not_hear_is_said(admin: Client, listed: dict[str, Instrument]) -> None:
    saved(admin, ADD, form(strike_percent="10", enabled="on"))
    assert "no ingest of it is heard" in admin.get(LIST).content.decode()


def test_a_member_of_the_staff_without_the_right_cannot_change_it(
    client: Client, stranger: User, listed: dict[str, Instrument]
) -> None:
    User.objects.filter(pk=stranger.pk).update(is_staff=True)
    client.force_login(User.objects.get(pk=stranger.pk))
    made = rule(strike_percent=10)
    assert client.post(ADD, {**form(), "_confirmed": "yes"}).status_code == 403
    assert client.post(change(made), {**form(), "_confirmed": "yes"}).status_code == 403
    assert client.get(f"{LIST}import/").status_code == 403
    assert client.get(f"{LIST}export/").status_code == 403
    assert Coverage.objects.get().strike_percent == 10


def test_going_back_from_the_preview_keeps_what_was_entered(admin: Client, listed: dict[str, Instrument]) -> None:
    entered = form(underlying="ACME", strike_percent="7.5", note="50 % & more, grüße")
    back = admin.post(ADD, entered).context["back"]
    initial = admin.get(back).context["adminform"].form.initial
    assert {name: initial[name] for name in entered} == entered
    assert not initial["enabled"]
    made = rule(strike_percent=10)
    back = admin.post(change(made), form(strike_percent="20", enabled="on")).context["back"]
    shown_again = admin.get(back)
    assert 'name="strike_percent" value="20.0"' in " ".join(shown_again.content.decode().split())
    # And from there it is saved as it stands.
    assert saved(admin, back, form(strike_percent="30", enabled="on")).status_code == 302
    made.refresh_from_db()
    assert made.strike_percent == 30


def test_a_new_rule_is_for_a_feed_that_lists_something(admin: Client, listed: dict[str, Instrument]) -> None:
    assert admin.get(ADD).context["adminform"].form.initial["feed"] == FEED


def test_where_nothing_moves_it_says_so(admin: Client, listed: dict[str, Instrument]) -> None:
    rule(strike_percent=50)
    response = admin.post(ADD, form(strike_percent="10", enabled="on"))
    assert shown(response) == (0, 0)  # type: ignore[arg-type]
    assert "Nothing comes and nothing goes." in response.content.decode()
