"""Questions to a large history: a day of bars and the first page of ticks in the view, and exports through a server."""

import statistics
import threading
import time
import urllib.request
from typing import Any, Final

from marketdata.history.schema import DAY_S
from tests.path.stack import Stack, Web
from tests.path.universe import FEED, facts_of, symbol_of
from tests.postgresql import RunningPostgreSQL

from .history_recorder import cpu_of_server
from .history_rows import FIRST_DAY

ASKED: Final = 60


def prepare(symbols: int) -> Any:
    """Tables, instruments and a signed-in client of Django's own, in this process."""
    from django.core.management import call_command
    from django.test import Client

    from accounts.models import User
    from marketdata.ingest.listing import synchronise

    call_command("migrate", verbosity=0, interactive=False)
    synchronise(FEED, facts_of(symbols), 0)
    client = Client()
    client.force_login(
        User.objects.create_user("bench", email="bench@example.org"), "django.contrib.auth.backends.ModelBackend"
    )
    return client


def _instant(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def ask(client: Any, symbols: int, days: int) -> dict[str, float]:
    """p95 over different contracts and days, of answers that nothing has asked for before."""
    bars: list[float] = []
    ticks: list[float] = []
    cpu = {"bars": 0.0, "ticks": 0.0}
    for number in range(ASKED):
        symbol = symbol_of(number * 7 % symbols)
        first = FIRST_DAY + number % days * DAY_S
        span = {"from": _instant(first), "to": _instant(first + DAY_S)}
        for times, name, query in (
            (bars, "bars", {**span, "interval": "1m", "page_size": 1440}),
            (ticks, "ticks", {**span, "page_size": 100}),
        ):
            began, used = time.perf_counter(), time.process_time()
            answer = client.get(f"/api/v1/instruments/{symbol}/{name}/", query)
            times.append((time.perf_counter() - began) * 1000)
            cpu[name] += (time.process_time() - used) * 1000 / ASKED
            assert answer.status_code == 200, answer.content[:500]
    found = {}
    for name, key, times in (
        ("a day of minute bars", "bars", bars),
        ("the first 100 ticks of a day", "ticks", ticks),
    ):
        found[f"{name}, median ms"] = statistics.median(times)
        found[f"{name}, p95 ms"] = statistics.quantiles(times, n=20)[-1]
        found[f"{name}, CPU of the web process, ms"] = cpu[key]
    return found


def export(stack: Stack, web: Web, server: RunningPostgreSQL | None, name: str, rows: int) -> dict[str, float]:
    """All ticks of the busy instrument through a server; how fast, and by how much that grew above its idle size."""
    url = f"{web.url}/api/v1/instruments/{symbol_of(0)}/ticks/?from={_instant(FIRST_DAY)}&to={_instant(FIRST_DAY + DAY_S)}"
    idle = web.process.resident_kib()
    largest, done = idle, threading.Event()

    def watch() -> None:
        nonlocal largest
        while not done.wait(0.02):
            largest = max(largest, web.process.resident_kib())

    watching = threading.Thread(target=watch)
    watching.start()
    request = urllib.request.Request(
        f"{url}&format={name}", headers={"Authorization": f"Bearer {stack.users[0].token}"}
    )
    cpu, began, size, lines = web.process.cpu_seconds(), time.monotonic(), 0, 0
    before = 0.0 if server is None else cpu_of_server(server.pid)
    with urllib.request.urlopen(request, timeout=600) as answer:
        while piece := answer.read(1 << 16):
            size += len(piece)
            lines += piece.count(b"\n")
    seconds = time.monotonic() - began
    cpu = web.process.cpu_seconds() - cpu
    beside = {}
    if server is not None:
        beside = {f"{name}, µs of the database's CPU a tick": (cpu_of_server(server.pid) - before) / rows * 1e6}
    done.set()
    watching.join()
    if name == "csv" and lines != rows + 1:
        raise RuntimeError(f"{lines} lines of {rows} ticks")
    if size < 10 * rows:
        raise RuntimeError(f"{size} bytes of {rows} ticks")
    return {
        f"{name}, ticks/s by the clock": rows / seconds,
        f"{name}, µs of the server's CPU a tick": cpu / rows * 1e6,
        **beside,
        f"{name}, MB that the server grew": (largest - idle) / 1024,
    }
