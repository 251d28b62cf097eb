"""What Deribit lists, from its replies and from names alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.facts import InstrumentFacts
from marketdata.feeds.deribit import instruments
from marketdata.quotes import InvalidQuoteError

OPTION = "BTC-26MAR27-90000-C"
EXPIRES_MS = 1_806_048_000_000  # 2027-03-26 08:00 UTC


def listed(name: str = OPTION, **changes: Any) -> dict[str, Any]:
    entry = {
        "instrument_name": name,
        "kind": "option",
        "strike": 90000.0,
        "option_type": "call",
        "expiration_timestamp": EXPIRES_MS,
        "tick_size": 0.0005,
        "contract_size": 1.0,
        "base_currency": "BTC",
        "quote_currency": "BTC",
        "is_active": True,
    }
    return entry | changes


def reply(*entries: dict[str, Any]) -> str:
    return json.dumps({"jsonrpc": "2.0", "result": entries})


OF_THE_REPLY = InstrumentFacts(
    symbol=OPTION,
    feed="replay",
    kind="option",
    underlying="BTC",
    venue_symbol=OPTION,
    root="BTC",
    expiry="2027-03-26",
    expires_ms=EXPIRES_MS,
    strike=90000.0,
    right="C",
    exercise="european",
    multiplier=1.0,
    tick=0.0005,
    currency="BTC",
)


def test_a_reply_tells_all_facts() -> None:
    facts, rejected = instruments.facts_of_reply(reply(listed()), "replay")
    assert facts == [OF_THE_REPLY]
    assert rejected == []


def test_a_name_tells_all_but_tick_and_multiplier() -> None:
    found = instruments.facts_of_name(OPTION, "deribit")
    assert (found.expires_ms, found.expiry, found.strike, found.right) == (EXPIRES_MS, "2027-03-26", 90000, "C")
    assert (found.underlying, found.currency, found.exercise) == ("BTC", "BTC", "european")
    assert (found.feed, found.multiplier, found.tick) == ("deribit", 1, instruments.LEAST_TICK)


def test_a_linear_option_is_in_its_dollar_coin() -> None:
    found = instruments.facts_of_name("XRP_USDC-30JUN27-0d625-P", "deribit")
    assert (found.underlying, found.currency, found.strike) == ("XRP_USDC", "USDC", 0.625)
    listed_one = listed(
        "XRP_USDC-30JUN27-0d625-P", strike=0.625, option_type="put", quote_currency="USDC", contract_size=1000
    )
    (facts,), _ = instruments.facts_of_reply(reply(listed_one), "deribit")
    assert (facts.currency, facts.multiplier) == ("USDC", 1000)


def test_futures_are_listed_and_a_perpetual_never_expires() -> None:
    perpetual = listed("ETH-PERPETUAL", kind="future", expiration_timestamp=32_503_708_800_000, quote_currency="USD")
    dated = listed("ETH-26MAR27", kind="future", quote_currency="USD")
    (one, other), rejected = instruments.facts_of_reply(reply(perpetual, dated), "deribit")
    assert (one.kind, one.expiry, one.expires_ms, one.underlying) == ("future", None, None, "ETH")
    assert (other.kind, other.expiry, other.strike) == ("future", "2027-03-26", None)
    assert rejected == []


def test_combinations_are_left_out_and_nonsense_is_named() -> None:
    facts, rejected = instruments.facts_of_reply(
        reply(
            listed("BTC-CS-26MAR27-90000_95000", kind="option_combo"),
            listed(),
            {"kind": "option"},
            listed(strike=80000.0),
            listed(option_type="put"),
            listed(tick_size=-1.0),
            listed(contract_size=0),
            listed("nonsense"),
        ),
        "replay",
    )
    assert facts == [OF_THE_REPLY]
    assert len(rejected) == 6
    assert all(one.text and one.reason for one in rejected)


@pytest.mark.parametrize("raw", ["", "{}", "[]", "null", '{"result":{}}', '{"result":1}', "[" * 100_000, b"\xff"])
def test_what_is_no_reply_raises_the_one_error(raw: str | bytes) -> None:
    with pytest.raises(InvalidQuoteError):
        instruments.facts_of_reply(raw, "replay")


@given(st.text(max_size=30))
def test_any_name_is_read_or_raises_the_one_error(name: str) -> None:
    try:
        instruments.facts_of_name(name, "replay")
    except InvalidQuoteError:
        return


def test_the_facts_of_names_come_with_their_indices() -> None:
    found, rejected = instruments.facts_of(
        ["ETH-26MAR27-4000-P", OPTION, OPTION, "junk", "SOL_USDC"], [reply(listed()), "junk"], "replay"
    )
    assert [one.symbol for one in found] == ["BTC", "ETH", "SOL_USDC", OPTION, "ETH-26MAR27-4000-P"]
    assert found[3] == OF_THE_REPLY
    assert (found[0].kind, found[0].venue_symbol, found[0].currency) == ("index", "btc_usd", "USD")
    assert (found[2].venue_symbol, found[2].currency) == ("sol_usdc", "USDC")
    assert len(rejected) == 1
