"""Getting about: a new user's first minute, the search, everything by keyboard, and what the account keeps of all that."""

import re
from dataclasses import dataclass
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from .conftest import LiveSite
from .visits import PATIENCE, PHONE, has_value, rows, visit, wait_until_live

pytestmark = pytest.mark.browser

CHAIN: Final = "#chain/simulated/ACME"
# Milliseconds from a letter to what memory answers, laid out.
ANSWER_MS: Final = """(text) => {
  const input = document.querySelector("[data-testid=search]");
  input.focus();
  const from = performance.now();
  input.value = text;
  input.dispatchEvent(new InputEvent("input", { bubbles: true }));
  const found = document.querySelectorAll("#search-results [role=option]").length;
  document.body.getBoundingClientRect();
  return found ? performance.now() - from : NaN;
}"""
# What of the page a finger would miss. A row is hit as a whole; a link within words is as high as they are.
SMALL: Final = """() =>
  [...document.querySelectorAll("button, select, input, .rail a, .expiries a, .menu-item, .topbar a")]
    .map((one) => [one, one.getBoundingClientRect()])
    .filter(([one, { width, height }]) => width && height && !one.closest(".row, .skip, .chain-head h1") &&
      !one.matches(".skip"))
    .filter(([, { width, height }]) => Math.min(width, height) < 40)
    .map(([one, { width, height }]) => `${one.className || one.tagName}: ${width} x ${height}`)"""


@dataclass
class Newcomer:
    """Somebody who was never here."""

    url: str
    username: str
    password: str = "a long enough word for it"


def newcomer(site: LiveSite, name: str) -> Newcomer:
    made = Newcomer(site.url, name)
    site.run(
        f"from accounts.models import User\nUser.objects.create_user({name!r}, '{name}@example.org', {made.password!r})"
    )
    return made


def command(page: Page, words: str) -> None:
    """Does what the search calls so, once the account has it."""
    page.keyboard.press("Control+k")
    page.keyboard.type(words)
    with page.expect_response(lambda answer: answer.url.endswith("/me/") and answer.request.method == "PATCH"):
        page.keyboard.press("Enter")


def focused(page: Page) -> str:
    found: str = page.evaluate("document.activeElement.dataset.testid ?? document.activeElement.className")
    return found


def test_the_first_minute_and_the_same_desk_after_signing_in_elsewhere(live_site: LiveSite) -> None:
    ann = newcomer(live_site, "ann")
    with visit(ann, color_scheme="light") as visitor:
        # A link to a view leads there through the sign-in.
        page = visitor.tab()
        visitor.sign_in(page, CHAIN)
        wait_until_live(page)
        expect(page.get_by_test_id("strike-row").first).to_be_attached()
        assert re.search(rf"{CHAIN}/\d", page.url)

        # The first list moves by itself.
        page.get_by_test_id("watchlist").click()
        expect(page.get_by_test_id("watchlist-name")).to_have_text("Start here")
        expect(rows(page)).to_have_count(7)
        has_value(rows(page).nth(1).get_by_test_id("cell-bid"))

        # A hint leads to where it is done: the search says what can be typed, legs are picked in the list's chain.
        expect(page.locator("[data-testid^=hint-]")).to_have_count(3)
        page.get_by_test_id("hint-search").get_by_role("button").click()
        expect(page.get_by_test_id("search-lesson")).to_contain_text(re.compile("a contract as “[A-Z]+ .+ [CP]”"))
        page.keyboard.press("Escape")
        page.get_by_test_id("hint-legs").get_by_role("button").click()
        expect(page.get_by_test_id("pick-legs")).to_have_attribute("aria-pressed", "true")
        assert "#chain/simulated/ZEPH" in page.url
        page.get_by_test_id("pick-legs").click()
        page.get_by_test_id("watchlist").click()
        expect(rows(page)).to_have_count(7)

        # Each hint is gone once it was followed: a search, a contract added, two legs.
        expect(page.locator("[data-testid^=hint-]")).to_have_count(3)
        page.keyboard.press("/")
        page.keyboard.type("acme 170 c")
        expect(page.get_by_test_id("result").first).to_be_visible()
        page.keyboard.press("Shift+Enter")
        expect(page.locator("#chain-cursor")).to_be_attached()
        assert focused(page) == "chain-grid"
        expect(page.get_by_test_id("hint-search")).to_have_count(0)
        page.keyboard.press("w")
        expect(page.get_by_test_id("hint-add")).to_have_count(0)
        page.keyboard.press("b")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("s")
        expect(page.get_by_test_id("hints")).to_have_count(0)

        # How it looks and is arranged, all by keyboard.
        page.keyboard.press("]")
        command(page, "lower rows")
        command(page, "times in utc")
        command(page, "dark or light")
        page.get_by_test_id("splitter-rail").focus()
        before = page.locator(".rail").bounding_box()
        page.keyboard.press("ArrowRight")
        after = page.locator(".rail").bounding_box()
        assert before is not None
        assert after is not None
        assert after["width"] == before["width"] + 16
        expiry = page.locator("[data-testid=expiry][aria-current]").get_attribute("data-name")
        page.keyboard.press("d")
        page.get_by_test_id("choose-15m").click()
        with page.expect_response(lambda answer: answer.request.method == "PATCH"):
            page.get_by_test_id("choose-line").click()
        assert visitor.complaints == []

    with visit(ann, color_scheme="light") as visitor:
        page = visitor.tab()
        visitor.sign_in(page)
        wait_until_live(page)
        expect(page.locator("[data-testid=expiry][aria-current]")).to_have_attribute("data-name", expiry or "")
        expect(page.get_by_test_id("chain")).to_contain_text("times in UTC")
        assert page.evaluate("({...document.documentElement.dataset})") == {"theme": "dark", "density": "dense"}
        assert page.evaluate("document.querySelector('.rail').getBoundingClientRect().width") == after["width"]
        expect(page.locator("[data-testid=strike-row]").first).to_have_css("height", "22px")
        expect(page.get_by_test_id("choose-15m")).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_test_id("choose-line")).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_test_id("hints")).to_have_count(0)


def test_the_keyboard_reaches_all_and_comes_back(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        expect(rows(page).first).to_be_visible()
        page.keyboard.press("Tab")
        assert focused(page) == "skip"
        page.keyboard.press("Enter")
        assert focused(page) == "grid"

        # What is opened gives the keyboard back to where it was.
        page.get_by_role("button", name="Keys", exact=True).focus()
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("help")).to_be_visible()
        expect(page.get_by_test_id("help").locator("section")).to_have_count(4)
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.ariaLabel") == "Keys"

        # The watchlists and the details go and come; Tab goes round the whole page without a trap.
        page.keyboard.press("l")
        expect(page.locator(".rail")).to_have_count(0)
        page.keyboard.press("l")
        expect(page.locator(".rail")).to_be_visible()
        page.keyboard.press("d")
        expect(page.get_by_test_id("detail")).to_be_visible()
        seen: list[str] = []
        while "search" not in seen and len(seen) < 100:
            page.keyboard.press("Tab")
            seen.append(focused(page))
        assert {"splitter-rail", "grid", "splitter-detail", "hints-dismiss", "skip", "search"} - set(seen) == set()

        # From memory it answers before one can see it.
        times = [page.evaluate(ANSWER_MS, text) for text in ("a", "acme", "acme vol", "start", "dark", "utc", "keys")]
        assert sorted(times)[len(times) // 2] < 50 * PATIENCE
        page.keyboard.press("Escape")


def test_a_finger_hits_what_it_aims_at(live_site: LiveSite) -> None:
    site = newcomer(live_site, "thumb")
    with visit(site, PHONE, has_touch=True, is_mobile=True) as visitor:
        page = visitor.tab()
        visitor.sign_in(page)
        wait_until_live(page)
        expect(rows(page)).to_have_count(7)
        assert page.evaluate(SMALL) == []
        # The hints leave the page to the list: they are one line.
        hints = page.get_by_test_id("hints").bounding_box()
        assert hints is not None
        assert hints["height"] < 60
        page.get_by_test_id("account").tap()
        assert page.evaluate(SMALL) == []
        page.keyboard.press("Escape")
        page.get_by_test_id("chain-link").first.tap()
        expect(page.get_by_test_id("strike-row").first).to_be_attached()
        expect(page.get_by_test_id("choose-columns")).to_be_in_viewport(ratio=1)
        assert page.evaluate(SMALL) == []
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
