"""An installation with one user, whose list and chain the benchmark's market quotes: all of it real, on the loopback."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.path.stack import Ingest, Process, Stack, User, Web

from .ladder import EXPIRIES, FEED, FIRST_STRIKE, UNDERLYING

LISTED: Final = 40
# Of the lists that the user sees, the page shows the first when nothing else is asked.
FILL: Final = f"""
import django; django.setup()
from accounts.models import Watchlist, WatchlistEntry
from marketdata.models import Instrument
options = list(Instrument.objects.filter(feed={FEED!r}, kind="option", strike__gte={FIRST_STRIKE + 80})
    .order_by("expiry", "strike", "id")[:{LISTED}])
assert len(options) == {LISTED}
made = Watchlist.objects.create(owner_id=USER, name="Benchmark")
WatchlistEntry.objects.bulk_create(
    WatchlistEntry(watchlist=made, instrument=option, position=position) for position, option in enumerate(options))
print(made.pk)
"""
LEADS_S: Final = 60.0


@dataclass
class Installation:
    web: Web
    redis: Process
    market: Ingest
    user: User
    list_id: int

    def chain_url(self, expiry: int = 0) -> str:
        return f"{self.web.url}/#chain/{FEED}/{UNDERLYING}/{EXPIRIES[expiry].isoformat()}"

    @property
    def list_url(self) -> str:
        return f"{self.web.url}/#list-{self.list_id}"

    def quote(self, symbols: Sequence[str], cells: float) -> None:
        """From now on these contracts change `cells` of their cells a second, in turn."""
        stdin = self.market.process.popen.stdin
        assert stdin is not None
        stdin.write(json.dumps({"symbols": list(symbols), "cells": cells}) + "\n")
        stdin.flush()


@contextlib.contextmanager
def installation(folder: Path) -> Iterator[Installation]:
    with Stack(folder / "stack", symbols=1, user_count=1, extra={"STRIKEWIRE_OPEN_FEEDS": FEED}) as stack:
        market = Ingest(stack.start("market", "-m", "benchmarks.dashboard.market", stdin=subprocess.PIPE))
        market.wait_until_it_leads(LEADS_S)
        web = stack.start_web()
        (user,) = stack.users
        made = stack.python("-c", FILL.replace("USER", str(user.id)))
        time.sleep(1)
        redis = Process(stack.valkey.process, folder)  # type: ignore[arg-type]
        yield Installation(web, redis, market, user, int(made.splitlines()[-1]))
