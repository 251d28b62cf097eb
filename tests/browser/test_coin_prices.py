"""Prices in a coin, in a real browser: each with its value in US dollars beside it, told apart, and never moving about.
What is shown is held against the recording that is replayed, ticker by ticker.
"""

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.path.stack import Stack

from .coin_capture import COINS, INDEX, LINEAR, MARK_ONLY, Coin, values, write_capture
from .conftest import LiveSite
from .visits import DESKTOP, PHONE, has_value, row_of, rows, visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

FIELDS: Final = {"bid": "best_bid_price", "ask": "best_ask_price", "last": "last_price", "mark": "mark_price"}
SIZES: Final = [(1700, 600), DESKTOP, (1280, 720), (1100, 700), (1000, 700), (900, 700), (768, 1024), PHONE]
SAMPLES: Final = 25

# What every row shows at one moment.
SHOWN: Final = """() => Object.fromEntries([...document.querySelectorAll(".rows .row")].map((row) => [
  row.dataset.symbol,
  Object.fromEntries(["bid", "ask", "last", "mark"].map((column) => {
    const cell = row.querySelector(`.cell.${column}`);
    return [column, [".price", ".dollars"].map((part) => cell.querySelector(part).textContent.trim())];
  })),
]))"""

# In every frame that is drawn, from the first row on: where columns and rows are, and on which line each price stands that
# there is. A blank cell has no height, which nobody sees.
WATCH_PLACES: Final = """() => {
  const places = (window.places = {});
  const note = (what, ...numbers) => {
    const place = numbers.map(Math.round).join();
    if (!(places[what] ??= []).includes(place)) places[what].push(place);
  };
  const look = () => {
    const all = [...document.querySelectorAll(".grid .row")];
    for (const [number, row] of all.entries()) {
      const box = row.getBoundingClientRect();
      if (!box.height) continue;
      note(`row ${number}`, box.y, box.height);
      for (const cell of row.querySelectorAll(".cell")) {
        const { x, width } = cell.getBoundingClientRect();
        const column = cell.className.match(/cell (\\w+)/)[1];
        note(`${column} of row ${number}`, x, width);
        for (const part of cell.querySelectorAll(".price, .dollars"))
          if (part.textContent && part.offsetHeight)
            note(`line of ${part.className} of ${column} of row ${number}`, part.getBoundingClientRect().y);
      }
    }
    requestAnimationFrame(look);
  };
  look();
}"""

# Numbers that do not fit where they stand.
CUT: Final = """() => [...document.querySelectorAll(".rows .cell:not(.name), .rows .price, .rows .dollars")]
  .filter((part) => part.offsetWidth && part.scrollWidth > part.clientWidth)
  .map((part) => `${part.className}: ${part.textContent}`)"""


@pytest.fixture(scope="module")
def site() -> Iterator[LiveSite]:
    """A replay of the recording, from its beginning each time that it ends."""
    directory = Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp"))
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, directory, ignore_errors=True)
        capture = write_capture(directory / "capture.txt")
        extra = {"STRIKEWIRE_REPLAY_FILE": str(capture)}
        stack = cleanup.enter_context(Stack(directory / "stack", symbols=1, user_count=1, extra=extra))
        yield LiveSite(stack, stack.start_web(), "replay")


def part(page: Page, symbol: str, column: str, name: str) -> Locator:
    return row_of(page, symbol).get_by_test_id(f"cell-{column}").locator(f".{name}")


def amount(dollars: str) -> tuple[float, float]:
    """What `≈ $2,871` says, and how far it may be from what was rounded."""
    found = re.fullmatch(r"≈ \$([\d,]+)(\.\d\d)?(k)?", dollars)
    assert found is not None, dollars
    number = float(found[1].replace(",", "") + (found[2] or ""))
    if found[3]:
        return number * 1000, 500.01
    return number, 0.00501 if found[2] else 0.501


def is_of_one_ticker(coin: Coin, column: str, price: str, dollars: str) -> bool:
    value, within = amount(dollars)
    return any(
        abs(float(price) - in_coin) <= 0.0000501 and abs(value - in_dollars) <= within
        for in_coin, in_dollars in values(coin, FIELDS[column])
    )


def test_beside_a_coin_price_stands_what_the_same_ticker_makes_it_in_dollars(site: LiveSite) -> None:
    with visit(site) as visitor:
        page = visitor.signed_in()
        for coin in COINS:
            expect(part(page, coin.symbol, "bid", "dollars")).to_contain_text("$")
        seen: set[tuple[str, str, str]] = set()
        for _ in range(SAMPLES):
            shown: dict[str, Any] = page.evaluate(SHOWN)
            for coin in COINS:
                for column, (price, dollars) in shown[coin.symbol].items():
                    assert is_of_one_ticker(coin, column, price, dollars), (coin.symbol, column, price, dollars)
                    seen.add((coin.symbol, column, dollars))
            page.wait_for_timeout(100)
        assert len({dollars for symbol, column, dollars in seen if (symbol, column) == (COINS[0].symbol, "bid")}) > 3


def test_each_instrument_says_what_it_is_priced_in_and_how_dollars_came_about(site: LiveSite) -> None:
    with visit(site) as visitor:
        page = visitor.signed_in()
        for symbol, currency in ((COINS[0].symbol, "BTC"), (COINS[2].symbol, "ETH"), (LINEAR, "USDC"), (INDEX, "USD")):
            expect(row_of(page, symbol).locator(".currency")).to_have_text(currency)
            expect(row_of(page, symbol).locator(".currency")).to_be_visible()
        note = re.compile(
            r"^0\.04\d+ BTC × 11\d,\d{3}\.\d+, the underlying’s price in the same quote, = 5,\d{3}\.\d+ USD"
        )
        expect(row_of(page, COINS[0].symbol).get_by_test_id("cell-bid")).to_have_attribute("title", note)
        header = page.locator(".row.header .cell.bid")
        expect(header).to_have_text("Bid ≈ USD")
        expect(header).to_have_attribute("title", re.compile("price × the underlying’s price in the same quote"))


def test_where_the_underlyings_price_is_not_known_there_are_no_dollars(site: LiveSite) -> None:
    with visit(site) as visitor:
        page = visitor.signed_in()
        mark = row_of(page, MARK_ONLY).get_by_test_id("cell-mark")
        has_value(mark)
        for _ in range(SAMPLES):
            assert "$" not in row_of(page, MARK_ONLY).inner_text()
            page.wait_for_timeout(40)
        expect(mark).to_have_attribute("title", re.compile("Not known in US dollars"))


def test_what_is_in_no_coin_has_one_price(site: LiveSite) -> None:
    with visit(site) as visitor:
        page = visitor.signed_in()
        for symbol, column in ((LINEAR, "bid"), (LINEAR, "mark"), (INDEX, "last")):
            has_value(row_of(page, symbol).get_by_test_id(f"cell-{column}"))
            assert "$" not in row_of(page, symbol).inner_text()
            assert part(page, symbol, column, "dollars").inner_text() == ""


def test_a_list_in_dollars_keeps_no_room_for_another_currency(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        has_value(rows(page).nth(1).get_by_test_id("cell-bid"))
        assert "≈" not in page.get_by_test_id("grid").inner_text()
        assert page.get_by_test_id("grid").locator(".currency:visible, .dollars:visible").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_coin_price_comes_first_and_the_dollars_are_smaller_and_fainter(site: LiveSite, scheme: str) -> None:
    looks = (
        "(part) => { const s = getComputedStyle(part); return [parseFloat(s.fontSize), s.color, s.fontVariantNumeric] }"
    )
    with visit(site, color_scheme=scheme) as visitor:
        page = visitor.signed_in()
        dollars, price = (part(page, COINS[0].symbol, "last", name) for name in ("dollars", "price"))
        for (width, height), beside in ((DESKTOP, True), (PHONE, False)):
            page.set_viewport_size({"width": width, "height": height})
            expect(dollars).to_contain_text("$")
            first, second = price.bounding_box(), dollars.bounding_box()
            assert first is not None
            assert second is not None
            if beside:
                assert first["x"] + first["width"] <= second["x"]
            else:
                assert first["y"] + first["height"] <= second["y"] + 1
            (big, strong, figures), (small, faint, same) = price.evaluate(looks), dollars.evaluate(looks)
            assert small < big
            assert faint != strong
            assert figures == same == "tabular-nums"


def test_nothing_moves_from_the_first_row_on(site: LiveSite) -> None:
    with visit(site) as visitor:
        page = visitor.signed_in()
        page.add_init_script(f"({WATCH_PLACES})()")
        for width, height in (DESKTOP, (900, 700), PHONE):
            page.set_viewport_size({"width": width, "height": height})
            page.reload()
            expect(part(page, COINS[0].symbol, "bid", "dollars")).to_contain_text("$")
            page.wait_for_timeout(2_000)
            places: dict[str, list[str]] = page.evaluate("() => window.places")
            assert len(places) > 100
            assert {what: seen for what, seen in places.items() if _moved(seen)} == {}, width


def _moved(places: list[str]) -> bool:
    """By more than the one pixel that a browser's rounding of half a pixel makes of nothing."""
    seen = [[int(part) for part in place.split(",")] for place in places]
    return any(max(parts) - min(parts) > 1 for parts in zip(*seen, strict=True))


def test_no_price_is_cut_and_nothing_scrolls_sideways(site: LiveSite) -> None:
    with visit(site) as visitor:
        page = visitor.signed_in()
        expect(part(page, COINS[1].symbol, "bid", "dollars")).to_contain_text("$")
        has_value(row_of(page, INDEX).get_by_test_id("cell-last"))
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(200)
            assert page.evaluate(CUT) == [], width
            assert page.get_by_test_id("grid").evaluate("(grid) => grid.scrollWidth - grid.clientWidth") == 0, width
            assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, width


def test_details_show_both_too(site: LiveSite) -> None:
    with visit(site) as visitor:
        page = visitor.signed_in()
        row_of(page, COINS[0].symbol).click()
        detail = page.get_by_test_id("detail")
        expect(detail.locator(".detail-price")).to_have_text(re.compile(r"^0\.0452\s*BTC\s*≈ \$5,\d{3}"))
        expect(detail.locator(".book .dollars")).to_have_text([re.compile(r"^≈ \$5,\d{3}$")] * 2)
        row_of(page, LINEAR).click()
        expect(detail).to_contain_text("USDC")
        assert "$" not in detail.inner_text()
        assert visitor.complaints == []
