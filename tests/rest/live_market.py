"""A little market as ingest leaves it: instruments in the database, newest rows and a beacon on Redis."""

import datetime as dt
import time
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from redis import Redis

from marketdata import greeks, rows
from marketdata.bus import keys
from marketdata.bus.beacon import Beacon
from marketdata.models import Instrument
from marketdata.symbols import OptionName, format_osi
from tests.builders import make_quote

TERM = 7
SPOT = 100.0
VOLATILITY = 0.25


def say(redis: Redis, feed: str = "simulated", **changes: Any) -> None:
    """One beacon of the feed, whose clock is ours unless told."""
    values: dict[str, Any] = {"kind": "simulated", "term": TERM, "n": 1, "flushes": 1, "health": "ok"}
    values["clock_at_ms"] = time.time() * 1000
    redis.set(keys.status(feed), msgspec.json.encode(Beacon(feed=feed, **{**values, **changes})), ex=30)


def quote(redis: Redis, instrument: Instrument, k: int = 1, **changes: Any) -> None:
    """The newest row of the instrument."""
    now_ms = round(time.time() * 1000, 3)
    made = make_quote(instrument.symbol, **{"received_ms": now_ms, "venue_time_ms": now_ms - 2, **changes})
    row = rows.encode(instrument.pk, rows.seq_of(TERM, k), made)
    redis.hset(keys.last_values(instrument.feed), str(instrument.pk), row)


def underlying(symbol: str = "ACME", feed: str = "simulated", **changes: Any) -> Instrument:
    return Instrument.objects.create(feed=feed, symbol=symbol, kind="stock", underlying=symbol, **changes)


def options(
    on: Instrument,
    expires_at: dt.datetime,
    strikes: Iterable[float],
    root: str = "",
    **changes: Any,
) -> list[Instrument]:
    """Calls and puts on `on`, by strike, calls first."""
    root = root or on.symbol
    return Instrument.objects.bulk_create(
        Instrument(
            feed=on.feed,
            symbol=format_osi(OptionName(root, expires_at.date(), right, strike)),
            kind="option",
            underlying=on.symbol,
            root=root,
            expiry=expires_at.date(),
            expires_at=expires_at,
            strike=strike,
            right=right,
            exercise="american",
            multiplier=100,
            **changes,
        )
        for strike in strikes
        for right in ("C", "P")
    )


def price(redis: Redis, listed: Iterable[Instrument], volatility: float = VOLATILITY, forward: float = SPOT) -> None:
    """Quotes of the options by one volatility, with bid and ask a point around it."""
    now_ms = time.time() * 1000
    for one in listed:
        assert one.strike is not None
        assert one.expires_at is not None
        years = (one.expires_at.timestamp() * 1000 - now_ms) / greeks.MS_PER_YEAR
        call = one.right == "C"
        found = greeks.greeks(call, forward, one.strike, years, volatility)
        low, mid, high = greeks.price(call, forward, one.strike, years, volatility + np.array([-0.01, 0, 0.01]))
        quote(
            redis,
            one,
            bid=float(low),
            ask=float(high),
            mark=float(mid),
            underlying_price=forward,
            implied_volatility=volatility,
            bid_iv=volatility - 0.01,
            ask_iv=volatility + 0.01,
            delta=float(found.delta),
        )
