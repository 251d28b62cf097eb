"""The Chromium of all visits of a run: started by the first of them, ended after the last test of this package. A start
costs as much as a short test, and a visitor's own context shares nothing with the others.
"""

import contextlib
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from tests.services import chromium

ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


class Chromium:
    """`browser` is the one that runs; a new one where that has crashed."""

    def __init__(self) -> None:
        self._cleanup = contextlib.ExitStack()
        self._browser: Browser | None = None

    @property
    def browser(self) -> Browser:
        if self._browser is None or not self._browser.is_connected():
            path = chromium()
            assert path is not None
            self.end()
            playwright = self._cleanup.enter_context(sync_playwright())
            self._browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(ARGUMENTS))
            self._cleanup.callback(self._browser.close)
        return self._browser

    def end(self) -> None:
        self._browser = None
        self._cleanup.close()


CHROMIUM: Final = Chromium()
