"""Sharing: a key that leads to one list, until it is withdrawn; and copies."""

import pytest
from asgiref.sync import async_to_sync
from pytest_django import DjangoAssertNumQueries

from accounts import items, queries, rolling, sections, sharing, watchlists
from accounts.models import RollingEntry, User, Watchlist, WatchlistSection
from accounts.queries import Followed
from accounts.watchlists import GoneError, RefusedError
from tests.builders import make_instrument


@pytest.fixture
def tech(owner: User) -> Watchlist:
    acme = make_instrument("ACME", kind="stock", underlying="ACME", expiry=None, expires_at=None)
    made = watchlists.create(owner, "Tech", ["ACME"])
    sections.make(made, "At the money", 0)
    items.append(made, [RollingEntry(underlying=acme, rule="30d", strikes=1, held=[acme.pk], state="following")])
    return made


def test_a_key_is_256_bits_and_leads_to_the_list(tech: Watchlist) -> None:
    key = sharing.share(tech)
    assert len(key) == 43
    found = queries.shared(key)
    assert found is not None
    assert (found.pk, found.owner.username) == (tech.pk, "owner")
    assert sharing.share(Watchlist.objects.get(pk=tech.pk)) == key


def test_withdrawn_it_leads_nowhere_and_a_new_one_is_another(tech: Watchlist) -> None:
    key = sharing.share(tech)
    sharing.withdraw(tech)
    assert queries.shared(key) is None
    again = sharing.share(tech)
    assert again != key
    assert queries.shared(key) is None


@pytest.mark.parametrize("key", ["", "x", "x" * 43, "x" * 44, "' OR 1=1", "x" * 42 + "\n"])
def test_what_is_no_key_leads_nowhere(tech: Watchlist, key: str) -> None:
    assert queries.shared(key) is None
    assert async_to_sync(queries.shared_id)(key) is None


def test_of_a_user_who_may_not_sign_in_nothing_is_shared(owner: User, tech: Watchlist) -> None:
    key = sharing.share(tech)
    owner.is_active = False
    owner.save()
    assert queries.shared(key) is None


def test_the_stream_reads_it_by_the_key_and_not_by_the_id(
    stranger: User, tech: Watchlist, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key = sharing.share(tech)
    ask = async_to_sync(queries.instrument_ids)
    assert async_to_sync(queries.shared_id)(key) == tech.pk
    with django_assert_num_queries(2):
        found = ask(stranger.pk, Followed(tech.pk, key))
    assert found == list(tech.entries.values_list("instrument_id", flat=True))
    assert ask(stranger.pk, Followed(tech.pk)) is None
    assert ask(stranger.pk, Followed(tech.pk + 1, key)) is None
    sharing.withdraw(tech)
    assert ask(stranger.pk, Followed(tech.pk, key)) is None


def test_a_copy_has_all_items_in_order_and_is_nobody_elses(stranger: User, tech: Watchlist) -> None:
    key = sharing.share(tech)
    made = sharing.copy(stranger, key)
    assert (made.owner, made.name, made.share_key) == (stranger, "Tech", None)
    copied = items.stored(made)
    assert [items.kind_of(one) for one in copied] == ["section", "instrument", "rolling"]
    entry = copied[2]
    assert isinstance(entry, RollingEntry)
    assert (entry.rule, entry.strikes, entry.state) == ("30d", 1, "following")
    rolling.remove(made, entry.pk)
    WatchlistSection.objects.filter(watchlist=made).delete()
    assert [items.kind_of(one) for one in items.stored(tech)] == ["section", "instrument", "rolling"]


def test_a_copy_whose_name_is_taken_is_numbered_unless_it_was_asked_for(
    owner: User, stranger: User, tech: Watchlist
) -> None:
    key = sharing.share(tech)
    assert [sharing.copy(stranger, key).name for _ in range(3)] == ["Tech", "Tech (2)", "Tech (3)"]
    assert sharing.copy(stranger, key, "Mine").name == "Mine"
    with pytest.raises(RefusedError):
        sharing.copy(stranger, key, "Mine")
    watchlists.rename(tech, "x" * 80)
    assert sharing.copy(owner, key).name == "x" * 76 + " (2)"


def test_nothing_is_copied_by_a_key_that_was_withdrawn(stranger: User, tech: Watchlist) -> None:
    key = sharing.share(tech)
    sharing.withdraw(tech)
    with pytest.raises(GoneError):
        sharing.copy(stranger, key)
    assert not Watchlist.objects.filter(owner=stranger).exists()
