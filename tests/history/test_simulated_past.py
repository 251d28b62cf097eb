"""The simulated market's past: the same for the same seed, whole, and without a seam to what is quoted live."""

import datetime as dt
import threading
import time
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.utils import timezone

from marketdata.facts import InstrumentFacts
from marketdata.feeds.simulated.exchange import Exchange
from marketdata.feeds.simulated.listings import contracts
from marketdata.feeds.simulated.past import SESSIONS, PastBars, past_bars
from marketdata.feeds.simulated.spots import Spots
from marketdata.feeds.simulated.universe import UNIVERSE
from marketdata.history import bar_queries, simulated_past
from marketdata.history.bars import Bar
from marketdata.history.columns import BAR
from marketdata.history.database import Database
from marketdata.models import Instrument

NEW_YORK = ZoneInfo("America/New_York")
# In the middle of a session, on a second that begins no minute.
OPENS = dt.datetime(2026, 11, 23, 11, 17, 23, 250_000, NEW_YORK)
OPENS_MS = OPENS.timestamp() * 1000
SEED = 7


def past(seed: int = SEED, opens_ms: float = OPENS_MS) -> dict[str, PastBars]:
    return {one.symbol: one for one in past_bars(UNIVERSE, seed, opens_ms)}


@pytest.fixture(scope="module")
def known() -> dict[str, PastBars]:
    return past()


def same(one: dict[str, PastBars], other: dict[str, PastBars]) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(a, b, equal_nan=True)
        for symbol in one
        for a, b in zip(one[symbol][1:], other[symbol][1:], strict=True)
    )


def test_the_same_seed_has_the_same_past_and_another_another(known: dict[str, PastBars]) -> None:
    assert same(known, past())
    assert not same(known, past(SEED + 1))


def test_everything_listed_has_one_that_ends_where_the_market_opens(known: dict[str, PastBars]) -> None:
    assert sorted(known) == sorted(Exchange(UNIVERSE, SEED, 100, OPENS_MS).board.symbols)
    first = dt.datetime.combine(OPENS.date() - dt.timedelta(days=SESSIONS), dt.time(), NEW_YORK).timestamp() // 60
    for underlying in UNIVERSE:
        minutes = known[underlying.symbol].minutes
        assert minutes.tolist() == list(range(int(first), int(OPENS_MS // 60_000)))
    for one in known.values():
        assert one.minutes[-1] == OPENS_MS // 60_000 - 1
        assert one.minutes[0] < first + 240


def test_what_is_looked_at_first_has_a_bar_of_each_minute(known: dict[str, PastBars]) -> None:
    """The contracts at the money of the next expiry, with which a chain opens: their charts are no scattered points."""
    opening = Spots(UNIVERSE, SEED, OPENS.date().toordinal())
    for owner, one in enumerate(UNIVERSE):
        listed = contracts(one, OPENS_MS)
        first = min(contract.expiry for contract in listed)
        next_expiry = [contract for contract in listed if contract.expiry == first]
        nearest = sorted(next_expiry, key=lambda contract: abs(contract.strike - float(opening.price[owner])))[:6]
        for contract in nearest:
            assert np.diff(known[contract.symbol].minutes)[-100:].tolist() == [1] * 100, contract.symbol


def test_it_leads_to_what_is_quoted_first(known: dict[str, PastBars]) -> None:
    """Every price begins live within what a minute may bring, and the quote's own width."""
    exchange = Exchange(UNIVERSE, SEED, 100, OPENS_MS)
    at_ms = OPENS_MS + 50
    quotes = {quote.symbol: quote for quote in exchange.open(np.arange(len(exchange.board)), at_ms, at_ms)}
    assert quotes.keys() == known.keys()
    both = 0
    for symbol, quote in quotes.items():
        bars = known[symbol]
        if quote.bid is not None and quote.ask is not None and not np.isnan(bars.mid[-1, 3]):
            both += 1
            wide = quote.ask - quote.bid
            assert abs((quote.bid + quote.ask) / 2 - bars.mid[-1, 3]) <= 1.2 * wide + 0.01 * quote.bid, symbol
            if quote.last is not None:
                assert abs(quote.last - bars.last[-1, 3]) <= wide + 0.01 * quote.bid, symbol
    assert both > 0.9 * (len(quotes) - len(UNIVERSE))
    opening = Spots(UNIVERSE, SEED, OPENS.date().toordinal())
    for owner, one in enumerate(UNIVERSE):
        assert abs(known[one.symbol].last[-1, 3] - opening.price[owner]) < 0.02 + 0.0002 * one.price


def test_each_session_ends_at_the_close_that_the_next_one_measures_from(known: dict[str, PastBars]) -> None:
    for ago in range(SESSIONS):
        day = OPENS.date() - dt.timedelta(days=ago)
        close = Spots(UNIVERSE, SEED, day.toordinal()).previous_close
        minute = dt.datetime.combine(day, dt.time(), NEW_YORK).timestamp() // 60 - 1
        for owner, one in enumerate(UNIVERSE):
            bars = known[one.symbol]
            (place,) = np.flatnonzero(bars.minutes == minute)
            assert abs(bars.last[place, 3] - close[owner]) < 0.02 + 0.0002 * one.price


def test_its_bars_can_be_bars(known: dict[str, PastBars]) -> None:
    for one in known.values():
        for prices in (one.mid, one.last):
            opened, high, low, close = prices[~np.isnan(prices[:, 0])].T
            assert (low <= np.minimum(opened, close)).all()
            assert (high >= np.maximum(opened, close)).all()
            assert (low > 0).all()
            assert (np.isnan(prices).any(axis=1) == np.isnan(prices).all(axis=1)).all()
    # Prices move as fast as they do live: within the market's own volatility, by a factor.
    for underlying in UNIVERSE:
        moves = np.diff(np.log(known[underlying.symbol].last[:, 3]))
        a_minute = underlying.volatility / np.sqrt(252 * 390)
        assert 0.6 < np.std(moves) / a_minute < 2.5


def test_prices_do_not_leap(known: dict[str, PastBars]) -> None:
    """Also not from one session to the next."""
    for one in UNIVERSE:
        closes = known[one.symbol].last[:, 3]
        a_minute = one.volatility / np.sqrt(252 * 390)
        assert np.abs(np.diff(np.log(closes))).max() < 8 * a_minute + 0.05 / one.price


def listed(opens: dt.datetime) -> dict[str, Instrument]:
    """The market as ingest lists it at its first start."""
    universe = getattr(simulated_past, "UNIVERSE")  # noqa: B009 # a test may have made it smaller
    board = Exchange(universe, 1, 100, opens.timestamp() * 1000).board
    Instrument.objects.bulk_create([_instrument(facts) for facts in board.facts])
    Instrument.objects.update(created_at=opens)
    return {one.symbol: one for one in Instrument.objects.all()}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A market with two underlyings, of which the first is the index."""
    monkeypatch.setattr(simulated_past, "UNIVERSE", (UNIVERSE[0], UNIVERSE[2]))


def _instrument(facts: InstrumentFacts) -> Instrument:
    return Instrument(
        feed=facts.feed,
        symbol=facts.symbol,
        kind=facts.kind,
        underlying=facts.underlying,
        root=facts.root or "",
        expiry=dt.date.fromisoformat(facts.expiry) if facts.expiry else None,
        strike=facts.strike,
        right=facts.right or "",
    )


@pytest.mark.django_db
def test_it_is_stored_once(history_database: Database) -> None:
    assert simulated_past.fill(history_database) == 0  # nothing is listed yet
    opens = timezone.now() - dt.timedelta(minutes=3)
    instruments = listed(opens)
    began = time.monotonic()
    stored = simulated_past.fill(history_database)
    assert time.monotonic() - began < 30
    assert stored == history_database.rows("SELECT count(*) FROM history_bar")[0][0] > 100_000
    assert simulated_past.fill(history_database) == 0
    zeph = instruments["ZEPH"]
    made = bar_queries.bars(history_database, zeph.facts(), "1d", 0, 2**31 - 1, 100)
    assert len(made.bars) == SESSIONS + 1
    assert made.next_start is None
    expected = past(1, opens.timestamp() * 1000)
    assert [bar.last_close for bar in made.bars][-1] == expected["ZEPH"].last[-1, 3]
    # Its longer intervals have no hole.
    assert (
        len(bar_queries.bars(history_database, zeph.facts(), "1h", made.bars[0].starts_s, 2**31 - 1, 999).bars) >= 120
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
def test_what_was_broken_off_is_done_again(history_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(timezone.now())
    store = simulated_past._store
    calls = 0

    def breaking(*rest: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        store(*rest)  # type: ignore[arg-type]

    monkeypatch.setattr(simulated_past, "_store", breaking)
    with pytest.raises(KeyboardInterrupt):
        simulated_past.fill(history_database)
    half = history_database.rows("SELECT count(*) FROM history_bar")[0][0]
    stored = simulated_past.fill(history_database)
    assert 0 < half < stored == history_database.rows("SELECT count(*) FROM history_bar")[0][0]


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
def test_what_was_quoted_live_stays_as_it_is(history_database: Database) -> None:
    opens = timezone.now()
    instrument = listed(opens)["ACME"]
    minute = int(opens.timestamp() // 60)
    live = [Bar(instrument.id, minute - ago, 3, 1, 3, last_open=1.0) for ago in (0, 1)]
    connection = history_database.connect()
    place = "?" if history_database.vendor == "sqlite" else "%s"
    for bar in live:
        values = [getattr(bar, name) for name in BAR]
        connection.execute(f"INSERT INTO history_bar VALUES ({', '.join([place] * len(BAR))})", values)
    connection.commit()
    connection.close()
    simulated_past.fill(history_database)
    sql = f"SELECT {', '.join(BAR)} FROM history_bar WHERE instrument = %s AND minute >= %s ORDER BY minute DESC"
    found = [Bar(*row) for row in history_database.rows(sql, (instrument.id, minute - 1))]
    assert found == live


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
def test_it_is_of_the_first_start_only(history_database: Database) -> None:
    """Who prunes bars would otherwise get them back with each start."""
    listed(timezone.now() - dt.timedelta(days=2))
    assert simulated_past.fill(history_database) == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small")
def test_in_the_background_it_waits_for_the_listing(
    history_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated_past, "_LOOK_EVERY_S", 0.05)
    stop = threading.Event()
    thread = simulated_past.fill_in_background(history_database, stop)
    try:
        thread.join(0.3)
        assert thread.is_alive()
        listed(timezone.now())
        thread.join(30)
        assert not thread.is_alive()
        assert history_database.rows("SELECT count(*) FROM history_bar")[0][0] > 7_000 * 2
    finally:
        stop.set()
        thread.join(10)
