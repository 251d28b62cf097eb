"""Strikewire itself, on uvicorn and on Daphne: the real ingest, Valkey and web process."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from project.machine_limits import allow_many_files
from tests.path.stack import Ingest, Process, Server, Stack

from ..load import Load
from ..measuring import Running

# The second of two stacks that start at once takes the database that the first made.
_preparing: Final = threading.Lock()


class Strikewire:
    merges = True

    def __init__(self, server: Server, recorded: bool = False) -> None:
        """With `recorded`, a recorder stores all of it, into SQLite."""
        self._server = server
        self._recorded = recorded

    def missing(self, fetch: bool = True) -> str | None:
        return None

    @contextlib.contextmanager
    def start(self, folder: Path, load: Load) -> Iterator[Running]:
        allow_many_files()  # its children inherit that
        users = -(-load.sockets // 32)  # as many connections as a user may have
        with contextlib.ExitStack() as ended:
            with _preparing:
                stack = ended.enter_context(Stack(folder / "stack", symbols=load.symbols, user_count=users))
            log = folder / "published.npy"
            leader = stack.start(
                "leader",
                "-m",
                "benchmarks.leading",
                str(load.symbols),
                str(load.rate),
                str(load.seed),
                str(log),
                *(["burst"] if load.burst else []),
            )
            web = stack.start_web(self._server, workers=load.workers)
            beside = {"redis": Process(stack.valkey.process, folder)}  # type: ignore[arg-type]
            if self._recorded:
                beside["recorder"] = stack.start("recorder", "manage.py", "record_history")
            Ingest(leader).wait_until_it_leads(60)
            time.sleep(1)
            yield Running(
                "strikewire",
                web.program_url,
                [user.token for user in stack.users],
                stack.ids,
                [web.process],
                leader,
                log,
                beside,
            )
