"""What a person does with watchlists, in a real browser."""

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from .conftest import LiveSite
from .visits import (
    add_by_search,
    becomes,
    has_value,
    make_watchlist,
    row_of,
    rows,
    symbols,
    visit,
    wait_until_live,
)

pytestmark = pytest.mark.browser


def test_signing_in_shows_a_watchlist_that_moves(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        expect(rows(page).first).to_be_visible()
        expect(page.get_by_test_id("badge")).to_have_text("simulated")
        grid = page.get_by_test_id("grid")
        has_value(grid.get_by_test_id("cell-bid").filter(has_text=re.compile(r"\d")).first)
        quotes = "[...document.querySelectorAll('.rows .cell.bid, .rows .cell.last')].map((cell) => cell.textContent)"
        before = page.evaluate(f"{quotes}.join()")
        page.wait_for_function(f"(before) => {quotes}.join() !== before", arg=before, timeout=5000)


def test_every_column_of_an_option_has_a_value(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        option = rows(page).filter(has=page.locator(".contract", has_text=re.compile(r" [CP]$"))).first
        for column in ("bid", "ask", "bid_size", "ask_size", "mark", "implied_volatility", "delta", "age"):
            has_value(option.get_by_test_id(f"cell-{column}"))


def test_a_symbol_is_found_by_search_added_moves_and_is_removed(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        make_watchlist(page, "By hand")
        expect(page.get_by_test_id("empty-watchlist")).to_be_visible()
        symbol = add_by_search(page, "ACME")
        row = row_of(page, symbol)
        has_value(row.get_by_test_id("cell-last"))
        row.click()
        page.keyboard.press("Delete")
        expect(row).to_have_count(0)
        expect(page.get_by_test_id("empty-watchlist")).to_be_visible()


def test_a_contract_can_be_searched_as_the_page_spells_it(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        name = rows(page).filter(has=page.locator(".contract", has_text=re.compile(r" [CP]$"))).first
        symbol = name.get_attribute("data-symbol")
        spelled = " ".join(name.locator(f".{part}").inner_text() for part in ("head", "expiry", "contract"))
        page.keyboard.press("/")
        page.get_by_test_id("search").fill(spelled)
        expect(page.locator(f'[data-testid="result"][data-symbol="{symbol}"]')).to_be_visible()


def test_what_was_removed_comes_back_to_its_place(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        make_watchlist(page, "Second thoughts")
        added = [add_by_search(page, "ACME") for _ in range(3)]
        row_of(page, added[1]).hover()
        row_of(page, added[1]).get_by_test_id("remove").click()
        expect(rows(page)).to_have_count(2)
        page.get_by_test_id("undo").click()
        expect(rows(page)).to_have_count(3)
        becomes(lambda: symbols(page), added)
        has_value(row_of(page, added[1]).get_by_test_id("cell-age"))


def test_two_tabs_see_each_others_edits(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        first = visitor.signed_in()
        make_watchlist(first, "Shared by two tabs")
        second = visitor.another_tab()
        second.get_by_test_id("watchlist").filter(has_text="Shared by two tabs").click()
        expect(second.get_by_test_id("empty-watchlist")).to_be_visible()
        symbol = add_by_search(first, "ACME")
        has_value(row_of(second, symbol).get_by_test_id("cell-last"))
        row_of(second, symbol).click()
        second.keyboard.press("Delete")
        expect(row_of(first, symbol)).to_have_count(0)


def test_lists_that_come_are_renamed_and_go_do_so_in_every_tab(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        first, second = visitor.signed_in(), visitor.another_tab()
        there = second.get_by_test_id("watchlist")
        make_watchlist(first, "Made elsewhere")
        expect(there.filter(has_text="Made elsewhere")).to_have_count(1)
        first.get_by_test_id("rename-watchlist").click()
        first.get_by_test_id("rename").fill("Named elsewhere")
        first.keyboard.press("Enter")
        expect(there.filter(has_text="Named elsewhere")).to_have_count(1)
        add_by_search(first, "ACME")
        expect(there.filter(has_text="Named elsewhere")).to_contain_text("1")
        first.get_by_test_id("delete-watchlist").click()
        first.get_by_test_id("confirm").click()
        expect(there.filter(has_text="Named elsewhere")).to_have_count(0)


def test_an_order_made_by_keyboard_survives_a_reload(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        make_watchlist(page, "In order")
        added = [add_by_search(page, "ACME") for _ in range(3)]
        row_of(page, added[2]).click()
        with page.expect_response(lambda response: response.request.method == "PUT" and response.ok):
            page.keyboard.press("Alt+ArrowUp")
        page.reload()
        wait_until_live(page)
        expect(rows(page)).to_have_count(3)
        becomes(lambda: symbols(page), [added[0], added[2], added[1]])


def test_a_watchlist_is_renamed_and_deleted(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        make_watchlist(page, "Short-lived")
        page.get_by_test_id("rename-watchlist").click()
        page.get_by_test_id("rename").fill("Renamed")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("watchlist").filter(has_text="Renamed")).to_have_count(1)
        page.get_by_test_id("delete-watchlist").click()
        page.get_by_test_id("confirm").click()
        expect(page.get_by_test_id("watchlist").filter(has_text="Renamed")).to_have_count(0)


def test_a_name_that_is_taken_is_refused_in_words(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        taken = page.get_by_test_id("watchlist-name").inner_text()
        page.get_by_test_id("new-watchlist").click()
        page.get_by_test_id("new-watchlist-name").fill(taken)
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("toasts")).to_contain_text(re.compile(r"\w+ \w+"))
        expect(page.get_by_test_id("watchlist").filter(has_text=taken)).to_have_count(1)


def test_details_follow_the_selected_contract(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        page.get_by_test_id("grid").focus()
        for _ in range(2):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        detail = page.get_by_test_id("detail")
        symbol = rows(page).nth(1).get_attribute("data-symbol")
        assert symbol is not None
        expect(detail).to_contain_text(symbol)
        page.keyboard.press("Escape")
        expect(detail).to_have_count(0)


@dataclass
class Newcomer:
    """Somebody else on a running site."""

    url: str
    username: str = "newcomer"
    password: str = "correct horse 9 battery"


def test_a_first_list_that_is_made_elsewhere_appears_by_itself(live_site: LiveSite) -> None:
    newcomer = Newcomer(live_site.url)
    live_site.run(
        "from accounts.models import User\n"
        f"User.objects.create_user({newcomer.username!r}, password={newcomer.password!r}, has_begun=True)"
    )
    with visit(newcomer) as visitor:
        page = visitor.signed_in()
        expect(page.get_by_test_id("no-watchlists")).to_be_visible()
        live_site.run(
            "from accounts import watchlists\nfrom accounts.models import User\n"
            f"watchlists.create(User.objects.get(username={newcomer.username!r}), 'From elsewhere', ['simulated.ACME'])"
        )
        expect(page.get_by_test_id("watchlist-name")).to_have_text("From elsewhere", timeout=10_000)
        has_value(rows(page).first.get_by_test_id("cell-last"))
