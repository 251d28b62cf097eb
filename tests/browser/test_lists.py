"""What a watchlist has besides single contracts: headings, rules, pasted symbols, its link; in a real browser."""

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import LiveSite
from .visits import has_value, make_watchlist, row_of, rows, visit, wait_until_live

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
        assert order(page) == ["ACME", "GIZMO", "Money", "ACME"]

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
        assert order(page) == wanted
        page.reload()
        wait_until_live(page)
        expect(held).to_have_count(6)
        assert order(page) == wanted

        # A removed heading comes back to its place; a rule is changed.
        headings(page).first.click()
        page.keyboard.press("Delete")
        expect(headings(page)).to_have_count(1)
        page.get_by_test_id("undo").click()
        expect(headings(page)).to_have_count(2)
        assert order(page) == wanted
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
