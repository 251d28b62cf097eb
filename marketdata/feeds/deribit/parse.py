"""Deribit's messages: raw JSON-RPC text in, a Batch of quotes and trades out. No I/O; the replay and the live adapter
both use it, and nothing after it checks a number again.

Option tickers follow the venue's conventions: prices in coin for coin-settled options, implied volatilities in percent
(here made fractions), no bid or ask written as price 0 with amount 0, greeks per point and per calendar day as ours.
"""

import re
from collections.abc import Set
from typing import Final, TypeVar

import msgspec

from ...quotes import BOOK_UNKNOWN, STALE_AT_VENUE, InvalidQuoteError, Quote, Trade, validated
from ..base import Batch, Rejected
from .instruments import index_symbol, read_name

NOTHING: Final = Batch()
# For a list of what a capture holds without decoding its data.
_CHANNEL: Final = re.compile(
    r'"channel"\s*:\s*"(ticker|trades|markprice|deribit_price_index)\.([A-Za-z0-9_-]{1,64})["\.]'
)
_NAME: Final = re.compile(r'"instrument_name"\s*:\s*"([A-Z0-9_d-]{1,64})"')

T = TypeVar("T")


class _Params(msgspec.Struct):
    channel: str | None = None
    data: msgspec.Raw = msgspec.Raw()


class _Frame(msgspec.Struct):
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


class _Greeks(msgspec.Struct):
    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float


class _Ticker(msgspec.Struct):
    """What every ticker has. A bid or ask that is not there is 0 or null, but its field is there."""

    instrument_name: str
    timestamp: int
    state: str
    best_bid_price: float | None
    best_bid_amount: float | None
    best_ask_price: float | None
    best_ask_amount: float | None
    last_price: float | None
    mark_price: float | None
    index_price: float | None = None
    open_interest: float | None = None


class _OptionTicker(_Ticker, kw_only=True):
    underlying_price: float
    mark_iv: float | None
    bid_iv: float | None
    ask_iv: float | None
    greeks: _Greeks


class _Trade(msgspec.Struct):
    instrument_name: str
    timestamp: int
    price: float
    amount: float
    trade_id: str | None = None


class _MarkPrice(msgspec.Struct):
    """One instrument of a board. Its volatility is a fraction already."""

    instrument_name: str
    timestamp: int
    mark_price: float | None
    iv: float | None = None


class _Index(msgspec.Struct):
    index_name: str
    timestamp: int
    price: float


_decode_frame = msgspec.json.Decoder(_Frame)
_decode_params = msgspec.json.Decoder(_Params)
_decode_option = msgspec.json.Decoder(_OptionTicker)
_decode_future = msgspec.json.Decoder(_Ticker)
_decode_trades = msgspec.json.Decoder(list[_Trade])
_decode_board = msgspec.json.Decoder(list[msgspec.Raw])
_decode_mark_price = msgspec.json.Decoder(_MarkPrice)
_decode_index = msgspec.json.Decoder(_Index)


def symbols_in(raw: str) -> list[str]:
    """The symbols of which one text frame would make quotes or trades, unchecked beyond their letters. Much cheaper
    than parsing it; a frame of garbage may name something."""
    match = _CHANNEL.search(raw)
    if match is None:
        return []
    topic, name = match.groups()
    if topic == "deribit_price_index":
        return [index_symbol(name.lower())] if "_" in name else []
    # Trades may come by a channel of many instruments, mark prices always do: `trades.option.BTC.100ms`.
    return [name] if "-" in name else _NAME.findall(raw)


class Parser:
    """Reads messages in the order of their arrival. It remembers the newest price of each index, which every ticker
    repeats, so that the index gets a quote only when it moved; and which instruments have a ticker, whose fuller quotes
    the mark prices of a board must not replace.

    `listing_changed` is set by the venue's news of its list; who acts on it takes it back. `by_mark_price` are the
    instruments that have no ticker any more, whatever they had before.
    """

    def __init__(self) -> None:
        self.listing_changed = False
        self.by_mark_price: Set[str] = frozenset()
        self._indices: dict[str, tuple[float, float]] = {}
        self._with_ticker: set[str] = set()

    def parse(self, raw: str | bytes, received_ms: float) -> Batch:
        """What one text frame says; an empty Batch for a reply, a heartbeat, or a channel that is nothing to us.

        Raises InvalidQuoteError for all that is not such a frame, and changes nothing then.
        """
        frame = _decoded(_decode_frame, raw, "frame")
        if frame.method != "subscription":
            if frame.method is None and not bytes(frame.result) and not bytes(frame.error):
                raise InvalidQuoteError("frame", "neither a notification nor a reply")
            return NOTHING
        params = _decoded(_decode_params, frame.params, "params")
        if params.channel is None:
            raise InvalidQuoteError("channel", "missing")
        topic, _, rest = params.channel.partition(".")
        if topic == "ticker":
            return self._ticker(rest.partition(".")[0], params.data, received_ms)
        if topic == "trades":
            return _trades(params.data, received_ms)
        if topic == "deribit_price_index":
            index = _decoded(_decode_index, params.data, "data")
            return Batch(self._index(index_symbol(index.index_name), index.timestamp, index.price, received_ms))
        if topic == "markprice":
            return self._board(params.data, received_ms)
        if topic == "instrument" and rest.startswith("state."):
            self.listing_changed = True
        return NOTHING

    def _ticker(self, name: str, data: msgspec.Raw, received_ms: float) -> Batch:
        parts = read_name(name)
        ticker: _Ticker
        if parts.option is None:
            ticker = _decoded(_decode_future, data, "data")
            quote = _future_quote(ticker, received_ms)
        else:
            option = ticker = _decoded(_decode_option, data, "data")
            quote = _option_quote(option, received_ms)
        if ticker.instrument_name != name:
            raise InvalidQuoteError("instrument_name", f"{ticker.instrument_name[:64]!r} on the channel of {name}")
        quotes = [validated(quote)]
        if ticker.index_price is not None:
            quotes = self._index(parts.root, ticker.timestamp, ticker.index_price, received_ms) + quotes
        self._with_ticker.add(name)
        return Batch(quotes)

    def _board(self, data: msgspec.Raw, received_ms: float) -> Batch:
        """Mark and volatility of every instrument without a ticker. A bad entry costs only itself."""
        quotes: list[Quote] = []
        rejected: list[Rejected] = []
        for raw in _decoded(_decode_board, data, "data"):
            try:
                one = _decoded(_decode_mark_price, raw, "data")
                if one.instrument_name in self._with_ticker and one.instrument_name not in self.by_mark_price:
                    continue
                read_name(one.instrument_name)
                quotes.append(
                    validated(
                        Quote(
                            symbol=one.instrument_name,
                            received_ms=received_ms,
                            venue_time_ms=one.timestamp,
                            mark=one.mark_price,
                            implied_volatility=one.iv or None,
                            flags=BOOK_UNKNOWN,
                        )
                    )
                )
            except InvalidQuoteError as error:
                rejected.append(Rejected(bytes(raw)[:2000].decode(errors="replace")[:500], str(error)))
        return Batch(quotes, rejected=rejected)

    def _index(self, symbol: str, timestamp: int, price: float, received_ms: float) -> list[Quote]:
        known = self._indices.get(symbol)
        if known is not None and (timestamp < known[0] or price == known[1]):
            return []
        quote = validated(
            Quote(
                symbol=symbol,
                received_ms=received_ms,
                venue_time_ms=timestamp,
                last=price,
                last_time_ms=timestamp,
                mark=price,
            )
        )
        # One damaged stamp of another century must not silence the index for good.
        self._indices[symbol] = (min(timestamp, received_ms + 60_000), price)
        return [quote]


def _option_quote(ticker: _OptionTicker, received_ms: float) -> Quote:
    bid, bid_size = _side(ticker.best_bid_price, ticker.best_bid_amount)
    ask, ask_size = _side(ticker.best_ask_price, ticker.best_ask_amount)
    greeks = ticker.greeks
    return Quote(
        symbol=ticker.instrument_name,
        received_ms=received_ms,
        venue_time_ms=ticker.timestamp,
        bid=bid,
        ask=ask,
        bid_size=bid_size,
        ask_size=ask_size,
        last=ticker.last_price,
        # `stats.volume` rolls over 24 hours and `settlement_price` is cut to two decimals of a coin: neither is the
        # session's volume or a price to measure change from.
        volume=None,
        reference_price=None,
        open_interest=ticker.open_interest,
        mark=ticker.mark_price,
        underlying_price=ticker.underlying_price,
        implied_volatility=_fraction(ticker.mark_iv),
        bid_iv=_fraction(ticker.bid_iv),
        ask_iv=_fraction(ticker.ask_iv),
        delta=greeks.delta,
        gamma=greeks.gamma,
        theta=greeks.theta,
        vega=greeks.vega,
        rho=greeks.rho,
        flags=0 if ticker.state == "open" else STALE_AT_VENUE,
    )


def _future_quote(ticker: _Ticker, received_ms: float) -> Quote:
    bid, bid_size = _side(ticker.best_bid_price, ticker.best_bid_amount)
    ask, ask_size = _side(ticker.best_ask_price, ticker.best_ask_amount)
    return Quote(
        symbol=ticker.instrument_name,
        received_ms=received_ms,
        venue_time_ms=ticker.timestamp,
        bid=bid,
        ask=ask,
        bid_size=bid_size,
        ask_size=ask_size,
        last=ticker.last_price,
        open_interest=ticker.open_interest,
        mark=ticker.mark_price,
        underlying_price=ticker.index_price,
        flags=0 if ticker.state == "open" else STALE_AT_VENUE,
    )


def _trades(data: msgspec.Raw, received_ms: float) -> Batch:
    trades = []
    for one in _decoded(_decode_trades, data, "data"):
        read_name(one.instrument_name)
        if not (one.price >= 0 and one.amount > 0):
            raise InvalidQuoteError("trades", f"{one.amount} at {one.price} is not a trade")
        if not 946_684_800_000 <= one.timestamp < 4_102_444_800_000:
            raise InvalidQuoteError("timestamp", f"{one.timestamp} is not a time in ms between 2000 and 2100")
        trades.append(Trade(one.instrument_name, received_ms, one.timestamp, one.price, one.amount, one.trade_id))
    return Batch(trades=trades)


def _side(price: float | None, amount: float | None) -> tuple[float | None, float | None]:
    """Price and size of one side, both None where there is no order."""
    if not price and not amount:
        return None, None
    if price is None or amount is None:
        raise InvalidQuoteError("best_price", f"price {price} with amount {amount}")
    return price, amount


def _fraction(percent: float | None) -> float | None:
    """A volatility in percent as a fraction. The venue writes 0 where there is none. Dividing 115.1 by 100 leaves
    1.1509999999999998: the rounding puts the venue's own digits back, and loses none."""
    return round(percent / 100, 12) if percent else None


def _decoded(decoder: "msgspec.json.Decoder[T]", raw: str | bytes | msgspec.Raw, field: str) -> T:
    try:
        return decoder.decode(bytes(raw) if isinstance(raw, msgspec.Raw) else raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidQuoteError(field, str(error)) from error
