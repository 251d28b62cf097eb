"""Hosts that die, are drained, return and are added, behind both proxies at once: who was on one is on another at once,
with the newest row of everything, and nobody is turned away.
"""

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from .site import NOTICED_S, Site, total
from .visitor import Visitor
from .web_host import WebHost

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(180)]

PAUSE_S = 0.05
# Within which hosts share what comes: a third each, give or take.
LEAST_SHARE = 1 / 6


@dataclass
class Asking:
    """What was answered to somebody who asked all the time, through each proxy: `read` by GET, `changed` by PATCH."""

    read: list[tuple[str, int]] = field(default_factory=list)
    changed: list[tuple[str, int]] = field(default_factory=list)


@contextmanager
def asking(site: Site) -> Iterator[Asking]:
    """With a session on the one hand, and a token on the other: neither knows of hosts."""
    answers = Asking()
    stopped = threading.Event()
    user = site.stack.users[0]
    change = b'{"name": "Mine"}'

    def ask(visitor: Visitor) -> None:
        token = {"Authorization": f"Bearer {user.token}", "Content_Type": "application/json"}
        while not stopped.wait(PAUSE_S):
            answers.read.append((visitor.proxy.kind, visitor.get("/api/v1/me/").status))
            path = f"/api/v1/watchlists/{user.watchlist}/"
            answer = Visitor(visitor.proxy).ask("PATCH", path, change, **token)
            answers.changed.append((visitor.proxy.kind, answer.status))

    threads = [
        threading.Thread(target=ask, args=(Visitor(proxy, cookies={"sessionid": user.session}),))
        for proxy in site.proxies
    ]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def not_well(answers: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return [answer for answer in answers if answer[1] != 200]


async def gone(host: WebHost) -> None:
    await asyncio.to_thread(host.running.popen.wait, 20)


async def back(site: Site, host: WebHost) -> None:
    """It is started again, and HAProxy knows."""
    host.start()
    await asyncio.to_thread(host.wait_until_ready)
    name = f"web{site.hosts.index(host) + 1}"
    await asyncio.to_thread(site.proxy("haproxy").wait_until, lambda now: now[name].startswith("UP"), 20 * site.factor)


async def test_hosts_die_and_are_drained_and_return(site: Site) -> None:
    first, second, _ = site.hosts
    site.quote_silent()
    await site.converge("at first")
    sockets = len(site.desks)
    assert min(host.connections() for host in site.hosts) >= sockets * LEAST_SHARE

    # One dies without a word.
    before = {desk: desk.connections for desk in site.desks}
    with asking(site) as answers:
        first.running.kill()
        killed = time.monotonic()
        site.quote_silent()
        await site.until(lambda: any(not desk.is_open for desk in site.desks), 5, "somebody cut off")
        # Nobody could have told them what was quoted meanwhile.
        assert all(site.stale(desk) for desk in site.desks if not desk.is_open)
        await site.converge("one host killed")
        left = NOTICED_S * site.factor - (time.monotonic() - killed)
        await asyncio.to_thread(site.proxy("haproxy").wait_until, lambda now: now["web1"] == "DOWN", left)
    moved = [desk for desk in site.desks if desk.connections > before[desk]]
    assert len(moved) >= sockets * LEAST_SHARE
    assert {desk.proxy.kind for desk in moved} == {"nginx", "haproxy"}
    assert len(answers.read) > 10
    assert not_well(answers.read) == []
    assert [desk.refused for desk in site.desks if desk.refused] == []

    # It returns, and another is drained: its sockets are told when to come back, each its own time.
    await back(site, first)
    assert first.connections() < sockets * LEAST_SHARE
    before = {desk: desk.connections for desk in site.desks}
    with asking(site) as answers:
        second.running.signal(signal.SIGTERM)
        await gone(second)
        site.quote_silent()
        await site.converge("one host drained")
    moved = [desk for desk in site.desks if desk.connections > before[desk]]
    said = [desk.closings[-1] for desk in moved]
    assert len(moved) >= sockets * LEAST_SHARE
    assert {(one["op"], one["code"]) for one in said} == {("closing", 1012)}
    waits = {one["reconnect_ms"] for one in said}
    assert len(waits) > len(moved) / 2
    assert max(waits) - min(waits) > 500
    assert not_well(answers.read + answers.changed) == []
    assert [desk.refused for desk in site.desks if desk.refused] == []
    # Who has fewest gets the next: that is the one that returned.
    assert first.connections() > 0
    assert second.connections() == 0
    assert second.running.popen.returncode in (0, -signal.SIGTERM)

    second.start()  # for whatever comes next
    assert total(site.hosts) >= sockets
    site.check()
    await asyncio.to_thread(second.wait_until_ready)


@pytest.mark.slow
async def test_all_hosts_are_brought_up_to_date_and_nobody_notices(site: Site) -> None:
    """One after another restarted, twice, while people read and change things: no answer but 200."""
    with asking(site) as answers:
        for host in site.hosts * 2:
            host.running.signal(signal.SIGTERM)
            await gone(host)
            site.quote_silent()
            await site.converge(f"{host} drained")
            await back(site, host)
    print(f"{len(answers.read)} read, {len(answers.changed)} changed")
    assert not_well(answers.read + answers.changed) == []
    assert [desk.refused for desk in site.desks if desk.refused] == []
    site.check()


@pytest.mark.slow
async def test_a_host_that_stands_still_is_left_out_by_haproxy(site: Site) -> None:
    host = site.hosts[0]
    proxy = site.proxy("haproxy")
    host.running.signal(signal.SIGSTOP)
    try:
        # Its checks run into their time limit, twice.
        took = await asyncio.to_thread(proxy.wait_until, lambda now: now["web1"] == "DOWN", 8 * site.factor)
        print(f"HAProxy knew after {took:.1f} s")
        user = site.stack.users[1]
        visitor = Visitor(proxy, cookies={"sessionid": user.session})
        began = time.monotonic()
        answers = [await asyncio.to_thread(visitor.get, "/api/v1/me/") for _ in range(10)]
        assert [answer.status for answer in answers] == [200] * 10
        assert time.monotonic() - began < 5 * site.factor
    finally:
        host.running.signal(signal.SIGCONT)
    await asyncio.to_thread(proxy.wait_until, lambda now: now["web1"].startswith("UP"), 20 * site.factor)
    site.quote_silent()
    await site.converge("a host stood still")
    site.check()


@pytest.mark.slow
async def test_without_redis_the_site_still_answers_and_no_socket_is_cut(site: Site) -> None:
    """No host is ready then; that must not take all of them away."""
    proxy = site.proxy("haproxy")
    before = {desk: desk.connections for desk in site.desks}
    site.stack.valkey.process.send_signal(signal.SIGSTOP)
    try:
        await asyncio.to_thread(proxy.wait_until, lambda now: set(now.values()) == {"DOWN"}, 12 * site.factor)
        visitor = Visitor(proxy, cookies={"sessionid": site.stack.users[1].session})
        assert (await asyncio.to_thread(visitor.get, "/api/v1/watchlists/")).status == 200
        site.quote_silent()
    finally:
        site.stack.valkey.process.send_signal(signal.SIGCONT)
    await asyncio.to_thread(
        proxy.wait_until, lambda now: all(one.startswith("UP") for one in now.values()), 12 * site.factor
    )
    await site.converge("Redis stood still")
    assert {desk: desk.connections for desk in site.desks} == before
    site.check()
