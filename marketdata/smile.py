"""The smile of one expiry, and what follows from it: volatility at the money and the expected move. Pure; `rest` asks it
with the newest rows.

Each strike is seen from its out-of-the-money side, the call at the forward and above, the put below: there an option is
all time value, and what the venue says of its volatility is least blurred by spreads.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .facts import Right

Columns = Mapping[str, float | None]


class Strike(NamedTuple):
    """One strike: the newest rows of its call and its put, by column; None where there is none."""

    strike: float
    call: Columns | None
    put: Columns | None


class Point(NamedTuple):
    """One strike of a smile. `log_moneyness` is ln(strike / forward). `delta` is the out-of-the-money option's own.
    Implied volatilities are fractions per year; None is unknown."""

    strike: float
    log_moneyness: float
    right: Right
    delta: float | None
    bid_iv: float | None
    mark_iv: float | None
    ask_iv: float | None


def forward(rows: Iterable[Columns | None]) -> float | None:
    """The price that the greeks of an expiry refer to: `underlying_price` of the newest row, by the venue's time, that has
    one. At venues with a future or a synthetic one for each expiry, that is the expiry's forward."""
    priced = [row for row in rows if row is not None and row.get("underlying_price")]
    newest = max(priced, key=lambda row: row.get("venue_time_ms") or 0, default=None)
    return None if newest is None else newest["underlying_price"]


def out_of_the_money(strike: float, at: float) -> Right:
    """Which option of `strike` is out of the money when the forward is `at`."""
    return "C" if strike >= at else "P"


def smile(strikes: Iterable[Strike], at: float) -> list[Point]:
    """A point for each strike, in their order, seen from a forward of `at`."""
    points = []
    for strike, call, put in strikes:
        right = out_of_the_money(strike, at)
        row = (call if right == "C" else put) or {}
        points.append(
            Point(
                strike,
                math.log(strike / at),
                right,
                row.get("delta"),
                row.get("bid_iv"),
                row.get("implied_volatility"),
                row.get("ask_iv"),
            )
        )
    return points


def at_the_money_volatility(points: Sequence[Point]) -> float | None:
    """The volatility at a strike equal to the forward, a fraction per year: linear in log-moneyness between the nearest
    strikes on both sides whose volatility is known. None where one side has none: a smile is not continued beyond what is
    quoted."""
    known = [(point.log_moneyness, volatility) for point in points if (volatility := _volatility(point)) is not None]
    below = max((one for one in known if one[0] <= 0), default=None)
    above = min((one for one in known if one[0] >= 0), default=None)
    if below is None or above is None:
        return None
    if above[0] == below[0]:
        return below[1]
    return below[1] + (above[1] - below[1]) * below[0] / (below[0] - above[0])


def expected_move(at: float, volatility: float, years: float) -> float:
    """One standard deviation of the underlying's price until expiry, in its currency: F·σ·√T, with the forward F, the
    volatility at the money σ per year, and T in years of 365 days. About two of three outcomes lie within it.

    Source: J. Hull, "Options, Futures, and Other Derivatives", the chapter on the Black-Scholes-Merton model: the standard
    deviation of the change of a price in a time T is approximately S·σ·√T."""
    return at * volatility * math.sqrt(max(years, 0.0))


def _volatility(point: Point) -> float | None:
    """Of the mark, else the middle of bid and ask."""
    if point.mark_iv:
        return point.mark_iv
    return (point.bid_iv + point.ask_iv) / 2 if point.bid_iv and point.ask_iv else None
