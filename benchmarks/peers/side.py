"""What every side of the comparison is: a server that can be started, and whatever it needs beside it."""

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

from project.machine_limits import allow_many_files
from tests.path.stack import ROOT, Process, start_process
from tests.path.universe import symbol_of
from tests.valkey import RunningValkey, free_port, start_valkey

from ..load import Load
from ..measuring import Running

START_S: Final = 60.0


class Side(Protocol):
    """`merges` says whether it may leave out a row that a newer one has superseded."""

    merges: bool

    def missing(self, fetch: bool = True) -> str | None:
        """Why it cannot run on this machine; None where it can. What it needs may be fetched only with `fetch`."""

    def start(self, folder: Path, load: Load) -> AbstractContextManager[Running]:
        """Everything of it, in `folder`, ended with the context."""


class Processes:
    """Processes in one folder, which end with the context; their output is kept there."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = {**os.environ, **environment}
        self._started: list[Process] = []

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._started):
            process.stop()

    def start(self, name: str, *command: str, cwd: Path = ROOT) -> Process:
        process = start_process(command, self._folder / f"{name}.log", self._environment, cwd)
        self._started.append(process)
        return process


def wait_for_port(process: Process, port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.popen.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"it does not listen:\n{process.log.read_text()[-3000:]}")


def _wait_until_it_publishes(publisher: Process) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and publisher.popen.poll() is None:
        if "ready" in publisher.log.read_text():
            return
        time.sleep(0.05)
    raise RuntimeError(f"the publisher does not publish:\n{publisher.log.read_text()[-3000:]}")


@contextlib.contextmanager
def published(
    folder: Path,
    load: Load,
    how: str,
    protocol: str,
    serve: Callable[[Processes, str, int], Process],
    environment: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """A Valkey, a server that `serve(processes, redis_url, port)` starts, and a publisher that tells it by `how`: see
    publisher.py."""
    allow_many_files()  # its children inherit that
    valkey: RunningValkey = start_valkey(folder / "valkey", port=free_port())
    log = folder / "published.npy"
    try:
        with Processes(folder, {"REDIS_URL": valkey.url, **(environment or {})}) as processes:
            port = free_port()
            server = serve(processes, valkey.url, port)
            wait_for_port(server, port)
            publisher = processes.start(
                "publisher",
                sys.executable,
                "-m",
                "benchmarks.peers.publisher",
                how,
                str(load.symbols),
                str(load.rate),
                str(load.seed),
                str(log),
                *(["burst"] if load.burst else []),
            )
            _wait_until_it_publishes(publisher)
            yield Running(
                protocol,
                f"ws://127.0.0.1:{port}",
                [],
                {symbol_of(number): number + 1 for number in range(load.symbols)},
                [server],
                publisher,
                log,
                {"redis": Process(valkey.process, folder)},  # type: ignore[arg-type]
            )
    finally:
        valkey.process.send_signal(signal.SIGCONT)
        valkey.stop()
