"""Things that tests need, with defaults: a test names only what it is about."""

import datetime as dt
from typing import Any

import msgspec

from marketdata.facts import InstrumentFacts
from marketdata.models import Instrument
from marketdata.quotes import Quote

SYMBOL = "ACME260116C00100000"
NOON_MS = 1_768_478_400_000.0  # 2026-01-15 12:00 UTC


def make_quote(symbol: str = SYMBOL, **changes: Any) -> Quote:
    """A plain, uncrossed quote of an option, received 2 ms after its venue time."""
    quote = Quote(
        symbol=symbol,
        received_ms=NOON_MS + 2,
        venue_time_ms=NOON_MS,
        bid=2.4,
        ask=2.5,
        bid_size=10,
        ask_size=12,
        last=2.45,
        implied_volatility=0.25,
        delta=0.5,
    )
    return msgspec.structs.replace(quote, **changes)


def make_facts(symbol: str = SYMBOL, **changes: Any) -> InstrumentFacts:
    """The facts of a listed call on ACME, as a feed would list it: not in the database, id 0."""
    facts = InstrumentFacts(
        symbol=symbol,
        feed="simulated",
        kind="option",
        underlying="ACME",
        venue_symbol=symbol,
        root="ACME",
        expiry="2026-01-16",
        expires_ms=1_768_597_200_000,
        strike=100,
        right="C",
        exercise="american",
        multiplier=100,
    )
    return msgspec.structs.replace(facts, **changes)


def make_instrument(symbol: str = SYMBOL, **changes: Any) -> Instrument:
    """The same instrument, saved."""
    values: dict[str, Any] = {
        "feed": "simulated",
        "kind": Instrument.Kind.OPTION,
        "underlying": "ACME",
        "venue_symbol": symbol,
        "root": "ACME",
        "expiry": dt.date(2026, 1, 16),
        "expires_at": dt.datetime(2026, 1, 16, 21, tzinfo=dt.UTC),
        "strike": 100.0,
        "right": Instrument.Right.CALL,
        "exercise": Instrument.Exercise.AMERICAN,
        "multiplier": 100.0,
    }
    return Instrument.objects.create(symbol=symbol, **{**values, **changes})
