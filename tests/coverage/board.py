"""The invented listing of these tests: an underlying and its calls, seven strikes at four expiries."""

from marketdata.facts import InstrumentFacts
from tests.builders import NOON_MS, make_facts

DAY_MS = 86_400_000
EXPIRIES = ("2026-01-15", "2026-01-16", "2026-01-29", "2026-02-20")
STRIKES = (80.0, 89.0, 90.0, 100.0, 110.0, 111.0, 120.0)


def instant(expiry: str) -> int:
    """16:00 in New York on that winter's day."""
    return int(NOON_MS + (int(expiry[8:]) - 15 + (31 if expiry[5:7] == "02" else 0)) * DAY_MS + 9 * 3_600_000)


def board(underlying: str = "ACME", first_id: int = 1, feed: str = "simulated") -> list[InstrumentFacts]:
    """The underlying, then its options by expiry and strike."""
    own = make_facts(
        underlying,
        id=first_id,
        feed=feed,
        kind="stock",
        underlying=underlying,
        expiry=None,
        expires_ms=None,
        strike=None,
        right=None,
    )
    pairs = [(expiry, strike) for expiry in EXPIRIES for strike in STRIKES]
    return [
        own,
        *(
            make_facts(
                f"{underlying}-{expiry}-{strike:g}",
                id=first_id + number,
                feed=feed,
                underlying=underlying,
                expiry=expiry,
                expires_ms=instant(expiry),
                strike=strike,
            )
            for number, (expiry, strike) in enumerate(pairs, 1)
        ),
    ]
