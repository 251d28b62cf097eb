"""Strikewire itself, on uvicorn and on Daphne: the real ingest, Valkey and web process."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from tests.path.stack import Ingest, Process, Server, Stack

from ..load import Load
from ..measuring import Running


class Strikewire:
    def __init__(self, server: Server) -> None:
        self._server = server
        self.name = f"Strikewire on {server}"

    def missing(self) -> str | None:
        return None

    @contextlib.contextmanager
    def start(self, folder: Path, load: Load) -> Iterator[Running]:
        users = -(-load.sockets // 32)  # as many connections as a user may have
        with Stack(folder / "stack", symbols=load.symbols, user_count=users) as stack:
            web = stack.start_web(self._server)
            log = folder / "published.npy"
            ingest = stack.start(
                "arrivals",
                "-m",
                "benchmarks.arrivals",
                str(load.symbols),
                str(load.rate),
                str(load.seed),
                str(log),
                *(["burst"] if load.burst else []),
            )
            Ingest(ingest).wait_until_it_leads(60)
            time.sleep(1)
            yield Running(
                "strikewire",
                web.program_url,
                [user.token for user in stack.users],
                stack.ids,
                [web.process],
                ingest,
                log,
                {"redis": Process(stack.valkey.process, folder)},  # type: ignore[arg-type]
            )
