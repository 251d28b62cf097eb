"""An account from its invitation to its passkey, in Chromium with an authenticator that only the test has."""

import contextlib
import json
import re
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.accounts.people import code_of
from tests.path.stack import Stack, Web
from tests.valkey import free_port

from .axe import Examiner
from .visits import DESKTOP, PHONE, SOON_MS, Visitor, visit

pytestmark = pytest.mark.browser
PASSWORD = "correct horse 7 battery"


class Desk:
    """A site where one is invited, by the name of this machine: a passkey belongs to a name."""

    username = "ann"
    password = PASSWORD

    def __init__(self, stack: Stack, web: Web) -> None:
        self.stack = stack
        self.web = web

    @property
    def url(self) -> str:
        return f"http://localhost:{self.web.port}/"

    def run(self, script: str) -> str:
        return self.stack.python("-c", f"import django; django.setup()\n{script}").strip()

    def mailed_link(self) -> str:
        """The last link that a mail of the web process had."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            found = re.findall(r"https?://\S+/accounts/\S+", self.web.process.log.read_text())
            if found:
                return str(found[-1])
            time.sleep(0.05)
        raise RuntimeError("no mail has come")


@pytest.fixture(scope="module")
def site() -> Iterator[Desk]:
    directory = Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp"))
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, directory, ignore_errors=True)
        extra = {"STRIKEWIRE_SIGN_UP": "invitation"}
        stack = cleanup.enter_context(Stack(directory / "stack", symbols=1, user_count=1, extra=extra))
        yield Desk(stack, stack.start_web())


def authenticator(page: Page) -> tuple[CDPSession, str]:
    """A device of the page's own that makes passkeys, and says yes to each."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
    }
    made: dict[str, Any] = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, str(made["authenticatorId"])


def sign_in(page: Page, site: Desk, to: str = "accounts/") -> None:
    page.goto(f"{site.url}accounts/login/?next=/{to}")
    page.get_by_label("User name or email").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/accounts/login/"))


def prove(page: Page) -> None:
    """Where it is asked whether it is still oneself."""
    if "/prove/" in page.url:
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Go on").click()


def test_an_account_from_its_invitation_to_its_passkey(site: Desk) -> None:
    link = site.run(
        "from accounts import invitations\nprint(invitations.path_of(invitations.make(email='ann@example.org')[1]))"
    )
    with visit(site) as visitor:
        page = visitor.tab()
        # Invited, signed up, address confirmed.
        page.goto(site.url.rstrip("/") + link.splitlines()[-1])
        expect(page).to_have_url(re.compile("/accounts/signup/$"))
        expect(page.get_by_label("Email")).to_have_value("ann@example.org")
        page.get_by_label("User name").fill("ann")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("Password, again").fill(PASSWORD)
        page.get_by_role("button", name="Make the account").click()
        expect(page).to_have_url(site.url)
        page.goto(site.mailed_link().replace("127.0.0.1", "localhost"))
        page.get_by_role("button", name="Confirm").click()
        page.goto(f"{site.url}accounts/")
        expect(page.get_by_text("confirmed", exact=True)).to_be_visible()

        # An app as the second factor, and the codes for when it is lost.
        page.get_by_role("link", name="Set up the second factor").click()
        page.get_by_role("link", name="Set up", exact=True).click()
        prove(page)
        secret = page.get_by_test_id("secret").inner_text()
        page.wait_for_function("() => document.querySelector('img.qr').naturalWidth > 0")
        page.get_by_label("Code").fill(code_of(secret))
        page.get_by_role("button", name="Switch it on").click()
        expect(page.get_by_test_id("codes").locator("code")).to_have_count(10)
        codes = page.get_by_test_id("codes").locator("code").all_inner_texts()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download them").click()
        assert download.value.path().read_text().split() == codes
        sign_out(page)
        sign_in(page, site)
        expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
        page.get_by_label("Code").fill("000000")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("That code is wrong")).to_be_visible()
        page.get_by_label("Code").fill(code_of(secret, steps=-1))  # each counts once: the next one
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(f"{site.url}accounts/")

        # A passkey, and in with it alone.
        cdp, device = authenticator(page)
        page.goto(f"{site.url}accounts/2fa/webauthn/add/")
        prove(page)
        page.get_by_label("Name").fill("This telephone")
        page.get_by_test_id("passkey").click()
        expect(page.get_by_test_id("key")).to_contain_text("This telephone")
        expect(page.get_by_test_id("key")).to_contain_text("signs in alone")
        stored = cdp.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
        assert [(one["rpId"], one["isResidentCredential"]) for one in stored] == [("localhost", True)]
        sign_out(page)
        page.goto(f"{site.url}accounts/login/?next=/accounts/2fa/")
        page.get_by_test_id("passkey").click()
        expect(page).to_have_url(f"{site.url}accounts/2fa/")

        # It is the second factor, too; and without the device, it is said what is missing.
        sign_out(page)
        sign_in(page, site)
        page.get_by_test_id("passkey").click()
        expect(page).to_have_url(f"{site.url}accounts/")
        sign_out(page)
        cdp.send("WebAuthn.clearCredentials", {"authenticatorId": device})
        page.get_by_test_id("passkey").click()
        expect(page.locator("[data-problem]")).to_contain_text("Try again")
        sign_in(page, site, "accounts/sessions/")
        page.get_by_label("Code").fill(codes[0])
        page.get_by_role("button", name="Sign in").click()

        # Another session, ended from here.
        with visit_beside(visitor) as other:
            sign_in(other, site)
            other.get_by_label("Code").fill(codes[1])
            other.get_by_role("button", name="Sign in").click()
            expect(other).to_have_url(f"{site.url}accounts/")
            page.reload()
            expect(page.get_by_test_id("session")).to_have_count(2)
            page.get_by_test_id("session").nth(1).get_by_role("button", name="End").click()
            expect(page.get_by_text("1 session was ended.")).to_be_visible()
            other.reload()
            expect(other).to_have_url(re.compile("/accounts/login/"))
        assert refused(visitor) == []


def test_a_link_leads_where_it_should_by_an_invitation(site: Desk) -> None:
    invitation = site.run("from accounts import invitations\nprint(invitations.path_of(invitations.make()[1]))")
    with visit(site) as visitor:
        page = visitor.tab()
        page.goto(f"{site.url}#shared/linked")
        expect(page).to_have_url(re.compile("/accounts/login/.*#shared/linked$"))
        # The invitation comes by mail, and opens elsewhere.
        page = visitor.tab()
        page.goto(site.url.rstrip("/") + invitation.splitlines()[-1])
        sign_up(page, "invited")
        expect(page).to_have_url(f"{site.url}#shared/linked")
        # Who was there is led there no more.
        expect(page.get_by_test_id("theme")).to_be_visible()
        assert page.evaluate("localStorage.getItem('strikewire.way')") is None


def test_a_link_leads_where_it_should_by_sign_up_and_a_mail(site: Desk) -> None:
    extra = {**site.stack.extra, "STRIKEWIRE_SIGN_UP": "open", "STRIKEWIRE_EMAIL_VERIFICATION": "mandatory"}
    stack = replace(site.stack, extra=extra)
    stack.valkey = site.stack.valkey
    web = stack.start_web(port=free_port())
    try:
        there = Desk(stack, web)
        with visit(there) as visitor:
            page = visitor.tab()
            page.goto(f"{there.url}?from=a-mail#shared/linked")
            page.get_by_role("link", name="Make an account").click()
            expect(page).to_have_url(re.compile("/accounts/signup/.*#shared/linked$"))
            sign_up(page, "confirmed", "confirmed@example.org")
            expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
            page = visitor.tab()
            page.goto(there.mailed_link().replace("127.0.0.1", "localhost"))
            page.get_by_role("button", name="Confirm").click()
            expect(page).to_have_url(f"{there.url}?from=a-mail#shared/linked")
    finally:
        web.process.stop()


def sign_up(page: Page, name: str, email: str = "linked@example.org") -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, again").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()


@contextlib.contextmanager
def visit_beside(visitor: Visitor) -> Iterator[Page]:
    """Another browser's window, beside the visitor's."""
    browser = visitor.context.browser
    assert browser is not None
    context = browser.new_context()
    try:
        page = context.new_page()
        page.set_default_timeout(SOON_MS)
        yield page
    finally:
        context.close()


def refused(visitor: Visitor) -> list[str]:
    """What the content security policy refused."""
    return [text for text in visitor.complaints if "Content Security Policy" in text]


def test_the_form_to_sign_up_has_no_serious_finding(site: Desk) -> None:
    link = site.run("from accounts import invitations\nprint(invitations.path_of(invitations.make()[1]))")
    for size in (DESKTOP, PHONE):
        with visit(site, size, bypass_csp=True) as visitor:
            page = visitor.tab()
            page.goto(site.url.rstrip("/") + link.splitlines()[-1])
            expect(page.get_by_role("button", name="Make the account")).to_be_visible()
            examiner = Examiner(page)
            examiner.look("sign-up")
            examiner.done()


PAGES = ("", "email/", "password/change/", "2fa/", "2fa/webauthn/", "sessions/", "tokens/", "settings/")


def test_every_page_fits_its_window_and_is_used_by_keyboard_alone(site: Desk) -> None:
    site.run(
        "from accounts.models import User\n"
        "user = User(username='bea', email='bea@example.org')\n"
        f"user.set_password({PASSWORD!r})\nuser.save()"
    )
    with visit(site, PHONE) as visitor:
        page = visitor.tab()
        page.goto(f"{site.url}accounts/login/?next=/accounts/")
        # The field has the focus already; Enter sends the form.
        page.keyboard.type("bea@example.org")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{site.url}accounts/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="To the content")).to_be_focused()
        for path in PAGES:
            page.goto(f"{site.url}accounts/{path}")
            for width, height in (DESKTOP, PHONE):
                page.set_viewport_size({"width": width, "height": height})
                wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                assert wide <= 0, (path, width)
            current = page.locator('[aria-current="page"]')
            expect(current).to_have_count(1)
            assert current.evaluate("link => new URL(link.href).pathname") == f"/accounts/{path}"
            assert json.loads(page.evaluate(UNNAMED)) == [], path
        assert refused(visitor) == []


# Fields and buttons that a screen reader could not name.
UNNAMED = """() => JSON.stringify([...document.querySelectorAll("input:not([type=hidden]):not([hidden]), select, button")]
  .filter((one) => !(one.labels?.length || one.textContent.trim() || one.getAttribute("aria-label")))
  .map((one) => one.outerHTML))"""


def status_by(token: str, site: Desk) -> int:
    """What a program is answered that shows the token."""
    request = urllib.request.Request(f"{site.url}api/v1/me/", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_settings_a_token_ones_data_and_the_end(site: Desk, tmp_path: Path) -> None:
    site.run(
        "from accounts.models import User\n"
        "user = User(username='cleo', email='cleo@example.org')\n"
        f"user.set_password({PASSWORD!r})\nuser.save()"
    )
    with visit(site) as visitor:
        page = visitor.tab()
        page.goto(f"{site.url}accounts/login/?next=/accounts/settings/")
        page.get_by_label("User name or email").fill("cleo")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        # Settings show at once, on the desk too.
        page.get_by_label("Time zone").select_option("Asia/Tokyo")
        page.get_by_label("Theme").select_option("dark")
        page.get_by_label("Colours of up and down").select_option("green")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        desk = visitor.tab()
        desk.goto(site.url)
        expect(desk.get_by_test_id("theme")).to_be_visible()
        expect(desk.locator("html")).to_have_attribute("data-theme", "dark")
        expect(desk.locator("html")).to_have_attribute("data-colours", "green")
        # A token: made once it is proved who asks, shown once, used, revoked.
        page.goto(f"{site.url}accounts/tokens/")
        page.get_by_label("Name").fill("backtest")
        page.get_by_label("Change your watchlists").check()
        page.get_by_role("button", name="Make the token").click()
        expect(page).to_have_url(re.compile("/prove/"))
        prove(page)
        token = page.get_by_test_id("token").inner_text()
        assert status_by(token, site) == 200
        page.goto(f"{site.url}accounts/tokens/")
        expect(page.get_by_test_id("tokens")).to_contain_text("May read, watchlists")
        expect(page.get_by_test_id("tokens")).to_contain_text(re.compile(r"last used .*JST"))
        assert token not in page.content()
        page.get_by_role("button", name="Revoke backtest").press("Enter")
        expect(page.get_by_text("backtest is revoked")).to_be_visible()
        assert status_by(token, site) == 401
        # All that is kept, as a file.
        page.goto(f"{site.url}accounts/export/")
        with page.expect_download() as download:
            page.get_by_role("button", name="Download").click()
        download.value.save_as(tmp_path / "mine.json")
        kept = json.loads((tmp_path / "mine.json").read_text())
        assert (kept["account"]["username"], kept["settings"]["time_zone"]) == ("cleo", "Asia/Tokyo")
        # The end, which the desk in the other tab hears of.
        page.goto(f"{site.url}accounts/delete/")
        page.get_by_label("Your user name").fill("bea")
        page.get_by_role("button", name="Delete my account").click()
        expect(page.get_by_text("This is not your user name.")).to_be_visible()
        page.get_by_label("Your user name").fill("cleo")
        page.get_by_role("button", name="Delete my account").click()
        expect(page.get_by_test_id("deleted")).to_be_visible()
        expect(desk).to_have_url(re.compile("/accounts/login/"))
        page.get_by_role("link", name="To the sign-in page").click()
        page.get_by_label("User name or email").fill("cleo")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_text("The name or the password is wrong.")).to_be_visible()
        assert refused(visitor) == []
