"""A side of the comparison that does what it should not: it leaves out every tenth row, or tells each two seconds late.

python -m tests.benchmarks.faulty_side PORT (drops | delays | works)
"""

import asyncio
import os
import sys
from collections import defaultdict
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

import msgspec
import websockets
from redis.asyncio import Redis

from benchmarks.load import Load
from benchmarks.measuring import Running
from benchmarks.peers.side import Processes, published
from tests.path.stack import Process

Fault = Literal["drops", "delays", "works"]
LATE_S = 2.0


class FaultySide:
    merges = True  # so that what it leaves out is found by what nothing superseded

    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def missing(self, fetch: bool = True) -> str | None:
        return None

    def start(self, folder: Path, load: Load) -> AbstractContextManager[Running]:
        def serve(processes: Processes, url: str, port: int) -> Process:
            return processes.start("faulty", sys.executable, "-m", __name__, str(port), self.fault)

        return published(folder, load, "rows", "strikewire", serve)


async def main(port: int, fault: str) -> None:
    watching: defaultdict[str, set[websockets.ServerConnection]] = defaultdict(set)

    async def client(socket: websockets.ServerConnection) -> None:
        async for text in socket:
            said = msgspec.json.decode(text)
            if said["op"] == "subscribe":
                for symbol in said["symbols"]:
                    watching[f"option:{symbol}"].add(socket)
                await socket.send('{"op":"snapshot","rows":[],"more":false}')

    loop = asyncio.get_running_loop()
    subscriber = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True).pubsub()
    await subscriber.psubscribe("option:*")
    count = 0
    async with websockets.serve(client, "127.0.0.1", port, compression=None):
        async for message in subscriber.listen():
            if message["type"] != "pmessage":
                continue
            count += 1
            frame = f'{{"op":"ticks","rows":[{message["data"]}]}}'
            if fault == "drops" and count % 10 == 0:
                continue
            loop.call_later(
                LATE_S if fault == "delays" else 0, websockets.broadcast, watching[message["channel"]], frame
            )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
