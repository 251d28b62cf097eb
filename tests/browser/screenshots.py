"""The pictures that the README shows, made from a running site: `scripts/screenshots`."""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import LiveSite
from tests.path.stack import Stack
from tests.services import chromium

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
PICTURES = {
    "watchlist": {"viewport": {"width": 1280, "height": 560}, "color_scheme": "light"},
    "watchlist-dark": {"viewport": {"width": 1280, "height": 560}, "color_scheme": "dark"},
    "watchlist-phone": {"viewport": {"width": 390, "height": 700}, "color_scheme": "dark"},
    "chain": {"viewport": {"width": 1280, "height": 720}, "color_scheme": "light"},
    "chain-dark": {"viewport": {"width": 1280, "height": 720}, "color_scheme": "dark"},
    "chain-phone": {"viewport": {"width": 390, "height": 700}, "color_scheme": "dark"},
    "payoff": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "volatility": {"viewport": {"width": 1280, "height": 720}, "color_scheme": "light"},
}
CHAIN = "#chain/simulated/ACME"
VOLATILITY = "#volatility/simulated/ACME"
# Puts below the money and calls above it, the nearer ones sold; then its payoff.
CONDOR = "Home p ArrowUp s ArrowUp ArrowUp b Home c ArrowDown ArrowDown s ArrowDown ArrowDown b o"
SETTLE_MS = 4_000


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp"))
    try:
        with Stack(directory / "stack", symbols=1, user_count=1) as stack:
            _take(LiveSite(stack, stack.start_web()), folder)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _take(site: LiveSite, folder: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for name, options in PICTURES.items():
            page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
            page.goto(site.url)
            page.fill("input[name=login]", site.username)
            page.fill("input[name=password]", site.password)
            page.keyboard.press("Enter")
            if name.startswith("chain"):
                page.wait_for_selector("[data-testid=state]")
                page.goto(f"{site.url}{CHAIN}")
                # A monthly expiry has the most strikes.
                page.click("[data-testid=expiry].monthly")
            if name.startswith("payoff"):
                page.wait_for_selector("[data-testid=state]")
                page.goto(f"{site.url}{CHAIN}")
                page.click("[data-testid=expiry].monthly")
                page.wait_for_selector("[data-testid=strike-row]")
                for key in CONDOR.split():
                    page.keyboard.press(key)
            if name.startswith("volatility"):
                page.wait_for_selector("[data-testid=state]")
                page.goto(f"{site.url}{VOLATILITY}")
                page.click("[data-testid=tab-smiles]")
            page.wait_for_timeout(SETTLE_MS)
            page.screenshot(path=folder / f"{name}.png")
            print(folder / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
