"""Deribit's frames with invented numbers: a test names only what it is about."""

import json
from typing import Any

OPTION = "BTC-26MAR27-90000-C"
TIME_MS = 1_803_900_000_000


def frame(channel: str, data: Any) -> str:
    return json.dumps(
        {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}},
        separators=(",", ":"),
    )


def ticker_data(name: str = OPTION, **changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "underlying_price": 90500.25,
        "underlying_index": "BTC-26MAR27",
        "timestamp": TIME_MS,
        "stats": {"volume": 12.5, "price_change": None, "low": None, "high": None},
        "state": "open",
        "settlement_price": 0.05,
        "open_interest": 77.7,
        "min_price": 0.0001,
        "max_price": 0.2,
        "mark_price": 0.045123,
        "mark_iv": 115.1,
        "last_price": 0.0455,
        "interest_rate": 0.0,
        "instrument_name": name,
        "index_price": 90111.11,
        "greeks": {"delta": 0.51234, "gamma": 0.00002, "theta": -70.5, "vega": 101.2, "rho": 40.25},
        "estimated_delivery_price": 90111.11,
        "bid_iv": 54.2,
        "best_bid_price": 0.0445,
        "best_bid_amount": 12.3,
        "best_ask_price": 0.046,
        "best_ask_amount": 4,
        "ask_iv": 56.5,
    }
    data.update(changes)
    return data


def ticker(name: str = OPTION, **changes: Any) -> str:
    return frame(f"ticker.{name}.100ms", ticker_data(name, **changes))


def without(name: str, field: str) -> str:
    data = ticker_data(name)
    del data[field]
    return frame(f"ticker.{name}.100ms", data)
