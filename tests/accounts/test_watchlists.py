"""The verbs of watchlists, and what they tell the sockets."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, channel_layers
from django.db import connection
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

from accounts import queries, watchlists
from accounts.models import User, Watchlist, WatchlistEntry
from accounts.queries import Followed
from accounts.watchlists import GoneError, RefusedError
from marketdata.models import Instrument
from tests.builders import make_instrument


@pytest.fixture(autouse=True)
def layer(settings: Settings) -> Iterator[InMemoryChannelLayer]:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    made = InMemoryChannelLayer()
    former = channel_layers.set("default", made)
    yield made
    channel_layers.backends.pop("default", None)
    if former is not None:
        channel_layers.set("default", former)


@pytest.fixture
def instruments(db: None) -> list[Instrument]:
    return [make_instrument(symbol) for symbol in ("A1", "B2", "C3")]


def symbols(watchlist: Watchlist) -> list[str]:
    found = queries.watchlist_of(watchlist.owner_id, watchlist.pk)
    assert found is not None
    return [entry.instrument.symbol for entry in found.entries.all()]


def version(watchlist: Watchlist) -> int:
    return Watchlist.objects.get(pk=watchlist.pk).version


def codes(error: pytest.ExceptionInfo[RefusedError]) -> list[tuple[str, str]]:
    return [(one.field, one.code) for one in error.value.problems]


def test_watchlists_stand_in_the_order_they_were_made(owner: User) -> None:
    for name in ("first", "second", "third"):
        watchlists.create(owner, name)
    assert [one.name for one in queries.watchlists_of(owner.pk)] == ["first", "second", "third"]


def test_a_name_is_stripped(owner: User) -> None:
    assert watchlists.create(owner, "  Tech \t").name == "Tech"


@pytest.mark.parametrize(
    ("name", "code"),
    [("", "blank"), (" \t ", "blank"), ("x" * 81, "max_length"), ("a\nb", "invalid"), ("a\0b", "invalid")],
)
def test_a_bad_name_is_refused_on_its_field(owner: User, name: str, code: str) -> None:
    with pytest.raises(RefusedError) as error:
        watchlists.create(owner, name)
    assert codes(error) == [("name", code)]
    kept = watchlists.create(owner, "kept")
    with pytest.raises(RefusedError) as error:
        watchlists.rename(kept, name)
    assert codes(error) == [("name", code)]
    assert version(kept) == 1


def test_a_name_of_80_characters_is_taken(owner: User) -> None:
    assert watchlists.create(owner, "é" * 80).name == "é" * 80


def test_a_name_is_unique_among_the_owners_only(owner: User, stranger: User) -> None:
    first = watchlists.create(owner, "Tech")
    watchlists.create(stranger, "Tech")
    with pytest.raises(RefusedError) as error:
        watchlists.create(owner, " Tech")
    assert codes(error) == [("name", "already_there")]
    second = watchlists.create(owner, "Other")
    with pytest.raises(RefusedError):
        watchlists.rename(second, "Tech")
    watchlists.rename(first, "Tech")  # its own name is no one else's


def test_a_user_has_at_most_50(owner: User, stranger: User) -> None:
    Watchlist.objects.bulk_create(Watchlist(owner=owner, name=str(n)) for n in range(50))
    with pytest.raises(RefusedError) as error:
        watchlists.create(owner, "one more")
    assert codes(error) == [("name", "too_many")]
    watchlists.create(stranger, "one more")


def test_every_edit_raises_the_version(owner: User, instruments: list[Instrument]) -> None:
    watchlist = watchlists.create(owner, "Tech")
    assert version(watchlist) == watchlist.version == 1
    watchlists.rename(watchlist, "Other")
    entry = watchlists.add(watchlist, "A1")
    watchlists.reorder(watchlist, ["B2", "A1"])
    watchlists.change(watchlist, position=3)
    watchlists.remove(watchlist, entry.pk)
    assert version(watchlist) == watchlist.version == 6


def test_added_instruments_stand_in_the_order_they_came(owner: User, instruments: list[Instrument]) -> None:
    watchlist = watchlists.create(owner, "Tech")
    for symbol in ("C3", "A1", "B2"):
        watchlists.add(watchlist, symbol)
    assert symbols(watchlist) == ["C3", "A1", "B2"]


def test_an_instrument_is_in_a_watchlist_once(owner: User, instruments: list[Instrument]) -> None:
    watchlist = watchlists.create(owner, "Tech", ["A1"])
    with pytest.raises(RefusedError) as error:
        watchlists.add(watchlist, "simulated.A1")
    assert codes(error) == [("symbol", "already_there")]
    assert version(watchlist) == 1


def test_a_symbol_on_two_feeds_needs_its_feed(owner: User, instruments: list[Instrument]) -> None:
    make_instrument("A1", feed="replay")
    watchlist = watchlists.create(owner, "Tech")
    with pytest.raises(RefusedError) as error:
        watchlists.add(watchlist, "A1")
    assert codes(error) == [("symbol", "ambiguous_symbol")]
    assert "replay.A1 or simulated.A1" in str(error.value)
    assert watchlists.add(watchlist, "replay.A1").instrument.feed == "replay"


def test_an_unknown_or_withheld_instrument_is_refused(owner: User) -> None:
    make_instrument("OLD", active=False)
    make_instrument("HIDDEN", streaming=False)
    watchlist = watchlists.create(owner, "Tech")
    for symbol, code in (("NONE", "unknown_symbol"), ("OLD", "not_streaming"), ("simulated.HIDDEN", "not_streaming")):
        with pytest.raises(RefusedError) as error:
            watchlists.add(watchlist, symbol)
        assert codes(error) == [("symbol", code)]


def test_a_watchlist_holds_at_most_500(owner: User) -> None:
    made = Instrument.objects.bulk_create(
        Instrument(feed="simulated", symbol=f"S{n}", kind="stock", underlying=f"S{n}") for n in range(502)
    )
    watchlist = watchlists.create(owner, "Tech")
    watchlists.reorder(watchlist, [one.symbol for one in made[:500]])
    with pytest.raises(RefusedError) as error:
        watchlists.add(watchlist, "S501")
    assert codes(error) == [("symbol", "too_many")]
    with pytest.raises(RefusedError) as error:
        watchlists.reorder(watchlist, [one.symbol for one in made[:501]])
    assert codes(error) == [("symbols", "too_many")]
    assert len(symbols(watchlist)) == 500


def test_a_new_order_keeps_the_entries_that_stay(owner: User, instruments: list[Instrument]) -> None:
    watchlist = watchlists.create(owner, "Tech", ["A1", "B2"])
    ids = {one.instrument.symbol: one.pk for one in watchlist.entries.all()}
    watchlists.reorder(watchlist, ["C3", "B2"])
    assert symbols(watchlist) == ["C3", "B2"]
    assert WatchlistEntry.objects.get(pk=ids["B2"]).instrument.symbol == "B2"
    assert not WatchlistEntry.objects.filter(pk=ids["A1"]).exists()


def test_a_new_order_is_refused_whole_with_each_bad_symbol(owner: User, instruments: list[Instrument]) -> None:
    watchlist = watchlists.create(owner, "Tech", ["A1"])
    with pytest.raises(RefusedError) as error:
        watchlists.reorder(watchlist, ["B2", "NONE", "B2", "C3", "x" * 1000])
    assert codes(error) == [
        ("symbols.1", "unknown_symbol"),
        ("symbols.2", "already_there"),
        ("symbols.4", "unknown_symbol"),
    ]
    assert symbols(watchlist) == ["A1"]
    assert version(watchlist) == 1


def test_a_retired_instrument_can_stay_where_it_is_but_not_come(owner: User, instruments: list[Instrument]) -> None:
    watchlist = watchlists.create(owner, "Tech", ["A1", "B2"])
    Instrument.objects.update(active=False)
    watchlists.reorder(watchlist, ["B2", "simulated.A1"])
    assert symbols(watchlist) == ["B2", "A1"]
    with pytest.raises(RefusedError) as error:
        watchlists.reorder(watchlist, ["B2", "C3"])
    assert codes(error) == [("symbols.1", "not_streaming")]


def test_an_entry_of_another_watchlist_is_not_removed(owner: User, instruments: list[Instrument]) -> None:
    one, other = watchlists.create(owner, "one", ["A1"]), watchlists.create(owner, "other", ["A1"])
    with pytest.raises(GoneError):
        watchlists.remove(one, other.entries.get().pk)
    assert symbols(other) == ["A1"]
    assert version(one) == 1


def test_a_deleted_watchlist_takes_no_edit(owner: User, instruments: list[Instrument]) -> None:
    watchlist = watchlists.create(owner, "Tech")
    held = Watchlist.objects.get(pk=watchlist.pk)
    watchlists.delete(watchlist)
    for edit in (
        lambda: watchlists.rename(held, "x"),
        lambda: watchlists.add(held, "A1"),
        lambda: watchlists.reorder(held, []),
        lambda: watchlists.delete(held),
    ):
        with pytest.raises(GoneError):
            edit()


def test_the_stream_gets_ids_in_order_by_two_queries(
    owner: User, instruments: list[Instrument], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    watchlist = watchlists.create(owner, "Tech", ["C3", "A1"])
    with django_assert_num_queries(2):
        found = async_to_sync(queries.instrument_ids)(owner.pk, Followed(watchlist.pk))
    assert found == [instruments[2].pk, instruments[0].pk]


def test_the_stream_tells_an_empty_watchlist_from_none(owner: User, stranger: User) -> None:
    watchlist = watchlists.create(owner, "Tech")

    def ask(user_id: int, watchlist_id: int) -> list[int] | None:
        return async_to_sync(queries.instrument_ids)(user_id, Followed(watchlist_id))

    assert ask(owner.pk, watchlist.pk) == []
    assert ask(stranger.pk, watchlist.pk) is None
    assert ask(owner.pk, watchlist.pk + 1) is None
    assert ask(owner.pk, 10**30) is None
    assert ask(owner.pk, -1) is None


def test_the_number_of_queries_does_not_grow_with_the_lists(
    owner: User, instruments: list[Instrument], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for name in "abcd":
        watchlists.create(owner, name, ["A1", "B2", "C3"])
    with django_assert_num_queries(4):
        found = [[entry.instrument.symbol for entry in one.entries.all()] for one in queries.watchlists_of(owner.pk)]
    assert found == [["A1", "B2", "C3"]] * 4


class Listener:
    """A member of both groups, reading what was sent while it was there."""

    def __init__(self, layer: InMemoryChannelLayer, *groups: str) -> None:
        self._layer = layer
        self._channel = async_to_sync(layer.new_channel)()
        for group in groups:
            async_to_sync(layer.group_add)(group, self._channel)

    def heard(self, count: int) -> list[dict[str, Any]]:
        async def receive() -> list[dict[str, Any]]:
            async with asyncio.timeout(5):
                return [await self._layer.receive(self._channel) for _ in range(count)]

        return async_to_sync(receive)()

    def is_silent(self) -> bool:
        queue = self._layer.channels.get(self._channel)
        return queue is None or queue.empty()


def test_an_edit_tells_the_watchlist_and_its_owner_after_the_commit(
    owner: User,
    instruments: list[Instrument],
    layer: InMemoryChannelLayer,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    watchlist = watchlists.create(owner, "Tech")
    listener = Listener(layer, f"watchlist.{watchlist.pk}", f"user.{owner.pk}")
    with django_capture_on_commit_callbacks(execute=True):
        watchlists.add(watchlist, "A1")
        assert listener.is_silent()
    assert listener.heard(2) == [
        {"type": "watchlist.changed", "watchlist": watchlist.pk, "version": 2, "cause": "edited"},
        {"type": "watchlists.changed"},
    ]


def test_a_deletion_is_told_too(
    owner: User, layer: InMemoryChannelLayer, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    watchlist = watchlists.create(owner, "Tech")
    listener = Listener(layer, f"watchlist.{watchlist.pk}")
    with django_capture_on_commit_callbacks(execute=True):
        watchlists.delete(watchlist)
    assert listener.heard(1) == [
        {"type": "watchlist.changed", "watchlist": watchlist.pk, "version": 2, "cause": "edited"}
    ]


def test_a_refused_edit_tells_nobody(
    owner: User, layer: InMemoryChannelLayer, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    watchlist = watchlists.create(owner, "Tech")
    listener = Listener(layer, f"watchlist.{watchlist.pk}", f"user.{owner.pk}")
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(RefusedError):
        watchlists.rename(watchlist, "")
    assert listener.is_silent()


class DeadLayer(InMemoryChannelLayer):
    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        raise ConnectionError("no Redis")


class StuckLayer(InMemoryChannelLayer):
    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await asyncio.sleep(60)


@pytest.mark.parametrize("broken", [DeadLayer, StuckLayer])
@pytest.mark.timeout(20)
def test_an_edit_succeeds_when_nobody_can_be_told(
    broken: type[InMemoryChannelLayer],
    owner: User,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    caplog: pytest.LogCaptureFixture,
) -> None:
    watchlist = watchlists.create(owner, "Tech")
    channel_layers.set("default", broken())
    with caplog.at_level(logging.WARNING), django_capture_on_commit_callbacks(execute=True):
        watchlists.rename(watchlist, "Other")
    assert Watchlist.objects.get(pk=watchlist.pk).name == "Other"
    assert "nobody could be told" in caplog.text


def at_once(*verbs: Callable[[], object]) -> list[BaseException]:
    """Runs each in a thread with a connection of its own; what they raised."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(verbs))

    def run(verb: Callable[[], object]) -> None:
        try:
            start.wait(10)
            verb()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(verb,)) for verb in verbs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return errors


@pytest.mark.django_db(transaction=True)
def test_one_name_is_given_once_also_at_the_same_time(owner: User) -> None:
    one, other = watchlists.create(owner, "one"), watchlists.create(owner, "other")
    errors = at_once(
        lambda: watchlists.rename(Watchlist.objects.get(pk=one.pk), "Tech"),
        lambda: watchlists.rename(Watchlist.objects.get(pk=other.pk), "Tech"),
        lambda: watchlists.create(owner, "Tech"),
    )
    assert [type(error) for error in errors] == [RefusedError, RefusedError]
    assert Watchlist.objects.filter(name="Tech").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_limit_holds_also_at_the_same_time(owner: User) -> None:
    Watchlist.objects.bulk_create(Watchlist(owner=owner, name=str(n)) for n in range(48))
    errors = at_once(*(partial(watchlists.create, owner, f"new {n}") for n in range(5)))
    assert [type(error) for error in errors] == [RefusedError] * 3
    assert Watchlist.objects.count() == 50


@pytest.mark.django_db(transaction=True)
def test_edits_at_the_same_time_all_count(owner: User) -> None:
    made = [make_instrument(f"S{n}") for n in range(6)]
    watchlist = watchlists.create(owner, "Tech")

    def add(symbol: str) -> None:
        watchlists.add(Watchlist.objects.get(pk=watchlist.pk), symbol)

    assert at_once(*(partial(add, one.symbol) for one in made)) == []
    assert version(watchlist) == 7
    assert sorted(symbols(watchlist)) == sorted(one.symbol for one in made)
    assert sorted(WatchlistEntry.objects.values_list("position", flat=True)) == list(range(6))
