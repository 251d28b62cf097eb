"""What the simulated session has seen so far: last trades, volumes, open interest, and where change is measured from.
`exchange` prints on it and reads it for every quote; plain lists, since it is read one instrument at a time.
"""

from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from ...greeks import Array

T = TypeVar("T")


class Tape:
    """By instrument number; None where there is nothing: no trade yet, or an index, which has none.

    `activity` is the share of quotes that an instrument has. The market may be first looked at in the middle of its
    day, so a morning's trading is made up: `elapsed` of a day that began at `session_ms`. Volumes go with a usual
    day's trading, and not with the rate of quotes, which is the operator's choice.
    """

    def __init__(
        self,
        random: np.random.Generator,
        activity: Array,
        price: Array,
        reference: Array,
        is_index: Array,
        session_ms: float,
        now_ms: float,
    ) -> None:
        count, underlyings = len(activity), len(is_index)
        usual = activity * 400_000
        usual[:underlyings] *= 50
        volume = random.poisson(usual * (now_ms - session_ms) / 86_400_000)
        ago = np.minimum(random.exponential(0.05, count), 1) * (now_ms - session_ms)
        size = 1 + np.minimum(random.poisson(2, count), np.maximum(volume - 1, 0))
        traded = (volume > 0).tolist()
        interest: list[int | None] = random.poisson(activity * 3_000_000).tolist()
        interest[:underlyings] = [None] * underlyings

        self.reference: list[float | None] = reference.tolist()
        self.interest = interest
        self.volume: list[int | None] = volume.tolist()
        self.last: list[float | None] = _where(traded, price.tolist())
        self.last_size: list[int | None] = _where(traded, size.tolist())
        self.last_time_ms: list[float | None] = _where(traded, np.round(now_ms - ago, 3).tolist())
        for number in np.flatnonzero(is_index).tolist():
            self.volume[number] = self.last_size[number] = None

    def trade(self, number: int, price: float, size: int, time_ms: float) -> None:
        self.last[number], self.last_size[number], self.last_time_ms[number] = price, size, time_ms
        self.volume[number] = (self.volume[number] or 0) + size

    def fix(self, number: int, value: float, time_ms: float) -> None:
        """A new value of an index."""
        self.last[number], self.last_time_ms[number] = value, time_ms

    def carry(self, other: "Tape", pairs: Iterable[tuple[int, int]]) -> None:
        """Takes over what `other` has seen: `pairs` are its number of an instrument and ours."""
        for there, here in pairs:
            self.reference[here] = other.reference[there]
            self.interest[here] = other.interest[there]
            self.volume[here] = other.volume[there]
            self.last[here] = other.last[there]
            self.last_size[here] = other.last_size[there]
            self.last_time_ms[here] = other.last_time_ms[there]

    def new_session(self, reference: Array) -> None:
        """Volumes start again, a part of what was traded stays open, and change is measured from `reference`."""
        self.reference = reference.tolist()
        pairs = zip(self.interest, self.volume, strict=True)
        self.interest = [None if held is None else held + (done or 0) // 4 for held, done in pairs]
        self.volume = [None if done is None else 0 for done in self.volume]


def _where(keep: list[bool], values: list[T]) -> list[T | None]:
    return [value if kept else None for kept, value in zip(keep, values, strict=True)]
