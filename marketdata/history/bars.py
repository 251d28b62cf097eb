"""One-minute bars: what ticks and trades make of a minute, and how two stretches of ticks become one.

A tick belongs to the minute in which it was received, on the feed's clock. The mid is (bid + ask) / 2 of a quote that has
both and does not cross; the last is the last price as quoted. A bar computed in parts, in the order of `seq`, equals the
one computed in one go.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, Final

import msgspec

from .columns import BAR, TICK

_SECOND, _SEQ, _INSTRUMENT, _BID, _ASK, _LAST, _VOLUME, _IV = (
    TICK.index(name) for name in ("second", "seq", "instrument", "bid", "ask", "last", "volume", "implied_volatility")
)
_TRADE_SECOND: Final = 0
_TRADE_INSTRUMENT: Final = 2
_TRADE_SIZE: Final = 5

Key = tuple[int, int]  # instrument, minute


class Bar(msgspec.Struct):
    """One minute of one instrument, as it stands in the table; see `columns.BAR`."""

    instrument: int
    minute: int
    ticks: int = 0
    first_seq: int | None = None
    last_seq: int | None = None
    mid_open: float | None = None
    mid_high: float | None = None
    mid_low: float | None = None
    mid_close: float | None = None
    last_open: float | None = None
    last_high: float | None = None
    last_low: float | None = None
    last_close: float | None = None
    volume_first: float | None = None
    volume_last: float | None = None
    volume_gain: float | None = None
    trade_volume: float | None = None
    implied_volatility: float | None = None


assert Bar.__struct_fields__ == BAR


class DisorderError(ValueError):
    """Ticks of an instrument that do not stand in the order of `seq`."""


def of_ticks(ticks: Iterable[Sequence[Any]]) -> dict[Key, Bar]:
    """The bars that these make, which are rows in the order of `columns.TICK`, those of an instrument by `seq`. Raises
    DisorderError where they are not, or one stands there twice."""
    bars: dict[Key, Bar] = {}
    for tick in ticks:
        key = (tick[_INSTRUMENT], tick[_SECOND] // 60)
        bar = bars.get(key)
        if bar is None:
            bar = bars[key] = Bar(*key, first_seq=tick[_SEQ], last_seq=0)
        seq = tick[_SEQ]
        if seq <= bar.last_seq:
            raise DisorderError(f"instrument {key[0]}: {seq} after {bar.last_seq}")
        bar.ticks += 1
        bar.last_seq = seq
        bid, ask = tick[_BID], tick[_ASK]
        if bid is not None and ask is not None and bid <= ask:
            mid = (bid + ask) / 2
            if bar.mid_open is None:
                bar.mid_open = bar.mid_high = bar.mid_low = mid
            elif mid > bar.mid_high:
                bar.mid_high = mid
            elif mid < bar.mid_low:
                bar.mid_low = mid
            bar.mid_close = mid
        last = tick[_LAST]
        if last is not None:
            if bar.last_open is None:
                bar.last_open = bar.last_high = bar.last_low = last
            elif last > bar.last_high:
                bar.last_high = last
            elif last < bar.last_low:
                bar.last_low = last
            bar.last_close = last
        volume = tick[_VOLUME]
        if volume is not None:
            before = bar.volume_last
            if before is None:
                bar.volume_first = volume
                bar.volume_gain = 0.0
            elif volume > before:
                bar.volume_gain += volume - before
            bar.volume_last = volume
        if tick[_IV] is not None:
            bar.implied_volatility = tick[_IV]
    return bars


def joined(earlier: Bar, later: Bar) -> Bar:
    """The bar of both stretches, where every tick of `later` comes after those of `earlier`. The key is the earlier's, so
    bars of several minutes may be joined too."""
    bar = copy(earlier)
    bar.ticks += later.ticks
    if bar.first_seq is None:
        bar.first_seq = later.first_seq
    if later.last_seq is not None:
        bar.last_seq = later.last_seq
    # Written out, since a month of minutes is joined for one answer: by names it takes four times as long.
    if later.mid_open is not None:
        if bar.mid_open is None:
            bar.mid_open, bar.mid_high, bar.mid_low = later.mid_open, later.mid_high, later.mid_low
        else:
            bar.mid_high = max(bar.mid_high, later.mid_high)  # type: ignore[type-var] # the four are set together
            bar.mid_low = min(bar.mid_low, later.mid_low)  # type: ignore[type-var]
        bar.mid_close = later.mid_close
    if later.last_open is not None:
        if bar.last_open is None:
            bar.last_open, bar.last_high, bar.last_low = later.last_open, later.last_high, later.last_low
        else:
            bar.last_high = max(bar.last_high, later.last_high)  # type: ignore[type-var]
            bar.last_low = min(bar.last_low, later.last_low)  # type: ignore[type-var]
        bar.last_close = later.last_close
    if later.volume_first is not None:
        if bar.volume_last is None:
            bar.volume_first, bar.volume_gain = later.volume_first, later.volume_gain
        else:
            assert bar.volume_gain is not None
            assert later.volume_gain is not None
            bar.volume_gain = bar.volume_gain + max(0.0, later.volume_first - bar.volume_last) + later.volume_gain
        bar.volume_last = later.volume_last
    if later.trade_volume is not None:
        bar.trade_volume = (bar.trade_volume or 0.0) + later.trade_volume
    if later.implied_volatility is not None:
        bar.implied_volatility = later.implied_volatility
    return bar


def trade_volumes(trades: Iterable[Sequence[Any]]) -> dict[Key, float]:
    """How much these trades, rows in the order of `columns.TRADE`, add to each minute."""
    volumes: dict[Key, float] = {}
    for trade in trades:
        key = (trade[_TRADE_INSTRUMENT], trade[_TRADE_SECOND] // 60)
        volumes[key] = volumes.get(key, 0.0) + trade[_TRADE_SIZE]
    return volumes


def volume(bar: Bar, before: float | None) -> float | None:
    """What was traded in the bar, in contracts or shares: by its trades where the feed tells of trades, else by what the
    session volume rose, also since `before`, the last one known before the bar; null where neither is known."""
    return volume_of(bar.trade_volume, bar.volume_gain, bar.volume_first, before)


def volume_of(
    trade_volume: float | None, volume_gain: float | None, volume_first: float | None, before: float | None
) -> float | None:
    """The same of the columns that it takes."""
    if trade_volume is not None:
        return trade_volume
    if volume_gain is None:
        return None
    rise = 0.0 if before is None or volume_first is None else max(0.0, volume_first - before)
    return volume_gain + rise
