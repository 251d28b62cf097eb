"""A running site for browser tests: the simulated market, or another feed, under the real ingest, a web process, the demo
user with its example watchlist; each part can be stopped and started again.
"""

import contextlib
import json
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.path.stack import Process, Stack, Web

from .chromium import CHROMIUM

READY_S = 40.0
# Makes the demo user, and its example watchlist as soon as something is listed; says how to sign in.
DEMO_USER = """
import json, time, django
django.setup()
from accounts import demo
access = demo.prepare()
ends = time.monotonic() + {seconds}
while not demo.fill_watchlist({feed!r}):
    if time.monotonic() > ends:
        raise SystemExit("the example watchlist was not made")
    time.sleep(0.1)
print(json.dumps(dict(username=access.username, password=access.password)))
"""


class LiveSite:
    """`url` is the page's address; `username` and `password` sign in there."""

    def __init__(self, stack: Stack, web: Web, feed: str = "simulated") -> None:
        self._stack = stack
        self._feed = feed
        self._web = web
        self._ingest: Process | None = None
        self._starts = 0
        self.start_ingest()
        made = json.loads(stack.python("-c", DEMO_USER.format(feed=feed, seconds=READY_S)).splitlines()[-1])
        self.username: str = made["username"]
        self.password: str = made["password"]

    @property
    def url(self) -> str:
        return f"{self._web.url}/"

    def run(self, script: str) -> None:
        """Lines of Python within this site's Django."""
        self._stack.python("-c", f"import django; django.setup()\n{script}")

    def start_ingest(self) -> None:
        self._starts += 1
        self._ingest = self._stack.start(f"ingest-{self._starts}", "manage.py", "ingest_feed", self._feed)
        deadline = time.monotonic() + READY_S
        while "lists " not in self._ingest.log.read_text():
            if time.monotonic() > deadline or self._ingest.popen.poll() is not None:
                raise RuntimeError(f"ingest does not lead:\n{self._ingest.log.read_text()[-3000:]}")
            time.sleep(0.05)

    def stop_ingest(self) -> None:
        """As a crash does: without a word."""
        if self._ingest is not None:
            self._ingest.kill()
            self._ingest = None

    def stop_web(self) -> None:
        self._web.process.stop()

    def freeze_web(self) -> None:
        """It answers nothing any more, and says nothing either: its connections stay open."""
        self._web.process.signal(signal.SIGSTOP)

    def thaw_web(self) -> None:
        self._web.process.signal(signal.SIGCONT)

    def restart_web(self) -> None:
        """The same address again."""
        self.stop_web()
        self._web = self._stack.start_web(port=self._web.port)

    def ensure_running(self) -> None:
        """What a former test stopped runs again."""
        if self._web.process.popen.poll() is not None:
            self._web = self._stack.start_web(port=self._web.port)
        if self._ingest is None or self._ingest.popen.poll() is not None:
            self.start_ingest()


@pytest.fixture(scope="package", autouse=True)
def _chromium() -> Iterator[None]:
    yield
    CHROMIUM.end()


@pytest.fixture(scope="package")
def running_site() -> Iterator[LiveSite]:
    directory = Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp"))
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, directory, ignore_errors=True)
        stack = cleanup.enter_context(Stack(directory / "stack", symbols=1, user_count=1))
        yield LiveSite(stack, stack.start_web())


@pytest.fixture
def live_site(running_site: LiveSite) -> LiveSite:
    running_site.ensure_running()
    return running_site
