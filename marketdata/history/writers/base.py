"""What a writer promises, and the SQL that both kinds share."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from .. import bars
from ..bar_check import TICK_SELECT
from ..columns import BAR, BAR_PRICES, TRADE
from ..entries import Reject, Tick, Trade


class RowsRefusedError(Exception):
    """The database will not take these rows, whatever the hour: one of them, at least, is wrong."""


class Written(NamedTuple):
    """How many were not there before."""

    ticks: int = 0
    trades: int = 0


class Gap(msgspec.Struct, frozen=True):
    """`count` accepted quotes of a term, received from `from_us` to `to_us`, that are not stored, and why."""

    feed: str
    term: int
    from_us: int
    to_us: int
    count: int
    reason: str


class Writer(Protocol):
    """Every method has committed when it returns, and may be repeated: what was there already changes nothing.

    Raises HistoryDownError where another try may help, RowsRefusedError where it cannot.
    """

    def write(self, ticks: Sequence[Tick], trades: Sequence[Trade] = ()) -> Written:
        """Stores rows in the order of `columns.TICK` and `columns.TRADE`, and the bars that they change."""

    def set_aside(self, feed: str, term: int, rejects: Sequence[Reject]) -> None: ...

    def record_gap(self, gap: Gap) -> None:
        """A gap of the same feed, term, beginning and reason is made as long as the longer of the two."""

    def newest(self, instrument: int, term: int) -> tuple[int, int] | None:
        """(seq, received time in µs) of the newest tick of an instrument in a term."""

    def close(self) -> None: ...


def _merged(greatest: str, least: str) -> str:
    """The assignments that join a stretch of ticks to the bar that stands; the same that `bars.joined` does."""
    parts = [
        "ticks = b.ticks + excluded.ticks",
        "first_seq = coalesce(b.first_seq, excluded.first_seq)",
        "last_seq = coalesce(excluded.last_seq, b.last_seq)",
        "volume_first = coalesce(b.volume_first, excluded.volume_first)",
        "volume_gain = CASE WHEN b.volume_last IS NULL THEN excluded.volume_gain"
        " WHEN excluded.volume_first IS NULL THEN b.volume_gain"
        f" ELSE b.volume_gain + {greatest}(0, excluded.volume_first - b.volume_last) + excluded.volume_gain END",
        "volume_last = coalesce(excluded.volume_last, b.volume_last)",
        "implied_volatility = coalesce(excluded.implied_volatility, b.implied_volatility)",
    ]
    for name in BAR_PRICES:
        match name.rpartition("_")[2]:
            case "open":
                parts.append(f"{name} = coalesce(b.{name}, excluded.{name})")
            case "close":
                parts.append(f"{name} = coalesce(excluded.{name}, b.{name})")
            case part:
                choose = greatest if part == "high" else least
                parts.append(f"{name} = coalesce({choose}(b.{name}, excluded.{name}), b.{name}, excluded.{name})")
    return ", ".join(parts)


def upsert_bars(source: str, greatest: str, least: str) -> str:
    """Joins the bars of `source` to those that stand, where they come after all that is in them."""
    return (
        f"INSERT INTO history_bar AS b ({', '.join(BAR)}) {source} "
        f"ON CONFLICT (instrument, minute) DO UPDATE SET {_merged(greatest, least)} "
        "WHERE b.last_seq IS NULL OR excluded.first_seq > b.last_seq"
    )


REPLACE_BAR: Final = (
    f"INSERT INTO history_bar ({', '.join(BAR)}) VALUES ({', '.join(['%s'] * len(BAR))}) "
    "ON CONFLICT (instrument, minute) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in BAR[2:] if name != "trade_volume")
)
ADD_TRADES: Final = (
    "INSERT INTO history_bar AS b (instrument, minute, ticks, trade_volume) VALUES (%s, %s, 0, %s) "
    "ON CONFLICT (instrument, minute) DO UPDATE SET trade_volume = coalesce(b.trade_volume, 0) + excluded.trade_volume"
)
TICKS_OF_MINUTE: Final = (
    f"SELECT {TICK_SELECT} FROM history_tick WHERE instrument = %s AND second >= %s AND second < %s ORDER BY seq"
)
INSERT_TRADE: Final = (
    f"INSERT INTO history_trade ({', '.join(TRADE)}) VALUES ({', '.join(['%s'] * len(TRADE))}) ON CONFLICT DO NOTHING"
)
INSERT_REJECT: Final = (
    "INSERT INTO history_reject (feed, term, instrument, seq, row_text, reason, recorded_us) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
)
INSERT_GAP: Final = (
    "INSERT INTO history_gap AS g (feed, term, from_us, to_us, count, reason, recorded_us) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (feed, term, from_us, reason) DO UPDATE SET "
    "to_us = CASE WHEN excluded.count > g.count THEN excluded.to_us ELSE g.to_us END, "
    "count = CASE WHEN excluded.count > g.count THEN excluded.count ELSE g.count END"
)
# The newest in time is the newest in `seq` within a term, save where a clock was set back in it: a few are looked at.
NEWEST: Final = (
    "SELECT seq, second, micro FROM history_tick WHERE instrument = %s AND seq >= %s AND seq < %s "
    "ORDER BY second DESC, seq DESC LIMIT 1"
)


def in_order(ticks: Sequence[Tick]) -> dict[bars.Key, bars.Bar]:
    """The bars of ticks in whatever order: as they came, where that is their order, else sorted first."""
    try:
        return bars.of_ticks(ticks)
    except bars.DisorderError:
        return bars.of_ticks(sorted(ticks, key=lambda tick: tick[2]))


def by_minute(ticks: Iterable[Tick]) -> dict[bars.Key, list[Tick]]:
    """The ticks of each minute of an instrument."""
    found: dict[bars.Key, list[Tick]] = {}
    for tick in ticks:
        found.setdefault((tick[3], tick[0] // 60), []).append(tick)
    return found


def gap_row(gap: Gap) -> tuple[Any, ...]:
    return (*msgspec.structs.astuple(gap), time.time_ns() // 1000)


def reject_rows(feed: str, term: int, rejects: Sequence[Reject]) -> list[tuple[Any, ...]]:
    now = time.time_ns() // 1000
    return [(feed, term, one.instrument, one.seq, one.text, one.reason, now) for one in rejects]


def as_row(bar: bars.Bar) -> tuple[Any, ...]:
    return tuple(getattr(bar, name) for name in BAR)


def trade_rows(volumes: Mapping[bars.Key, float]) -> Iterable[tuple[Any, ...]]:
    return ((instrument, minute, volume) for (instrument, minute), volume in sorted(volumes.items()))
