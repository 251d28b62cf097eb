"""Stand-ins for children: tiny programs, given to the interpreter with `-c`."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from project.child import Child


def program(*lines: str) -> list[str]:
    """The command that runs these lines of Python, without site-packages, in a tenth of a second."""
    return [sys.executable, "-S", "-c", "\n".join(lines)]


STEADY = ("import time", "print('up', flush=True)", "time.sleep(60)")
DEAF = (
    "import signal, time",
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "print('up', flush=True)",
    "time.sleep(60)",
)


def child(directory: Path, *lines: str, name: str = "part") -> Child:
    return Child(name, program(*lines), directory / f"{name}.log")


def alive(pid: int) -> bool:
    """Whether a process still runs: one that ended and waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return _exists(pid) if not Path("/proc/self").exists() else False
    return state not in ("Z", "X")


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Raises AssertionError when `holds` does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def run_to_end(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload, no-any-return]
