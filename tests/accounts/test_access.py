"""Who may see what: open feeds, and grants to groups, whole or by underlying."""

import pytest
from django.contrib.auth.models import Group
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.access import EVERYTHING, Access, access_of, rights_of, rights_of_many
from accounts.models import FeedGrant, User
from marketdata.models import Instrument
from tests.builders import make_facts


@pytest.fixture(autouse=True)
def open_feeds(settings: Settings) -> None:
    settings.OPEN_FEEDS = ["simulated"]


def desk(*users: User, grants: tuple[tuple[str, str], ...] = (), name: str = "desk") -> Group:
    group = Group.objects.create(name=name)
    group.user_set.add(*users)
    for feed, underlying in grants:
        FeedGrant.objects.create(group=group, feed=feed, underlying=underlying)
    return group


SEEN = make_facts("SPX260116C00500000", feed="opra", underlying="SPX")
OTHER = make_facts("NDX260116C00500000", feed="opra", underlying="NDX")
OPEN = make_facts("ACME260116C00500000", feed="simulated", underlying="ACME")


@pytest.mark.parametrize(
    ("grants", "seen"),
    [
        ((), {OPEN}),
        ((("opra", ""),), {OPEN, SEEN, OTHER}),
        ((("opra", "SPX"),), {OPEN, SEEN}),
        ((("opra", "SPX"), ("opra", "")), {OPEN, SEEN, OTHER}),
        ((("deribit", ""),), {OPEN}),
        ((("deribit", "SPX"),), {OPEN}),
    ],
)
def test_a_grant_opens_a_feed_or_one_underlying_of_it(
    owner: User, grants: tuple[tuple[str, str], ...], seen: set[object]
) -> None:
    desk(owner, grants=grants)
    access = access_of(owner.pk)
    assert {one for one in (SEEN, OTHER, OPEN) if access.may_see(one)} == seen
    assert {one for one in ("opra", "simulated", "deribit") if access.may_see_feed(one)} == {
        "simulated",
        *(feed for feed, _ in grants),
    }


def test_a_grant_is_of_the_members_alone_and_of_all_groups_of_one(owner: User, stranger: User) -> None:
    desk(owner, grants=(("opra", "SPX"),))
    desk(owner, grants=(("opra", "NDX"), ("lean", "")), name="history")
    access = access_of(owner.pk)
    assert access.may_see(SEEN)
    assert access.may_see(OTHER)
    assert access.may_see_feed("lean")
    assert access_of(stranger.pk) == Access(feeds=frozenset({"simulated"}))


def test_a_superuser_sees_everything_and_staff_do_not(staff: User, owner: User) -> None:
    assert access_of(staff.pk) == EVERYTHING
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    assert not access_of(owner.pk).may_see(SEEN)


def test_who_is_not_there_sees_nothing(db: None) -> None:
    assert not access_of(12345).may_see(OPEN)
    assert not Access().may_see_feed("simulated")


def test_it_costs_two_queries_however_many_grants_there_are(
    owner: User, stranger: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    desk(owner, grants=tuple(("opra", f"S{number}") for number in range(50)))
    with django_assert_num_queries(2):
        access_of(owner.pk)
    with django_assert_num_queries(1):
        rights_of(owner)
    with django_assert_num_queries(2):
        found = rights_of_many([owner.pk, stranger.pk, 12345])
    assert set(found) == {owner.pk, stranger.pk}
    assert found[owner.pk] == rights_of(owner)


@pytest.mark.parametrize("grants", [(), (("opra", ""),), (("opra", "SPX"), ("lean", "NDX"))])
def test_the_condition_of_a_query_says_the_same(owner: User, grants: tuple[tuple[str, str], ...]) -> None:
    for feed in ("opra", "simulated", "lean"):
        for symbol in ("SPX", "NDX"):
            Instrument.objects.create(feed=feed, symbol=symbol, kind="index", underlying=symbol)
            Instrument.objects.create(feed=feed, symbol=f"{symbol}C1", kind="option", underlying=symbol)
    desk(owner, grants=grants)
    for access in (access_of(owner.pk), EVERYTHING, Access()):
        found = set(Instrument.objects.filter(access.condition()))
        assert found == {one for one in Instrument.objects.all() if access.may_see(one)}
