"""The plain admin: every list and every page of an object renders for staff, and what may not be done cannot be."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import sharing, tokens, watchlists
from accounts.models import User, Watchlist
from marketdata.models import Instrument
from tests.builders import make_instrument

OURS = (User, Watchlist, Instrument)
# As the routes do, when they are first looked at.
admin.autodiscover()


@pytest.fixture
def pages(client: Client, staff: User, settings: Settings) -> Client:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    make_instrument()
    watchlists.create(staff, "Tech", ["ACME260116C00100000"])
    tokens.issue(staff)
    client.force_login(staff)
    assert Session.objects.exists()
    return client


def address(model: type[Model], page: str, *arguments: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def test_ours_are_there() -> None:
    assert set(OURS) <= set(admin.site._registry)


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model.__name__)
def test_every_list_and_page_renders(pages: Client, model: type[Model]) -> None:
    assert pages.get(address(model, "changelist")).status_code == 200
    assert pages.get(address(model, "changelist"), {"q": "a"}).status_code == 200
    for found in model._default_manager.all()[:3]:
        assert pages.get(address(model, "change", found.pk)).status_code == 200


def test_the_front_of_the_admin_renders(pages: Client) -> None:
    assert pages.get("/admin/").status_code == 200


@pytest.mark.parametrize("name", ["feed", "underlying", "kind", "right"])
def test_instruments_are_filtered_by_what_they_are(pages: Client, name: str) -> None:
    make_instrument("BTC-27DEC24-50000-P", feed="replay", underlying="BTC", kind="future", right="P")
    value = getattr(Instrument.objects.get(feed="replay"), name)
    lookup = f"{name}__exact" if name in ("kind", "right") else name
    response = pages.get(address(Instrument, "changelist"), {lookup: value})
    assert [one.symbol for one in response.context["cl"].queryset] == ["BTC-27DEC24-50000-P"]


def test_of_an_instrument_only_the_offer_is_a_persons_to_change(pages: Client) -> None:
    made = Instrument.objects.get()
    response = pages.post(address(Instrument, "change", made.pk), {"symbol": "X", "strike": "1", "active": ""})
    assert response.status_code == 302
    changed = Instrument.objects.get()
    assert (changed.symbol, changed.strike, changed.active) == (made.symbol, made.strike, True)
    assert changed.streaming is False


def test_an_instrument_is_neither_made_nor_deleted_by_hand(pages: Client) -> None:
    made = Instrument.objects.get()
    assert pages.get(address(Instrument, "add")).status_code == 403
    assert pages.post(address(Instrument, "delete", made.pk), {"post": "yes"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [made.pk], "post": "yes"}
    pages.post(address(Instrument, "changelist"), action)
    assert Instrument.objects.exists()


def test_an_edit_of_a_watchlist_raises_its_version(pages: Client, staff: User) -> None:
    watchlist = Watchlist.objects.get()
    entry = watchlist.entries.get()
    form = {
        "owner": staff.pk,
        "name": "Other",
        "position": 0,
        "entries-TOTAL_FORMS": 1,
        "entries-INITIAL_FORMS": 1,
        "entries-0-id": entry.pk,
        "entries-0-watchlist": watchlist.pk,
        "entries-0-instrument": entry.instrument_id,
        "entries-0-position": 3,
        "sections-TOTAL_FORMS": 1,
        "sections-INITIAL_FORMS": 0,
        "sections-0-watchlist": watchlist.pk,
        "sections-0-name": "Banks",
        "sections-0-position": 1,
        "rolling-TOTAL_FORMS": 1,
        "rolling-INITIAL_FORMS": 0,
        "rolling-0-watchlist": watchlist.pk,
        "rolling-0-underlying": entry.instrument_id,
        "rolling-0-rule": "30d",
        "rolling-0-strikes": 1,
        "rolling-0-rights": "CP",
        "rolling-0-position": 4,
    }
    assert pages.post(address(Watchlist, "change", watchlist.pk), form).status_code == 302
    watchlist.refresh_from_db()
    assert (watchlist.name, watchlist.version, watchlist.entries.get().position) == ("Other", 2, 3)
    assert (watchlist.sections.get().name, watchlist.rolling.get().state) == ("Banks", "waiting")


def test_a_link_is_withdrawn_and_the_key_shown_to_nobody(pages: Client) -> None:
    watchlist = Watchlist.objects.get()
    key = sharing.share(watchlist)
    assert key not in pages.get(address(Watchlist, "changelist")).content.decode()
    assert key not in pages.get(address(Watchlist, "change", watchlist.pk)).content.decode()
    action = {"action": "withdraw", "_selected_action": [watchlist.pk]}
    assert pages.post(address(Watchlist, "changelist"), action).status_code == 302
    watchlist.refresh_from_db()
    assert watchlist.share_key is None
    assert LogEntry.objects.latest("pk").change_message == "link: withdrawn"
