"""A recorded session of Deribit as something to serve today: the tickers of a raw capture and the list beside it, moved by
whole days, so that what was listed then is listed now.
"""

import datetime as dt
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marketdata.symbols import InvalidSymbolError, OptionName, format_deribit, parse_deribit

FIXTURE = Path(__file__).parent.parent / "fixtures" / "deribit" / "capture.txt"


@dataclass
class Recording:
    """`entries` are `get_instruments` entries by name; `frames` are tickers, each with its time after the first, s, and how
    much earlier than that the venue stamped it, ms."""

    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    frames: list[tuple[float, float, dict[str, Any]]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return sorted(self.entries)


def recording(capture: Path, today: dt.date | None = None) -> Recording:
    """What `capture` and the lists beside it hold of options that have whole tickers there."""
    read = [(at, data) for at, data in _tickers(capture) if _is_whole(data)]
    first = read[0][0]
    recorded_on = dt.datetime.fromtimestamp(first, dt.UTC).date()
    days = ((today or dt.datetime.now(dt.UTC).date()) - recorded_on).days
    made = Recording()
    listed = {entry["instrument_name"]: entry for entry in _entries(capture.parent)}
    for at, data in read:
        name = _moved(data["instrument_name"], days)
        entry = listed.get(data["instrument_name"])
        if entry is not None:
            moved = entry["expiration_timestamp"] + days * 86_400_000
            made.entries.setdefault(name, entry | {"instrument_name": name, "expiration_timestamp": moved})
            made.frames.append((at - first, at * 1000 - data["timestamp"], data | {"instrument_name": name}))
    return made


def entry_of(name: str, **changes: Any) -> dict[str, Any]:
    """A `get_instruments` entry for an invented option."""
    option = parse_deribit(name)
    expires = dt.datetime.combine(option.expiry, dt.time(8), dt.UTC)
    coin = option.root.partition("_")
    entry = {
        "instrument_name": name,
        "kind": "option",
        "strike": option.strike,
        "option_type": {"C": "call", "P": "put"}[option.right],
        "expiration_timestamp": round(expires.timestamp() * 1000),
        "tick_size": 0.0001,
        "contract_size": 1.0,
        "min_trade_amount": 0.1,
        "base_currency": coin[0],
        "quote_currency": coin[2] or coin[0],
        "is_active": True,
        "instrument_type": "linear" if coin[1] else "reversed",
        "settlement_period": "day",
    }
    return entry | changes


def board(count: int, root: str = "BTC", days: int = 3) -> Recording:
    """`count` invented calls of one expiry, each with one ticker."""
    from .deribit_frames import ticker_data

    expiry = dt.datetime.now(dt.UTC).date() + dt.timedelta(days)
    names = [format_deribit(OptionName(root, expiry, "C", 1000.0 * (i + 1))) for i in range(count)]
    return Recording(
        {name: entry_of(name) for name in names},
        [(0.0, 2.0, ticker_data(name, last_price=float(i), timestamp=0)) for i, name in enumerate(names)],
    )


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _moved(name: str, days: int) -> str:
    option = parse_deribit(name)
    return format_deribit(option._replace(expiry=option.expiry + dt.timedelta(days)))


def _tickers(capture: Path) -> Iterator[tuple[float, dict[str, Any]]]:
    for line in capture.read_bytes().splitlines():
        stamp, _, text = line.partition(b": ")
        try:
            message = json.loads(text)
            if message["params"]["channel"].startswith("ticker."):
                yield float(stamp), message["params"]["data"]
        except (ValueError, KeyError, TypeError):
            continue


def _is_whole(data: dict[str, Any]) -> bool:
    """The fixture holds damaged tickers on purpose."""
    try:
        parse_deribit(data["instrument_name"])
        amounts = data["best_bid_amount"], data["best_ask_amount"]
    except (InvalidSymbolError, KeyError):
        return False
    numbers = [value for value in data.values() if isinstance(value, float)]
    return "greeks" in data and all(number == number for number in numbers) and min(amounts) >= 0


def _entries(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("get_instruments*.txt")):
        for line in file.read_text().splitlines():
            if '"result"' in line:
                yield from json.loads(line[line.index('{"') :])["result"]
