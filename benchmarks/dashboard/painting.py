"""A chain of 200 strikes whose shown cells change 1,000 times a second: what painting it takes of the tab, and what the tab
keeps in memory."""

import time
from typing import Final

from playwright.sync_api import CDPSession, Page, Playwright

from .browser import Meter, Processes, heap_megabytes, shown_symbols, wait_for_quotes, wait_until_live, window
from .installation import Installation
from .ladder import EXPIRIES
from .lengths import Lengths
from .limits import a_minute, share

CELLS: Final = 1000
COUNTED_S: Final = 5.0
WATCH_LONG_TASKS = """() => {
  window.longTasks = 0;
  new PerformanceObserver((list) => { window.longTasks += list.getEntries().length; }).observe({ type: "longtask" });
}"""
# By the texts themselves: what is written without a change is no change.
COUNT_CHANGES = """(ms) => new Promise((done) => {
  let count = 0;
  const observer = new MutationObserver((records) => {
    for (const { target, oldValue } of records)
      if (target.data !== oldValue && target.parentElement.closest("[data-testid^=cell-]")) count += 1;
  });
  const rows = document.querySelector(".chain-rows");
  observer.observe(rows, { characterData: true, characterDataOldValue: true, subtree: true });
  const began = performance.now();
  setTimeout(() => { observer.disconnect(); done(count / ((performance.now() - began) / 1000)); }, ms);
})"""


def measure(playwright: Playwright, site: Installation, lengths: Lengths) -> dict[str, float]:
    with window(playwright, site) as (browser, context):
        page = context.new_page()
        opened = time.monotonic()
        page.goto(site.chain_url())
        wait_until_live(page)
        wait_for_quotes(page)
        site.quote(shown_symbols(page), CELLS)
        page.evaluate(WATCH_LONG_TASKS)
        time.sleep(lengths.settle_s)
        session = context.new_cdp_session(page)
        figures = _cost(page, Processes(browser), lengths.seconds)
        figures["cells changed on the screen/s"] = page.evaluate(COUNT_CHANGES, min(COUNTED_S, lengths.seconds) * 1000)
        figures["the same with details open, CPU, % of a core"] = _with_details(page, lengths)
        figures["heap grown from minute 2 to 10, MB"] = _growth(session, opened, lengths.minutes)
        return figures | _switching(page, site, session, lengths.switches)


def _cost(page: Page, processes: Processes, seconds: float) -> dict[str, float]:
    clock, thread = Meter(page, "timeTicks"), Meter(page, "threadTicks")
    long_before = page.evaluate("() => window.longTasks")
    taken, at, by_clock, by_thread = processes.read(), time.monotonic(), clock.read(), thread.read()
    time.sleep(seconds)
    taken_after, by_clock_after, by_thread_after = processes.read(), clock.read(), thread.read()
    whole = time.monotonic() - at
    long_tasks = page.evaluate("() => window.longTasks") - long_before

    def of(name: str, before: dict[str, float], after: dict[str, float]) -> float:
        return share(before[name], after[name], whole)

    return {
        "tab's main thread, CPU, % of a core": of("TaskDuration", by_thread, by_thread_after),
        "tab's main thread, task time, %": of("TaskDuration", by_clock, by_clock_after),
        "script, % of a core": of("ScriptDuration", by_thread, by_thread_after),
        "style and layout, % of a core": of("RecalcStyleDuration", by_thread, by_thread_after)
        + of("LayoutDuration", by_thread, by_thread_after),
        "whole renderer, % of a core": of("renderer", taken, taken_after),
        "whole browser, % of a core": of("all", taken, taken_after),
        "tasks above 50 ms a minute": a_minute(long_tasks, whole),
    }


def _with_details(page: Page, lengths: Lengths) -> float:
    """Of a contract that is quoted, with its chart."""
    page.locator("[data-testid=strike-row] [data-testid=cell-bid]").nth(20).click()
    page.get_by_test_id("detail").wait_for()
    time.sleep(lengths.settle_s)
    meter = Meter(page, "threadTicks")
    before, at = meter.read(), time.monotonic()
    time.sleep(lengths.seconds)
    found = share(before["TaskDuration"], meter.read()["TaskDuration"], time.monotonic() - at)
    page.keyboard.press("Escape")
    page.get_by_test_id("detail").wait_for(state="detached")
    return found


def _growth(session: CDPSession, opened: float, minutes: tuple[float, float]) -> float:
    read: list[float] = []
    for minute in minutes:
        time.sleep(max(0.0, opened + 60 * minute - time.monotonic()))
        read.append(heap_megabytes(session))
    return read[1] - read[0]


def _switching(page: Page, site: Installation, session: CDPSession, switches: int) -> dict[str, float]:
    """Every expiry was shown once before the first reading, so that only what piles up is counted."""

    def switch(number: int) -> None:
        page.evaluate("(address) => { window.location.hash = address; }", site.chain_url(number).partition("#")[2])
        day = EXPIRIES[number].isoformat()[2:].replace("-", "")
        page.locator(f'[data-testid=call][data-symbol*="{day}C"]').first.wait_for()
        page.evaluate("() => { document.querySelector('[data-testid=chain-grid]').scrollTop += 2000; }")

    for number in range(len(EXPIRIES)):
        switch(number)
    before, listeners = heap_megabytes(session), _listeners(session)
    for number in range(switches):
        switch(number % len(EXPIRIES))
    return {
        "heap grown by 50 changes of expiry, MB": heap_megabytes(session) - before,
        "listeners added by 50 changes of expiry": _listeners(session) - listeners,
    }


def _listeners(session: CDPSession) -> int:
    return int(session.send("Memory.getDOMCounters")["jsEventListeners"])
