"""The demo user: made, kept, withdrawn; and its example watchlist."""

import datetime as dt
import stat
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.db.models import Value
from django.db.models.functions import Concat
from django.test import Client
from pytest_django import Settings

from accounts import demo, items, rolling, tokens, watchlists
from accounts.identity import from_session, from_token
from accounts.models import RollingEntry, User, Watchlist, WatchlistSection
from marketdata.models import Instrument
from marketdata.symbols import OptionName, format_osi
from tests.builders import make_instrument

from .people import has_second_factor, set_up_app


@pytest.fixture(autouse=True)
def var(settings: Settings, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path / "var"
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    return tmp_path / "var"


def is_accepted(token: str) -> bool:
    return async_to_sync(from_token)(token) is not None


def test_what_it_prints_lets_in(db: None) -> None:
    access = demo.prepare()
    assert access.username == "demo"
    assert Client().login(username="demo", password=access.password)
    assert is_accepted(access.token)


def test_the_password_stays_and_the_token_is_new(db: None) -> None:
    first, second = demo.prepare(), demo.prepare()
    assert first.password == second.password
    assert first.token != second.token
    assert not is_accepted(first.token)
    assert is_accepted(second.token)


def test_a_token_made_otherwise_stays(db: None) -> None:
    demo.prepare()
    _, own = tokens.issue(User.objects.get())
    demo.prepare()
    assert is_accepted(own)


def test_only_the_owner_may_read_what_is_kept_and_the_token_is_not(var: Path, db: None) -> None:
    access = demo.prepare()
    for file in var.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert access.token not in file.read_text()
    assert (var / "demo_password").read_text().strip() == access.password


def test_a_session_survives_a_second_start(db: None) -> None:
    demo.prepare()
    client = Client()
    client.force_login(User.objects.get())
    demo.prepare()
    assert async_to_sync(from_session)({"sessionid": client.cookies["sessionid"].value}) is not None


def test_a_password_changed_elsewhere_is_set_back(db: None) -> None:
    demo.prepare()
    user = User.objects.get()
    user.set_password("something else entirely")
    user.save()
    assert Client().login(username="demo", password=demo.prepare().password)


def test_a_second_factor_that_somebody_tried_out_is_gone_at_the_next_start(db: None) -> None:
    demo.prepare()
    user = User.objects.get(username=demo.USERNAME)
    set_up_app(user)
    demo.prepare()
    assert not has_second_factor(user)


def test_the_demo_user_is_never_staff(db: None) -> None:
    demo.prepare()
    User.objects.update(is_staff=True, is_superuser=True)
    demo.prepare()
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser) == (False, False)


def test_withdrawn_it_has_no_way_in_and_none_comes_back(db: None) -> None:
    access = demo.prepare()
    client = Client()
    client.force_login(User.objects.get())
    cookies = {"sessionid": client.cookies["sessionid"].value}
    _, own = tokens.issue(User.objects.get())
    demo.withdraw()
    assert not Client().login(username="demo", password=access.password)
    again = demo.prepare()
    assert async_to_sync(from_session)(cookies) is None
    assert not is_accepted(access.token)
    assert not is_accepted(own)
    assert is_accepted(again.token)


def test_withdrawing_leaves_other_users_alone(owner: User) -> None:
    demo.prepare()
    client = Client()
    client.force_login(owner)
    _, text = tokens.issue(owner)
    demo.withdraw()
    assert async_to_sync(from_session)({"sessionid": client.cookies["sessionid"].value}) is not None
    assert is_accepted(text)


def test_there_may_be_nobody_to_withdraw(db: None) -> None:
    demo.withdraw()
    assert not User.objects.exists()


NOW = dt.datetime.now(dt.UTC)


def third_friday(months_ahead: int) -> dt.date:
    month = NOW.year * 12 + NOW.month - 1 + months_ahead
    first = dt.date(month // 12, month % 12 + 1, 1)
    return first + dt.timedelta(days=(4 - first.weekday()) % 7 + 14)


def list_market(
    underlying: str = "ACME", days: tuple[dt.date, ...] = (third_friday(1), third_friday(2), third_friday(3))
) -> None:
    make_instrument(
        underlying, kind="stock", underlying=underlying, expiry=None, expires_at=None, strike=None, right=""
    )
    weekly = third_friday(1) - dt.timedelta(days=7)
    for day in (weekly, *days):
        for strike in (90.0, 95.0, 100.0, 105.0, 110.0):
            for right in ("C", "P"):
                make_instrument(
                    format_osi(OptionName(underlying, day, "C" if right == "C" else "P", strike)),
                    underlying=underlying,
                    expiry=day,
                    expires_at=dt.datetime(day.year, day.month, day.day, 21, tzinfo=dt.UTC),
                    strike=strike,
                    right=right,
                )


def shown() -> dict[str, list[Instrument]]:
    return {
        one.name: [entry.instrument for entry in one.entries.select_related("instrument")]
        for one in Watchlist.objects.filter(owner__username="demo")
    }


def test_the_example_waits_for_instruments(db: None) -> None:
    demo.prepare()
    assert demo.fill_watchlist("simulated") is False
    make_instrument("ACME", kind="stock", underlying="ACME", expiry=None, expires_at=None, strike=None, right="")
    assert demo.fill_watchlist("simulated") is False
    assert shown() == {}


def test_without_a_demo_user_there_is_no_example(db: None) -> None:
    list_market()
    assert demo.fill_watchlist("simulated") is False


def test_the_example_is_an_underlying_and_contracts_near_the_money_of_two_months(db: None) -> None:
    demo.prepare()
    list_market()
    list_market("ZETA")
    assert demo.fill_watchlist("simulated") is True
    (name,) = shown()
    entries = shown()[name]
    assert name == "Start here"
    assert len(entries) == 7
    assert entries[0].symbol == "ACME"
    assert {one.underlying for one in entries} == {"ACME"}
    assert [one.expiry for one in entries[1:]] == sorted(one.expiry for one in entries[1:] if one.expiry)
    assert {one.expiry for one in entries[1:]} == {third_friday(1), third_friday(2)}
    assert {one.strike for one in entries[1:]} <= {95.0, 100.0, 105.0}
    assert {one.right for one in entries[1:]} == {"C", "P"}


def test_the_example_has_a_heading_and_an_entry_that_follows_the_money(db: None) -> None:
    demo.prepare()
    list_market()
    demo.fill_watchlist("simulated")
    watchlist = Watchlist.objects.get()
    *entries, heading, follower = items.stored(watchlist)
    assert len(entries) == len(shown()["Start here"])
    assert isinstance(heading, WatchlistSection)
    assert heading.name == "At the money"
    assert isinstance(follower, RollingEntry)
    assert follower.underlying.symbol == "ACME"
    make_instrument("BTC", feed="replay", kind="crypto", underlying="BTC")
    demo.fill_watchlist("replay")
    assert not RollingEntry.objects.filter(underlying__feed="replay").exists()


def test_an_example_that_only_rolled_is_made_anew_all_the_same(db: None) -> None:
    demo.prepare()
    list_market()
    demo.fill_watchlist("simulated")
    (entry,) = rolling.entries_of("simulated")
    assert rolling.roll([entry._replace(standing=entry.standing._replace(state="none"))]) == 1
    before = Watchlist.objects.get()
    assert before.version == 2
    Instrument.objects.filter(kind="option").update(symbol=Concat("symbol", Value("x")), active=False)
    Instrument.objects.filter(symbol="ACME").update(symbol="OLD", active=False)
    list_market()
    assert demo.fill_watchlist("simulated") is True
    assert Watchlist.objects.get().pk != before.pk


def test_where_two_roots_share_the_day_the_example_keeps_to_the_underlyings_own(db: None) -> None:
    demo.prepare()
    list_market()
    for strike in (99.0, 100.0, 101.0):
        for right in ("C", "P"):
            make_instrument(
                format_osi(OptionName("ACMEW", third_friday(1), "C" if right == "C" else "P", strike)),
                root="ACMEW",
                expiry=third_friday(1),
                expires_at=NOW + dt.timedelta(days=40),
                strike=strike,
                right=right,
            )
    demo.fill_watchlist("simulated")
    assert {one.root for one in shown()["Start here"][1:]} == {"ACME"}


def test_a_second_start_leaves_the_example_as_it_is(db: None) -> None:
    demo.prepare()
    list_market()
    demo.fill_watchlist("simulated")
    before = list(Watchlist.objects.values())
    assert demo.fill_watchlist("simulated") is True
    assert list(Watchlist.objects.values()) == before


def test_an_edited_example_is_left_alone_also_when_it_expired(db: None) -> None:
    demo.prepare()
    list_market()
    demo.fill_watchlist("simulated")
    watchlist = Watchlist.objects.get()
    watchlists.rename(watchlist, "Mine")
    Instrument.objects.filter(kind="option").update(active=False)
    list_market("ZETA")
    assert demo.fill_watchlist("simulated") is True
    assert list(shown()) == ["Mine"]
    assert {one.underlying for one in shown()["Mine"]} == {"ACME"}


def test_an_emptied_example_is_left_empty(db: None) -> None:
    demo.prepare()
    list_market()
    demo.fill_watchlist("simulated")
    watchlists.reorder(Watchlist.objects.get(), [])
    assert demo.fill_watchlist("simulated") is True
    assert shown() == {"Start here": []}


@pytest.mark.parametrize("how", ["retired", "by the clock"])
def test_an_untouched_example_is_made_anew_when_its_contracts_expired(db: None, how: str) -> None:
    demo.prepare()
    list_market(days=(third_friday(1), third_friday(2)))
    demo.fill_watchlist("simulated")
    gone = Instrument.objects.filter(kind="option")
    past = {"expires_at": NOW - dt.timedelta(hours=1)} if how == "by the clock" else {"active": False}
    gone.update(symbol=Concat("symbol", Value("x")), **past)
    assert demo.fill_watchlist("simulated") is False  # the feed has not listed the new ones yet
    assert len(shown()["Start here"]) == 7
    Instrument.objects.filter(symbol="ACME").update(symbol="OLD", active=False)
    list_market()
    assert demo.fill_watchlist("simulated") is True
    assert all(one.active and (one.expires_at is None or one.expires_at > NOW) for one in shown()["Start here"])


def test_withheld_and_retired_instruments_are_no_example(db: None) -> None:
    demo.prepare()
    list_market("HIDDEN")
    Instrument.objects.update(streaming=False)
    list_market("OLD")
    Instrument.objects.filter(underlying="OLD").update(active=False)
    list_market()
    assert demo.fill_watchlist("simulated") is True
    assert {one.underlying for one in shown()["Start here"]} == {"ACME"}


def test_a_replay_shows_its_underlyings_and_then_up_to_30_in_all(db: None) -> None:
    demo.prepare()
    past = dt.datetime(2021, 7, 30, 8, tzinfo=dt.UTC)
    for n in range(40):
        make_instrument(f"BTC-30JUL21-{n}-C", feed="replay", underlying="BTC", expires_at=past)
    make_instrument("BTC", feed="replay", kind="crypto", underlying="BTC", expiry=None, expires_at=None)
    assert demo.fill_watchlist("replay") is True
    entries = shown()["Replay"]
    assert len(entries) == 30
    assert entries[0].symbol == "BTC"
    assert demo.fill_watchlist("replay") is True
    assert len(shown()) == 1


def list_venue() -> None:
    """A live venue, as it is covered by default: its index, and the days of two weeks near the money."""
    make_instrument("BTC", feed="deribit", kind="index", underlying="BTC", root="", expiry=None, expires_at=None)
    for days in (1, 5, 12):
        expires = (NOW + dt.timedelta(days=days)).replace(hour=8)
        for strike in (85e3, 90e3, 95e3):
            for right in ("C", "P"):
                make_instrument(
                    f"BTC-{days}-{strike:.0f}-{right}",
                    feed="deribit",
                    underlying="BTC",
                    root="BTC",
                    expiry=expires.date(),
                    expires_at=expires if days > 1 else NOW + dt.timedelta(hours=5),
                    strike=strike,
                    right=right,
                )


def test_the_example_of_a_venue_is_near_the_money_of_the_next_two_expiries_that_last(db: None) -> None:
    demo.prepare()
    list_venue()
    assert demo.fill_watchlist("deribit") is True
    index, *contracts = shown()["Deribit"]
    assert index.symbol == "BTC"
    assert [one.symbol.split("-")[1] for one in contracts] == ["5"] * 4 + ["12"] * 2
    assert {one.feed for one in contracts} == {"deribit"}


def test_the_example_of_a_venue_around_the_clock_is_of_last_fridays_where_two_are_covered(db: None) -> None:
    demo.prepare()
    make_instrument("BTC", feed="deribit", kind="index", underlying="BTC", root="", expiry=None, expires_at=None)
    for day in ("2045-01-20", "2045-01-27", "2045-02-17", "2045-02-24"):
        expires = dt.datetime.fromisoformat(f"{day}T08:00:00Z")
        for right in ("C", "P"):
            make_instrument(
                f"BTC-{day}-{right}",
                feed="deribit",
                underlying="BTC",
                root="BTC",
                expiry=expires.date(),
                expires_at=expires,
                strike=90e3,
                right=right,
            )
    assert demo.fill_watchlist("deribit") is True
    assert {one.expiry for one in shown()["Deribit"][1:]} == {dt.date(2045, 1, 27), dt.date(2045, 2, 24)}


def test_the_example_of_a_venue_is_made_anew_when_it_expired_while_nothing_ran(db: None) -> None:
    demo.prepare()
    list_venue()
    demo.fill_watchlist("deribit")
    Instrument.objects.filter(kind="option").update(
        expires_at=NOW - dt.timedelta(hours=1), symbol=Concat("symbol", Value("x"))
    )
    Instrument.objects.filter(kind="index").update(symbol="OLD", active=False)
    list_venue()
    assert demo.fill_watchlist("deribit") is True
    assert all(one.expires_at is None or one.expires_at > NOW for one in shown()["Deribit"])


def test_both_feeds_may_have_an_example(db: None) -> None:
    demo.prepare()
    list_market()
    make_instrument("BTC", feed="replay", kind="crypto", underlying="BTC")
    make_instrument("ACME", feed="replay", kind="stock", underlying="ACME")
    assert demo.fill_watchlist("simulated")
    assert demo.fill_watchlist("replay")
    assert {name: {one.feed for one in entries} for name, entries in shown().items()} == {
        "Start here": {"simulated"},
        "Replay": {"replay"},
    }


@pytest.mark.django_db
def test_the_page_opens_on_a_list_of_the_feed_that_runs() -> None:
    demo.prepare()
    make_instrument("ZEPH", kind=Instrument.Kind.INDEX, underlying="ZEPH", feed="replay", expiry=None, expires_at=None)
    user = User.objects.get(username=demo.USERNAME)
    other = Watchlist.objects.create(owner=user, name="Of another feed", position=0)
    assert demo.fill_watchlist("replay")
    assert [one.name for one in Watchlist.objects.filter(owner=user)] == ["Replay", "Of another feed"]
    assert demo.fill_watchlist("replay")  # and stays so
    assert Watchlist.objects.filter(owner=user).last() == other
