"""The administrator at work while a user watches, in a real browser: coverage narrows and widens, and the user's page
follows; the feed page moves; nothing on the admin's pages offends their policy.
"""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests import given_time
from tests.path.stack import Stack

from .conftest import LiveSite
from .visits import DESKTOP, PATIENCE, Visitor, has_value, rows, state, symbols, visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PASSWORD = "correct horse 7 battery"
FOLLOWS_S = 5.0 * PATIENCE

# A chain as a page of ours would follow it, beside the watchlist that the page shows.
OPEN_CHAIN = """([underlying, expiry]) => new Promise((done) => {
  const chain = (window.chain = { ids: {}, moved: 0, causes: [], removals: [], statuses: [], closed: false });
  const socket = new WebSocket(`ws://${location.host}/ws/stream/`, "strikewire.v1.json");
  socket.onclose = () => (chain.closed = true);
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.op === "ping") socket.send(JSON.stringify({ op: "pong", n: message.n }));
    if (message.op === "welcome")
      socket.send(JSON.stringify({ op: "subscribe", source: "chain", chain: { underlying, expiry } }));
    if (message.op === "status") chain.statuses.push(message.health);
    if (message.op === "subscribed") {
      chain.causes.push(message.cause);
      for (const facts of Object.values(message.added)) chain.ids[facts.id] = { symbol: facts.symbol, rows: 0 };
      for (const gone of message.removed) {
        chain.removals.push(gone.code);
        delete chain.ids[gone.id];
      }
    }
    for (const row of message.rows ?? []) {
      if (!chain.ids[row[0]]) chain.strangers = true;
      else chain.ids[row[0]].rows += 1;
      chain.moved += 1;
    }
    if (message.op === "snapshot") done(Object.keys(chain.ids).length);
  };
})"""


@pytest.fixture(scope="module")
def site() -> Iterator[LiveSite]:
    """A site of its own: what is covered there is nobody else's concern."""
    directory = Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp"))
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, directory, ignore_errors=True)
        stack = cleanup.enter_context(Stack(directory / "stack", symbols=1, user_count=1))
        site = LiveSite(stack, stack.start_web())
        stack.python(
            "-c",
            "import django; django.setup()\n"
            "from accounts.models import User\n"
            f"User.objects.create_superuser('boss', 'boss@example.org', {PASSWORD!r})",
        )
        yield site


@contextlib.contextmanager
def administrator(visitor: Visitor) -> Iterator[Page]:
    """A tab of another person in the same browser, signed in to the admin."""
    browser = visitor.context.browser
    assert browser is not None
    context: BrowserContext = browser.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    page = Visitor(visitor.site, context, visitor.faults, visitor.complaints).tab()
    page.goto(f"{visitor.site.url}admin/")
    page.get_by_label("User name or email").fill("boss")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/")
    yield page
    context.close()


def chain_of(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("() => window.chain")
    return found


def soon(condition: Any, otherwise: str) -> float:
    """Seconds until it holds, which is soon."""
    began = given_time.now()
    while not condition():
        assert given_time.now() - began < FOLLOWS_S, otherwise
        time.sleep(0.05)
    return given_time.now() - began


def save_rule(admin: Page, percent: str) -> int:
    """Makes or changes the one rule; returns how many the preview said would come or go."""
    admin.goto(f"{admin.url.split('/admin/')[0]}/admin/marketdata/coverage/")
    first = admin.locator("#result_list tbody th a, table tbody a").filter(has_text="simulated")
    if first.count():
        first.first.click()
    else:
        admin.goto(f"{admin.url}add/")
        admin.locator("select[name=feed]").select_option("simulated")
    admin.locator("input[name=strike_percent]").fill(percent)
    admin.locator("[name=_save]").click()
    moving = (
        admin.locator("[data-coming]").get_attribute("data-coming"),
        admin.locator("[data-going]").get_attribute("data-going"),
    )
    admin.get_by_role("button", name="Yes, do it").click()
    expect(admin.get_by_text("successfully")).to_be_visible()
    return max(int(number or 0) for number in moving)


def test_a_users_chain_follows_the_administrator_within_five_seconds_and_nothing_else_moves(site: LiveSite) -> None:
    with visit(site) as user:
        page = user.signed_in()
        # The connection is live before the list's first rows are there.
        has_value(rows(page).first.get_by_test_id("cell-age"))
        watched = symbols(page)
        assert watched
        expiry = page.evaluate(
            "() => fetch('/api/v1/instruments/?underlying=ACME&kind=option&feed=simulated')"
            ".then((answer) => answer.json()).then((page) => page.results[0].expiry)"
        )
        every = page.evaluate(OPEN_CHAIN, ["ACME", expiry])
        assert every > 20
        with administrator(user) as admin:
            assert save_rule(admin, "6") > 0
            soon(lambda: len(chain_of(page)["ids"]) < every / 2, "the chain did not become narrower")
            narrow = chain_of(page)
            assert set(narrow["removals"]) == {"not_streaming"}
            # The list that the page shows holds what it names, also the far ones: every row is there and moves.
            assert symbols(page) == watched
            expect(state(page)).to_have_text("Live")
            before = narrow["moved"]
            soon(lambda: chain_of(page)["moved"] > before, "what stays does not move any more")

            assert save_rule(admin, "") > 0
            soon(lambda: len(chain_of(page)["ids"]) == every, "the chain did not become whole again")
            came = {one for one in chain_of(page)["ids"] if one not in narrow["ids"]}
            soon(
                lambda: all(one["rows"] for i, one in chain_of(page)["ids"].items() if i in came),
                "what came back has no rows",
            )
        after = chain_of(page)
        assert after["causes"] == ["request", "retired", "listed"]
        assert set(after["statuses"]) <= {"ok"}
        assert not after["closed"]
        assert "strangers" not in after
        assert symbols(page) == watched
        assert user.complaints == []


def test_what_is_switched_off_is_emptied_on_the_users_page_and_it_says_why(site: LiveSite) -> None:
    with visit(site) as user:
        page = user.signed_in()
        row = rows(page).nth(1)
        symbol = row.get_attribute("data-symbol")
        bid = row.get_by_test_id("cell-bid")
        expect(bid).not_to_have_text("")
        with administrator(user) as admin:
            for action in ("switch_off", "switch_on"):
                admin.goto(f"{admin.url.split('/admin/')[0]}/admin/marketdata/instrument/?q={symbol}")
                admin.locator("input.action-select").check()
                admin.locator("select[name=action]").select_option(action)
                admin.get_by_role("button", name="Run").click()
                expect(admin.get_by_text("now for 1 more")).to_be_visible()
                if action == "switch_off":
                    expect(bid).to_have_text("", timeout=FOLLOWS_S * 1000)
                    expect(bid).to_have_attribute("title", "Not offered now: the administrator took it out")
                    expect(state(page)).to_have_text("Live")
            expect(bid).not_to_have_text("", timeout=FOLLOWS_S * 1000)


def test_whoever_goes_back_from_the_preview_finds_what_was_entered(site: LiveSite) -> None:
    with visit(site) as visitor, administrator(visitor) as admin:
        admin.goto(f"{admin.url}marketdata/coverage/add/")
        expect(admin.locator("select[name=feed]")).to_have_value("simulated")
        admin.locator("input[name=strike_percent]").fill("12.5")
        admin.locator("input[name=note]").fill("a & b")
        admin.locator("[name=_save]").click()
        admin.get_by_role("link", name="No, go back").click()
        expect(admin.locator("input[name=strike_percent]")).to_have_value("12.5")
        expect(admin.locator("input[name=note]")).to_have_value("a & b")


def test_the_confirmation_is_in_view_however_much_goes(site: LiveSite) -> None:
    with visit(site) as visitor, administrator(visitor) as admin:
        admin.goto(f"{admin.url}marketdata/coverage/add/")
        admin.locator("input[name=strike_percent]").fill("1")
        admin.locator("[name=_save]").click()
        expect(admin.get_by_role("button", name="Yes, do it")).to_be_in_viewport()


def test_every_column_of_the_instruments_is_in_view_on_a_desk(site: LiveSite) -> None:
    with visit(site) as visitor, administrator(visitor) as admin:
        admin.goto(f"{admin.url}marketdata/instrument/")
        for name in ("Symbol", "Strike", "Streaming", "Active"):
            expect(admin.get_by_role("columnheader", name=name)).to_be_in_viewport(ratio=1)


def test_a_feed_that_does_not_run_shows_only_that(site: LiveSite) -> None:
    with visit(site) as visitor, administrator(visitor) as admin:
        admin.goto(f"{admin.url}feeds/")
        cards = admin.locator("[data-feed]")
        expect(cards.first).to_have_attribute("data-health", "ok")
        expect(cards.first).to_have_attribute("data-feed", "simulated")
        other = admin.locator('[data-feed="replay"]')
        expect(other).to_contain_text("not running")
        expect(other.locator(".feed-figures")).to_be_hidden()
        expect(other.get_by_role("link")).to_have_count(0)


def test_no_page_of_the_admin_offends_its_policy(site: LiveSite) -> None:
    with visit(site) as visitor, administrator(visitor) as admin:
        base = admin.url
        for path in (
            "",
            "feeds/",
            "feeds/simulated/hand-over/",
            "marketdata/feedsettings/",
            "marketdata/feedsettings/add/",
            "marketdata/coverage/",
            "marketdata/coverage/add/",
            "marketdata/coverage/import/",
            "marketdata/instrument/",
            "marketdata/instrument/?underlying=ACME&right__exact=C",
            "accounts/user/",
            "accounts/user/add/",
            "accounts/watchlist/",
            "accounts/apitoken/",
            "auth/group/add/",
            "admin/logentry/",
        ):
            response = admin.goto(base + path)
            assert response is not None
            assert response.status == 200, path
            # Not until the network is still: feed pages ask on and on. What a page says as it loads comes before this.
            admin.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            assert (path, visitor.complaints, visitor.faults) == (path, [], [])


def test_the_feed_page_moves_and_says_when_the_leader_is_gone(site: LiveSite) -> None:
    with visit(site) as visitor, administrator(visitor) as admin:
        admin.goto(f"{admin.url}feeds/")
        card = admin.locator('[data-feed="simulated"]')
        expect(card.locator('[data-field="health"]')).to_have_text("ok")
        accepted = card.locator('[data-field="accepted"]')
        expect(accepted).not_to_have_text("–")
        before = accepted.inner_text()
        expect(accepted).not_to_have_text(before, timeout=3_000 * PATIENCE)
        expect(card.locator('[data-field="leader"]')).to_contain_text("process")
        expect(card.locator('[data-field="ingest_to_redis"]')).to_contain_text("ms")
        site.stop_ingest()
        try:
            expect(card).to_have_attribute("data-health", "down", timeout=4_000 * PATIENCE)
        finally:
            site.start_ingest()
        expect(card).to_have_attribute("data-health", "ok", timeout=20_000)
        assert visitor.complaints == []


def test_a_feed_is_handed_over_to_itself_only_after_two_questions(site: LiveSite) -> None:
    with visit(site) as visitor, administrator(visitor) as admin:
        admin.goto(f"{admin.url}feeds/")
        term = admin.locator('[data-feed="simulated"] [data-field="term"]')
        expect(term).not_to_have_text("–")
        before = term.inner_text()
        admin.locator('[data-feed="simulated"]').get_by_role("link", name="Hand over").click()
        expect(admin.get_by_text("No standby of this feed is known")).to_be_visible()
        admin.get_by_role("button", name="Hand over").click()
        expect(admin.get_by_text("was not handed over")).to_be_visible()
        admin.locator("input[name=force]").check()
        admin.get_by_role("button", name="Hand over").click()
        expect(admin.get_by_text("was told to hand over")).to_be_visible()
        card = admin.locator('[data-feed="simulated"]')
        expect(card).to_have_attribute("data-health", "ok", timeout=20_000)
        expect(term).not_to_have_text(before, timeout=20_000)
        assert int(term.inner_text()) > int(before)
