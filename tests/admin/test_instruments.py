"""Instruments in the admin: found by what they are, and switched on and off, one or many."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from marketdata.models import Instrument

from .conftest import Ears

LIST = "/admin/marketdata/instrument/"

pytestmark = pytest.mark.django_db(transaction=True)


def found(admin: Client, **query: Any) -> set[str]:
    response = admin.get(LIST, query)
    assert response.status_code == 200
    return {one.symbol for one in response.context["cl"].queryset}


def test_they_are_found_by_expiry_right_underlying_feed_and_text(admin: Client, listed: dict[str, Instrument]) -> None:
    every = set(listed)
    assert found(admin, expiry="2045-01-16") == {symbol for symbol in every if "2026-01-16" in symbol}
    assert found(admin, expiry="nonsense") == every
    assert found(admin, underlying="ACME", feed="simulated", right__exact="C") == every - {"ACME"}
    assert found(admin, q="2026-02-20-111") == {"ACME-2026-02-20-111"}
    assert found(admin, covered__exact=0) == set()


def test_the_filter_offers_the_expiries_that_are_listed(admin: Client, listed: dict[str, Instrument]) -> None:
    text = admin.get(LIST).content.decode()
    assert all(f"expiry={day}" in text for day in ("2045-01-15", "2045-01-16", "2045-01-29", "2045-02-20"))


def test_streaming_is_switched_for_many_at_once_and_each_stands_on_the_trail(
    admin: Client, listed: dict[str, Instrument], ears: Ears
) -> None:
    chosen = [listed["ACME-2026-01-16-100"].pk, listed["ACME-2026-01-16-110"].pk]
    posted = {"action": "switch_off", "_selected_action": chosen}
    assert admin.post(LIST, posted).status_code == 302
    off = Instrument.objects.filter(streaming=False)
    assert set(off.values_list("pk", flat=True)) == set(chosen)
    assert [order["do"] for order in ears.heard()] == ["list"]
    assert list(LogEntry.objects.values_list("change_message", flat=True)) == ["streaming: yes → no"] * 2
    admin.post(LIST, {**posted, "action": "switch_on"})
    assert not off.all().exists()
    assert len(ears.heard()) == 1


def test_all_that_a_filter_finds_is_switched_in_few_queries(
    admin: Client, listed: dict[str, Instrument], django_assert_max_num_queries: Any
) -> None:
    posted = {"action": "switch_off", "_selected_action": [listed["ACME"].pk], "select_across": "1"}
    with django_assert_max_num_queries(30):
        admin.post(f"{LIST}?kind__exact=option", posted)
    assert set(Instrument.objects.filter(streaming=True).values_list("symbol", flat=True)) == {"ACME"}


def test_one_is_switched_on_its_own_page(admin: Client, listed: dict[str, Instrument], ears: Ears) -> None:
    one = listed["ACME-2026-01-16-100"]
    Instrument.objects.filter(pk=one.pk).update(covered=False)
    assert admin.post(reverse("admin:marketdata_instrument_change", args=[one.pk]), {}).status_code == 302
    one.refresh_from_db()
    assert (one.streaming, one.covered) == (False, False)
    assert [order["do"] for order in ears.heard()] == ["list"]
    assert LogEntry.objects.get().change_message == "streaming: yes → no"


def test_they_stand_by_chain_and_only_the_first_column_shows_it(admin: Client, listed: dict[str, Instrument]) -> None:
    response = admin.get(LIST)
    # Where what has no expiry stands is the database's.
    symbols = [one.symbol for one in response.context["cl"].result_list if one.symbol != "ACME"]
    assert symbols[:3] == [
        "ACME-2026-01-15-80",
        "ACME-2026-01-15-89",
        "ACME-2026-01-15-90",
    ]
    assert len(response.context["cl"].get_ordering_field_columns()) == 1
