"""The batches of the stream, read: wire rows and trades become rows of the tables, and what cannot be one is set aside
with its reason.
"""

from typing import Any, Final, NamedTuple

import msgspec

from .columns import TICK, VALUES

# What stands before the values in a wire row: id, seq, venue time, lag.
_HEAD: Final = 4
_MOST: Final = _HEAD + len(VALUES) + 1
# What a shorter row lacks, by its length: its own trailing nulls, and `venue_us`.
_PAD: Final = tuple((None,) * (_MOST + 1 - length) for length in range(_MOST + 1))
_LAG_FITS: Final = 2**31 - 1
_MOST_ID: Final = 2**31 - 1
_MOST_SEQ: Final = 2**53
_EARLIEST_US: Final = 946_684_800_000_000
_LATEST_US: Final = 4_102_444_800_000_000
_decoder: Final = msgspec.json.Decoder()

Tick = tuple[Any, ...]
Trade = tuple[Any, ...]


class Reject(NamedTuple):
    """A row that cannot be stored. `instrument` and `seq` are None where they cannot be read either."""

    instrument: int | None
    seq: int | None
    text: str
    reason: str


def ticks_of(rows: bytes) -> tuple[list[Tick], list[Reject]]:
    """The wire rows, a line each, as rows in the order of `columns.TICK`."""
    try:
        return [_tick(row) for row in _decoder.decode_lines(rows)], []
    except (msgspec.DecodeError, ArithmeticError, TypeError, ValueError, LookupError):
        return _one_by_one(rows)


def _one_by_one(rows: bytes) -> tuple[list[Tick], list[Reject]]:
    ticks: list[Tick] = []
    rejects: list[Reject] = []
    for line in rows.split(b"\n"):
        row: Any = None
        try:
            row = _decoder.decode(line)
            ticks.append(_tick(row))
        except (msgspec.DecodeError, ArithmeticError, TypeError, ValueError, LookupError) as error:
            named = [one if type(one) is int else None for one in row[:2]] if isinstance(row, list) else []
            instrument, seq = (*named, None, None)[:2]
            text = line[:2000].decode("utf-8", "replace").replace("\0", "\ufffd")
            rejects.append(Reject(instrument, seq, text, f"{type(error).__name__}: {error}"))
    return ticks, rejects


def _tick(row: list[Any]) -> Tick:
    lag_us = round(row[3] * 1000)
    venue_us = round(row[2] * 1000)
    received_us = venue_us + lag_us
    if not (_EARLIEST_US <= received_us < _LATEST_US and 0 < row[0] <= _MOST_ID and 0 < row[1] < _MOST_SEQ):
        raise ValueError("an id, a seq or a time that cannot be")
    second, micro = divmod(received_us, 1_000_000)
    if -_LAG_FITS <= lag_us <= _LAG_FITS:
        return (second, micro, row[1], row[0], lag_us, *row[_HEAD:_MOST], *_PAD[min(len(row), _MOST)])
    return (second, micro, row[1], row[0], None, *row[_HEAD:_MOST], *_PAD[min(len(row), _MOST)][1:], venue_us)


def trades_of(rows: bytes) -> tuple[list[Trade], list[Reject]]:
    """The lines `[instrument, received ms, venue ms, price, size, trade id]` as rows in the order of `columns.TRADE`."""
    trades: list[Trade] = []
    rejects: list[Reject] = []
    for line in rows.split(b"\n") if rows else ():
        try:
            instrument, received_ms, venue_ms, price, size, trade_id = _decoder.decode(line)
            second, micro = divmod(round(received_ms * 1000), 1_000_000)
            trades.append(
                (second, micro, instrument, round(venue_ms * 1000), float(price), float(size), str(trade_id)[:64])
            )
        except (msgspec.DecodeError, ArithmeticError, TypeError, ValueError) as error:
            text = line[:2000].decode("utf-8", "replace").replace("\0", "\ufffd")
            rejects.append(Reject(None, None, text, f"trade: {type(error).__name__}: {error}"))
    return trades, rejects


assert len(TICK) == _MOST + 2
