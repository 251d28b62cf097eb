"""The site that all tests with real hosts share: starting one takes longer than most of them."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from django.contrib.auth.hashers import make_password

from tests.deadlines import FACTORS
from tests.path.stack import Stack
from tests.valkey import free_port

from .proxies import KINDS, NAME, missing, start_proxy
from .site import BUSY, QUOTES_A_SECOND, SYMBOLS, Site
from .web_host import WebHost

PASSWORD = "correct horse 7 battery"
DESKS = 9


@pytest.fixture(
    scope="package",
    params=FACTORS,
)
def factor(request: pytest.FixtureRequest) -> float:
    value: float = request.param
    return value


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def site(factor: float, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Three web hosts, of which the third has two processes, behind nginx and behind HAProxy; one feed; desks through both.

    Of the five users, the first two have the desks, and the last two a password.
    """
    if missing():
        pytest.skip(f"{missing()} not installed on this machine")
    extra = {
        "STRIKEWIRE_TRUSTED_PROXIES": "1",
        "STRIKEWIRE_ALLOWED_HOSTS": NAME,
        "STRIKEWIRE_REQUESTS_PER_MINUTE": "100000",
    }
    directory = tmp_path_factory.mktemp("site")
    with Stack(directory, symbols=SYMBOLS, user_count=5, extra=extra) as stack:
        ingest = stack.start_ingest()
        hosts = [
            WebHost(stack, f"127.0.0.{number}", free_port(), workers) for number, workers in ((1, 1), (2, 1), (3, 2))
        ]
        for host in hosts:
            host.start()
        for host in hosts:
            host.wait_until_ready()
        ingest.wait_until_it_leads()
        proxies = [start_proxy(kind, list(map(str, hosts))) for kind in KINDS]
        site = Site(stack, hosts, proxies, ingest, factor)
        try:
            password = await asyncio.to_thread(make_password, PASSWORD)
            for user in stack.users[3:]:
                site.database("UPDATE accounts_user SET password = ? WHERE id = ?", password, user.id)
            site.quote_silent()
            ingest.say("run", numbers=list(BUSY), rate=QUOTES_A_SECOND)
            await site.open_desks(DESKS)
            yield site
        finally:
            await asyncio.gather(*(desk.aclose() for desk in site.desks))
            for proxy in proxies:
                proxy.stop()
            for host in hosts:  # which would take leave of nobody
                host.running.kill()
