"""What an underlying is worth, by the cases that the page is held to as well (frontend/tests/spot.test.ts)."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from marketdata.ingest import money

CASES: Final[list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "underlying_prices.json").read_text()
)["cases"]


@pytest.mark.parametrize("case", CASES)
def test_the_mark_goes_before_the_last_trade_and_both_before_what_options_say(case: dict[str, Any]) -> None:
    options = [None if price is None else {"underlying_price": price} for price in case["options"]]
    assert money.of_rows(case["own"], options) == case["price"]
