"""Whether the bars that stand are those of the stored ticks and trades: the three read beside each other, a minute of an
instrument at a time.
"""

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

import msgspec

from . import bars
from .columns import BAR, TICK

_SECOND, _SEQ, _INSTRUMENT = (TICK.index(name) for name in ("second", "seq", "instrument"))
_NEEDED: Final = ("second", "seq", "instrument", "bid", "ask", "last", "volume", "implied_volatility")
# What a bar is made of, in the places that `bars.of_ticks` expects: the rest need not be sent.
TICK_SELECT: Final = ", ".join(name if name in _NEEDED else "NULL" for name in TICK[: TICK.index(_NEEDED[-1]) + 1])
# Sums of differences, joined in other parts than here: the last bits may differ.
_SUMS: Final = frozenset({"volume_gain"})
_CLOSE: Final = 1e-9


class Minute(NamedTuple):
    """What there is of a minute: the bar that its stored ticks make, the bar that stands, and the sum of its trades."""

    instrument: int
    minute: int
    made: bars.Bar | None
    stands: bars.Bar | None
    traded: float | None


def bars_of(ticks: Iterable[Sequence[Any]]) -> Iterator[bars.Bar]:
    """The bars of ticks that come by instrument and minute, one minute held at a time."""
    for _, part in groupby(ticks, key=lambda tick: (tick[_INSTRUMENT], tick[_SECOND] // 60)):
        rows = list(part)
        try:
            yield from bars.of_ticks(rows).values()
        except bars.DisorderError:  # a clock that was set back, or a row that stands there twice
            by_seq = {row[_SEQ]: row for row in rows}
            yield from bars.of_ticks(by_seq[seq] for seq in sorted(by_seq)).values()


def minutes(
    ticks: Iterable[Sequence[Any]], stand: Iterable[Sequence[Any]], traded: Iterable[Sequence[Any]]
) -> Iterator[Minute]:
    """Each minute that any of the three knows. `ticks` are columns of TICK_SELECT, `stand` of `columns.BAR`, `traded` are
    instrument, minute and the sum of sizes; all ordered by instrument and time."""
    found = heapq.merge(
        ((bar.instrument, bar.minute, 0, bar) for bar in bars_of(ticks)),
        ((row[0], row[1], 1, bars.Bar(*row)) for row in stand),
        ((row[0], row[1], 2, row[2]) for row in traded),
        key=lambda entry: entry[:3],
    )
    for (instrument, minute), entries in groupby(found, key=lambda entry: entry[:2]):
        parts: dict[int, Any] = {entry[2]: entry[3] for entry in entries}
        yield Minute(instrument, minute, parts.get(0), parts.get(1), parts.get(2))


def differences(one: Minute, with_trades: bool = True) -> list[str]:
    """What is wrong with a minute whose ticks are all there; nothing where nothing is. A bar that stands without ticks is
    the caller's to judge."""
    wrong = []
    if one.made is not None:
        if one.stands is None:
            return [f"there is no bar of its {one.made.ticks} ticks"]
        made, stands = msgspec.structs.asdict(one.made), msgspec.structs.asdict(one.stands)
        wrong = [
            f"{name} is {stands[name]}, of the ticks {made[name]}"
            for name in BAR
            if name != "trade_volume" and not _same(name, made[name], stands[name])
        ]
    volume = one.stands.trade_volume if one.stands is not None else None
    if with_trades and one.traded is not None and (volume is None or not _is_close(volume, one.traded)):
        wrong.append(f"trade_volume is {volume}, of the trades {one.traded}")
    return wrong


def _same(name: str, one: Any, other: Any) -> bool:
    if name in _SUMS and one is not None and other is not None:
        return _is_close(one, other)
    return bool(one == other)


def _is_close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE)
