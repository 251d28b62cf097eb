"""Every cell tells the truth: what is blank says why, what is old says since when, and a silence is told in time."""

import re
import time
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import given_time

from .conftest import LiveSite
from .tapped import Tap, now_ms
from .visits import PATIENCE, Visitor, has_value, row_of, rows, state, visit, wait_until_live

pytestmark = pytest.mark.browser

SAID_WITHIN_S: Final = 3.0 * PATIENCE
# Of a second in which a cell may be marked: not sooner than half of one after the last mark.
APART_S: Final = 0.5

COUNT_MARKS = """(cell) => {
  window.marks = [];
  let before = cell.className;
  new MutationObserver(() => {
    const mark = /(flash|dot)-(up|down|same)/.exec(cell.className);
    if (mark && !/(flash|dot)-/.test(before)) window.marks.push(mark[0]);
    before = cell.className;
  }).observe(cell, { attributes: true, attributeFilter: ["class"] });
}"""


def options(page: Page, count: int) -> list[str]:
    """Symbols of options in the list on the screen."""
    contracts = page.locator(".rows .row .contract").filter(has_text=re.compile(" [CP]$"))
    expect(contracts.nth(count - 1)).to_be_attached()
    found: list[str] = page.locator(".rows .row").evaluate_all(
        "(all) => all.filter((row) => / [CP]$/.test(row.querySelector('.contract')?.textContent ?? ''))"
        ".map((row) => row.dataset.symbol)"
    )
    assert len(set(found)) >= count
    return list(dict.fromkeys(found))[:count]


def tapped(visitor: Visitor) -> tuple[Page, Tap]:
    page = visitor.signed_in()
    tap = Tap(page)
    page.reload()
    wait_until_live(page)
    has_value(rows(page).first.get_by_test_id("cell-age"))
    return page, tap


def blank(cell: Locator, why: str) -> None:
    """For eyes and for who does not see, and no number in its place."""
    expect(cell).to_have_attribute("title", why)
    expect(cell).to_have_attribute("aria-label", why)
    expect(cell).to_have_text("")


def test_blanks_say_why_and_marks_say_what(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page, tap = tapped(visitor)
        crossed, silent, one_sided, untraded, old, gone = options(page, 6)

        def cell(symbol: str, key: str) -> Locator:
            return page.locator(f'.rows .row[data-symbol="{symbol}"]').first.get_by_test_id(f"cell-{key}")

        book = {"bid": 3.0, "ask": 3.2, "last": 3.1, "mark": 3.1, "underlying_price": 500.0}
        tap.row(crossed, **{**book, "ask": 2.5}, flags=1 + 8, delta=0.5)
        expect(cell(crossed, "bid")).to_have_attribute("title", re.compile("^Crossed: the bid is above the ask"))
        expect(page.locator(f'.row.crossed[data-symbol="{crossed}"]')).to_have_count(1)
        expect(cell(crossed, "delta")).to_have_attribute("title", "Computed by our model")
        assert cell(crossed, "delta").evaluate("(cell) => getComputedStyle(cell).fontStyle") == "italic"
        tap.row(silent, flags=6)
        blank(cell(silent, "bid"), "No quote: neither bid nor ask")
        blank(cell(silent, "last"), "Never traded")
        blank(cell(silent, "delta"), "No delta: the underlying’s price is not known")
        assert cell(silent, "ask").evaluate("(cell) => getComputedStyle(cell, '::after').content") == '"–"'
        tap.row(one_sided, **{**book, "bid": None}, flags=2, delta=0.25)
        blank(cell(one_sided, "bid"), "One-sided: no bid")
        expect(cell(one_sided, "delta")).to_have_attribute("title", "Computed by the venue")
        tap.row(untraded, **{**book, "last": None, "mark": None})
        blank(cell(untraded, "change"), "Never traded")
        blank(cell(untraded, "volume"), "The venue gives no volume of the session")
        tap.row(old, **book, flags=16)
        expect(cell(old, "age")).to_have_attribute("title", "The venue says that this quote is stale")
        expect(cell(old, "bid")).to_have_css("opacity", "0.6")
        expect(cell(crossed, "bid")).to_have_css("opacity", "1")
        tap.holds_rows = True  # the server knows nothing of it
        page.wait_for_timeout(200)
        tap.say(
            {
                "op": "subscribed",
                "source": "underlyings",
                "cause": "forbidden",
                "added": {},
                "refused": [],
                "removed": [{"id": tap.ids[gone], "symbol": gone, "code": "forbidden"}],
                "total": 0,
            }
        )
        for key in ("bid", "last", "age", "delta"):
            blank(cell(gone, key), "Not open to your account")
        tap.holds_rows = False

        # The details of the same say the same.
        page.locator(f'.rows .row[data-symbol="{silent}"]').first.click()
        detail = page.get_by_test_id("detail")
        expect(detail.locator("[title='No quote: neither bid nor ask']").first).to_be_visible()
        expect(detail.locator("[title^='No delta: the underlying’s price is not known']").first).to_be_visible()
        assert not re.search(r"(?<![\d.,])0\.0+(?![\d])", detail.inner_text().split("Contract")[0].split("Volume")[0])

        # So does the chain, once it is there.
        page.locator(f'.rows .row[data-symbol="{crossed}"]').first.click()
        detail.get_by_test_id("to-chain").click()
        side = page.locator(f'.chain-rows [data-symbol="{crossed}"]')
        expect(side).to_have_class(re.compile(r"\bcrossed\b"))
        expect(side.get_by_test_id("cell-delta")).to_have_attribute("title", "Computed by our model")


@pytest.mark.parametrize("reduced", [False, True], ids=["moving", "calm"])
def test_a_cell_is_marked_twice_a_second_at_most(live_site: LiveSite, reduced: bool) -> None:
    with visit(live_site, reduced_motion="reduce" if reduced else "no-preference") as visitor:
        page, tap = tapped(visitor)
        (symbol,) = options(page, 1)
        cell = row_of(page, symbol).get_by_test_id("cell-bid")
        tap.row(symbol, bid=10.0, ask=90.0)
        expect(cell).to_contain_text("10.0")
        page.wait_for_timeout(1100)
        cell.evaluate(COUNT_MARKS)
        began = time.monotonic()
        for k in range(24):
            tap.row(symbol, bid=11.0 + k, ask=90.0)
            page.wait_for_timeout(50)
        marks: list[str] = page.evaluate("window.marks")
        name = "dot-up" if reduced else "flash-up"
        assert set(marks) == {name}
        assert 1 <= len(marks) <= 1 + (time.monotonic() - began) / APART_S
        assert len(marks) < 12
        page.wait_for_timeout(1100)
        tap.row(symbol, bid=1.0, ask=90.0)
        page.wait_for_function("(name) => window.marks.at(-1) === name", arg=name.replace("up", "down"))


def test_a_closed_market_is_told_calmly_and_feeds_say_what_they_are(live_site: LiveSite) -> None:
    with visit(live_site, timezone_id="UTC") as visitor:
        page, tap = tapped(visitor)
        tap.holds_rows = True
        opens_ms = now_ms() + 3 * 86_400_000
        tap.status(health="closed", age_ms=2 * 3_600_000, opens_ms=opens_ms, kind="delayed")
        expect(state(page)).to_have_attribute("data-tone", "calm")
        notice = page.get_by_test_id("notice").filter(visible=True)
        expect(notice).to_have_text(re.compile(r"^Market closed since .*\d\d:\d\d, opens \w{3},? \d+ \w{3} \d\d:\d\d$"))
        expect(notice).not_to_have_attribute("role", "alert")
        expect(page.locator(".rows .row.stale")).to_have_count(0)
        expect(page.get_by_test_id("badge")).to_have_text("delayed")
        tap.status(health="ok", age_ms=0, kind="replay", clock_offset_ms=-86_400_000 * 400)
        expect(page.get_by_test_id("badge")).to_have_text(re.compile(r"^replay · \d+ \w{3} \d{4}$"))
        tap.status(health="ok", age_ms=0, kind="real_time")
        expect(page.get_by_test_id("badge")).to_have_count(0)


def test_a_server_that_says_nothing_any_more_is_told_in_time_by_one_banner(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        has_value(rows(page).first.get_by_test_id("cell-age"))
        live_site.freeze_web()
        frozen = given_time.now()
        try:
            expect(state(page)).to_have_attribute("data-tone", "bad", timeout=SAID_WITHIN_S * 1000)
            assert given_time.now() - frozen < SAID_WITHIN_S
            expect(state(page)).to_have_text(re.compile(r"No answer for \d+ s"))
            expect(page.get_by_role("alert").filter(visible=True)).to_have_count(1)
            expect(page.locator(".rows .row:not(.stale, .heading-row)")).to_have_count(0)
            expect(rows(page).first).to_have_attribute(
                "title", re.compile(r"^Not of now: no connection since \d\d:\d\d:\d\d$")
            )
        finally:
            live_site.thaw_web()
        wait_until_live(page)
        expect(page.locator(".rows .row.stale")).to_have_count(0)
        expect(page.get_by_role("alert").filter(visible=True)).to_have_count(0)


def test_the_delays_of_what_is_on_the_screen_are_told_part_by_part(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page, tap = tapped(visitor)
        for part in ("venue", "server", "screen"):
            expect(page.get_by_test_id(f"latency-{part}")).to_have_text(re.compile(r"^[<−]? ?[\d.]+ m?s$"))
        page.get_by_test_id("latency-button").focus()
        page.keyboard.press("Enter")
        panel = page.get_by_test_id("latency-panel")
        for part in ("venue", "server", "screen"):
            delays = panel.get_by_test_id(f"delays-{part}").locator("td")
            expect(delays).to_have_text([re.compile(r"^[<−]? ?[\d.]+ m?s$")] * 2)
        expect(panel.get_by_test_id("beat")).to_have_text(re.compile(r"^\d+ ms$|^none$"))
        expect(panel.get_by_test_id("uncertainty")).to_have_text(re.compile(r"^± [\d.]+ ms$"))
        expect(panel.get_by_test_id("rows-per-second")).to_have_text(re.compile(r"^[1-9][\d,]*$"))
        # Rows that were left out count as merged: nothing but ours from now on, one in ten of those published.
        tap.holds_rows = True
        (symbol,) = options(page, 1)
        page.wait_for_timeout(500)
        for _ in range(30):
            tap._k += 9
            tap.row(symbol, bid=1.0, ask=2.0)
            page.wait_for_timeout(20)
        merged: Any = panel.get_by_test_id("merged")
        expect(merged).to_have_text(re.compile(r"^[1-9]\d? %$"), timeout=5000)
        page.keyboard.press("Escape")
        expect(panel).to_have_count(0)
