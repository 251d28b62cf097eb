"""Sign-ins and edits of watchlists while a recorder stores a heavy stream into SQLite.

    python -m benchmarks.history_load REDIS_URL RATE SECONDS

puts quotes onto the stream at that rate, in a process of its own.
"""

import http.cookiejar
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Final

import numpy as np

from tests.path.stack import Stack, Web
from tests.path.universe import FEED, symbol_of

PASSWORD: Final = "correct horse 7 battery"
SYMBOLS: Final = 200
# Sign-ins are limited by address; edits by user.
SIGN_IN_EVERY_S: Final = 2.5
EDIT_EVERY_S: Final = 0.2

SET_PASSWORD: Final = f"""
import django; django.setup()
from accounts.models import User
user = User.objects.get(username="user0")
user.set_password({PASSWORD!r}); user.save()
"""


def produce(url: str, rate: int, seconds: float) -> None:
    from redis import Redis

    from marketdata import rows
    from marketdata.bus.history_stream import join_rows

    from .arrivals import wide_quote
    from .history_rows import BATCH, append

    client = Redis.from_url(url)
    term = int(time.time()) - 1_767_225_600
    counts = [0] * SYMBOLS
    print("begun", flush=True)
    began = time.monotonic()
    made = 0
    while (at := time.monotonic()) < began + seconds:
        due = int((at - began) * rate) - made
        entries = []
        now = round(time.time() * 1000, 3)
        for _ in range(due // BATCH):
            framed = []
            for _ in range(BATCH):
                number = made % SYMBOLS
                made += 1
                counts[number] += 1
                quote = wide_quote(symbol_of(number), now, 10 + made % 100 / 10)
                framed.append(rows.encode(number + 1, rows.seq_of(term, counts[number]), quote))
            entries.append((BATCH, join_rows(framed)))
        append(client, FEED, entries)
        time.sleep(0.005)
    print(made / (time.monotonic() - began))


class Visitor:
    """A browser without a page: cookies, and the token against forged posts."""

    def __init__(self, web: Web) -> None:
        self._url = web.url
        self._jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))

    def sign_in(self, name: str) -> None:
        login = f"{self._url}/accounts/login/"
        self._opener.open(login, timeout=30).close()
        token = next(cookie.value for cookie in self._jar if cookie.name == "csrftoken")
        body = urllib.parse.urlencode({"login": name, "password": PASSWORD, "csrfmiddlewaretoken": token}).encode()
        with self._opener.open(urllib.request.Request(login, body, {"Referer": login}), timeout=30):
            pass
        if not any(cookie.name == "sessionid" for cookie in self._jar):
            raise RuntimeError("not signed in")


def edit(web: Web, stack: Stack, number: int) -> None:
    user = stack.users[1 + number % (len(stack.users) - 1)]
    request = urllib.request.Request(
        f"{web.url}/api/v1/watchlists/{user.watchlist}/entries/",
        json.dumps({"symbols": [symbol_of((number + n) % SYMBOLS) for n in range(5)]}).encode(),
        {"Authorization": f"Bearer {user.token}", "Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request, timeout=30).close()


def measure(stack: Stack, web: Web, rate: int, seconds: float) -> dict[str, float]:
    from marketdata.history.database import Database

    database = Database(f"sqlite:///{stack.directory / 'history.sqlite3'}")
    producer = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.history_load", stack.valkey.url, str(rate), str(seconds)],
        env=stack.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert producer.stdout is not None
    assert producer.stdout.readline() == "begun\n"
    times: dict[str, list[float]] = {"sign-ins": [], "watchlist edits": []}
    failed = 0
    began = time.monotonic()
    before = _newest_row(database)
    next_sign_in, number = began, 0
    while producer.poll() is None:
        number += 1
        signs_in = time.monotonic() >= next_sign_in
        name = "sign-ins" if signs_in else "watchlist edits"
        at = time.monotonic()
        try:
            if signs_in:
                next_sign_in += SIGN_IN_EVERY_S
                Visitor(web).sign_in("user0")
            else:
                edit(web, stack, number)
        except (OSError, RuntimeError) as error:
            print(f"  a failed one of the {name}: {error}")
            failed += 1
        times[name].append((time.monotonic() - at) * 1000)
        time.sleep(EDIT_EVERY_S)
    lasted = time.monotonic() - began
    offered = float(producer.stdout.read())
    there = _newest_row(database) - before
    database.close()
    found: dict[str, float] = {
        "quotes offered/s": offered,
        "quotes stored/s": there / lasted,
        "failed": failed,
    }
    for name, some in times.items():
        found[f"{name}, median ms"] = float(np.median(some))
        found[f"{name}, p99 ms"] = float(np.percentile(some, 99))
    return found


def _newest_row(database: Any) -> int:
    """Rowids count what was ever stored."""
    return int(database.rows("SELECT coalesce(max(rowid), 0) FROM history_tick")[0][0])


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    import django

    django.setup()
    produce(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
