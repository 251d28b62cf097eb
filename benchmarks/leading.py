"""The real leader on the benchmarks' market: what Strikewire's quotes come from.

    python -m benchmarks.leading SYMBOLS RATE SEED FILE [burst]

Until SIGTERM; then it writes which symbol was quoted when to FILE.
"""

import asyncio
import os
import signal
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
import django

django.setup()

import numpy as np  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402
from django.conf import settings  # noqa: E402

from marketdata.ingest.leader import Leader  # noqa: E402
from marketdata.ingest.options import history_of  # noqa: E402

from .arrivals import Arrivals  # noqa: E402


async def main(symbols: int, rate: float, seed: int, file: str, *burst: str) -> None:
    feed = Arrivals(symbols, rate, seed, bool(burst))
    leader = Leader(
        feed,
        settings.REDIS_URL,
        get_channel_layer()._group_channel,
        history_of(feed.kind),
    )
    work = asyncio.create_task(leader.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        np.save(file, np.array(feed.log, dtype=np.float64))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]))
