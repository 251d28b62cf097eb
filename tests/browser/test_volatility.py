"""An underlying's volatility in a browser. With the feed stopped nothing moves, so that all that is drawn can be held to
what REST says, worked out here by other means.
"""

import itertools
import re
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import LiveSite
from .visits import PHONE, Visitor, becomes, visit, wait_until_live

pytestmark = pytest.mark.browser

# It has two roots, some of which expire on one day.
UNDERLYING = "ZEPH"
ADDRESS = f"#volatility/simulated/{UNDERLYING}"
EXACT = 1e-9
FIELDS = ("bid_iv", "mark_iv", "ask_iv", "delta")
# For the first answers of a site on a busy machine.
LATE_MS = 20_000
Rest = dict[str, Any]


def opened(visitor: Visitor) -> Page:
    page = visitor.tab()
    page.goto(f"{visitor.site.url}{ADDRESS}")
    wait_until_live(page)
    expect(page.get_by_test_id("volatility").locator(".pane")).to_be_visible(timeout=LATE_MS)
    return page


def answer(page: Page, path: str) -> Rest:
    found: Rest = page.evaluate("(path) => fetch(path).then((answer) => answer.json())", path)
    return found


def value(cell: Locator) -> float | None:
    text = cell.get_attribute("data-value")
    return float(text) if text else None


def table(page: Page, testid: str = "values") -> list[dict[str, str]]:
    """The rows of a table of values, by its headings."""
    found: list[dict[str, str]] = page.get_by_test_id(testid).evaluate(
        """(table) => {
          const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent);
          return [...table.querySelectorAll("tbody tr")].map((row) =>
            Object.fromEntries([...row.cells].map((cell, at) => [names[at], cell.dataset.value])));
        }"""
    )
    return found


def tab(page: Page, name: str) -> None:
    page.get_by_test_id(f"tab-{name}").click()
    expect(page.get_by_test_id(f"tab-{name}")).to_have_attribute("aria-selected", "true")


def by_call_delta(points: list[Rest], wanted: float) -> float | None:
    """Volatility at a call's delta, on the line through all points by falling delta; a put's is that of its call less 1."""
    line: list[tuple[float, float]] = sorted(
        (point["delta"] if point["right"] == "C" else 1 + point["delta"], point["mark_iv"])
        for point in points
        if point["delta"] is not None and point["mark_iv"]
    )
    for (low, one), (high, other) in itertools.pairwise(line):
        if low <= wanted <= high:
            return one if high == low else (one * (high - wanted) + other * (wanted - low)) / (high - low)
    return None


def paid(points: list[Rest], at: float) -> float:
    """To the holders of all open options, should it settle there."""
    calls: float = sum((one["call_open_interest"] or 0) * max(at - one["strike"], 0) for one in points)
    puts: float = sum((one["put_open_interest"] or 0) * max(one["strike"] - at, 0) for one in points)
    return calls + puts


def known(values: list[float | None]) -> float | None:
    told = [one for one in values if one is not None]
    return sum(told) if told else None


def test_it_is_at_hand_from_a_chain_and_fits_a_phone(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        visitor.signed_in().close()
        page = visitor.tab()
        page.goto(f"{live_site.url}#chain/simulated/{UNDERLYING}")
        expect(page.get_by_test_id("strike-row").first).to_be_visible(timeout=LATE_MS)
        page.keyboard.press("v")
        expect(page.get_by_test_id("volatility")).to_be_visible(timeout=LATE_MS)
        assert page.url.endswith(ADDRESS)
        page.keyboard.press("v")
        expect(page.get_by_test_id("strike-row").first).to_be_visible(timeout=LATE_MS)
        page.get_by_test_id("to-volatility").click()
        expect(page.get_by_test_id("volatility").locator(".pane")).to_be_visible(timeout=LATE_MS)
        # A smile moves with the market.
        tab(page, "smiles")
        drawn = "[...document.querySelectorAll('.plot-line .whisker')].map((one) => one.getAttribute('d')).join()"
        before = page.evaluate(drawn)
        page.wait_for_function(f"(before) => {drawn} !== before", arg=before, timeout=10_000)
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        for name in ("term", "smiles", "surface", "interest"):
            tab(page, name)
            page.wait_for_timeout(200)
            assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
            body = page.locator(".volatility-body")
            assert body.evaluate("(body) => body.scrollWidth - body.clientWidth") <= 0
        assert visitor.complaints == []


def test_all_that_is_drawn_is_what_rest_says(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        visitor.signed_in().close()
        page = opened(visitor)
        tab(page, "smiles")
        expect(page.get_by_test_id("smile-plot")).to_be_visible(timeout=LATE_MS)
        live_site.stop_ingest()
        # What was on its way arrives; then the page asks again as it is opened anew.
        page.wait_for_timeout(1_500)
        page.reload()
        expect(page.get_by_test_id("smile-plot")).to_be_visible(timeout=LATE_MS)  # the tab is kept
        surface = answer(page, f"/api/v1/chains/simulated.{UNDERLYING}/surface/")
        assert len(surface["expiries"]) > 5

        compare_smiles(page)
        compare_terms(page, surface)
        compare_map(page, surface)
        compare_interest(page, surface)
        assert [text for text in visitor.complaints if "Security Policy" in text] == []


def smile_of(page: Page, name: str) -> list[Any]:
    """An expiry's strikes as the page tells them: the volatilities and the delta of each, and whose they are."""
    return [
        (float(row["strike"]), *(float(row[field]) if row[field] else None for field in FIELDS), row["computed_by"])
        for row in table(page)
        if row["expiry"] == name
    ]


def compare_smiles(page: Page) -> None:
    chosen = page.locator('[data-testid="smile-expiry"][aria-pressed="true"]')
    expect(chosen).not_to_have_count(0)
    assert chosen.count() <= 3
    names = chosen.evaluate_all("(all) => all.map((one) => one.dataset.name)")
    page.get_by_test_id("show-values").click()
    for name in names:
        smile = answer(page, f"/api/v1/chains/simulated.{UNDERLYING}/{name}/smile/")
        # Live rows are drawn once a second.
        becomes(
            partial(smile_of, page, name),
            [(point["strike"], *(point[field] for field in FIELDS), "the venue") for point in smile["points"]],
        )
    # Every strike near the money has its place in the line, and the keyboard reads it out.
    plot = page.get_by_test_id("smile-plot").get_by_role("slider")
    lines = page.locator(".plot-line .stroke")
    expect(lines).to_have_count(len(names))
    paths = lines.evaluate_all("(all) => all.map((one) => one.getAttribute('d'))")
    assert all("L" in path for path in paths)  # of a day that ends soon little is near the money
    assert sum(path.count("L") for path in paths) > 10
    plot.focus()
    page.keyboard.press("ArrowRight")
    strike = re.match(r"Strike ([\d.,]+)", plot.get_attribute("aria-valuetext") or "")
    assert strike is not None
    page.keyboard.press("ArrowRight")
    later = re.match(r"Strike ([\d.,]+)", plot.get_attribute("aria-valuetext") or "")
    assert later is not None
    assert float(later[1].replace(",", "")) > float(strike[1].replace(",", ""))
    # By delta there is no place beyond nothing and one.
    page.get_by_test_id("choose-delta").click()
    plot.focus()
    page.keyboard.press("Home")
    assert re.match(r"\d+P ", plot.get_attribute("aria-valuetext") or "")


def compare_terms(page: Page, surface: Rest) -> None:
    tab(page, "term")
    rows = page.get_by_test_id("term-row")
    expect(rows).to_have_count(len(surface["expiries"]))
    skewed = 0
    for at, one in enumerate(surface["expiries"]):
        row = rows.nth(at)
        assert row.get_attribute("data-name") == one["name"]
        cells = row.locator("td[data-value]")
        money = one["at_the_money_volatility"]
        assert value(cells.nth(0)) == money
        put, call = by_call_delta(one["points"], 0.75), by_call_delta(one["points"], 0.25)
        if put is None or call is None or money is None:
            continue
        skewed += 1
        assert value(cells.nth(1)) == pytest.approx(call - put, abs=EXACT)
        assert value(cells.nth(2)) == pytest.approx((call + put) / 2 - money, abs=EXACT)
    assert skewed > 3
    lines = page.get_by_test_id("term-plot").locator(".stroke")
    paths = lines.evaluate_all("(all) => all.map((one) => one.getAttribute('d')).join()")
    assert len(re.findall("[ML]", paths)) == sum(
        one["at_the_money_volatility"] is not None for one in surface["expiries"]
    )


def compare_map(page: Page, surface: Rest) -> None:
    tab(page, "surface")
    cells = page.get_by_test_id("heat").locator("tbody tr")
    expect(cells).to_have_count(len(surface["expiries"]))
    names = page.get_by_test_id("heat").locator("thead th").all_inner_texts()
    for at, one in enumerate(surface["expiries"]):
        shown = cells.nth(at).locator("td")
        assert value(shown.nth(names.index("ATM") - 1)) == one["at_the_money_volatility"]
        for name, delta in (("25P", 0.75), ("10P", 0.9), ("10C", 0.1)):
            expected = by_call_delta(one["points"], delta)
            found = value(shown.nth(names.index(name) - 1))
            assert found == (None if expected is None else pytest.approx(expected, abs=EXACT)), (one["name"], name)
    expect(page.get_by_test_id("heat-legend")).to_have_attribute(
        "aria-label", re.compile(r"from dark, [\d.]+ percent, to light, [\d.]+ percent")
    )


def totals(page: Page, measure: str) -> list[Any]:
    return [value(cell) for cell in page.get_by_test_id(f"total-{measure}").locator("strong").all()]


def compare_interest(page: Page, surface: Rest) -> None:
    tab(page, "interest")
    one = surface["expiries"][2]
    for expiry, points in (
        ("", [point for each in surface["expiries"] for point in each["points"]]),
        (one["name"], one["points"]),
    ):
        page.get_by_test_id("interest-expiry").select_option(expiry)
        for measure in ("open_interest", "volume"):
            call, put = (known([point[f"{side}_{measure}"] for point in points]) for side in ("call", "put"))
            assert call is not None
            assert put is not None
            becomes(partial(totals, page, measure), [call, put, pytest.approx(put / call)])
    least = min(paid(one["points"], point["strike"]) for point in one["points"])
    pain = value(page.get_by_test_id("max-pain"))
    assert pain is not None
    assert paid(one["points"], pain) == least
