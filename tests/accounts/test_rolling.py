"""Rolling entries: made, changed, removed, resolved from what is known, and moved as ingest asks for."""

import datetime as dt
import time

import pytest
from pytest_django import Settings
from redis import Redis

from accounts import items, queries, rolling, watchlists
from accounts.access import Access
from accounts.models import RollingEntry, User, Watchlist
from accounts.rolling import Entry
from accounts.watchlists import GoneError, RefusedError
from marketdata.bus import keys
from marketdata.following import Standing
from marketdata.models import Instrument
from tests.rest import live_market

from .test_watchlists import at_once

STRIKES = [90, 95, 100, 105, 110]


def day(days: int) -> dt.datetime:
    """So many days from now, at 21:00."""
    return (dt.datetime.now(dt.UTC) + dt.timedelta(days=days)).replace(hour=21, minute=0, second=0, microsecond=0)


@pytest.fixture
def acme(db: None) -> Instrument:
    made = live_market.underlying()
    for days in (2, 40):
        live_market.options(made, day(days), STRIKES)
    return made


@pytest.fixture
def market(acme: Instrument, redis_client: Redis) -> Redis:
    """ACME at 101, on a feed that is heard."""
    live_market.quote(redis_client, acme, mark=101.0)
    live_market.say(redis_client)
    return redis_client


@pytest.fixture
def tech(owner: User) -> Watchlist:
    return watchlists.create(owner, "Tech")


def held(entry: RollingEntry) -> list[tuple[float | None, str]]:
    found = Instrument.objects.in_bulk(entry.held)
    return [(found[one].strike, found[one].right) for one in entry.held]


def stored(entry: RollingEntry) -> RollingEntry:
    return RollingEntry.objects.get(pk=entry.pk)


def test_it_holds_what_is_at_the_money_at_once(market: Redis, tech: Watchlist) -> None:
    entry = stored(rolling.make(tech, "ACME", strikes=1))
    assert (entry.state, entry.centre, entry.expiry) == ("following", 100, day(2).date())
    assert held(entry) == [(strike, right) for strike in (95, 100, 105) for right in ("C", "P")]
    assert (tech.version, items.count(tech)) == (2, 1)


def test_the_options_tell_the_price_where_the_underlying_does_not(
    acme: Instrument, redis_client: Redis, tech: Watchlist
) -> None:
    live_market.say(redis_client)
    option = Instrument.objects.filter(strike=90, right="P").order_by("expiry")[0]
    live_market.quote(redis_client, option, underlying_price=109.0)
    assert rolling.make(tech, "ACME").centre == 110


def test_it_waits_where_the_price_or_the_feed_is_unknown(
    acme: Instrument, redis_client: Redis, tech: Watchlist, settings: Settings
) -> None:
    live_market.say(redis_client)
    entry = rolling.make(tech, "ACME")
    assert (entry.state, entry.held) == ("waiting", [])
    live_market.quote(redis_client, acme, mark=101.0)
    redis_client.delete(keys.status("simulated"))
    assert rolling.make(tech, "ACME", rule="30d").state == "waiting"
    settings.REDIS_URL = "redis://127.0.0.1:1"
    assert rolling.make(tech, "ACME", rule="60d").state == "waiting"


def test_the_feeds_own_clock_counts(acme: Instrument, redis_client: Redis, tech: Watchlist) -> None:
    live_market.quote(redis_client, acme, mark=101.0)
    ahead_ms = 10 * 86_400_000
    live_market.say(redis_client, clock_offset_ms=ahead_ms, clock_at_ms=time.time() * 1000)
    assert rolling.make(tech, "ACME").expiry == day(40).date()


def test_where_no_contract_fits_it_says_so(market: Redis, tech: Watchlist) -> None:
    Instrument.objects.filter(right="P").update(covered=False)
    entry = rolling.make(tech, "ACME", rights="P")
    assert (entry.state, entry.held, entry.expiry) == ("none", [], None)
    assert held(rolling.make(tech, "ACME", strikes=0)) == [(100, "C")]


def test_it_is_changed_moved_and_removed(market: Redis, tech: Watchlist) -> None:
    watchlists.add(tech, "ACME")
    entry = rolling.make(tech, "ACME", position=0)
    assert entry.position == 0
    changed = rolling.change(tech, entry.pk, rule="30d", strikes=0, rights="C", position=5)
    assert (changed.expiry, held(changed), changed.position) == (day(40).date(), [(100, "C")], 1)
    version = tech.version
    rolling.change(tech, entry.pk)
    assert tech.version == version  # nothing was no edit
    rolling.remove(tech, entry.pk)
    for verb in (lambda: rolling.change(tech, entry.pk, strikes=1), lambda: rolling.remove(tech, entry.pk)):
        with pytest.raises(GoneError, match="rolling"):
            verb()


def test_what_cannot_be_followed_is_refused_by_name(market: Redis, tech: Watchlist) -> None:
    option = Instrument.objects.filter(kind="option")[0].symbol
    live_market.underlying("SECRET", feed="private")
    rolling.make(tech, "ACME")
    access = Access(feeds=frozenset({"simulated"}))
    for asked, expected in (
        ({"underlying": "NONE"}, ("underlying", "unknown_symbol")),
        ({"underlying": "SECRET"}, ("underlying", "forbidden")),
        ({"underlying": option}, ("underlying", "not_an_underlying")),
        ({"underlying": "ACME"}, ("underlying", "already_there")),
        ({"underlying": "ACME", "rule": "tomorrow"}, ("rule", "invalid_choice")),
        ({"underlying": "ACME", "rights": "CPC"}, ("rights", "invalid_choice")),
        ({"underlying": "ACME", "strikes": 21}, ("strikes", "out_of_range")),
        ({"underlying": "ACME", "strikes": -1}, ("strikes", "out_of_range")),
    ):
        with pytest.raises(RefusedError) as error:
            rolling.make(tech, access=access, **asked)
        assert [one[:2] for one in error.value.problems] == [expected], asked
    assert items.count(tech) == 1


def test_a_change_into_another_of_the_list_is_refused(market: Redis, tech: Watchlist) -> None:
    rolling.make(tech, "ACME")
    other = rolling.make(tech, "ACME", rule="30d")
    with pytest.raises(RefusedError) as error:
        rolling.change(tech, other.pk, rule="next")
    assert error.value.problems[0].code == "already_there"
    assert stored(other).rule == "30d"


def test_there_are_at_most_20_in_a_list(acme: Instrument, tech: Watchlist) -> None:
    items.append(tech, [RollingEntry(underlying=acme, strikes=n) for n in range(20)])
    with pytest.raises(RefusedError) as error:
        rolling.make(tech, "ACME", rule="30d")
    assert error.value.problems[0][:2] == ("underlying", "too_many")


def test_another_lists_entry_is_not_there(market: Redis, owner: User, tech: Watchlist) -> None:
    entry = rolling.make(watchlists.create(owner, "Other"), "ACME")
    with pytest.raises(GoneError):
        rolling.change(tech, entry.pk, strikes=0)
    with pytest.raises(GoneError):
        rolling.remove(tech, entry.pk)


def test_what_it_holds_is_watched_and_streams_once_in_its_place(market: Redis, tech: Watchlist) -> None:
    entry = rolling.make(tech, "ACME", strikes=0)
    call, put = entry.held
    watchlists.add(tech, str(Instrument.objects.get(pk=put)))
    watchlists.add(tech, "ACME")
    acme = Instrument.objects.get(symbol="ACME").pk
    assert queries.watched_instruments("simulated") == {call, put, acme}
    assert queries.watched_instruments("replay") == set()
    assert queries._instrument_ids(tech.owner_id, queries.Followed(tech.pk)) == [call, put, acme]


# ── What ingest asks for ──────────────────────────────────────────────────────────────────────────────────────────────


def elsewhere(entry: Entry, *ids: int) -> Entry:
    return entry._replace(standing=Standing("following", day(40).date(), 105.0, ids))


def test_entries_are_read_as_they_stand(market: Redis, tech: Watchlist) -> None:
    made = rolling.make(tech, "ACME", strikes=0)
    (entry,) = rolling.entries_of("simulated")
    assert (entry.id, entry.underlying, entry.wish) == (made.pk, "ACME", ("next", 0, "CP"))
    assert entry.standing == Standing("following", day(2).date(), 100, tuple(made.held))
    assert rolling.entries_of("replay") == []


def test_rolling_raises_the_version_once_for_a_list_and_counts_it(market: Redis, owner: User, tech: Watchlist) -> None:
    other, still = watchlists.create(owner, "Other"), watchlists.create(owner, "Still")
    for watchlist, rules in ((tech, ("next", "30d")), (other, ("next",)), (still, ("next",))):
        for rule in rules:
            rolling.make(watchlist, "ACME", rule)
    before = {one.pk: one.version for one in Watchlist.objects.all()}
    asked = [elsewhere(one, 1, 2) for one in rolling.entries_of("simulated")[:3]]
    assert rolling.roll(asked) == 3
    rose = {one.pk: (one.version - before[one.pk], one.rolled) for one in Watchlist.objects.all()}
    assert rose == {tech.pk: (1, 1), other.pk: (1, 1), still.pk: (0, 0)}
    assert [one.standing for one in rolling.entries_of("simulated")[:3]] == [one.standing for one in asked]


def test_what_is_gone_or_asks_for_something_else_by_now_is_passed_over(market: Redis, tech: Watchlist) -> None:
    gone, changed, stays = (rolling.make(tech, "ACME", rule) for rule in ("next", "30d", "60d"))
    asked = [elsewhere(one, 7) for one in rolling.entries_of("simulated")]
    rolling.remove(tech, gone.pk)
    rolling.change(tech, changed.pk, strikes=0)
    version = Watchlist.objects.get(pk=tech.pk).version
    assert rolling.roll(asked) == 1
    assert stored(stays).held == [7]
    assert stored(changed).held != [7]
    assert Watchlist.objects.get(pk=tech.pk).version == version + 1
    assert rolling.roll(asked[:1]) == 0
    assert Watchlist.objects.get(pk=tech.pk).version == version + 1


@pytest.mark.django_db(transaction=True)
def test_rolls_and_edits_at_the_same_time_all_count(market: Redis, owner: User) -> None:
    lists = [watchlists.create(owner, name) for name in ("one", "other")]
    for watchlist in lists:
        rolling.make(watchlist, "ACME")
    entries = rolling.entries_of("simulated")
    errors = at_once(
        lambda: rolling.roll([elsewhere(one, 1) for one in entries]),
        lambda: rolling.roll([elsewhere(one, 2) for one in reversed(entries)]),
        lambda: watchlists.rename(Watchlist.objects.get(pk=lists[0].pk), "new one"),
        lambda: watchlists.rename(Watchlist.objects.get(pk=lists[1].pk), "new other"),
    )
    assert errors == []
    assert [(one.version, one.rolled) for one in Watchlist.objects.all()] == [(5, 2), (5, 2)]
    assert [one.held in ([1], [2]) for one in RollingEntry.objects.all()] == [True, True]
