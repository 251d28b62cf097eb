"""An invented recording of Deribit in which every kind of price occurs: in a coin with and without the underlying's price,
in a dollar coin, in dollars. The page is opened on its replay.
"""

from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.feeds.deribit_frames import TIME_MS, frame, ticker_data

SECONDS: Final = 6
STEP_S: Final = 0.25


class Coin(NamedTuple):
    """A coin-priced option: its first bid, the underlying's first price."""

    symbol: str
    bid: float
    underlying: float


COINS: Final = (
    Coin("BTC-26MAR27-64000-C", 0.0450, 112_800.0),
    Coin("BTC-26MAR27-120000-P", 0.9805, 112_800.0),
    Coin("ETH-26MAR27-2500-C", 0.0455, 2_512.5),
    Coin("ETH-26MAR27-6000-C", 0.0001, 2_512.5),
)
# Its price comes with all marks of a board, without the underlying's.
MARK_ONLY: Final = "BTC-26MAR27-70000-C"
# Priced in a dollar coin, which is not the coin that it is on.
LINEAR: Final = "XRP_USDC-26MAR27-2-C"
INDEX: Final = "BTC"


def prices(coin: Coin, step: int) -> dict[str, float]:
    """The numbers of one ticker. The underlying moves at each step, the book at every other."""
    bid = round(coin.bid + 0.0001 * (step // 2 % 4), 4)
    return {
        "best_bid_price": bid,
        "best_ask_price": round(bid + 0.0005, 4),
        "last_price": round(coin.bid + 0.0002, 4),
        "mark_price": round(bid + 0.000247, 6),
        "underlying_price": coin.underlying * (1 + 0.002 * (step % 7)),
    }


def values(coin: Coin, field: str) -> set[tuple[float, float]]:
    """Every (coin price, value in US dollars) that the recording has for `field`, each pair of one ticker."""
    tickers = [prices(coin, step) for step in range(_STEPS)]
    return {(ticker[field], ticker[field] * ticker["underlying_price"]) for ticker in tickers}


def write_capture(path: Path) -> Path:
    """One line a frame, as raw captures have it."""
    lines = []
    for step in range(_STEPS):
        at_ms = TIME_MS + round(step * STEP_S * 1000)
        lines += [f"{(at_ms + 3) / 1000:.3f}: {message}\n" for message in _frames(step, at_ms)]
    path.write_text("".join(lines))
    return path


_STEPS: Final = round(SECONDS / STEP_S)


def _frames(step: int, at_ms: int) -> list[str]:
    frames = [frame("deribit_price_index.btc_usd", {"index_name": "btc_usd", "timestamp": at_ms, "price": 112_790.12})]
    frames += [_ticker(coin.symbol, at_ms, **prices(coin, step)) for coin in COINS]
    frames.append(
        _ticker(
            LINEAR,
            at_ms,
            best_bid_price=0.5321,
            best_ask_price=0.5401,
            last_price=0.5355,
            mark_price=0.5361,
            underlying_price=2.31,
            index_price=2.3,
        )
    )
    mark = {"instrument_name": MARK_ONLY, "timestamp": at_ms, "mark_price": 0.0213 + 0.0001 * (step % 3), "iv": 0.55}
    frames.append(frame("markprice.options.btc_usd", [mark]))
    return frames


def _ticker(symbol: str, at_ms: int, **changes: Any) -> str:
    root = symbol.partition("-")[0]
    index = {"BTC": 112_790.12, "ETH": 2_511.1}.get(root)
    data = ticker_data(symbol, **{"timestamp": at_ms, "index_price": index, **changes})
    return frame(f"ticker.{symbol}.100ms", data)
