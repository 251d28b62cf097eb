"""A person with a browser: Chromium, signed in on a running site. What went wrong on the page fails the test."""

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, expect

from .chromium import CHROMIUM

DESKTOP: Final = (1440, 900)
PHONE: Final = (390, 844)
# What the contract promises in seconds is multiplied by this where other things share the machine, as in CI.
PATIENCE: Final = 3 if os.environ.get("STRIKEWIRE_REQUIRE_ALL") == "1" else 1
SOON_MS: Final = 10_000
# What is expected has as long as what is clicked; a promise of the contract names its own time.
expect.set_options(timeout=SOON_MS)
T = TypeVar("T")


# Gives up what the account keeps of how the page looks and is arranged.
ARRANGE_ANEW: Final = """async () => (await fetch("/api/v1/me/", {
  method: "PATCH",
  headers: {
    "Content-Type": "application/json",
    "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value,
  },
  body: JSON.stringify({
    time_zone: "",
    display: { theme: "system", colours: "teal", times: "own", density: "normal", layout: null },
  }),
})).status"""


class Site(Protocol):
    """The part of a running site that a visitor needs."""

    @property
    def url(self) -> str: ...

    username: str
    password: str


@dataclass
class Visitor:
    """One browser context, hence one session. `faults` are uncaught exceptions; `complaints` what the console called an
    error or the policy refused."""

    site: Site
    context: BrowserContext
    faults: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def tab(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(SOON_MS)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._heard)
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def sign_in(self, page: Page, path: str = "", username: str = "", password: str = "") -> None:
        """On the way to `path`, to which that leads; as the site's user, unless another is named."""
        page.goto(f"{self.site.url}{path}")
        page.get_by_label("User name or email").fill(username or self.site.username)
        page.get_by_label("Password").fill(password or self.site.password)
        page.get_by_role("button", name="Sign in", exact=True).click()

    def signed_in(self) -> Page:
        """A tab on the page, with rows that have values, arranged as a new user's: what visits before this one left with
        the account is gone."""
        page = self.tab()
        self.sign_in(page, "accounts/")
        page.wait_for_url("**/accounts/")
        assert page.evaluate(ARRANGE_ANEW) == 200
        page.goto(self.site.url)
        wait_until_live(page)
        # The connection is live before the list's rows are there: who reads or presses keys at once would find none.
        expect(page.locator(LIST).first).to_be_visible()
        return page

    def another_tab(self) -> Page:
        """On the view that the account was on last."""
        page = self.tab()
        page.goto(self.site.url)
        wait_until_live(page)
        return page


@contextlib.contextmanager
def visit(site: Site, size: tuple[int, int] = DESKTOP, **options: Any) -> Iterator[Visitor]:
    """A visitor with a window of that size; `options` are those of a Playwright context."""
    with CHROMIUM.browser.new_context(viewport={"width": size[0], "height": size[1]}, **options) as context:
        visitor = Visitor(site, context)
        yield visitor
        assert visitor.faults == []


# ── Where things are ──────────────────────────────────────────────────────────────────────────────────────────────────
def state(page: Page) -> Locator:
    return page.get_by_test_id("state")


def rows(page: Page) -> Locator:
    return page.get_by_test_id("row")


def row_of(page: Page, symbol: str) -> Locator:
    return page.locator(f'[data-testid="row"][data-symbol="{symbol}"]')


# What stands where a list is, once it is known.
LIST: Final = ",".join(f"[data-testid={one}]" for one in ("row", "empty-watchlist", "no-watchlists"))


def wait_until_live(page: Page, timeout_ms: float = 30_000) -> None:
    expect(state(page)).to_have_text("Live", timeout=timeout_ms)


def symbols(page: Page) -> list[str]:
    """Those of the list on the screen, from top to bottom."""
    found: list[str] = rows(page).evaluate_all("(all) => all.map((row) => row.dataset.symbol)")
    return found


def becomes(read: Callable[[], T], wanted: T) -> None:
    """Waits until what is read is what is wanted; what it is instead stands in the failure."""
    deadline = time.monotonic() + SOON_MS / 1000
    while (found := read()) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == wanted


def has_value(cell: Locator, timeout_ms: float = SOON_MS) -> None:
    expect(cell).to_have_text(re.compile(r"\d"), timeout=timeout_ms)


def shows_expiry(page: Page, link: Locator) -> None:
    """Waits until the chain is that of an expiry's link, and not the former one still."""
    day = re.search(r"/20(\d\d)-(\d\d)-(\d\d)", link.get_attribute("href") or "")
    assert day is not None
    expect(link).to_have_attribute("aria-current", "page")
    expect(page.get_by_test_id("call").first).to_have_attribute("data-symbol", re.compile("".join(day.groups())))


# ── What people do ────────────────────────────────────────────────────────────────────────────────────────────────────
def make_watchlist(page: Page, name: str) -> None:
    page.get_by_test_id("new-watchlist").click()
    page.get_by_test_id("new-watchlist-name").fill(name)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("watchlist-name")).to_have_text(name)


def add_by_search(page: Page, text: str) -> str:
    """Adds the first hit that is not in the list yet, by keyboard alone; returns its symbol."""
    page.keyboard.press("/")
    page.get_by_test_id("search").fill(text)
    hits = page.get_by_test_id("result")
    expect(hits.first).to_be_visible()
    while page.locator('[data-testid="result"][aria-selected="true"] .icon-check').count():
        page.keyboard.press("ArrowDown")
    chosen = page.locator('[data-testid="result"][aria-selected="true"]').get_attribute("data-symbol")
    assert chosen is not None
    page.keyboard.press("Enter")
    expect(row_of(page, chosen)).to_be_visible()
    page.keyboard.press("Escape")
    return chosen
