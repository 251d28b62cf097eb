"""What the page says while something is down, and how it comes back."""

import re

import pytest
from playwright.sync_api import expect

from tests import given_time

from .conftest import LiveSite
from .visits import PATIENCE, has_value, rows, state, visit, wait_until_live

pytestmark = pytest.mark.browser

SAID_WITHIN_S = 3.0 * PATIENCE


def test_a_feed_that_stopped_is_told_within_three_seconds_and_its_rows_are_dimmed(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        has_value(rows(page).first.get_by_test_id("cell-age"))
        stopped = given_time.now()
        live_site.stop_ingest()
        expect(state(page)).to_have_attribute("data-tone", "bad", timeout=SAID_WITHIN_S * 1000)
        assert given_time.now() - stopped < SAID_WITHIN_S + 0.5
        expect(state(page)).to_have_text(re.compile(r"No data from the feed for \d+ s|Feed is down"))
        expect(page.get_by_test_id("notice")).to_contain_text("The values below are as of")
        expect(page.locator(".rows .row:not(.stale, .heading-row)")).to_have_count(0)
        live_site.start_ingest()
        wait_until_live(page)
        expect(page.locator(".rows .row.stale")).to_have_count(0)


def test_the_page_comes_back_by_itself_when_the_web_process_restarts(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        page.evaluate("window.stillTheSamePage = true")
        live_site.stop_web()
        expect(state(page)).to_have_attribute("data-tone", "bad", timeout=SAID_WITHIN_S * 1000)
        expect(state(page)).to_have_text(re.compile("Reconnecting"))
        live_site.ensure_running()
        wait_until_live(page, 20_000 * PATIENCE)
        age = "document.querySelector('.rows .cell.age').textContent"
        page.wait_for_function(f"() => /^[0-4]\\.\\d s$/.test({age})", timeout=10_000)
        assert page.evaluate("window.stillTheSamePage") is True


def test_a_lost_network_is_told_and_its_return_is_used_at_once(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        live_site.stop_web()
        expect(state(page)).to_have_attribute("data-tone", "bad", timeout=SAID_WITHIN_S * 1000)
        # Long enough that the waits between two attempts have grown to seconds.
        page.wait_for_timeout(4000)
        live_site.ensure_running()
        page.evaluate("window.dispatchEvent(new Event('online'))")
        wait_until_live(page, 4000 * PATIENCE)


def test_after_signing_out_in_one_tab_the_other_leads_to_sign_in_when_looked_at(live_site: LiveSite) -> None:
    with visit(live_site) as visitor:
        first = visitor.signed_in()
        second = visitor.another_tab()
        first.get_by_test_id("account").click()
        first.get_by_test_id("sign-out").click()
        expect(first).to_have_url(re.compile("/accounts/login/"), timeout=10_000)
        second.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
        expect(second).to_have_url(re.compile(r"/accounts/login/\?next="), timeout=10_000)
