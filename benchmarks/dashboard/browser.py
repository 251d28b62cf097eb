"""Chromium without a GPU, as a person has it: windows of a fresh profile, what its processes take, what its tabs count."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Playwright
from playwright.sync_api import TimeoutError as BrowserTimeoutError

from tests.browser.chromium import ARGUMENTS
from tests.browser.visits import DESKTOP
from tests.services import chromium

from .installation import Installation

SOON_MS: Final = 30_000


@contextlib.contextmanager
def window(playwright: Playwright, site: Installation) -> Iterator[tuple[Browser, BrowserContext]]:
    """A new browser with nothing in its cache, signed in by cookie."""
    path = chromium()
    if path is None:
        raise RuntimeError("none of chromium, chromium-browser and google-chrome is on the PATH")
    browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(ARGUMENTS))
    try:
        context = browser.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
        context.set_default_timeout(SOON_MS)
        host = urlsplit(site.web.url).hostname
        assert host is not None
        context.add_cookies([{"name": "sessionid", "value": site.user.session, "domain": host, "path": "/"}])
        yield browser, context
    finally:
        browser.close()


def wait_until_live(page: Page) -> None:
    try:
        page.locator('[data-testid="state"][data-tone="live"]').wait_for()
    except BrowserTimeoutError as error:
        state = page.get_by_test_id("state")
        said = state.inner_text() if state.count() else "nothing"
        raise RuntimeError(f"the page is not live, it says {said!r}") from error


def wait_for_quotes(page: Page) -> None:
    """Until the chain shows a bid."""
    page.wait_for_function(
        """() => [...document.querySelectorAll("[data-testid=call] [data-testid=cell-bid]")]
          .some((cell) => /[0-9]/.test(cell.textContent))"""
    )


def shown_symbols(page: Page) -> list[str]:
    """The contracts of a chain whose rows lie whole within the window."""
    found: list[str] = page.evaluate(
        """() => {
          const grid = document.querySelector("[data-testid=chain-grid]").getBoundingClientRect();
          const top = document.querySelector(".chain-header").getBoundingClientRect().bottom;
          return [...document.querySelectorAll("[data-testid=strike-row]")].filter((row) => {
            const box = row.getBoundingClientRect();
            return box.top >= top && box.bottom <= grid.bottom;
          }).flatMap((row) => [...row.querySelectorAll("[data-symbol]")].map((side) => side.dataset.symbol));
        }"""
    )
    return found


class Meter:
    """What a tab's main thread worked, in seconds since it began: `domain` is `timeTicks`, by the clock, or `threadTicks`,
    which leaves out what the machine's other work took of the time."""

    def __init__(self, page: Page, domain: str) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": domain})

    def read(self) -> dict[str, float]:
        metrics: list[dict[str, Any]] = self._session.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in metrics}


class Processes:
    """The browser's processes and what each took so far."""

    def __init__(self, browser: Browser) -> None:
        self._session = browser.new_browser_cdp_session()

    def read(self) -> dict[str, float]:
        """CPU seconds, of all together and of the renderers."""
        found = self._session.send("SystemInfo.getProcessInfo")["processInfo"]
        seconds = [(one["type"], _cpu_seconds(one["id"])) for one in found]
        return {
            "all": sum(took for _, took in seconds),
            "renderer": sum(took for kind, took in seconds if kind == "renderer"),
        }


def _cpu_seconds(pid: int) -> float:
    """User and system time, from the kernel's accounts; 0 of a process that has ended."""

    try:
        parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def heap_megabytes(session: CDPSession) -> float:
    """What is left after a collection. Collected twice: what a first one finalises only a second one frees."""
    session.send("HeapProfiler.collectGarbage")
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6
