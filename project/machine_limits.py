"""What the kernel of this machine allows, against what a web server is asked to serve; told before it is met."""

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Final

from .listening import BACKLOG

# Files of a process besides its sockets: listener, log, database, Redis, and pages that are fetched at the same moment.
OTHER_FILES: Final = 256
# What a web process took a socket that follows fifty symbols, and for itself, rounded up (`benchmarks.fanout`).
SOCKET_BYTES: Final = 64 * 1024
PROCESS_BYTES: Final = 200 * 1024 * 1024

Read = Callable[[str], str]


def allow_many_files() -> int:
    """Raises this process's limit of open files, which its children inherit, as far as it may; that limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def shortfalls(sockets: int, workers: int, files: int, behind_proxy: bool, read: Read | None = None) -> list[str]:
    """What is too small for so many sockets over so many processes, a sentence each with what to do. `files` is what a
    process may open; `read` gives the text of a file of the kernel's, and raises OSError where there is none."""
    read = read or (lambda path: Path(path).read_text(encoding="ascii"))
    found = []
    needed = -(-sockets // workers) + OTHER_FILES
    if 0 <= files < needed:
        found.append(
            f"a process may open {files} files, and {sockets} sockets over {workers} of them need {needed}: "
            "raise it with `ulimit -n` or LimitNOFILE="
        )
    if (queue := _number(read, "/proc/sys/net/core/somaxconn")) is not None and queue < BACKLOG:
        found.append(
            f"net.core.somaxconn is {queue}: when many come at once, those beyond wait for seconds; make it {BACKLOG}"
        )
    ports = _range(read, "/proc/sys/net/ipv4/ip_local_port_range") if behind_proxy else None
    if ports is not None and ports < sockets:
        found.append(
            f"a proxy on this machine has {ports} ports for its connections to one address: for {sockets} sockets "
            "widen net.ipv4.ip_local_port_range, or give it several addresses to go to"
        )
    memory = sockets * SOCKET_BYTES + workers * PROCESS_BYTES
    available = _available(read)
    if available is not None and available < memory:
        found.append(
            f"{sockets} sockets take about {memory >> 20} MB here, and {available >> 20} MB are free: serve fewer, or on "
            "more machines"
        )
    return found


def _number(read: Read, path: str) -> int | None:
    try:
        return int(read(path))
    except (OSError, ValueError):
        return None


def _range(read: Read, path: str) -> int | None:
    try:
        first, last = map(int, read(path).split())
    except (OSError, ValueError):
        return None
    return last - first + 1


def _available(read: Read) -> int | None:
    try:
        lines = read("/proc/meminfo").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        return None
