"""`up` as a process: what it printed, whom it started. Tests start it with stand-ins for feed and page, or whole."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil

from .fake_parts import wait_until

ROOT = Path(__file__).resolve().parents[2]
WITH_STAND_INS = (sys.executable, "-m", "tests.project.up_program")
WHOLE = (sys.executable, "manage.py", "up")


def environment(directory: Path, **extra: str) -> dict[str, str]:
    """As on a machine with nothing of ours set: the servers are the embedded ones."""
    names = ("REDIS_URL", "HISTORY_REDIS_URL", "DATABASE_URL", "STRIKEWIRE_SECRET_KEY", "STRIKEWIRE_INSTALLATION")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return {**kept, "STRIKEWIRE_VAR": str(directory / "var"), **extra}


class RunningUp:
    """`up` in a process, with the lines that it printed so far."""

    def __init__(self, directory: Path, *arguments: str, command: Sequence[str] = WITH_STAND_INS, **extra: str) -> None:
        self.process = subprocess.Popen(
            [*command, "--port", "0", *arguments],
            cwd=ROOT,
            env=environment(directory, **extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, part: str, seconds: float = 40) -> str:
        """The first line with `part` in it."""
        wait_until(lambda: any(part in line for line in self.lines) or self.process.poll() is not None, seconds)
        found = [line for line in self.lines if part in line]
        assert found, self.lines
        return found[0]

    def family(self) -> list[int]:
        """Every process that it has started, however deep."""
        return [one.pid for one in psutil.Process(self.process.pid).children(recursive=True)]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
