"""The chart in a browser: past bars, gone on with live, and in the end exactly what REST has."""

import datetime as dt
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, Route, WebSocketRoute, expect

from tests.path.stack import Stack

from .conftest import LiveSite
from .visits import PATIENCE, PHONE, row_of, rows, visit

# The first test waits for the end of a minute, after a site was started whose whole past is stored.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

FILLED_S: Final = 120 * PATIENCE
PRICES: Final = ("open", "high", "low", "close")
# After the end of a bar, until it is stored and read again.
SETTLED_S: Final = 6


@pytest.fixture(scope="module")
def recorded_site() -> Iterator[LiveSite]:
    """The simulated market with its recorder, its past stored."""
    directory = Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp"))
    try:
        quiet = {"STRIKEWIRE_SIMULATED_QUOTES_PER_SECOND": "300"}
        with Stack(directory / "stack", symbols=1, user_count=1, extra=quiet) as stack:
            web = stack.start_web()
            recorder = stack.start("recorder", "manage.py", "record_history")
            site = LiveSite(stack, web)
            deadline = time.monotonic() + FILLED_S
            while "simulated market's past" not in recorder.log.read_text():
                assert time.monotonic() < deadline, recorder.log.read_text()[-2000:]
                time.sleep(0.2)
            yield site
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def opened(page: Page, place: int = 1) -> tuple[str, Locator]:
    """Clicks a row; its symbol, and the chart that this opens."""
    row = rows(page).nth(place)
    symbol = row.get_attribute("data-symbol")
    assert symbol is not None
    row.click()
    chart = page.get_by_test_id("chart")
    expect(chart).to_have_attribute("data-phase", "ready", timeout=10_000 * PATIENCE)
    return symbol, chart


def drawn(chart: Locator) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = chart.evaluate("(chart) => chart.bars()")
    return found


def stored(page: Page, url: str, symbol: str, from_s: float, interval: str = "1m") -> list[dict[str, Any]]:
    start = dt.datetime.fromtimestamp(from_s, dt.UTC).isoformat().replace("+00:00", "Z")
    answer = page.request.get(
        f"{url}api/v1/instruments/simulated.{symbol}/bars/", params={"interval": interval, "from": start}
    )
    assert answer.ok, answer.text()
    bars = []
    for bar in answer.json()["results"]:
        both = {
            price: None if bar[f"{price}_open"] is None else {name: bar[f"{price}_{name}"] for name in PRICES}
            for price in ("mid", "last")
        }
        starts = dt.datetime.fromisoformat(bar["starts_at"]).timestamp()
        bars.append({"starts_s": starts, "ends_s": dt.datetime.fromisoformat(bar["ends_at"]).timestamp(), **both})
    return bars


def same(bar: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(bar[name] == other[name] for name in ("starts_s", "ends_s", "mid", "last"))


def wait_for(condition: Any, seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.1)


def test_a_live_bar_goes_on_from_the_past_and_is_in_the_end_what_is_stored(recorded_site: LiveSite) -> None:
    """Through a restart of the web process, and past the end of the minute in which that was."""
    with visit(recorded_site) as visitor:
        page = visitor.signed_in()
        symbol, chart = opened(page)
        first = drawn(chart)
        assert len(first) > 100
        began = first[-1]["starts_s"]
        assert abs(began - time.time()) < 120
        wait_for(lambda: drawn(chart)[-1]["mid"] != first[-1]["mid"], 20, "no live row moves the newest bar")

        recorded_site.restart_web()
        wait_for(lambda: drawn(chart)[-1]["starts_s"] > began, 75, "no new bar begins")
        next_starts = drawn(chart)[-1]["starts_s"]
        page.wait_for_timeout(max(0.0, next_starts + SETTLED_S - time.time()) * 1000)
        wait_for(
            lambda: all(
                any(same(bar, other) for other in drawn(chart))
                for bar in stored(page, recorded_site.url, symbol, began - 600)
                if bar["ends_s"] <= next_starts
            ),
            20 * PATIENCE,
            "what was drawn live is not what is stored",
        )
        bars = drawn(chart)
        starts = [bar["starts_s"] for bar in bars]
        assert starts == sorted(set(starts))
        # The past, the live bars after it, and no minute lost between them.
        assert [start for start in starts if start > began - 3600] == list(
            range(int(began) - 3540, int(next_starts) + 1, 60)
        ) or starts[-1] > next_starts
        truth = stored(page, recorded_site.url, symbol, starts[0])
        settled = [bar for bar in bars if bar["ends_s"] <= next_starts]
        assert len(settled) == len([bar for bar in truth if bar["ends_s"] <= next_starts])
        assert all(same(*pair) for pair in zip(settled, truth, strict=False))
        assert [text for text in visitor.complaints if "Security Policy" in text] == []


def test_every_interval_shows_what_is_stored(recorded_site: LiveSite) -> None:
    with visit(recorded_site) as visitor:
        page = visitor.signed_in()
        symbol, chart = opened(page, place=0)
        for interval, least in (("5m", 60), ("15m", 60), ("1h", 60), ("1d", 6), ("1m", 60)):
            chart.get_by_role("button", name=interval, exact=True).click()
            wait_for(lambda least=least: len(drawn(chart)) >= least, 15 * PATIENCE, interval)
            bars = drawn(chart)
            truth = stored(page, recorded_site.url, symbol, bars[0]["starts_s"], interval)
            ended = [bar for bar in bars if bar["ends_s"] < time.time() - 120]
            assert ended
            assert all(same(*pair) for pair in zip(ended, truth, strict=False)), interval
        assert visitor.complaints == []


def test_what_it_draws_is_on_the_screen_and_in_words(recorded_site: LiveSite) -> None:
    with visit(recorded_site) as visitor:
        page = visitor.signed_in()
        symbol, chart = opened(page)
        legend = page.get_by_test_id("chart-legend")
        expect(legend).to_have_text(re.compile(r"^O [\d.]+  H [\d.]+  L [\d.]+  C [\d.]+"))
        host = chart.locator(".chart-host")
        expect(host).to_have_attribute("aria-label", re.compile(f"^Chart of {symbol}, mid, bars of 1m"))
        coloured = """(host) => {
          const count = (canvas) => {
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const found = new Set();
            for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200) found.add(data.slice(at, at + 3).join());
            return found.size;
          };
          return Math.max(...[...host.querySelectorAll("canvas")].filter((one) => one.width && one.height).map(count));
        }"""
        expect(host.locator("canvas").first).to_be_visible()
        wait_for(lambda: host.evaluate(coloured) >= 2, 5, "nothing is drawn")
        newest = legend.inner_text()
        box = host.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 60, box["y"] + 80)
        wait_for(lambda: legend.inner_text() != newest, 5, "the bar under the pointer is not told")
        # The choice is kept.
        chart.get_by_role("button", name="Line").click()
        chart.get_by_role("button", name="Last", exact=True).click()
        page.reload()
        _, chart = opened(page)
        expect(chart.get_by_role("button", name="Line")).to_have_attribute("aria-pressed", "true")
        expect(chart.get_by_role("button", name="Last", exact=True)).to_have_attribute("aria-pressed", "true")


def test_it_says_what_it_waits_for_and_what_went_wrong(recorded_site: LiveSite) -> None:
    with visit(recorded_site, PHONE, has_touch=True, is_mobile=True) as visitor:
        page = visitor.signed_in()
        held: list[Route] = []
        page.route("**/bars/**", lambda route: held.append(route))  # Playwright marks its handlers
        rows(page).nth(2).tap()
        expect(page.get_by_text("Loading bars…")).to_be_visible()
        wait_for(lambda: page.evaluate("1") and held != [], 10, "no bars are asked for")
        body = '{"title": "Service Unavailable", "detail": "The history database does not answer."}'
        for route in held:
            route.fulfill(status=503, content_type="application/problem+json", body=body)
        error = page.get_by_test_id("chart-error")
        expect(error).to_contain_text("The history database does not answer.")
        page.unroute("**/bars/**")
        error.get_by_role("button", name="Try again").click()
        expect(page.get_by_test_id("chart")).to_have_attribute("data-phase", "ready")
        expect(error).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_without_bars_it_says_so(live_site: LiveSite) -> None:
    """Nothing is recorded there, and no rows come in, one of which would bring a first bar."""
    with visit(live_site) as visitor:
        page = visitor.signed_in()
        page.route("**/bars/**", lambda route: route.fulfill(json={"next": None, "results": []}))
        page.route_web_socket("**/ws/stream/", _without_rows)
        page.goto(live_site.url)
        symbol = rows(page).nth(1).get_attribute("data-symbol")
        assert symbol is not None
        row_of(page, symbol).click()
        chart = page.get_by_test_id("chart")
        expect(page.get_by_test_id("chart-empty")).to_be_visible(timeout=10_000)
        expect(chart).to_have_attribute("data-phase", "ready")
        assert len(drawn(chart)) == 0


def _without_rows(socket: WebSocketRoute) -> None:
    server = socket.connect_to_server()
    server.on_message(lambda said: None if json.loads(said)["op"] in ("ticks", "snapshot") else socket.send(said))
