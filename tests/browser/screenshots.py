"""The pictures that the README shows, made from a running site: `scripts/screenshots`."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import LiveSite
from tests.path.stack import Stack

PICTURES = {
    "watchlist": {"viewport": {"width": 1280, "height": 560}, "color_scheme": "light"},
    "watchlist-dark": {"viewport": {"width": 1280, "height": 560}, "color_scheme": "dark"},
    "watchlist-phone": {"viewport": {"width": 390, "height": 700}, "color_scheme": "dark"},
    "chain": {"viewport": {"width": 1280, "height": 720}, "color_scheme": "light"},
    "chain-dark": {"viewport": {"width": 1280, "height": 720}, "color_scheme": "dark"},
    "chain-phone": {"viewport": {"width": 390, "height": 700}, "color_scheme": "dark"},
    "payoff": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "volatility": {"viewport": {"width": 1280, "height": 720}, "color_scheme": "light"},
    "detail": {"viewport": {"width": 1440, "height": 860}, "color_scheme": "dark"},
}
CHAIN = "#chain/simulated/ACME"
VOLATILITY = "#volatility/simulated/ACME"
# A monthly expiry has the most strikes.
MONTHLY = "[data-testid=expiry].monthly"
# Puts below the money and calls above it, the nearer ones sold; then its payoff.
CONDOR = "Home p ArrowUp s ArrowUp ArrowUp b Home c ArrowDown ArrowDown s ArrowDown ArrowDown b o"


class Way(NamedTuple):
    """To what a picture shows: an address, what is clicked there, and keys."""

    address: str = ""
    click: str = ""
    keys: str = ""


# By the first word of a picture's name; what is not here is what one lands on.
WAYS = {
    "chain": Way(CHAIN, MONTHLY),
    "payoff": Way(CHAIN, MONTHLY, CONDOR),
    "volatility": Way(VOLATILITY, "[data-testid=tab-smiles]"),
    "detail": Way(CHAIN, MONTHLY, "Home c Enter"),
}
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
    try:
        for name, options in PICTURES.items():
            page = CHROMIUM.browser.new_context(**options).new_page()  # type: ignore[arg-type]
            page.goto(site.url)
            page.fill("input[name=login]", site.username)
            page.fill("input[name=password]", site.password)
            page.keyboard.press("Enter")
            page.wait_for_selector("[data-testid=state]")
            if (way := WAYS.get(name.partition("-")[0])) is not None:
                page.goto(f"{site.url}{way.address}")
                page.click(way.click)
                page.wait_for_timeout(1_000)
                for key in way.keys.split():
                    page.keyboard.press(key)
            page.wait_for_timeout(SETTLE_MS)
            page.screenshot(path=folder / f"{name}.png")
            print(folder / f"{name}.png")
    finally:
        CHROMIUM.end()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
