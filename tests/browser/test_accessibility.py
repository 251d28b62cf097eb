"""What axe finds on every page, in both themes, on a desktop and on a phone: nothing that is serious or critical."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import pytest
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.template.loader import render_to_string
from playwright.sync_api import Page, Route, expect

from tests.accounts.people import code_of

from .axe import Examiner
from .conftest import LiveSite
from .visits import DESKTOP, PHONE, Visitor, visit

pytestmark = pytest.mark.browser

PASSWORD: Final = "a long enough word for it"
PUBLIC: Final = ("accounts/login/", "accounts/signup/", "accounts/password/reset/", "nowhere/")
OWN: Final = (
    "accounts/",
    "accounts/email/",
    "accounts/password/change/",
    "accounts/2fa/",
    "accounts/2fa/app/",
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


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def visitor(request: pytest.FixtureRequest, live_site: LiveSite) -> Iterator[Visitor]:
    # axe is put into pages whose policy lets nothing in.
    with visit(live_site, request.param, bypass_csp=True) as one:
        yield one


def prove(page: Page, password: str) -> None:
    page.get_by_label("Your password").fill(password)
    page.get_by_role("button", name="Go on").click()


def test_pages_of_signing_in_and_of_the_account_have_no_serious_finding(visitor: Visitor) -> None:
    page = visitor.tab()
    examiner = Examiner(page)
    for path in PUBLIC:
        page.goto(f"{visitor.site.url}{path}")
        examiner.look(path)
    visitor.sign_in(page, "accounts/")
    page.wait_for_url("**/accounts/")
    for path in OWN:
        answer = page.goto(f"{visitor.site.url}{path}")
        assert answer is not None
        assert answer.ok, path
        if "/prove/" in page.url:
            prove(page, visitor.site.password)
            page.wait_for_url(f"**/{path}")
        examiner.look(path)
    examiner.done()


def test_the_second_factor_its_codes_and_an_error_of_the_server_have_no_serious_finding(
    visitor: Visitor, live_site: LiveSite
) -> None:
    page = visitor.tab()
    assert page.viewport_size is not None
    secret, name = generate_totp_secret(), f"careful-{page.viewport_size['width']}"
    live_site.run(
        "from allauth.mfa.totp.internal.auth import TOTP\n"
        "from accounts.models import User\n"
        f"user = User.objects.create_user({name!r}, password={PASSWORD!r})\n"
        f"TOTP.activate(user, {secret!r})"
    )
    examiner = Examiner(page)
    visitor.sign_in(page, "accounts/2fa/recovery-codes/new/", name, PASSWORD)
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    examiner.look("second factor")
    page.get_by_label("Code").fill(code_of(secret))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/prove/password/**")
    examiner.look("prove")
    prove(page, PASSWORD)
    page.get_by_role("button", name="Make new ones").click()
    expect(page.get_by_test_id("codes").locator("code")).to_have_count(10)
    examiner.look("recovery codes")
    # No page of a server that works fails: this is what is answered then.
    for status, heading in ((500, "Something went wrong"), (503, "Back in a moment")):
        body = render_to_string(f"{status}.html")
        page.route(f"**/{status}/", partial(_answered, status, body))
        page.goto(f"{live_site.url}{status}/")
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        examiner.look(str(status))
    examiner.done()


def _answered(status: int, body: str, route: Route) -> None:
    route.fulfill(status=status, content_type="text/html", body=body)


def test_pages_of_the_administration_have_no_serious_finding(live_site: LiveSite) -> None:
    live_site.run(f"from accounts.models import User\nUser.objects.create_superuser('keeper', '', {PASSWORD!r})")
    with visit(live_site, bypass_csp=True) as visitor:
        page = visitor.tab()
        visitor.sign_in(page, "accounts/", "keeper", PASSWORD)
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
    page.get_by_test_id("rename-watchlist").click()
    expect(page.get_by_test_id("rename")).to_be_focused()
    examiner.look("rename")
    page.keyboard.press("Escape")
    for open_it in (_help, _paste, _rolling, _section, _share, _delete):
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


def _rolling(page: Page) -> None:
    page.get_by_test_id("list-menu").click()
    page.get_by_test_id("ask-rolling").click()


def _section(page: Page) -> None:
    page.get_by_test_id("list-menu").click()
    page.get_by_test_id("ask-section").click()


def _share(page: Page) -> None:
    page.get_by_test_id("ask-share").click()


def _delete(page: Page) -> None:
    page.get_by_test_id("delete-watchlist").click()
