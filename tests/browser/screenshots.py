"""The pictures that the README shows, made from the running product, as `scripts/run` starts it, with its past sessions:
`scripts/screenshots`."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.browser.chromium import CHROMIUM
from tests.project.fake_parts import wait_until
from tests.project.running_up import WHOLE, RunningUp

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
# The past is stored in the background, after the market was listed for the first time.
PAST = "of the simulated market's past"
PAST_S = 120
# Some live minutes after it.
LIVE_S = 150


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp"))
    up = RunningUp(directory, command=WHOLE)
    try:
        url, username, password = (up.wait_for(f"{what}: ").partition(": ")[2] for what in ("url", "user", "password"))
        logs = directory / "var" / "log"
        wait_until(lambda: any(PAST in log.read_text() for log in logs.glob("*.log")), PAST_S)
        time.sleep(LIVE_S)
        _take(url, username, password, folder)
    finally:
        up.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            up.process.wait(30)
        up.end()
        shutil.rmtree(directory, ignore_errors=True)


def _take(url: str, username: str, password: str, folder: Path) -> None:
    try:
        for name, options in PICTURES.items():
            page = CHROMIUM.browser.new_context(**options).new_page()  # type: ignore[arg-type]
            page.goto(url)
            page.fill("input[name=login]", username)
            page.fill("input[name=password]", password)
            page.keyboard.press("Enter")
            page.wait_for_selector("[data-testid=state]")
            if (way := WAYS.get(name.partition("-")[0])) is not None:
                page.goto(f"{url}{way.address}")
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
