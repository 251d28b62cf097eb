"""The processes that hold a benchmark's sockets: started together, marked together, and what they heard put together."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from project.parent_death import die_with_parent
from tests.path.universe import symbol_of

from .load import Load

READY_S: Final = 180.0
END_S: Final = 120.0


class Clients:
    """`load.clients` processes, each with its part of the sockets, ready once the context is entered. Raises RuntimeError
    where one does not come so far, and ends them all with the context."""

    def __init__(self, protocol: str, url: str, tokens: Sequence[str], load: Load, folder: Path) -> None:
        self._folder = folder
        self._load = load
        self._spec = {
            "protocol": protocol,
            "url": url,
            "tokens": list(tokens),
            "names": [symbol_of(number) for number in range(load.symbols)],
            **load._asdict(),
        }
        self._started: list[subprocess.Popen[str]] = []

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._started]

    def __enter__(self) -> "Clients":
        try:
            count, sockets = self._load.clients, self._load.sockets
            for number in range(count):
                self._start(number, sockets * number // count, sockets * (number + 1) // count)
            deadline = time.monotonic() + READY_S
            for number in range(count):
                self._wait_until_ready(number, deadline)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()

    def mark(self) -> None:
        """Once where the round begins and once where it ends."""
        for process in self._started:
            process.send_signal(signal.SIGUSR1)

    def end(self) -> dict[str, Any]:
        """What arrived, as `evaluate` takes it."""
        for process in self._started:
            process.send_signal(signal.SIGTERM)
        for process in self._started:
            process.wait(END_S)
        heard = []
        for number in range(len(self._started)):
            with contextlib.closing(np.load(self._file(number, "npz"))) as one:
                heard.append({name: one[name] for name in one.files})
        joined = {name: np.concatenate([one[name] for one in heard]) for name in heard[0] if name != "totals"}
        return {**joined, "totals": np.sum([one["totals"] for one in heard], axis=0)}

    def _file(self, number: int, kind: str) -> Path:
        return self._folder / f"watchers-{number}.{kind}"

    def _start(self, number: int, first: int, beyond: int) -> None:
        spec = self._file(number, "json")
        spec.write_text(json.dumps({**self._spec, "first": first, "beyond": beyond}))
        with self._file(number, "log").open("w") as log:
            self._started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "benchmarks.watchers", str(spec), str(self._file(number, "npz"))],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    text=True,
                    preexec_fn=die_with_parent(),
                )
            )

    def _wait_until_ready(self, number: int, deadline: float) -> None:
        log = self._file(number, "log")
        while "ready" not in log.read_text().split():
            if self._started[number].poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the clients failed:\n{log.read_text()[-3000:]}")
            time.sleep(0.02)
