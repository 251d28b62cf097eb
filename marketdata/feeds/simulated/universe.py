"""The invented companies and indices of the simulated market. `listings` lists their options, `spots` moves their
prices. None of the symbols is, or resembles, one that trades.
"""

import datetime as dt
from typing import Final, Literal, NamedTuple

from ...facts import Exercise

PM: Final = dt.time(16)
AM: Final = dt.time(9, 30)


class Root(NamedTuple):
    """A series of options: which expiries it has, and when on its last day it is settled, New York time."""

    symbol: str
    series: Literal["weekly", "monthly", "daily"]
    settles: dt.time = PM


class Ticks(NamedTuple):
    """The price step below 3 and from 3 up, as American option exchanges have them."""

    low: float
    high: float


class Underlying(NamedTuple):
    """`volatility` is the long-run one per year; `skew` and `wings` are ρ and η of the smile (see `surface`).
    `popularity` weighs how often its instruments quote."""

    symbol: str
    kind: Literal["index", "stock"]
    price: float
    volatility: float
    skew: float
    wings: float
    popularity: float
    ticks: Ticks
    roots: tuple[Root, ...]

    @property
    def exercise(self) -> Exercise:
        return "european" if self.kind == "index" else "american"


_PENNY = Ticks(0.01, 0.01)
_NICKEL = Ticks(0.01, 0.05)
_DIME = Ticks(0.05, 0.10)

UNIVERSE: Final = (
    Underlying(
        "ZEPH", "index", 5_200, 0.17, -0.62, 1.1, 3.0, _DIME, (Root("ZEPH", "monthly", AM), Root("ZEPHW", "daily"))
    ),
    Underlying("NIMBU", "index", 1_840, 0.22, -0.55, 1.1, 1.2, _DIME, (Root("NIMBU", "weekly"),)),
    Underlying("ACME", "stock", 182, 0.28, -0.42, 1.0, 2.0, _PENNY, (Root("ACME", "weekly"),)),
    Underlying("GIZMO", "stock", 431, 0.46, -0.35, 0.9, 2.5, _PENNY, (Root("GIZMO", "weekly"),)),
    Underlying("WIDGT", "stock", 64, 0.31, -0.40, 1.0, 1.0, _NICKEL, (Root("WIDGT", "weekly"),)),
    Underlying("FROBZ", "stock", 27.5, 0.62, -0.15, 0.8, 1.4, _NICKEL, (Root("FROBZ", "weekly"),)),
    Underlying("PLUMO", "stock", 96, 0.19, -0.45, 1.0, 0.6, _NICKEL, (Root("PLUMO", "weekly"),)),
    Underlying("QUARQ", "stock", 12.4, 0.85, 0.10, 0.8, 0.8, _NICKEL, (Root("QUARQ", "weekly"),)),
)
