"""The option chain, as a trader uses it, in a real browser."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import LiveSite
from .visits import PHONE, Visitor, has_value, make_watchlist, row_of, shows_expiry, visit, wait_until_live

pytestmark = pytest.mark.browser

UNDERLYING = "ACME"
# A change of expiry is to be on the screen within 150 ms; the machine that tests does other things too.
SWITCH_MS = 450
# Notes of every frame how many strikes and how many bids are on the screen, and when another expiry's came.
WATCH_FRAMES = """() => {
  window.frames_seen = [];
  const grid = document.querySelector("[data-testid=chain-grid]");
  const look = (now) => {
    const bids = [...grid.querySelectorAll("[data-testid=call] .cell.bid")].filter((cell) => cell.textContent.trim());
    const symbol = grid.querySelector("[data-testid=call]")?.dataset.symbol ?? "";
    window.frames_seen.push([now, bids.length, symbol, Number(getComputedStyle(grid).opacity)]);
    window.looking = requestAnimationFrame(look);
  };
  window.looking = requestAnimationFrame(look);
}"""
COLUMNS = {"bid": "bid", "ask": "ask", "bid_size": "bid_size", "ask_size": "ask_size"}


@pytest.fixture(scope="module")
def visitor(running_site: LiveSite) -> Iterator[Visitor]:
    """One signed-in trader for all of the desk's tests."""
    running_site.ensure_running()
    with visit(running_site) as one:
        one.signed_in().close()
        yield one


def chain_page(visitor: Visitor, address: str = f"#chain/simulated/{UNDERLYING}") -> Page:
    page = visitor.tab()
    page.goto(f"{visitor.site.url}{address}")
    wait_until_live(page)
    expect(strikes(page).first).to_be_visible()
    has_value(page.get_by_test_id("chain-price"))
    return page


def strikes(page: Page) -> Locator:
    return page.get_by_test_id("strike-row")


def expiry(page: Page, index: int) -> Locator:
    return page.get_by_test_id("expiry").nth(index)


def number(text: str) -> float | None:
    """What a cell says, as a number: thin spaces, thousands and a true minus sign aside."""
    plain = re.sub(r"[\s\u202f,]", "", text).replace("\u2212", "-")
    return float(plain) if plain else None


def answer(page: Page, path: str) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("(path) => fetch(path).then((answer) => answer.json())", path)
    return found


def test_a_link_shows_the_chain_with_the_values_of_the_api(visitor: Visitor) -> None:
    page = chain_page(visitor)
    name = page.get_by_test_id("expiry").and_(page.locator("[aria-current]")).get_attribute("data-name")
    assert page.url.endswith(f"#chain/simulated/{UNDERLYING}/{name}")
    expect(page.get_by_test_id("chain").get_by_test_id("badge")).to_have_text("simulated")
    path = f"/api/v1/chains/simulated.{UNDERLYING}/"
    # The market moves on: what REST says twice around a look at the page is what the page has to show.
    told = answer(page, path)
    shown = page.get_by_test_id("expiry").evaluate_all("(all) => all.map((one) => one.dataset.name)")
    assert shown == [one["name"] for one in told["expiries"]]
    for _ in range(20):
        before, seen, after = page.evaluate(
            """async (path) => {
              const ask = async () => (await (await fetch(path)).json()).strikes;
              const before = await ask();
              await new Promise((done) => setTimeout(done, 150));
              const look = (side) => Object.fromEntries([...side.querySelectorAll(".cell")].map(
                (cell) => [cell.dataset.testid, cell.textContent]));
              const seen = Object.fromEntries([...document.querySelectorAll("[data-testid=call], [data-testid=put]")].map(
                (side) => [side.dataset.symbol, look(side)]));
              return [before, seen, await ask()];
            }""",
            f"{path}{name}/",
        )
        still = compared(before, seen, after)
        if still >= len(seen) / 2:
            break
    assert still >= len(seen) / 2, "the market never stood still for a third of a second"
    assert len(seen) == 2 * len(after)
    page.close()


def compared(before: list[Any], seen: dict[str, Any], after: list[Any]) -> int:
    """Asserts that contracts which did not change meanwhile are shown as they are; says how many those were."""
    options = {side["symbol"]: side for row in before for side in (row["call"], row["put"]) if side}
    still = 0
    for row in after:
        for side in (row["call"], row["put"]):
            if not side or options.get(side["symbol"], {}).get("seq") != side["seq"]:
                continue
            still += 1
            cells = seen[side["symbol"]]
            for key, name in COLUMNS.items():
                assert number(cells[f"cell-{key}"]) == side[name], (side["symbol"], key)
            # To the digits that are shown; what rounds to nothing is said to be less than one of them.
            if cells["cell-delta"][:1] in "<>":
                assert 0 < abs(side["delta"]) <= 0.00501
            else:
                assert number(cells["cell-delta"]) == pytest.approx(side["delta"], abs=0.00501)
            volatility = number(cells["cell-implied_volatility"])
            assert volatility == pytest.approx(side["implied_volatility"] * 100, abs=0.0501)
    return still


def test_values_move_and_the_money_is_in_sight_and_marked(visitor: Visitor) -> None:
    page = chain_page(visitor)
    quotes = "[...document.querySelectorAll('.chain-rows .cell.bid')].map((cell) => cell.textContent).join()"
    before = page.evaluate(quotes)
    page.wait_for_function(f"(before) => {quotes} !== before", arg=before, timeout=5000)
    expect(page.get_by_test_id("money")).to_be_in_viewport()
    spot = number(page.get_by_test_id("money").inner_text())
    assert spot is not None
    shaded = page.locator("[data-testid=call].in-the-money").evaluate_all(
        "(all) => all.map((one) => Number(one.parentElement.dataset.strike))"
    )
    dark = page.locator("[data-testid=put].in-the-money").evaluate_all(
        "(all) => all.map((one) => Number(one.parentElement.dataset.strike))"
    )
    assert max(shaded) < spot * 1.01
    assert min(dark) > spot * 0.99
    assert max(shaded) < min(dark)
    # Also where there are more strikes than the window has room for: the rest is scrolled to.
    page.set_viewport_size({"width": 1200, "height": 420})
    expiry(page, 3).click()
    expect(strikes(page)).to_have_count(31)
    expect(page.get_by_test_id("money")).to_be_in_viewport()
    expect(strikes(page).first).not_to_be_in_viewport()
    strikes(page).first.scroll_into_view_if_needed()
    expect(page.get_by_test_id("money")).not_to_be_in_viewport()
    page.get_by_test_id("to-money").click()
    expect(page.get_by_test_id("money")).to_be_in_viewport()
    expect(strikes(page).last).not_to_be_in_viewport()
    # A blank says why, to eyes and to ears.
    blank = page.locator("[data-testid=put] .cell.bid").filter(has_not_text=re.compile(r"\d")).first
    expect(blank).to_have_attribute("aria-label", "One-sided: no bid")
    page.close()


def test_another_expiry_comes_without_a_blank_frame(visitor: Visitor) -> None:
    page = chain_page(visitor)
    # Wherever the account was last.
    expiry(page, 2).click()
    shows_expiry(page, expiry(page, 2))
    page.evaluate(WATCH_FRAMES)
    for index in (3, 1, 5):
        symbol = strikes(page).first.get_by_test_id("call").get_attribute("data-symbol")
        begun = page.evaluate("performance.now()")
        if index == 1:
            page.keyboard.press("[")
        else:
            expiry(page, index).click()
        page.wait_for_function(
            "(symbol) => document.querySelector('[data-testid=call]').dataset.symbol !== symbol", arg=symbol
        )
        page.wait_for_timeout(100)
        frames = page.evaluate("window.frames_seen")
        came = next(now for now, _, shown, _ in frames if now > begun and shown != symbol)
        assert came - begun < SWITCH_MS
        assert min(bids for _, bids, _, _ in frames) > 0
        assert {opacity for *_, opacity in frames} == {1}
    # A link leaves a step to come back by; the key `[` does not.
    shown = page.url
    page.go_back()
    expect(expiry(page, 2)).to_have_attribute("aria-current", "page")
    page.go_forward()
    assert page.url == shown
    expect(expiry(page, 5)).to_have_attribute("aria-current", "page")
    page.close()


def test_by_keyboard_alone_from_the_search_to_a_watched_contract(visitor: Visitor) -> None:
    page = visitor.another_tab()
    make_watchlist(page, "From the chain")
    page.keyboard.press("/")
    page.get_by_test_id("search").fill(UNDERLYING.lower())
    expect(page.get_by_test_id("result").first).to_be_visible()
    # Past the underlying's other views.
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    expect(page.get_by_test_id("result-chain")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(strikes(page).first).to_be_visible()
    page.keyboard.press("]")
    page.keyboard.press("]")
    page.keyboard.press("]")
    page.keyboard.press("Home")
    cursor = page.locator("#chain-cursor")
    expect(cursor).to_be_in_viewport()
    at = cursor.locator("xpath=ancestor::*[@data-strike]")
    home = at.get_attribute("data-strike")
    # Where the keys rest comes what a pointer is told.
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    expect(cursor).to_have_attribute("data-testid", "cell-implied_volatility")
    expect(page.get_by_test_id("cell-note")).to_have_text("Computed by the venue")
    page.keyboard.press("p")
    expect(page.get_by_test_id("cell-note")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("PageUp")
    page.keyboard.press("PageDown")
    expect(at).not_to_have_attribute("data-strike", home or "")
    assert float(at.get_attribute("data-strike") or 0) > float(home or 0)
    symbol = cursor.locator("xpath=ancestor::*[@data-symbol]").get_attribute("data-symbol")
    assert symbol is not None
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("detail")).to_contain_text(symbol)
    page.keyboard.press("w")
    expect(page.get_by_test_id("toasts")).to_contain_text("to From the chain")
    page.get_by_test_id("watchlist").filter(has_text="From the chain").click()
    has_value(row_of(page, symbol).get_by_test_id("cell-ask"))
    # And back, from the contract to its chain.
    row_of(page, symbol).click()
    page.get_by_test_id("detail").get_by_test_id("to-chain").click()
    expect(page.locator(f'[data-testid="put"][data-symbol="{symbol}"]')).to_be_visible()
    expect(cursor.locator("xpath=ancestor::*[@data-symbol]")).to_have_attribute("data-symbol", symbol)
    expect(page.get_by_test_id("detail")).to_contain_text(symbol)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("detail")).to_have_count(0)
    page.close()


def test_columns_and_strikes_are_chosen_and_kept(visitor: Visitor) -> None:
    page = chain_page(visitor)
    whole = strikes(page).count()
    with page.expect_request(
        lambda request: request.method == "PATCH" and "chain.strikes" in (request.post_data or "")
    ) as saved:
        page.get_by_test_id("choose-columns").click()
        page.get_by_test_id("column-gamma").check()
        page.get_by_test_id("column-volume").uncheck()
        page.keyboard.press("Escape")
        page.get_by_test_id("strike-range").select_option("5")
    kept = json.loads(saved.value.post_data or "")["display"]["layout"]
    assert "gamma" in kept["chain.columns"]
    assert saved.value.response() is not None
    assert whole > 10
    expect(strikes(page)).to_have_count(10)
    page.evaluate("localStorage.clear()")
    page.reload()
    expect(strikes(page)).to_have_count(10)
    has_value(strikes(page).first.get_by_test_id("call").get_by_test_id("cell-gamma"))
    expect(page.get_by_test_id("cell-volume").and_(page.locator(".chain-rows *"))).to_have_count(0)
    page.close()


def test_an_address_that_leads_nowhere_says_so(visitor: Visitor) -> None:
    page = visitor.tab()
    page.goto(f"{visitor.site.url}#chain/simulated/{UNDERLYING}/2020-01-17")
    expect(page.get_by_test_id("chain-problem")).to_contain_text("no expiry 2020-01-17")
    expiry(page, 0).click()
    expect(page.get_by_test_id("chain-problem")).to_have_count(0)
    expect(strikes(page).first).to_be_visible()
    page.goto(f"{visitor.site.url}#chain/simulated/NOWHERE")
    expect(page.get_by_test_id("chain-problem")).to_contain_text("NOWHERE")
    page.close()


# Where the first of those cells is that is well in sight.
MIDDLE: Final = """(selector) => {
  const top = document.querySelector("[data-testid=chain-grid]").getBoundingClientRect().top + 60;
  const all = [...document.querySelectorAll(`.chain-rows ${selector}`)].map((cell) => cell.getBoundingClientRect());
  const { x, y, width, height } = all.find((at) => at.top > top);
  return [x + width / 2, y + height / 2];
}"""


class Finger:
    """One that touches the page, moves on it and leaves it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session = page.context.new_cdp_session(page)
        self._y = 0.0

    def down(self, x: float, y: float) -> None:
        self._y = y
        self._send("touchStart", x)

    def up(self) -> None:
        self._send("touchEnd")

    def swipe(self, x: float, to: float) -> None:
        """At the height at which it was last."""
        self._send("touchStart", x)
        for part in range(1, 6):
            self._send("touchMove", x + (to - x) * part / 5)
            self._page.wait_for_timeout(16)
        self.up()

    def _send(self, kind: str, *at: float) -> None:
        points = [{"x": x, "y": self._y} for x in at]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_a_phone_shows_one_side_with_the_strike_in_place(visitor: Visitor) -> None:
    browser = visitor.context.browser
    assert browser is not None
    with browser.new_context(
        viewport={"width": PHONE[0], "height": PHONE[1]},
        has_touch=True,
        is_mobile=True,
        storage_state=visitor.context.storage_state(),
    ) as context:
        page = Visitor(visitor.site, context).another_tab()
        page.get_by_test_id("chain-link").filter(has_text=UNDERLYING).tap()
        expect(strikes(page).first).to_be_attached()
        expect(page.get_by_test_id("put")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        page.get_by_test_id("side-P").tap()
        expect(page.get_by_test_id("call")).to_have_count(0)
        # A finger that holds is told what a pointer is, and opens nothing.
        finger = Finger(page)
        finger.down(*page.evaluate(MIDDLE, ".cell.implied_volatility"))
        expect(page.get_by_test_id("cell-note")).to_have_text("Computed by the venue")
        finger.up()
        # To the calls, and back.
        finger.swipe(80, 340)
        expect(page.get_by_test_id("put")).to_have_count(0)
        expect(page.get_by_test_id("detail")).to_have_count(0)
        page.get_by_test_id("side-P").tap()
        strike = page.locator(".chain-rows .cell.strike").first
        before = strike.bounding_box()
        grid = page.get_by_test_id("chain-grid")
        assert grid.evaluate("(grid) => grid.scrollWidth - grid.clientWidth") > 0
        grid.evaluate("(grid) => { grid.scrollLeft = 200; }")
        assert strike.bounding_box() == before
        page.get_by_test_id("put").get_by_test_id("cell-ask").filter(has_text=re.compile(r"\d")).first.tap()
        expect(page.get_by_test_id("detail")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
