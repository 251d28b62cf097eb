"""How many quotes a second one core brings from parsed frames to published rows, the history stream on.

    python -m benchmarks.ingest --quotes 300000 --rounds 5

The quotes are made beforehand; from there everything is ingest's own: enrich, number, encode, history, last values, group
sends, under a lease, into a real Valkey. CPU is this process's, from the kernel's accounts; Valkey's stands beside it.
"""

import argparse
import asyncio
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.path.stack import Process
from tests.valkey import start_valkey

from .calibration import microseconds_a_frame
from .figures import table

BATCH = 50


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quotes", type=int, default=300_000)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--history", choices=("same", "apart", "off"), default="same", help="where the stream is")
    options = parser.parse_args(arguments)
    rounds = []
    with tempfile.TemporaryDirectory(prefix="sw-", dir="/tmp") as folder:
        first = start_valkey(Path(folder) / "redis")
        second = start_valkey(Path(folder) / "history", "--appendonly", "yes", "--appendfsync", "everysec")
        try:
            os.environ.update(
                STRIKEWIRE_VAR=folder,
                REDIS_URL=first.url,
                HISTORY_REDIS_URL=second.url,
                DJANGO_SETTINGS_MODULE="project.settings",
            )
            import django

            django.setup()
            for number in range(options.rounds):
                one = asyncio.run(_measure(options, first.pid, second.pid))
                rounds.append(one)
                print(f"round {number + 1}: {one['quotes/s of a core']:,.0f} quotes/s of a core", flush=True)
        finally:
            first.stop()
            second.stop()
    print(
        f"\n{options.quotes} quotes of {options.symbols} symbols, history {options.history}, "
        f"Python {sys.version.split()[0]}"
    )
    print(table(rounds, {"quotes/s of a core": 0, "quotes/s by the clock": 0}))


async def _measure(options: argparse.Namespace, redis_pid: int, history_pid: int) -> dict[str, float]:
    import msgspec
    from django.conf import settings

    from marketdata.bus.client import Client
    from marketdata.bus.fenced import FencedWriter
    from marketdata.bus.history_stream import HistoryOptions, HistoryStream
    from marketdata.bus.lease import Lease
    from marketdata.ingest.complaints import Complaints
    from marketdata.ingest.flush import Flush
    from marketdata.ingest.numbering import Numbering
    from tests.path.universe import FEED, facts_of, symbol_of

    from .arrivals import wide_quote

    calibration = microseconds_a_frame()
    facts = [msgspec.structs.replace(f, id=number + 1) for number, f in enumerate(facts_of(options.symbols))]
    now = time.time() * 1000
    quotes = [wide_quote(symbol_of(n % options.symbols), now, 10 + n % 100 / 10) for n in range(options.quotes)]
    client, apart = Client(settings.REDIS_URL, "bench"), Client(settings.HISTORY_REDIS_URL, "bench-history")
    await client.call("FLUSHALL")
    await apart.call("FLUSHALL")
    lease = Lease(FEED, settings.REDIS_URL, lambda: None)
    assert await asyncio.to_thread(lease.acquire)
    numbering = Numbering(FEED, lambda group: f"bench__group__{group}", Complaints(FEED))
    numbering.know(facts)
    numbering.begin(lease.term)
    kept = HistoryOptions(settings.HISTORY_REDIS_URL, settings.VAR_DIR / "spill", stream_bytes=10_000_000_000)
    history = HistoryStream(apart, FEED, kept) if options.history == "apart" else None
    flush = Flush(
        FencedWriter(client, FEED, kept.stream_bytes), lease, numbering, history, in_flush=options.history == "same"
    )
    running = asyncio.create_task(flush.run())
    servers: dict[str, Any] = {
        "redis": Process(_Pid(redis_pid), Path()),  # type: ignore[arg-type]
        "history": Process(_Pid(history_pid), Path()),  # type: ignore[arg-type]
    }
    before = {name: server.cpu_seconds() for name, server in servers.items()}
    began, cpu = time.monotonic(), _cpu()
    for start in range(0, len(quotes), BATCH):
        await flush.put(quotes[start : start + BATCH])
    await flush.drained()
    spent, seconds = _cpu() - cpu, time.monotonic() - began
    others = {name: server.cpu_seconds() - before[name] for name, server in servers.items()}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await asyncio.to_thread(lease.release)
    client.close()
    apart.close()
    assert flush.accepted == options.quotes
    return {
        "quotes/s of a core": options.quotes / spent,
        "quotes/s by the clock": options.quotes / seconds,
        "µs of ingest's CPU a quote": spent / options.quotes * 1e6,
        "µs of Redis's CPU a quote": others["redis"] / options.quotes * 1e6,
        "µs of the history server's CPU a quote": others["history"] / options.quotes * 1e6,
        "quotes a flush": options.quotes / flush.flushes,
        "calibration, µs a bare frame": calibration,
    }


class _Pid:
    """What Process reads of a Popen."""

    def __init__(self, pid: int) -> None:
        self.pid = pid


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
