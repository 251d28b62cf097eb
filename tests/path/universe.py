"""The invented instruments of the tests' own feed: a ladder of calls on ACME, named as listed options are."""

import datetime as dt
import os

from marketdata.facts import InstrumentFacts
from marketdata.symbols import OptionName, format_osi

FEED = "scripted"
EXPIRY = dt.date(2030, 1, 18)


def symbol_of(number: int) -> str:
    return format_osi(OptionName("ACME", EXPIRY, "C", 1.0 + number))


def facts_of(symbols: int) -> list[InstrumentFacts]:
    """`symbols` calls, strikes from 1 USD up; on the underlyings in turn that UNIVERSE_UNDERLYINGS names, where it does."""
    underlyings = os.environ.get("UNIVERSE_UNDERLYINGS", "ACME").split(",")
    return [
        InstrumentFacts(
            symbol=symbol_of(number),
            feed=FEED,
            kind="option",
            underlying=underlyings[number % len(underlyings)],
            root="ACME",
            expiry=EXPIRY.isoformat(),
            expires_ms=1_895_000_400_000,
            strike=1.0 + number,
            right="C",
            exercise="american",
            multiplier=100,
        )
        for number in range(symbols)
    ]
