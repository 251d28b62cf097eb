"""What a watchlist has besides single contracts: headings, rules, pasted symbols, its link; in a real browser."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from .conftest import LiveSite
from .tapped import Tap
from .visits import becomes, has_value, make_watchlist, row_of, rows, symbols, visit, wait_until_live

pytestmark = pytest.mark.browser


@dataclass
class Reader:
    """Somebody else on the same site."""

    url: str
    username: str = "reader"
    password: str = "a long enough word for it"


def headings(page: Page) -> Locator:
    return page.get_by_test_id("heading-row")


def add(page: Page, what: str) -> None:
    page.get_by_test_id("list-menu").click()
    page.get_by_test_id(f"ask-{what}").click()


def order(page: Page) -> list[str]:
    """The lines from top to bottom, without what a rule put there."""
    found: list[str] = page.locator(".rows .row:not(.held)").evaluate_all(
        "(all) => all.map((row) => row.dataset.symbol ?? row.querySelector('.head').textContent)"
    )
    return found


def test_a_list_is_pasted_ordered_shared_and_copied(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        make_watchlist(page, "Desk")
        add(page, "paste")
        page.get_by_test_id("paste-text").fill("acme, gizmo\nNOWHERE ACME")
        expect(page.get_by_test_id("paste-sum")).to_have_text("2 to add, 1 there already, 1 not")
        expect(page.get_by_test_id("pasted-refused")).to_contain_text("NOWHERE")
        page.get_by_test_id("dialog-action").click()
        has_value(row_of(page, "GIZMO").get_by_test_id("cell-last"))
        # What was not taken stays to be put right.
        expect(page.get_by_test_id("paste-text")).to_have_value("NOWHERE")
        page.keyboard.press("Escape")
        expect(page.get_by_test_id("list-dialog")).to_have_count(0)

        add(page, "section")
        page.get_by_test_id("section-name").fill("Money")
        page.keyboard.press("Enter")
        expect(headings(page)).to_have_count(1)
        add(page, "rolling")
        page.get_by_test_id("rolling-underlying").select_option("simulated.ACME")
        page.get_by_test_id("rolling-strikes").fill("1")
        page.get_by_test_id("dialog-action").click()
        held = page.get_by_test_id("held-row")
        expect(held).to_have_count(6)
        has_value(held.first.get_by_test_id("cell-ask"))
        expect(headings(page).last).to_contain_text(re.compile("next expiry, at the money ± 1 strike.*around"))
        becomes(lambda: order(page), ["ACME", "GIZMO", "Money", "ACME"])

        # By keyboard: the heading above GIZMO, then the whole of the rule above the heading.
        headings(page).first.click()
        for _ in range(2):
            with page.expect_response(lambda response: response.url.endswith("/items/") and response.ok):
                page.keyboard.press("Alt+ArrowUp")
        with page.expect_response(lambda response: response.url.endswith("/items/") and response.ok):
            held.first.click()
            page.keyboard.press("Alt+ArrowUp")
        wanted = ["Money", "ACME", "ACME", "GIZMO"]
        expect(page.locator(".rows .row:not(.held)").first).to_contain_text("Money")
        becomes(lambda: order(page), wanted)
        page.reload()
        wait_until_live(page)
        expect(held).to_have_count(6)
        becomes(lambda: order(page), wanted)

        # A removed heading comes back to its place; a rule is changed.
        headings(page).first.click()
        page.keyboard.press("Delete")
        expect(headings(page)).to_have_count(1)
        page.get_by_test_id("undo").click()
        expect(headings(page)).to_have_count(2)
        becomes(lambda: order(page), wanted)
        headings(page).last.click()
        page.keyboard.press("Enter")
        page.get_by_test_id("rolling-rights").select_option("C")
        page.get_by_test_id("dialog-action").click()
        expect(held).to_have_count(3)

        page.get_by_test_id("ask-share").click()
        page.get_by_test_id("share").click()
        link = page.get_by_test_id("share-link").input_value()
        page.keyboard.press("Escape")
        reader = Reader(live_site.url)
        live_site.run(
            "from accounts.models import User\n"
            f"User.objects.create_user({reader.username!r}, password={reader.password!r})"
        )
        browser = visitor.context.browser
        assert browser is not None
        with browser.new_context() as context:
            other = context.new_page()
            other.goto(link)
            other.get_by_label("User name or email").fill(reader.username)
            other.get_by_label("Password").fill(reader.password)
            other.get_by_role("button", name="Sign in").click()
            expect(other.get_by_test_id("watchlist-name")).to_have_text("Desk")
            expect(rows(other)).to_have_count(2)
            expect(other.get_by_test_id("held-row")).to_have_count(3)
            has_value(row_of(other, "GIZMO").get_by_test_id("cell-last"))
            row_of(other, "GIZMO").click()
            other.keyboard.press("Delete")
            expect(row_of(other, "GIZMO").get_by_test_id("remove")).to_be_hidden()
            # What its owner changes is seen; what the reader has copied is the reader's.
            row_of(page, "GIZMO").click()
            page.keyboard.press("Delete")
            expect(row_of(other, "GIZMO")).to_have_count(0)
            other.get_by_test_id("copy-shared").click()
            expect(other.get_by_test_id("watchlist").filter(has_text="Desk")).to_have_attribute("aria-current", "page")
            expect(rows(other)).to_have_count(1)
            expect(other.get_by_test_id("held-row")).to_have_count(3)
            page.get_by_test_id("ask-share").click()
            page.get_by_test_id("withdraw").click()
            expect(page.get_by_test_id("share")).to_be_visible()
            other.goto(link)
            expect(other.get_by_test_id("shared-problem")).to_contain_text("No watchlist is shared")


# What the grid shows of a list, from top to bottom: the heading over a row, and its cells' texts by column.
SHOWN: Final = """() => {
  const found = [];
  let group = "";
  for (const row of document.querySelectorAll(".rows .row")) {
    if (row.classList.contains("section")) group = row.querySelector(".head").textContent;
    if (!row.dataset.symbol) continue;
    const cells = [...row.querySelectorAll(".cell:not(.name)")].map((cell) => [
      cell.dataset.testid.replace("cell-", ""),
      (cell.querySelector(".price") ?? cell).textContent,
    ]);
    found.push({ group, symbol: row.dataset.symbol, cells: Object.fromEntries(cells) });
  }
  return found;
}"""
LIST: Final = ["ACME", "GIZMO", "ZEPH", "NIMBU", "PLUMO"]


def sorted_values(page: Page, key: str) -> list[float]:
    texts: list[str] = page.locator(f".rows .cell.{key}").evaluate_all("(all) => all.map((cell) => cell.textContent)")
    return [number(text) for text in texts if text]


def number(text: str) -> float:
    return float(text.lstrip("<>").replace("−", "-").replace(",", "").replace("\u202f", ""))


def make_list(page: Page, name: str) -> None:
    """Underlyings, and below a heading two options."""
    make_watchlist(page, name)
    answer = page.request.get(f"{page.url.split('#')[0]}api/v1/instruments/?kind=option&underlying=ZEPH&page_size=3")
    calls = [one["symbol"] for one in answer.json()["results"]][:2]
    add(page, "paste")
    page.get_by_test_id("paste-text").fill(" ".join(LIST))
    page.get_by_test_id("dialog-action").click()
    expect(rows(page)).to_have_count(len(LIST))
    add(page, "section")
    page.get_by_test_id("section-name").fill("Options")
    page.keyboard.press("Enter")
    expect(headings(page)).to_have_count(1)
    add(page, "paste")
    page.get_by_test_id("paste-text").fill(" ".join(calls))
    page.get_by_test_id("dialog-action").click()
    expect(rows(page)).to_have_count(len(LIST) + 2)
    has_value(row_of(page, calls[1]).get_by_test_id("cell-mark"))


def test_a_list_stands_as_it_was_chosen_sorted_and_folded(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        make_list(page, "By my own lights")
        page.get_by_test_id("choose-list-columns").click()
        page.get_by_test_id("column-mark").uncheck()
        page.get_by_test_id("column-gamma").check()
        page.get_by_role("button", name="Further left: Change", exact=True).click()
        page.keyboard.press("Escape")
        keys = "(all) => all.map((cell) => cell.dataset.key)"
        wanted = ["name", "change", "last", "change_percent"]
        becomes(lambda: page.locator(".row.header .cell").evaluate_all(keys)[:4], wanted)
        columns: list[str] = page.locator(".row.header .cell").evaluate_all(keys)
        assert "mark" not in columns

        # By the pointer: rising, falling; nothing can be moved then, and the page says so.
        page.get_by_test_id("heading-last").click()
        expect(page.get_by_test_id("heading-last")).to_have_attribute("aria-sort", "ascending")
        page.mouse.move(5, 5)
        page.wait_for_function("() => document.querySelector('.rows .row').dataset.symbol === 'PLUMO'")
        with page.expect_request(lambda request: request.method == "PATCH" and request.url.endswith("/me/")):
            page.get_by_test_id("heading-last").click()
        expect(page.get_by_test_id("sorted-by")).to_have_text("sorted by Last, falling")
        expect(rows(page).first).not_to_have_attribute("data-symbol", "PLUMO")
        falling = sorted_values(page, "last")[: len(LIST)]
        assert falling == sorted(falling, reverse=True)
        row_of(page, "ACME").click()
        page.keyboard.press("Alt+ArrowUp")
        expect(page.get_by_test_id("toasts")).to_contain_text("The list is sorted")
        expect(row_of(page, "ACME")).to_have_attribute("draggable", "false")

        # By keyboard: up to the names of the columns, and the heading folded away.
        page.keyboard.press("Home")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("heading-name")).to_have_attribute("aria-sort", "ascending")
        becomes(lambda: symbols(page)[: len(LIST)], sorted(LIST))
        headings(page).first.click()
        with page.expect_request(lambda request: request.method == "PATCH" and request.url.endswith("/me/")):
            page.keyboard.press("ArrowLeft")
        expect(rows(page)).to_have_count(len(LIST))
        expect(headings(page).locator(".hidden-count")).to_have_text("2")
        expect(headings(page).get_by_test_id("fold")).to_have_attribute("aria-expanded", "false")

        # All of it goes with the account, to another browser too.
        browser = visitor.context.browser
        assert browser is not None
        with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
            other = context.new_page()
            other.goto(page.url)
            other.get_by_label("User name or email").fill(live_site.username)
            other.get_by_label("Password").fill(live_site.password)
            other.get_by_role("button", name="Sign in").click()
            wait_until_live(other)
            expect(rows(other)).to_have_count(len(LIST))
            becomes(lambda: other.locator(".row.header .cell").evaluate_all(keys), columns)
            expect(other.get_by_test_id("heading-name")).to_have_attribute("aria-sort", "ascending")
            headings(other).get_by_test_id("fold").click()
            expect(rows(other)).to_have_count(len(LIST) + 2)
            other.get_by_test_id("own-order").click()
            becomes(lambda: symbols(other)[: len(LIST)], LIST)
            other.get_by_test_id("choose-list-columns").click()
            other.get_by_role("button", name="The usual columns").click()
            other.wait_for_timeout(1500)


def test_what_is_on_the_screen_is_saved_as_it_stands(live_site: LiveSite, tmp_path: Path) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        tap = Tap(page)
        asked: list[str] = []

        def days(route: Route) -> None:
            """One day for all, and the real answer's own shape."""
            asked.append(route.request.url)
            answer = route.fetch()
            body = answer.json()
            for one in body["results"]:
                one |= {"price": "mid", "minutes": [5, 65, 125], "values": [2.0, 4.0, 3.0]}
            route.fulfill(response=answer, json=body)

        page.route("**/api/v1/sparklines/*", days)
        make_list(page, "To a file")
        asked.clear()
        page.reload()
        wait_until_live(page)
        lines = page.locator(".rows .cell.day path:not(.reference)")
        expect(lines).to_have_count(len(LIST) + 2)
        for line in lines.all():
            expect(line).to_have_attribute("d", re.compile(r"^M[\d.]+ [\d.]+L[\d.]+ [\d.]+L"))
        assert len(asked) == 1

        tap.holds_rows = True
        page.wait_for_timeout(200)
        shown: list[dict[str, Any]] = page.evaluate(SHOWN)
        page.get_by_test_id("grid").focus()
        with page.expect_download() as download:
            page.keyboard.press("e")
        assert download.value.suggested_filename == "To a file.csv"
        path = tmp_path / "list.csv"
        download.value.save_as(path)
        table = list(csv.DictReader(path.read_text().splitlines()))
        columns = [key for key in shown[0]["cells"] if key != "day"]
        assert list(table[0])[1 : len(columns) + 1] == ["age_ms" if key == "age" else key for key in columns]
        assert [(row["group"], row["symbol"]) for row in table] == [(one["group"], one["symbol"]) for one in shown]
        compared = sum(same(one["cells"], row) for one, row in zip(shown, table, strict=True))
        assert compared > 50
        for row in table:
            assert row["feed"] == "simulated"
            assert int(row["seq"]) > 2**24
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["received_at"])

        # The chain likewise, by its button.
        tap.holds_rows = False
        page.get_by_test_id("chain-link").first.click()
        has_value(page.get_by_test_id("call").get_by_test_id("cell-bid").filter(has_text=re.compile(r"\d")).first)
        tap.holds_rows = True
        page.wait_for_timeout(300)
        with page.expect_download() as download:
            page.get_by_test_id("export-chain").click()
        download.value.save_as(path)
        strikes = list(csv.DictReader(path.read_text().splitlines()))
        sides: dict[str, dict[str, str]] = page.evaluate(
            """() => Object.fromEntries([...document.querySelectorAll(".chain-rows .side[data-symbol]")].map((side) => [
                 side.dataset.symbol,
                 Object.fromEntries([...side.querySelectorAll(".cell")].map((cell) => [
                   cell.dataset.testid.replace("cell-", ""), (cell.querySelector(".price") ?? cell).textContent])),
               ]))"""
        )
        compared = 0
        for row in strikes:
            for side in ("call", "put"):
                if (cells := sides.get(row[f"{side}_symbol"])) is not None:
                    of_side = {
                        key.removeprefix(f"{side}_"): value for key, value in row.items() if key.startswith(side)
                    }
                    compared += same({key: text for key, text in cells.items() if text}, of_side)
        assert compared > 50
        assert [float(row["strike"]) for row in strikes] == sorted(float(row["strike"]) for row in strikes)


def same(cells: dict[str, str], row: dict[str, str]) -> int:
    """Compares what is on the screen with what is in the file, which has more digits; how many there were."""
    compared = 0
    for key, text in cells.items():
        if key in ("day", "age"):
            continue
        if not text:
            assert row[key] == "", (key, row)
            continue
        value = float(row[key]) * (100 if key in ("implied_volatility", "bid_iv", "ask_iv") else 1)
        if text.endswith(("k", "M")):
            assert abs(value / number(text[:-1]) / {"k": 1e3, "M": 1e6}[text[-1]] - 1) < 0.02, (key, text, value)
        else:
            half = 0.5 * 10 ** -len(text.partition(".")[2]) + 1e-9
            # `<0.01` is what would round to a zero and is none.
            is_nearly = 0 < abs(value) <= half if text[0] in "<>" else abs(number(text) - value) <= half
            assert is_nearly, (key, text, value)
        compared += 1
    return compared
