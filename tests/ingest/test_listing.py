"""Listing: the database holds what the feed lists; an administrator's choice and every id stay."""

import datetime as dt
import threading
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketdata.facts import InstrumentFacts
from marketdata.ingest import listing
from marketdata.ingest.listing import UnusableFactsError, synchronise
from marketdata.models import Instrument
from tests.builders import make_facts, make_instrument

pytestmark = pytest.mark.django_db(transaction=True)

FEED = "simulated"
BEFORE_MS = 1_768_478_400_000.0  # a day before the built option expires
AFTER_MS = 1_768_597_200_000.0  # the instant at which it does


def options(*numbers: int, **changes: Any) -> list[InstrumentFacts]:
    return [make_facts(f"ACME-{number}", strike=float(number), **changes) for number in numbers]


def ids(instruments: Iterable[InstrumentFacts]) -> dict[str, int]:
    return {facts.symbol: facts.id for facts in instruments}


def test_what_is_new_is_made_with_all_its_facts() -> None:
    listed = make_facts("ACME260116C00100000", strike=100.5, tick=0.05, multiplier=10, exercise="european")
    summary = synchronise(FEED, [listed], BEFORE_MS)
    assert (summary.created, summary.changed, summary.retired) == (1, 0, 0)
    (facts,) = summary.instruments
    assert facts.id > 0
    assert facts == msgspec.structs.replace(listed, id=facts.id)
    assert Instrument.objects.get().facts() == facts


def test_an_instrument_of_few_facts_is_made_too() -> None:
    listed = InstrumentFacts(symbol="ACME", feed=FEED, kind="index", underlying="ACME")
    (facts,) = synchronise(FEED, [listed], BEFORE_MS).instruments
    assert facts == msgspec.structs.replace(listed, id=facts.id, venue_symbol="ACME")


def test_listing_the_same_again_changes_nothing_and_keeps_the_ids() -> None:
    first = synchronise(FEED, options(1, 2, 3), BEFORE_MS)
    second = synchronise(FEED, reversed(options(1, 2, 3)), BEFORE_MS)
    assert (second.created, second.changed, second.retired) == (0, 0, 0)
    assert ids(second.instruments) == ids(first.instruments)


@pytest.mark.parametrize(
    "changes",
    [
        {"venue_symbol": "new name"},
        {"strike": 77.5},
        {"tick": 0.01 + 1e-9},
        {"multiplier": 10.0},
        {"currency": "EUR"},
        {"right": "P"},
        {"exercise": None},
        {"root": "ACMEW"},
        {"expiry": "2026-01-17", "expires_ms": 1_768_683_600_123},
        {"kind": "stock", "strike": None, "right": None, "expiry": None, "expires_ms": None},
    ],
)
def test_a_changed_fact_is_taken_over_under_the_same_id(changes: dict[str, Any]) -> None:
    before = synchronise(FEED, options(1, 2), BEFORE_MS)
    changed, same = options(1)[0], options(2)[0]
    summary = synchronise(FEED, [msgspec.structs.replace(changed, **changes), same], BEFORE_MS)
    assert (summary.created, summary.changed, summary.retired) == (0, 1, 0)
    assert ids(summary.instruments) == ids(before.instruments)
    facts = {each.symbol: each for each in summary.instruments}["ACME-1"]
    assert {name: getattr(facts, name) for name in changes} == changes


def test_what_expired_and_is_not_listed_any_more_is_retired_and_not_deleted() -> None:
    longer = options(2, expiry="2026-02-20", expires_ms=int(AFTER_MS) + 1)
    synchronise(FEED, [*options(1), *longer], BEFORE_MS)
    summary = synchronise(FEED, longer, AFTER_MS)
    assert summary.retired == 1
    assert [facts.symbol for facts in summary.instruments] == ["ACME-2"]
    assert not Instrument.objects.get(symbol="ACME-1").active


def test_it_expires_on_the_feeds_clock_and_not_on_ours() -> None:
    synchronise("replay", options(1, feed="replay"), BEFORE_MS)
    assert synchronise("replay", [], AFTER_MS - 1).retired == 0
    assert synchronise("replay", [], AFTER_MS).retired == 1


def test_what_only_vanished_is_kept() -> None:
    index = make_facts("ACME", kind="index", expiry=None, expires_ms=None, strike=None, right=None)
    synchronise(FEED, [*options(1), index], BEFORE_MS)
    summary = synchronise(FEED, [], BEFORE_MS)
    assert summary.retired == 0
    assert {facts.symbol for facts in summary.instruments} == {"ACME-1", "ACME"}


def test_one_that_the_feed_lists_as_inactive_is_retired() -> None:
    synchronise(FEED, options(1, 2), BEFORE_MS)
    summary = synchronise(FEED, [*options(1, active=False), *options(2)], BEFORE_MS)
    assert [facts.symbol for facts in summary.instruments] == ["ACME-2"]


def test_a_retired_one_that_is_listed_again_comes_back_under_its_id() -> None:
    before = synchronise(FEED, options(1), BEFORE_MS)
    synchronise(FEED, [], AFTER_MS)
    later = options(1, expires_ms=1_999_999_999_000, expiry="2033-05-18")
    assert ids(synchronise(FEED, later, AFTER_MS).instruments) == ids(before.instruments)


def test_what_an_administrator_switched_off_stays_off() -> None:
    synchronise(FEED, options(1, 2), BEFORE_MS)
    Instrument.objects.filter(symbol="ACME-1").update(streaming=False)
    summary = synchronise(FEED, options(1, 2, tick=0.25), BEFORE_MS)
    assert summary.changed == 2
    assert {facts.symbol: facts.streaming for facts in summary.instruments} == {"ACME-1": False, "ACME-2": True}


def test_the_feed_says_whether_a_new_one_streams() -> None:
    summary = synchronise(FEED, options(1, streaming=False), BEFORE_MS)
    assert not summary.instruments[0].streaming


def test_other_feeds_are_left_alone() -> None:
    other = make_instrument("ACME-1", feed="other")
    synchronise(FEED, options(1), BEFORE_MS)
    summary = synchronise(FEED, [], AFTER_MS)
    assert summary.instruments == []
    other.refresh_from_db()
    assert other.active


def test_of_doubles_the_first_counts() -> None:
    first, second = options(1, tick=0.05), options(1, tick=0.5)
    summary = synchronise(FEED, first + second, BEFORE_MS)
    assert (summary.created, [facts.tick for facts in summary.instruments]) == (1, [0.05])


@pytest.mark.parametrize("symbol", ["", "with space", "a/b", "x" * 65, "grüße", "line\n"])
@pytest.mark.parametrize("field", ["symbol", "underlying"])
def test_what_cannot_be_a_symbol_is_refused_by_name_and_nothing_is_kept(symbol: str, field: str) -> None:
    bad = msgspec.structs.replace(options(2)[0], **{field: symbol})
    with pytest.raises(UnusableFactsError, match="cannot be a symbol"):
        synchronise(FEED, [*options(1), bad], BEFORE_MS)
    assert not Instrument.objects.exists()


def test_an_id_that_no_longer_fits_a_row_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_ID", 0)
    with pytest.raises(UnusableFactsError, match="ids of instruments"):
        synchronise(FEED, options(1), BEFORE_MS)
    assert not Instrument.objects.exists()


def test_a_large_listing_takes_few_queries() -> None:
    many = range(1, 2_001)
    with CaptureQueriesContext(connection) as first:
        assert synchronise(FEED, options(*many), BEFORE_MS).created == 2_000
    with CaptureQueriesContext(connection) as same:
        assert synchronise(FEED, options(*many), BEFORE_MS).changed == 0
    with CaptureQueriesContext(connection) as changed:
        assert synchronise(FEED, options(*many, tick=0.25), BEFORE_MS).changed == 2_000
    # SQLite takes some sixty instruments a statement, PostgreSQL five hundred; reading takes one query of all.
    assert len(first) <= 50
    assert len(same) <= 4
    assert len(changed) <= 60


def test_it_works_from_a_thread_and_leaves_no_connection_there() -> None:
    done: list[object] = []

    def work() -> None:
        done.append(synchronise(FEED, options(1), BEFORE_MS).created)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert done == [1]
    assert Instrument.objects.count() == 1


def test_an_instant_survives_to_the_millisecond() -> None:
    instant = 1_768_597_200_123
    (facts,) = synchronise(FEED, options(1, expires_ms=instant), BEFORE_MS).instruments
    assert facts.expires_ms == instant
    assert Instrument.objects.get().expires_at == dt.datetime.fromtimestamp(instant / 1000, dt.UTC)
