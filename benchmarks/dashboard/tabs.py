"""Twenty tabs of one user, nineteen of them hidden, beside one tab alone: what the server takes for each.

Chromium without a screen calls every tab visible, so hidden ones are told that they are hidden by a script: the page asks
`document.visibilityState` and hears `visibilitychange`, as it does of a browser that hides it.
"""

import time
from typing import Final

from playwright.sync_api import Page, Playwright

from .browser import shown_symbols, wait_for_quotes, wait_until_live, window
from .installation import Installation
from .lengths import Lengths
from .limits import share
from .painting import CELLS

# A tab wants no more rows 10 s after it was hidden.
RESTS_S: Final = 12.0
HIDE: Final = """() => {
  Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
  Object.defineProperty(document, "hidden", { get: () => true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def measure(playwright: Playwright, site: Installation, lengths: Lengths) -> dict[str, float]:
    with window(playwright, site) as (_, context):

        def tab() -> Page:
            page = context.new_page()
            page.goto(site.chain_url())
            wait_until_live(page)
            wait_for_quotes(page)
            return page

        seen = tab()
        site.quote(shown_symbols(seen), CELLS)
        time.sleep(lengths.settle_s)
        alone = _server(site, lengths.seconds)
        for _number in range(lengths.tabs - 1):
            tab().evaluate(HIDE)
        seen.bring_to_front()
        time.sleep(RESTS_S)
        together = _server(site, lengths.seconds)
        site.quote([], 0)
        return {
            "server's CPU for one tab, % of a core": alone,
            "server's CPU for that and 19 hidden, % of a core": together,
            "server's CPU, 20 tabs for 1": together / alone,
        }


def _server(site: Installation, seconds: float) -> float:
    """Of the web process: what feeds it has the same work in both."""
    before, at = site.web.process.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    return share(before, site.web.process.cpu_seconds(), time.monotonic() - at)
