"""What axe finds on every page, in both themes, on a desktop and on a phone: nothing that is serious or critical."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from .conftest import LiveSite
from .visits import DESKTOP, PHONE, Visitor, visit

pytestmark = pytest.mark.browser

AXE: Final = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
# A finding as one line: what is wrong, where, and what axe says of it.
RUN: Final = """async (rules) => {
  const only = rules.length ? { runOnly: rules } : {};
  // The buttons above the administration's lists are no list, as the packages that draw them have it.
  const context = { include: [document], exclude: [[".object-tools"]] };
  const { violations } = await axe.run(context, { resultTypes: ["violations"], ...only });
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.slice(0, 4).map(({ target, failureSummary }) => `${id} at ${target.join(" ")}: ${failureSummary}`),
    );
}"""
PUBLIC: Final = ("accounts/login/", "accounts/signup/", "accounts/password/reset/", "nowhere/")
OWN: Final = (
    "accounts/",
    "accounts/email/",
    "accounts/password/change/",
    "accounts/2fa/",
    "accounts/2fa/totp/activate/",
    "accounts/2fa/webauthn/",
    "accounts/sessions/",
    "accounts/tokens/",
    "accounts/settings/",
    "accounts/export/",
    "accounts/delete/",
    "accounts/logout/",
)
# Those with parts of our own.
ADMINISTRATION: Final = (
    "admin/",
    "admin/feeds/",
    "admin/connections/",
    "admin/marketdata/coverage/",
    "admin/marketdata/coverage/add/",
    "admin/marketdata/coverage/import/",
    "admin/marketdata/instrument/",
    "admin/accounts/user/",
)


class Examiner:
    """Gathers what axe finds over a walk through pages, each named."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.found: list[str] = []

    def look(self, where: str) -> None:
        """At all of it in the dark; in the light at the colours, in which alone it differs, and once for either size."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        is_phone = self.page.viewport_size == {"width": PHONE[0], "height": PHONE[1]}
        for rules in ([],) if is_phone else ([], ["color-contrast"]):
            self.page.emulate_media(color_scheme="light" if rules else "dark", reduced_motion="reduce")
            answer: list[str] = self.page.evaluate(RUN, rules)
            self.found += [f"{where}, {'light' if rules else 'dark'}: {one}" for one in answer]

    def done(self) -> None:
        assert self.found == [], "\n".join(self.found)


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def visitor(request: pytest.FixtureRequest, live_site: LiveSite) -> Iterator[Visitor]:
    # axe is put into pages whose policy lets nothing in.
    with visit(live_site, request.param, bypass_csp=True) as one:
        yield one


def test_pages_of_signing_in_and_of_the_account_have_no_serious_finding(visitor: Visitor) -> None:
    page = visitor.tab()
    examiner = Examiner(page)
    for path in PUBLIC:
        page.goto(f"{visitor.site.url}{path}")
        examiner.look(path)
    visitor.sign_in(page, "accounts/")
    page.wait_for_url("**/accounts/")
    for path in OWN:
        page.goto(f"{visitor.site.url}{path}")
        if "reauthenticate" in page.url:
            examiner.look("reauthenticate")
            page.get_by_label("Password").fill(visitor.site.password)
            page.locator("main button[type=submit]").first.click()
            page.wait_for_url(f"**/{path}")
        examiner.look(path)
    examiner.done()


def test_pages_of_the_administration_have_no_serious_finding(live_site: LiveSite) -> None:
    live_site.run(
        "from accounts.models import User\nUser.objects.create_superuser('keeper', '', 'a long enough word for it')"
    )
    with visit(live_site, bypass_csp=True) as visitor:
        page = visitor.tab()
        visitor.sign_in(page, "accounts/", "keeper", "a long enough word for it")
        page.wait_for_url("**/accounts/")
        examiner = Examiner(page)
        for path in ADMINISTRATION:
            answer = page.goto(f"{visitor.site.url}{path}")
            assert answer is not None
            assert answer.ok, path
            examiner.look(path)
        examiner.done()


def test_the_desk_has_no_serious_finding(visitor: Visitor) -> None:
    page = visitor.signed_in()
    examiner = Examiner(page)
    examiner.look("list")
    page.get_by_test_id("search").fill("acme")
    expect(page.get_by_test_id("result").first).to_be_visible()
    examiner.look("search")
    page.keyboard.press("Escape")
    page.get_by_test_id("account").click()
    examiner.look("account menu")
    page.keyboard.press("Escape")
    for open_it in (_help, _paste, _share, _delete):
        open_it(page)
        expect(page.locator("dialog[open]")).to_be_visible()
        examiner.look(open_it.__name__)
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)
    page.get_by_test_id("row").nth(1).click()
    expect(page.get_by_test_id("detail")).to_be_visible()
    examiner.look("list with details")
    for name, address, testid in (
        ("chain", "#chain/simulated/ACME", "strike-row"),
        ("payoff", "#payoff/simulated/ACME", "payoff"),
        ("volatility", "#volatility/simulated/ACME", "volatility"),
    ):
        page.goto(f"{visitor.site.url}{address}")
        expect(page.get_by_test_id(testid).first).to_be_attached()
        page.wait_for_timeout(500)
        examiner.look(name)
    examiner.done()


def _help(page: Page) -> None:
    page.keyboard.press("?")


def _paste(page: Page) -> None:
    page.get_by_test_id("list-menu").click()
    page.get_by_test_id("ask-paste").click()


def _share(page: Page) -> None:
    page.get_by_test_id("ask-share").click()


def _delete(page: Page) -> None:
    page.get_by_test_id("delete-watchlist").click()
