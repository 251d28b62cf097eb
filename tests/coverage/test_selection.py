"""What a feed covers: rules, the money, hysteresis, and what people hold."""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.facts import InstrumentFacts
from marketdata.feeds import registry
from marketdata.feeds.base import MIDNIGHT, CoverageRule
from marketdata.feeds.deribit.instruments import CUT_OFF
from marketdata.ingest.coverage import MARGIN, Release, Selection, last_session_end, select
from tests.builders import NOON_MS

from .board import EXPIRIES, STRIKES, board, instant

SPOTS = {"ACME": 100.0, "GIZMO": 50.0}


ACME = board()
GIZMO = board("GIZMO", 101)


def chosen(
    *rules: CoverageRule,
    listed: list[InstrumentFacts] = ACME,
    spots: Mapping[str, float] = SPOTS,
    held: Collection[int] = (),
    now_ms: float = NOON_MS,
    **more: Any,
) -> Selection:
    return select(listed, rules, spots, now_ms, held, **more)


def options(selection: Selection, listed: list[InstrumentFacts] = ACME) -> set[tuple[str, float]]:
    return {
        (facts.expiry or "", facts.strike or 0)
        for facts in listed
        if facts.id in selection.covered and facts.kind == "option"
    }


def ids(*pairs: tuple[str, float]) -> set[int]:
    return {facts.id for facts in ACME if (facts.expiry, facts.strike) in pairs}


NEW_YORK_CLOSE = dt.time(16, 15, tzinfo=ZoneInfo("America/New_York"))


def ms(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp() * 1000


@pytest.mark.parametrize(
    ("session_end", "now", "last"),
    [
        (MIDNIGHT, "2026-01-15T00:00:00Z", "2026-01-15T00:00:00Z"),
        (MIDNIGHT, "2026-01-14T23:59:59.999Z", "2026-01-14T00:00:00Z"),
        (CUT_OFF, "2026-01-15T07:59:59.999Z", "2026-01-14T08:00:00Z"),
        (CUT_OFF, "2026-01-15T08:00:00Z", "2026-01-15T08:00:00Z"),
        # Winter time, in the evening of the day before by UTC's calendar; then both days of the change of clocks.
        (NEW_YORK_CLOSE, "2026-01-15T02:00:00Z", "2026-01-14T21:15:00Z"),
        (NEW_YORK_CLOSE, "2026-03-08T20:14:59Z", "2026-03-07T21:15:00Z"),
        (NEW_YORK_CLOSE, "2026-03-08T20:15:00Z", "2026-03-08T20:15:00Z"),
        (NEW_YORK_CLOSE, "2026-11-01T21:14:59Z", "2026-10-31T20:15:00Z"),
    ],
)
def test_a_session_ends_at_the_venues_own_time_of_day(session_end: dt.time, now: str, last: str) -> None:
    assert last_session_end(session_end, ms(now)) == ms(last)


def test_the_feeds_end_their_days_where_their_venues_do() -> None:
    options = {"deribit": {}, "simulated": {"quotes_per_second": 1, "seed": 1}}
    ends = {name: registry.build(name, options[name]).session_end for name in options}
    assert ends == {"deribit": dt.time(8, tzinfo=dt.UTC), "simulated": dt.time(tzinfo=ZoneInfo("America/New_York"))}


def test_without_rules_everything_that_lives_is_covered() -> None:
    assert chosen().covered == {facts.id for facts in ACME}
    later = chosen(now_ms=instant(EXPIRIES[0]))
    assert {facts.expiry for facts in ACME if facts.id not in later.covered} == {EXPIRIES[0]}


@pytest.mark.parametrize(("days", "expiries"), [(0, 1), (1, 2), (13, 2), (14, 3), (36, 4), (None, 4)])
def test_expiries_are_counted_in_days_of_the_feeds_clock(days: int | None, expiries: int) -> None:
    found = options(chosen(CoverageRule("ACME", days)))
    assert {expiry for expiry, _ in found} == set(EXPIRIES[:expiries])


@pytest.mark.parametrize(
    ("percent", "strikes"), [(0, {100}), (10, {90, 100, 110}), (10.99, {90, 100, 110}), (11, {89, 90, 100, 110, 111})]
)
def test_strikes_within_so_much_of_the_money_are_wanted_the_edge_included(percent: float, strikes: set[float]) -> None:
    assert {strike for _, strike in options(chosen(CoverageRule("ACME", None, percent)))} == strikes


def test_what_any_rule_wants_is_covered_and_rules_do_not_mix() -> None:
    near, wide = CoverageRule("ACME", 1, None), CoverageRule("ACME", None, 10)
    found = options(chosen(near, wide))
    assert found == {(e, k) for e in EXPIRIES for k in STRIKES if e in EXPIRIES[:2] or 90 <= k <= 110}


def test_a_rule_without_an_underlying_is_for_each_and_one_with_it_for_no_other() -> None:
    both = ACME + GIZMO
    everywhere = chosen(CoverageRule("", None, 10), listed=both)
    assert {facts.strike for facts in GIZMO if facts.id in everywhere.covered} == {None}  # 45 to 55: none is listed
    only = chosen(CoverageRule("ACME"), listed=both)
    assert [facts.symbol for facts in GIZMO if facts.id in only.covered] == ["GIZMO"]


def test_underlyings_are_always_covered() -> None:
    assert chosen(CoverageRule("NONE", 0, 0)).covered == {ACME[0].id}


def test_what_comes_into_the_band_is_added_at_once() -> None:
    rule = CoverageRule("ACME", None, 10)
    before = chosen(rule).covered
    moved = chosen(rule, spots={"ACME": 101.0}, before=before)
    assert {strike for _, strike in options(moved)} == {90, 100, 110, 111}
    assert moved.added == ids(*((expiry, 111) for expiry in EXPIRIES))
    assert not moved.removed


def test_nothing_that_the_money_left_behind_goes_before_the_session_ends() -> None:
    rule = CoverageRule("ACME", None, 10)
    before = chosen(rule).covered
    moved = chosen(rule, spots={"ACME": 150.0}, before=before)
    assert not moved.removed
    assert moved.kept == before - {ACME[0].id}


def test_at_the_sessions_end_what_is_outside_the_margin_goes_and_what_is_within_stays() -> None:
    rule = CoverageRule("ACME", None, 10)
    before = chosen(rule).covered
    edge = 90 / (1 - 0.1 * (1 + MARGIN))  # from here 90 is just within the margin
    stays = chosen(rule, spots={"ACME": edge - 0.001}, before=before, release=Release.DRIFTED)
    assert {strike for _, strike in options(stays)} >= {90}
    assert not stays.removed
    goes = chosen(rule, spots={"ACME": edge + 0.01}, before=before, release=Release.DRIFTED)
    assert goes.removed == ids(*((expiry, 90) for expiry in EXPIRIES))


def test_what_the_administrator_does_not_want_goes_at_once_and_without_a_margin() -> None:
    before = chosen(CoverageRule("ACME", None, 11)).covered
    narrowed = chosen(CoverageRule("ACME", None, 10.9), before=before, release=Release.UNWANTED)
    assert {strike for _, strike in options(narrowed)} == {90, 100, 110}


@pytest.mark.parametrize("release", list(Release))
def test_what_somebody_holds_stays_whatever_the_rules_say(release: Release) -> None:
    held = ids(("2026-02-20", 80.0))
    before = chosen().covered
    narrow = chosen(CoverageRule("ACME", 0, 1), before=before, held=held, release=release)
    assert held <= narrow.covered
    assert held <= narrow.kept


def test_what_expired_goes_although_it_is_held() -> None:
    held = ids((EXPIRIES[0], 100.0))
    after = chosen(CoverageRule("ACME"), now_ms=instant(EXPIRIES[0]), held=held, before=held)
    assert after.removed == held


def test_where_the_money_is_not_known_strikes_neither_come_nor_go() -> None:
    rule = CoverageRule("ACME", 14, 10)
    fresh = chosen(rule, spots={})
    assert fresh.covered == {ACME[0].id}
    assert fresh.unknown == {"ACME"}
    before = ids(("2026-01-16", 80.0), ("2026-02-20", 80.0))
    narrowed = chosen(rule, spots={}, before=before, release=Release.UNWANTED)
    assert narrowed.kept == ids(("2026-01-16", 80.0))  # the far expiry is no question of money
    assert narrowed.removed == ids(("2026-02-20", 80.0))


def test_a_rule_without_strikes_asks_for_no_price() -> None:
    assert not chosen(CoverageRule("ACME", 14), spots={}).unknown


rules = st.builds(
    CoverageRule,
    underlying=st.sampled_from(["", "ACME", "GIZMO"]),
    expiry_days=st.none() | st.integers(0, 60),
    strike_percent=st.none() | st.sampled_from([0, 5, 10, 10.5, 25]),
)


@given(
    st.lists(rules, min_size=1, max_size=6),
    st.sets(st.integers(1, 130)),
    st.sets(st.integers(1, 130)),
    st.sampled_from(list(Release)),
    st.sampled_from([80.0, 99.0, 100.0, 140.0]),
)
def test_whatever_the_rules_a_selection_is_consistent(
    some: list[CoverageRule], before: set[int], held: set[int], release: Release, spot: float
) -> None:
    listed = ACME + GIZMO
    known = {facts.id for facts in listed}
    before, held = before & known, held & known
    found = select(listed, some, {"ACME": spot, "GIZMO": 50}, NOON_MS, held, before=before, release=release)
    assert found.added == found.covered - before
    assert found.removed == before - found.covered
    assert held <= found.covered <= known
    # One by one, as the sentence says it: each rule by itself wants a part of what all want together.
    alone = [select(listed, [rule], {"ACME": spot, "GIZMO": 50}, NOON_MS, ()).covered for rule in some]
    assert frozenset().union(*alone) <= found.covered
    if release is Release.UNWANTED:
        assert found.covered == frozenset().union(*alone) | held
    # Asked again with the same, nothing moves.
    again = select(listed, some, {"ACME": spot, "GIZMO": 50}, NOON_MS, held, before=found.covered, release=release)
    assert again.covered == found.covered
