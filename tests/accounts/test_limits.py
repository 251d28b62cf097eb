"""How much each user may use: the most generous of what their groups say, else the site's."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from pytest_django import Settings

from accounts.access import rights_of
from accounts.limits import Limits, of_site
from accounts.models import GroupLimits, User


def group(name: str, *users: User, **said: Any) -> Group:
    made = Group.objects.create(name=name)
    GroupLimits.objects.create(group=made, **said)
    made.user_set.add(*users)
    return made


@pytest.fixture(autouse=True)
def site(settings: Settings) -> Limits:
    settings.STREAM_CONNECTIONS_PER_USER = 32
    settings.REST_REQUESTS_PER_MINUTE = 600
    return of_site()


def limits_of(user: User) -> Limits:
    return rights_of(user)[1]


def test_without_a_group_they_are_the_sites(owner: User, site: Limits) -> None:
    Group.objects.create(name="silent").user_set.add(owner)
    assert limits_of(owner) == site
    assert (site.connections, site.fastest_interval_ms) == (32, 0)


def test_a_group_may_say_less_or_more_and_nothing_of_the_rest(owner: User, stranger: User, site: Limits) -> None:
    group("trial", owner, connections=3, requests_per_minute=6_000, fastest_interval_ms=250)
    limits = limits_of(owner)
    assert (limits.connections, limits.requests_per_minute, limits.fastest_interval_ms) == (3, 6_000, 250)
    assert (limits.symbols, limits.messages_per_10_s) == (site.symbols, site.messages_per_10_s)
    assert limits_of(stranger) == site


def test_of_several_groups_the_most_generous_counts(owner: User) -> None:
    group("slow", owner, connections=3, fastest_interval_ms=1000, symbols=5)
    group("quick", owner, connections=7, fastest_interval_ms=50)
    limits = limits_of(owner)
    assert (limits.connections, limits.fastest_interval_ms, limits.symbols) == (7, 50, 5)


def test_every_change_is_the_fastest_of_beats(owner: User) -> None:
    group("slow", owner, fastest_interval_ms=1000)
    group("quick", owner, fastest_interval_ms=0)
    assert limits_of(owner).fastest_interval_ms == 0
