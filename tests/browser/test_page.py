"""How the page looks and behaves, whatever it shows."""

import pytest
from playwright.sync_api import Page, expect

from .conftest import LiveSite
from .visits import PHONE, rows, state, visit, wait_until_live

pytestmark = pytest.mark.browser

# Collects every mark that a cell gets for a change, from now on.
WATCH_MARKS = """() => {
  window.marks = new Set();
  new MutationObserver((records) => {
    for (const record of records)
      for (const name of record.target.classList)
        if (/^(flash|dot)-/.test(name)) window.marks.add(name.split("-")[0]);
  }).observe(document.querySelector(".rows"), { subtree: true, attributes: true, attributeFilter: ["class"] });
}"""


def marks(page: Page) -> list[str]:
    """The kinds of marks seen over some seconds in which there was at least one."""
    page.evaluate(WATCH_MARKS)
    page.wait_for_function("() => window.marks.size > 0", timeout=15_000)
    page.wait_for_timeout(1500)
    seen: list[str] = page.evaluate("[...window.marks].sort()")
    return seen


def test_changes_flash(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        assert marks(visitor.signed_in()) == ["flash"]


def test_where_motion_is_not_wanted_a_dot_stands_for_the_flash(live_site: LiveSite) -> None:
    with visit(live_site, reduced_motion="reduce") as visitor:
        assert marks(visitor.signed_in()) == ["dot"]


def test_an_ordinary_visit_leaves_nothing_in_the_console(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        page.keyboard.press("?")
        expect(page.get_by_test_id("help")).to_be_visible()
        page.keyboard.press("Escape")
        page.get_by_test_id("detail-toggle").click()
        page.get_by_test_id("theme").click()
        page.wait_for_timeout(1500)
        assert visitor.complaints == []


@pytest.mark.parametrize("size", [PHONE, (360, 640), (768, 1024), (1024, 768)])
def test_no_page_scrolls_sideways(live_site: LiveSite, size: tuple[int, int]) -> None:
    with visit(live_site, size) as visitor:
        tab = visitor.tab()
        tab.goto(live_site.url)
        assert _too_wide(tab) == 0
        page = visitor.signed_in()
        assert _too_wide(page) == 0
        # The second row is an option, which has the most to tell.
        rows(page).nth(1).click()
        expect(page.get_by_test_id("detail")).to_be_visible()
        assert _too_wide(page) == 0
        for part in ("grid", "detail"):
            assert page.get_by_test_id(part).evaluate("(part) => part.scrollWidth - part.clientWidth") == 0, part
        page.get_by_test_id("chain-link").first.click()
        expect(page.get_by_test_id("strike-row").first).to_be_attached()
        assert _too_wide(page) == 0


def _too_wide(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    found: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return max(0, found)


def test_a_tap_on_a_phone_opens_the_details_and_they_can_remove(live_site: LiveSite) -> None:
    with visit(live_site, PHONE, has_touch=True, is_mobile=True) as visitor:
        page = visitor.signed_in()
        rows(page).first.tap()
        detail = page.get_by_test_id("detail")
        expect(detail).to_be_visible()
        expect(detail.get_by_role("button", name="Remove from this list")).to_be_attached()
        # Over most of the page, they are of that view and that visit alone.
        page.goto(f"{live_site.url}#volatility/simulated/ACME")
        expect(page.get_by_test_id("term-plot")).to_be_visible()
        expect(detail).to_have_count(0)
        page.get_by_test_id("watchlist").first.tap()
        rows(page).first.tap()
        expect(detail).to_be_visible()
        page.reload()
        expect(rows(page).first).to_be_visible()
        expect(detail).to_have_count(0)


def test_the_details_are_never_of_another_underlying_than_the_view(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        rows(page).nth(1).click()
        heading = page.get_by_test_id("detail").get_by_role("heading", level=2)
        expect(heading).to_contain_text("ZEPH")
        contract = heading.inner_text()
        for view in ("chain", "payoff", "volatility"):
            page.goto(f"{live_site.url}#{view}/simulated/ACME")
            expect(heading).to_have_text("ACME")
        # In its own chain the contract stays.
        page.get_by_test_id("watchlist").first.click()
        expect(heading).to_have_text(contract)
        page.get_by_test_id("to-chain").click()
        expect(page.get_by_test_id("chain-price")).to_be_visible()
        expect(heading).to_have_text(contract)


def test_the_chosen_theme_is_kept_and_drawn_by_the_server(live_site: LiveSite) -> None:
    def toggle(page: Page) -> None:
        with page.expect_response(lambda answer: answer.request.method == "PATCH" and answer.ok):
            page.get_by_test_id("theme").click()

    with visit(live_site, color_scheme="light") as visitor:
        page = visitor.signed_in()
        toggle(page)
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
        response = page.goto(live_site.url)
        assert response is not None
        assert 'data-theme="dark"' in response.text()
        wait_until_live(page)
        toggle(page)
        response = page.goto(live_site.url)
        assert response is not None
        assert "data-theme" not in response.text()


def test_latencies_are_measured_and_plausible(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        screen = page.get_by_test_id("latency-screen")
        expect(screen).not_to_have_text("–", timeout=10_000)
        assert screen.inner_text().endswith(" ms")
        expect(state(page)).to_have_attribute("data-tone", "live")
