"""What an imported row may hold. A row that passes is one that the recorder could have stored."""

import math
from collections.abc import Mapping
from typing import Any, Final

from ..quotes import NOT_NEGATIVE
from .columns import BAR, BAR_PRICES
from .export_columns import NAMES

_EARLIEST_US: Final = 946_684_800_000_000  # 2000
_LATEST_US: Final = 4_102_444_800_000_000  # 2100
_MOST_SEQ: Final = 2**53
_LAG_FITS: Final = 2**31 - 1
_MOST_FLAGS: Final = 2**15
_MINUTE_US: Final = 60_000_000
_LONGEST_ID: Final = 64
_VOLUMES: Final = ("volume_first", "volume_last", "volume_gain", "trade_volume")
_NOT_NEGATIVE: Final = tuple(name for name in NAMES if name in NOT_NEGATIVE)
_LAST_AT: Final = NAMES.index("last_at")
_SIGNED: Final = tuple(name for name in NAMES if name not in NOT_NEGATIVE and name != "last_at")


class CellError(ValueError):
    """A cell that cannot be; the text names the column."""


def tick(cells: Mapping[str, Any]) -> list[Any]:
    """A row in the order of `columns.TICK`, of cells named as in `export_columns.TICKS`, times in microseconds. Raises
    CellError."""
    received = _time(cells, "received_at")
    seq = cells.get("seq")
    if seq is None or not 0 < seq < _MOST_SEQ:
        raise CellError(f"seq: {seq} is not from 1 to 2^53 - 1")
    lag: int | None = None
    venue_us: int | None = None
    if cells.get("venue_at") is not None:
        venue_us = _time(cells, "venue_at")
        if abs(received - venue_us) <= _LAG_FITS:
            lag, venue_us = received - venue_us, None
    for name in _NOT_NEGATIVE:
        _number(cells, name, least=0)
    for name in _SIGNED:
        _number(cells, name)
    flags = cells.get("flags") or 0
    if not 0 <= flags < _MOST_FLAGS:
        raise CellError(f"flags: {flags} is not from 0 to {_MOST_FLAGS - 1}")
    last_us = cells.get("last_at")
    if last_us is not None and not 0 <= last_us < _LATEST_US:
        raise CellError("last_at: not a time from 1970 to 2100")
    values = [cells.get(name) for name in NAMES]
    values[_LAST_AT] = None if last_us is None else last_us / 1000
    second, micro = divmod(received, 1_000_000)
    return [second, micro, seq, None, lag, *values, flags or None, venue_us]


def bar(cells: Mapping[str, Any]) -> list[Any]:
    """A row in the order of `columns.BAR`, of cells named as in `export_columns.BARS`. Raises CellError."""
    start = _time(cells, "starts_at")
    if start % _MINUTE_US:
        raise CellError("starts_at: not the beginning of a minute")
    ticks = cells.get("ticks") or 0
    if not 0 <= ticks < 2**31:
        raise CellError(f"ticks: {ticks} is not from 0 to 2^31 - 1")
    for name in ("first_seq", "last_seq"):
        seq = cells.get(name)
        if seq is not None and not 0 < seq < _MOST_SEQ:
            raise CellError(f"{name}: {seq} is not from 1 to 2^53 - 1")
    for name in (*BAR_PRICES, *_VOLUMES, "implied_volatility"):
        _number(cells, name, least=0)
    for names in (BAR_PRICES[:4], BAR_PRICES[4:]):
        _ordered(names, [cells.get(name) for name in names])
    known = [cells.get(name) is not None for name in _VOLUMES[:3]]
    if any(known) and not all(known):
        raise CellError("volume_first: it, volume_last and volume_gain are known together or not at all")
    return [None, start // _MINUTE_US, ticks, *(cells.get(name) for name in BAR[3:])]


def trade(cells: Mapping[str, Any]) -> list[Any]:
    """A row in the order of `columns.TRADE`, of cells named as in `export_columns.TRADES`. Raises CellError."""
    received = _time(cells, "received_at")
    traded = received if cells.get("traded_at") is None else _time(cells, "traded_at")
    for name in ("price", "size"):
        if cells.get(name) is None:
            raise CellError(f"{name}: there is none")
    # A spread trades below 0 too.
    _number(cells, "price")
    _number(cells, "size", least=0)
    trade_id = cells.get("trade_id") or ""
    if not 0 < len(trade_id) <= _LONGEST_ID or "\0" in trade_id:
        raise CellError(f"trade_id: takes 1 to {_LONGEST_ID} characters")
    return [*divmod(received, 1_000_000), None, traded, cells["price"], cells["size"], trade_id]


def _time(cells: Mapping[str, Any], name: str) -> int:
    value: int | None = cells.get(name)
    if value is None:
        raise CellError(f"{name}: there is none")
    if not _EARLIEST_US <= value < _LATEST_US:
        raise CellError(f"{name}: not a time from 2000 to 2100")
    return value


def _number(cells: Mapping[str, Any], name: str, least: float = -math.inf) -> None:
    value = cells.get(name)
    # NaN fails every comparison.
    if value is not None and not (least <= value < math.inf and value > -math.inf):
        raise CellError(
            f"{name}: {value} is {'negative' if value < 0 and value > -math.inf else 'not a finite number'}"
        )


def _ordered(names: tuple[str, ...], prices: list[float | None]) -> None:
    if all(price is None for price in prices):
        return
    for name, price in zip(names, prices, strict=True):
        if price is None:
            raise CellError(f"{name}: empty, where others of the same bar are not")
    opens, high, low, close = prices
    assert opens is not None
    assert high is not None
    assert low is not None
    assert close is not None
    if not (low <= opens <= high and low <= close <= high):
        raise CellError(f"{names[1]}: open and close are not between low and high")
