"""A position picked from the chain and its payoff, as a trader uses them, in a real browser."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import LiveSite
from .visits import PHONE, Visitor, has_value, shows_expiry, visit, wait_until_live

pytestmark = pytest.mark.browser

UNDERLYING = "ACME"
MULTIPLIER = 100
# What the page says of the position between two looks at the quotes it is made of.
BETWEEN_QUOTES = """async ([symbols, testid]) => {
  const ask = async () => (await (await fetch(`/api/v1/quotes/?symbols=${symbols}`)).json()).results;
  const before = await ask();
  await new Promise((done) => setTimeout(done, 400));
  const text = document.querySelector(`[data-testid=${testid}]`).textContent;
  return [before, text, await ask()];
}"""
# Controls without a name, and cells of a table's head that do not say of what they are the head.
NAMELESS = """() => [...document.querySelectorAll("main button, main input, main select, main a, main [tabindex]")]
  .filter((one) => !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length))
  .concat([...document.querySelectorAll("main th:not([scope])")])
  .map((one) => one.outerHTML)"""

# Whether the chart reads out to a screen reader what it shows.
READ_OUT = """() => document.querySelector("[data-testid=payoff-chart]").getAttribute("aria-valuetext") ===
  document.querySelector("[data-testid=payoff-read]").innerText"""


@pytest.fixture(scope="module")
def visitor(running_site: LiveSite) -> Iterator[Visitor]:
    running_site.ensure_running()
    with visit(running_site, accept_downloads=True) as one:
        one.context.grant_permissions(["clipboard-read", "clipboard-write"])
        one.signed_in().close()
        yield one


def number(text: str) -> float:
    found = re.search(r"[−-]?[\d,]+(\.\d+)?", text)
    assert found is not None, text
    return float(found[0].replace(",", "").replace("\u2212", "-"))


def legs(page: Page) -> Locator:
    return page.get_by_test_id("leg")


def at_the_money(page: Page) -> str:
    """The put below the money, which always has a bid."""
    page.keyboard.press("Home")
    page.keyboard.press("p")
    cursor = page.locator("#chain-cursor").locator("xpath=ancestor::*[@data-symbol]")
    return cursor.get_attribute("data-symbol") or ""


def has_cost(page: Page) -> None:
    expect(page.get_by_test_id("net")).to_have_text(re.compile(r"^[\d,]+\.\d\d USD$"))


def still_net(page: Page, symbols: list[str], testid: str) -> tuple[float, dict[str, Any]]:
    """The net cost that the page shows while the legs' quotes stand still, and those quotes."""
    names = ",".join(f"simulated.{symbol}" for symbol in symbols)
    for _ in range(20):
        before, text, after = page.evaluate(BETWEEN_QUOTES, [names, testid])
        if [one["seq"] for one in before] == [one["seq"] for one in after]:
            return number(text), {one["symbol"]: one for one in after}
    raise AssertionError("the market never stood still for half a second")


def test_legs_picked_by_keys_cost_what_their_quotes_say(visitor: Visitor) -> None:
    page = visitor.tab()
    page.goto(f"{visitor.site.url}#chain/simulated/{UNDERLYING}")
    wait_until_live(page)
    monthly = page.locator("[data-testid=expiry].monthly").first
    monthly.click()
    shows_expiry(page, monthly)
    has_value(page.get_by_test_id("chain-price"))
    page.keyboard.press("Home")
    page.keyboard.press("c")
    symbols = []
    for key in ("b", "s"):
        cursor = page.locator("#chain-cursor").locator("xpath=ancestor::*[@data-symbol]")
        symbols.append(cursor.get_attribute("data-symbol") or "")
        page.keyboard.press(key)
        page.keyboard.press("ArrowDown")
    expect(page.get_by_test_id("tray-leg")).to_have_count(2)
    expect(page.get_by_test_id("leg-mark").filter(visible=True)).to_have_text(["+1", "\u22121"])
    has_value(page.get_by_test_id("tray-net"))
    net, quotes = still_net(page, symbols, "tray-net")
    expected = (quotes[symbols[0]]["ask"] - quotes[symbols[1]]["bid"]) * MULTIPLIER
    assert net == pytest.approx(abs(expected), abs=0.005)

    # There, back, and there again, with the same legs.
    page.keyboard.press("o")
    expect(legs(page)).to_have_count(2)
    page.keyboard.press("o")
    expect(page.get_by_test_id("tray-leg")).to_have_count(2)
    expect(page.get_by_test_id("strike-row").first).to_be_visible()
    page.keyboard.press("o")
    expect(legs(page)).to_have_count(2)
    has_cost(page)
    net, quotes = still_net(page, symbols, "net")
    expected = (quotes[symbols[0]]["ask"] - quotes[symbols[1]]["bid"]) * MULTIPLIER
    assert net == pytest.approx(expected, abs=0.005)
    delta = (quotes[symbols[0]]["delta"] - quotes[symbols[1]]["delta"]) * MULTIPLIER
    assert number(page.get_by_test_id("greek-delta").inner_text()) == pytest.approx(delta, abs=3)
    assert 0 < number(page.get_by_test_id("probability").inner_text()) < 100

    # With prices of one's own all that follows at expiry is known exactly.
    lower, upper = (number(name) for name in re.findall(r"[+-]1C([\d.]+?)\.2", page.url))
    for index, own in enumerate(("3.25", "1.5")):
        leg = legs(page).nth(index)
        leg.get_by_test_id("leg-price-choice").select_option("own")
        leg.get_by_test_id("leg-own-price").fill(own)
        leg.get_by_test_id("leg-own-price").press("Enter")
    legs(page).nth(1).get_by_test_id("leg-quantity").fill("2")
    legs(page).nth(1).get_by_test_id("leg-quantity").press("Enter")
    expect(page.get_by_test_id("net")).to_have_text("25.00 USD")
    tail = 2 * upper - lower - 0.25
    expect(page.get_by_test_id("breakeven")).to_have_text(f"{lower + 0.25:.2f} · {tail:.2f}")
    expect(page.get_by_test_id("most")).to_have_text(f"+{(upper - lower) * MULTIPLIER - 25:.2f}")
    expect(page.get_by_test_id("least")).to_have_text("unlimited")
    expect(page).to_have_url(re.compile(r"@1\.5$"))
    page.close()


def test_the_address_is_the_position(visitor: Visitor) -> None:
    page = visitor.tab()
    page.goto(f"{visitor.site.url}#chain/simulated/{UNDERLYING}")
    wait_until_live(page)
    expect(page.get_by_test_id("strike-row").first).to_be_visible()
    page.get_by_test_id("pick-legs").click()
    put = page.get_by_test_id("put").and_(page.locator(f'[data-symbol="{at_the_money(page)}"]'))
    put.get_by_test_id("cell-bid").click()
    put.get_by_test_id("cell-ask").click(modifiers=["Shift"])
    expect(page.get_by_test_id("tray-leg")).to_have_text(re.compile(r"^\+9 "))
    page.get_by_test_id("to-payoff").click()
    expect(legs(page)).to_have_count(1)
    first = page.url
    page.get_by_test_id("add-underlying").click()
    expect(legs(page)).to_have_count(2)
    legs(page).nth(1).get_by_test_id("leg-side").click()
    expect(legs(page).nth(1).get_by_test_id("leg-side")).to_have_text("Sell")
    has_cost(page)
    whole = f"{first}~-100U"
    expect(page).to_have_url(whole)
    assert page.evaluate(NAMELESS) == []
    page.get_by_test_id("copy-link").click()
    expect(page.get_by_test_id("toasts")).to_contain_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    other = visitor.tab()
    other.goto(link)
    expect(legs(other)).to_have_count(2)
    has_cost(other)
    expect(other).to_have_url(whole)
    names = legs(page).locator("th").all_inner_texts()
    expect(legs(other).locator("th")).to_have_text(names)
    other.goto(f"{first}~nonsense~-1C1.2020-01-17")
    other.reload()
    expect(other.get_by_test_id("payoff-problems")).to_contain_text("nonsense")
    expect(legs(other).nth(1)).to_contain_text("expired on 17 Jan 20")
    expect(other.get_by_test_id("payoff-blank")).to_contain_text("Leg 2 has no price")
    expect(other.get_by_test_id("net")).to_contain_text("\u2013Leg 2 has no price")
    other.close()

    page.get_by_test_id("payoff-clear").click()
    expect(page.get_by_test_id("payoff-empty")).to_be_visible()
    page.go_back()
    expect(legs(page)).to_have_count(2)
    page.go_forward()
    expect(page.get_by_test_id("payoff-empty")).to_be_visible()
    page.go_back()
    page.go_back()
    expect(legs(page)).to_have_count(1)
    page.get_by_test_id("payoff-chain").click()
    expect(page.get_by_test_id("tray-leg")).to_have_count(1)
    page.close()


def test_another_day_another_volatility_and_the_file(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.tab()
    page.goto(f"{visitor.site.url}#chain/simulated/{UNDERLYING}")
    wait_until_live(page)
    monthly = page.locator("[data-testid=expiry].monthly").first
    monthly.click()
    shows_expiry(page, monthly)
    page.keyboard.press("Home")
    page.keyboard.press("b")
    page.keyboard.press("o")
    has_cost(page)
    chart = page.get_by_test_id("payoff-chart")
    chart.focus()
    page.keyboard.press("End")
    expect(page.get_by_test_id("payoff-read")).to_contain_text("at expiry +")
    expect(page.get_by_test_id("payoff-read")).to_contain_text("now +")
    # Both at one moment: it moves with the market.
    page.wait_for_function(READ_OUT)
    page.keyboard.press("Escape")
    vega = number(page.get_by_test_id("greek-vega").inner_text())
    page.get_by_test_id("shift").fill("10")
    expect(page.get_by_test_id("payoff-read")).to_contain_text("at IV +10")
    page.get_by_test_id("days").fill("5")
    expect(page.get_by_test_id("payoff-day")).not_to_have_text("now")
    assert vega > 0
    page.get_by_test_id("payoff-spot").click()
    with page.expect_download() as saved:
        page.keyboard.press("e")
    path = tmp_path / "payoff.csv"
    saved.value.save_as(path)
    with path.open() as file:
        table = list(csv.DictReader(file))
    assert [row["part"] for row in table[:2]] == ["leg", "curve"]
    leg = table[0]
    assert float(leg["cost"]) == pytest.approx(float(leg["price"]) * MULTIPLIER)
    # Which quote of the contract it was counted at.
    assert int(leg["seq"]) > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z", leg["venue_at"])
    for row in table[1:]:
        intrinsic = max(float(row["underlying_price"]) - float(leg["strike"]), 0)
        profit = (intrinsic - float(leg["price"])) * MULTIPLIER
        assert float(row["profit_at_expiry"]) == pytest.approx(profit, abs=0.01)
        assert float(row["profit_at_time"]) >= profit - 0.01
    address = page.url
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.reload()
    has_cost(page)
    assert page.url == address
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    for part in (legs(page).first, page.get_by_test_id("leg-remove").first, page.get_by_test_id("payoff-clear")):
        box = part.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE[0]
    chart.scroll_into_view_if_needed()
    expect(page.locator(".payoff-svg .at-expiry")).to_have_attribute("d", re.compile(r"^M[\d.]+ "))
    assert visitor.complaints == []
    page.close()
