"""Which contracts follow the money: an expiry by a rule, and the strikes around the price. Pure; `accounts` asks when an
entry is made, ingest each second from then on.
"""

import bisect
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from . import expiry_cycle

Rule = Literal["next", "weekly", "monthly", "30d", "60d"]
State = Literal["waiting", "following", "none"]

DAY_MS: Final = 86_400_000
# The part of the step between two strikes by which the price has to be past their middle before the centre moves: a price
# that goes to and fro across the middle would else move it each time.
MARGIN: Final = 0.20
_DAYS: Final[Mapping[str, int]] = {"30d": 30, "60d": 60}


class Wish(NamedTuple):
    """What an entry asks for: `strikes` on each side of the one at the money, `rights` "CP", "C" or "P"."""

    rule: str
    strikes: int
    rights: str


class Expiry(NamedTuple):
    """One expiry of one root; `expires_ms` is its instant on the feed's clock."""

    day: dt.date
    root: str
    expires_ms: float


class Standing(NamedTuple):
    """What an entry stands for: `held` are ids, by strike, calls first. `waiting`: the price is not known yet; `none`: no
    contract fits."""

    state: State = "waiting"
    expiry: dt.date | None = None
    centre: float | None = None
    held: tuple[int, ...] = ()


class Ladder:
    """The contracts of one expiry, by strike and right."""

    def __init__(self, contracts: Iterable[tuple[float, str, int]]) -> None:
        self._ids = {(strike, right): id_ for strike, right, id_ in contracts}
        self._strikes = {
            rights: sorted({strike for strike, right in self._ids if right in rights}) for rights in ("CP", "C", "P")
        }

    def strikes(self, rights: str) -> Sequence[float]:
        """Those that have a contract of one of `rights`, rising."""
        return self._strikes[rights]

    def ids(self, strikes: Iterable[float], rights: str) -> tuple[int, ...]:
        pairs = ((strike, right) for strike in strikes for right in rights)
        return tuple(self._ids[pair] for pair in pairs if pair in self._ids)


def chosen(expiries: Iterable[Expiry], underlying: str, rule: str, now_ms: float) -> Expiry | None:
    """The expiry that `rule` means at `now_ms`, of those that have not expired; None where there is none. Of several roots
    on a day, the underlying's own goes first.

    As time goes on each rule moves from an expiry to a later one only, and so needs no margin."""
    alive = [one for one in expiries if one.expires_ms > now_ms]
    if rule in _DAYS:
        aim = now_ms + _DAYS[rule] * DAY_MS
        # Days are compared, and then roots of one: two roots that expire hours apart must not take turns.
        first: dict[dt.date, float] = {}
        for one in alive:
            first[one.day] = min(one.expires_ms, first.get(one.day, one.expires_ms))
        alive.sort(key=lambda one: (abs(first[one.day] - aim), one.day, one.root != underlying, one.root))
        return alive[0] if alive else None
    alive.sort(key=lambda one: (one.day, one.root != underlying, one.expires_ms, one.root))
    cycles = {"weekly": ("weekly", "monthly"), "monthly": ("monthly",)}.get(rule)
    return next((one for one in alive if cycles is None or _cycle(one) in cycles), None)


def centred(strikes: Sequence[float], spot: float, before: float | None) -> float:
    """The strike at the money. `strikes` are rising, and at least one. It stays at `before` until `spot` is past the middle
    to the next strike by MARGIN of the step between the two; else it is the nearest, of two as near the lower."""
    place = bisect.bisect_left(strikes, before) if before is not None else len(strikes)
    if place < len(strikes) and strikes[place] == before:
        low = strikes[place - 1] if place else None
        high = strikes[place + 1] if place + 1 < len(strikes) else None
        reach = 0.5 + MARGIN
        falls = low is not None and spot < before - reach * (before - low)
        rises = high is not None and spot > before + reach * (high - before)
        if not falls and not rises:
            return before
    return min(strikes, key=lambda strike: (abs(strike - spot), strike))


def around(strikes: Sequence[float], centre: float, each_side: int) -> Sequence[float]:
    """`centre`, which is one of `strikes`, with up to so many on each side."""
    place = bisect.bisect_left(strikes, centre)
    return strikes[max(0, place - each_side) : place + each_side + 1]


def standing(
    expiry: Expiry | None, ladder: Ladder | None, wish: Wish, spot: float | None, before: Standing
) -> Standing:
    """What an entry stands for, at an expiry that was `chosen` and its contracts. Where the price is not known, the centre
    that it had counts for it."""
    strikes = ladder.strikes(wish.rights) if ladder is not None else ()
    if expiry is None or ladder is None or not strikes:
        return Standing("none", None, before.centre)
    price = spot if spot is not None else before.centre
    if price is None:
        return Standing("waiting")
    # The strikes of another expiry are others: a margin about the former ones says nothing there.
    centre = centred(strikes, price, before.centre if before.expiry == expiry.day else None)
    return Standing("following", expiry.day, centre, ladder.ids(around(strikes, centre, wish.strikes), wish.rights))


def _cycle(one: Expiry) -> str:
    return expiry_cycle.cycle(one.day, dt.datetime.fromtimestamp(one.expires_ms / 1000, dt.UTC))
