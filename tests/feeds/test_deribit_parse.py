"""Deribit's messages become quotes and trades, or the one error."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.feeds.base import Batch
from marketdata.feeds.deribit.parse import Parser, symbols_in
from marketdata.quotes import BOOK_UNKNOWN, STALE_AT_VENUE, InvalidQuoteError, Quote, Trade

from .deribit_frames import OPTION, TIME_MS, frame, ticker, ticker_data, without

RECEIVED_MS = TIME_MS + 7.125


def parse(raw: str | bytes) -> Batch:
    return Parser().parse(raw, RECEIVED_MS)


def quote(raw: str) -> Quote:
    """The option's own quote of a ticker frame."""
    return parse(raw).quotes[-1]


def test_a_ticker_is_a_quote_column_by_column() -> None:
    assert quote(ticker()) == Quote(
        symbol=OPTION,
        received_ms=RECEIVED_MS,
        venue_time_ms=TIME_MS,
        bid=0.0445,
        ask=0.046,
        bid_size=12.3,
        ask_size=4,
        last=0.0455,
        open_interest=77.7,
        mark=0.045123,
        underlying_price=90500.25,
        implied_volatility=1.151,
        bid_iv=0.542,
        ask_iv=0.565,
        delta=0.51234,
        gamma=0.00002,
        theta=-70.5,
        vega=101.2,
        rho=40.25,
    )


def test_the_venues_time_stays_a_whole_number() -> None:
    assert type(quote(ticker()).venue_time_ms) is int


@pytest.mark.parametrize("percent", [0.01, 7.3, 28.7, 55.31, 57.55, 115.1, 120.74, 999.99])
def test_a_percentage_becomes_the_same_digits_as_a_fraction(percent: float) -> None:
    found = quote(ticker(mark_iv=percent)).implied_volatility
    assert found == float(f"{round(percent * 100)}e-4")


def test_nothing_on_a_side_is_no_price_and_no_size() -> None:
    found = quote(ticker(best_bid_price=0.0, best_bid_amount=0.0, bid_iv=0.0))
    assert (found.bid, found.bid_size, found.bid_iv) == (None, None, None)
    assert (found.ask, found.ask_size, found.ask_iv) == (0.046, 4, 0.565)
    found = quote(ticker(best_ask_price=None, best_ask_amount=None, ask_iv=None))
    assert (found.ask, found.ask_size, found.ask_iv) == (None, None, None)


def test_the_rolling_volume_is_not_the_sessions() -> None:
    assert quote(ticker()).volume is None


def test_no_last_price_is_none() -> None:
    assert quote(ticker(last_price=None)).last is None


@pytest.mark.parametrize("state", ["closed", "halted", "settlement"])
def test_an_instrument_that_is_not_open_is_stale(state: str) -> None:
    assert quote(ticker(state=state)).flags == STALE_AT_VENUE


def test_a_crossed_quote_is_passed_on() -> None:
    found = quote(ticker(best_bid_price=0.05, best_ask_price=0.04))
    assert (found.bid, found.ask) == (0.05, 0.04)


def test_a_ticker_also_quotes_the_index_but_only_when_it_moved() -> None:
    parser = Parser()
    first = parser.parse(ticker(), RECEIVED_MS).quotes
    assert [one.symbol for one in first] == ["BTC", OPTION]
    assert (first[0].last, first[0].mark, first[0].venue_time_ms) == (90111.11, 90111.11, TIME_MS)
    assert len(parser.parse(ticker(timestamp=TIME_MS + 5), RECEIVED_MS).quotes) == 1
    moved = parser.parse(ticker(timestamp=TIME_MS + 6, index_price=90112.0), RECEIVED_MS).quotes
    assert moved[0].last == 90112.0


def test_an_index_never_goes_back_to_an_older_price() -> None:
    parser = Parser()
    parser.parse(ticker(), RECEIVED_MS)
    late = parser.parse(ticker(timestamp=TIME_MS - 50, index_price=90000.0), RECEIVED_MS).quotes
    assert [one.symbol for one in late] == [OPTION]


def test_a_bad_ticker_does_not_move_the_index() -> None:
    parser = Parser()
    with pytest.raises(InvalidQuoteError):
        parser.parse(ticker(best_bid_amount=-1), RECEIVED_MS)
    assert [one.symbol for one in parser.parse(ticker(), RECEIVED_MS).quotes] == ["BTC", OPTION]


def test_a_linear_option_has_its_own_index() -> None:
    found = parse(ticker("XRP_USDC-26MAR27-0d625-C", index_price=0.61)).quotes
    assert [one.symbol for one in found] == ["XRP_USDC", "XRP_USDC-26MAR27-0d625-C"]


def test_the_price_index_quotes_the_index() -> None:
    raw = frame("deribit_price_index.btc_usd", {"timestamp": TIME_MS, "price": 90123.45, "index_name": "btc_usd"})
    (found,) = parse(raw).quotes
    assert (found.symbol, found.last, found.last_time_ms) == ("BTC", 90123.45, TIME_MS)


def test_a_future_is_quoted_without_greeks() -> None:
    data = ticker_data("BTC-PERPETUAL")
    for field in ("greeks", "mark_iv", "bid_iv", "ask_iv", "underlying_price"):
        del data[field]
    found = quote(frame("ticker.BTC-PERPETUAL.100ms", data))
    assert (found.symbol, found.bid, found.underlying_price, found.delta) == ("BTC-PERPETUAL", 0.0445, 90111.11, None)


def test_trades_are_read() -> None:
    data = [
        {"trade_id": "BTC-1", "timestamp": TIME_MS, "price": 0.0455, "amount": 2.5, "instrument_name": OPTION},
        {"trade_id": "BTC-2", "timestamp": TIME_MS + 1, "price": 0.046, "amount": 0.1, "instrument_name": OPTION},
    ]
    batch = parse(frame("trades.option.BTC.100ms", data))
    assert batch.trades == [
        Trade(OPTION, RECEIVED_MS, TIME_MS, 0.0455, 2.5, "BTC-1"),
        Trade(OPTION, RECEIVED_MS, TIME_MS + 1, 0.046, 0.1, "BTC-2"),
    ]
    assert not batch.quotes


@pytest.mark.parametrize(
    "raw",
    [
        '{"jsonrpc":"2.0","id":1,"result":["ticker.BTC-26MAR27-90000-C.100ms"],"testnet":false}',
        '{"jsonrpc":"2.0","id":1,"error":{"code":10028,"message":"too_many_requests"}}',
        '{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}',
        '{"jsonrpc":"2.0","id":3,"result":null}',
        frame(f"book.{OPTION}.100ms", {"type": "snapshot", "bids": [["new", 0.01, 3.0]], "asks": []}),
        frame("deribit_volatility_index.btc_usd", {"volatility": 50.1, "timestamp": TIME_MS, "index_name": "btc_usd"}),
        frame("something.new", {"a": 1}),
    ],
)
def test_what_is_not_for_us_is_nothing(raw: str) -> None:
    assert parse(raw) == Batch()


REQUIRED = (
    *("instrument_name", "timestamp", "state", "best_bid_price", "best_bid_amount", "best_ask_price"),
    *("best_ask_amount", "last_price", "mark_price", "underlying_price", "mark_iv", "bid_iv", "ask_iv", "greeks"),
)


@pytest.mark.parametrize("field", REQUIRED)
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(InvalidQuoteError, match=field):
        parse(without(OPTION, field))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("best_bid_amount", -1),
        ("best_ask_price", -0.01),
        ("mark_price", -0.1),
        ("open_interest", -5),
        ("mark_iv", -3.0),
        ("underlying_price", None),
        ("underlying_price", "90500"),
        ("timestamp", 1_803_900_000),
        ("timestamp", "now"),
        ("timestamp", True),
        ("state", None),
        ("greeks", {"delta": 0.5}),
        ("greeks", None),
        ("best_bid_price", None),  # with an amount
        ("instrument_name", "BTC-26MAR27-80000-C"),  # another than the channel's
    ],
)
def test_a_value_that_cannot_be_is_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidQuoteError):
        parse(ticker(**{field: value}))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "0x10"])
def test_what_json_has_no_number_for_is_refused(number: str) -> None:
    with pytest.raises(InvalidQuoteError):
        parse(ticker().replace("0.045123", number))


@pytest.mark.parametrize("name", ["X", "", "BTC", "BTC-26MAR2٧", "BTC-99FOO27-90000-C", "BTC-30FEB27-1-C", "A" * 500])
def test_an_option_frame_of_an_unknown_instrument_is_refused(name: str) -> None:
    with pytest.raises(InvalidQuoteError):
        parse(ticker(name))


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{",
        "{}",
        "[]",
        "null",
        "1",
        '"text"',
        '{"method":"subscription"}',
        '{"method":"subscription","params":[]}',
        '{"method":"subscription","params":{"data":{}}}',
        '{"method":"subscription","params":{"channel":7,"data":{}}}',
        '{"method":"subscription","params":{"channel":"ticker.BTC-26MAR27-90000-C.100ms"}}',
        '{"method":7}',
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"method":"subscription","params":{"channel":"ticker.BTC-26MAR27-90000-C.100ms","data":' + "[" * 100_000,
        b"\xff\xfe\x00",
        "\ud800",
        ticker()[:-40],
        ticker() + ticker(),
        frame("trades.x.100ms", [{"instrument_name": OPTION}]),
        frame("trades.x.100ms", [{"instrument_name": OPTION, "timestamp": TIME_MS, "price": 1.0, "amount": -1.0}]),
        frame("trades.x.100ms", [{"instrument_name": "?", "timestamp": TIME_MS, "price": 1.0, "amount": 1.0}]),
        frame("trades.x.100ms", [{"instrument_name": OPTION, "timestamp": 5, "price": 1.0, "amount": 1.0}]),
        frame("deribit_price_index.btc_usd", {"timestamp": TIME_MS, "price": -1.0, "index_name": "btc_usd"}),
        frame("deribit_price_index.btc_usd", {"timestamp": TIME_MS, "price": 1.0, "index_name": "../etc"}),
    ],
)
def test_garbage_raises_the_one_error(raw: str | bytes) -> None:
    with pytest.raises(InvalidQuoteError):
        parse(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def only_its_own_error(raw: str | bytes) -> None:
    try:
        batch = parse(raw)
    except InvalidQuoteError:
        return
    for one in batch.quotes:
        numbers = [value for value in (one.bid, one.ask, one.bid_size, one.ask_size, one.mark) if value is not None]
        assert all(math.isfinite(number) and number >= 0 for number in numbers)
    for trade in batch.trades:
        assert math.isfinite(trade.price)
        assert trade.size > 0


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_raise_only_the_one_error(raw: str | bytes) -> None:
    only_its_own_error(raw)


@given(st.sampled_from(list(ticker_data())), JSON)
@settings(max_examples=400)
def test_any_value_in_a_ticker_raises_only_the_one_error(field: str, value: Any) -> None:
    only_its_own_error(ticker(**{field: value}))


@given(st.integers(0, 900), st.binary(min_size=1, max_size=3))
@settings(max_examples=300)
def test_a_damaged_ticker_raises_only_the_one_error(at: int, damage: bytes) -> None:
    raw = ticker().encode()
    only_its_own_error(raw[:at] + damage + raw[at + len(damage) :])


@given(st.sampled_from(["trades", "deribit_price_index", "ticker", "book"]), st.text(max_size=20), JSON)
def test_any_data_on_any_channel_raises_only_the_one_error(topic: str, rest: str, data: Any) -> None:
    only_its_own_error(json.dumps({"method": "subscription", "params": {"channel": f"{topic}.{rest}", "data": data}}))


def test_the_symbols_of_a_frame_are_found_without_reading_it() -> None:
    assert symbols_in(ticker()) == [OPTION]
    assert symbols_in(frame(f"book.{OPTION}.100ms", {})) == []
    assert symbols_in(frame("deribit_price_index.btc_usdc", {})) == ["BTC_USDC"]
    assert symbols_in(frame("trades.option.BTC.100ms", [{"instrument_name": OPTION}])) == [OPTION]
    assert symbols_in('{"params":{"channels":["ticker.BTC-26MAR27-1-C.raw"]}}') == []
    assert symbols_in("junk") == []


def board(*entries: dict[str, Any]) -> str:
    return frame("markprice.options.btc_usd", list(entries))


def mark(name: str = OPTION, **changes: Any) -> dict[str, Any]:
    return {"instrument_name": name, "timestamp": TIME_MS, "mark_price": 0.0451, "iv": 0.5563} | changes


def test_a_board_of_mark_prices_is_a_quote_each_without_a_book() -> None:
    found = parse(board(mark(), mark("BTC-26MAR27-80000-P", mark_price=0.02, iv=0))).quotes
    assert found[0] == Quote(
        symbol=OPTION,
        received_ms=RECEIVED_MS,
        venue_time_ms=TIME_MS,
        mark=0.0451,
        implied_volatility=0.5563,
        flags=BOOK_UNKNOWN,
    )
    assert (found[1].symbol, found[1].implied_volatility) == ("BTC-26MAR27-80000-P", None)


def test_a_mark_price_does_not_replace_a_ticker() -> None:
    parser = Parser()
    parser.parse(ticker(), RECEIVED_MS)
    assert parser.parse(board(mark()), RECEIVED_MS).quotes == []
    parser.by_mark_price = frozenset({OPTION})
    assert [one.symbol for one in parser.parse(board(mark()), RECEIVED_MS).quotes] == [OPTION]


@pytest.mark.parametrize(
    "bad", [mark(mark_price=-1), mark(name="XYZ"), mark(timestamp=5), mark(timestamp=None), {"a": 1}, 7]
)
def test_a_bad_mark_price_costs_only_itself(bad: Any) -> None:
    found = parse(board(bad, mark("BTC-26MAR27-80000-P")))
    assert [one.symbol for one in found.quotes] == ["BTC-26MAR27-80000-P"]
    assert len(found.rejected) == 1


def test_symbols_of_a_board_are_listed() -> None:
    assert symbols_in(board(mark(), mark("BTC-26MAR27-80000-P"))) == [OPTION, "BTC-26MAR27-80000-P"]


def test_news_of_the_list_is_noted_and_is_no_quote() -> None:
    parser = Parser()
    assert not parser.listing_changed
    raw = frame("instrument.state.option.BTC", {"timestamp": TIME_MS, "state": "created", "instrument_name": OPTION})
    assert parser.parse(raw, RECEIVED_MS) == Batch()
    assert parser.listing_changed


def test_an_index_stamp_of_another_century_does_not_silence_it() -> None:
    parser = Parser()
    data = {"timestamp": 4_000_000_000_000, "price": 90_000.0, "index_name": "btc_usd"}
    parser.parse(frame("deribit_price_index.btc_usd", data), RECEIVED_MS)
    later = data | {"timestamp": TIME_MS + 61_000, "price": 90_001.0}
    found = parser.parse(frame("deribit_price_index.btc_usd", later), RECEIVED_MS + 61_000)
    assert [one.last for one in found.quotes] == [90_001.0]
