"""What the kernel's accounts say of processes, those that they started included: CPU time, and memory."""

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_TICK: Final = os.sysconf("SC_CLK_TCK")


def family(roots: Iterable[int]) -> list[int]:
    """The processes `roots`, and all that descend from them and live."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parts := _stat(int(entry.name))):
            children[int(parts[1])].append(int(entry.name))
    found: dict[int, None] = {}
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found[pid] = None
            waiting += children[pid]
    return list(found)


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system time of them all. What a child took that has ended is in its parent's account."""
    ticks = 0
    for pid in family(roots):
        if parts := _stat(pid):
            ticks += sum(map(int, parts[11:15]))
    return ticks / _TICK


def memory_kib(roots: Iterable[int]) -> float:
    """Their proportional set size: what several of them share counts once, in parts. The kernel's own memory for their
    sockets is not in it."""
    found = 0.0
    for pid in family(roots):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    found += int(line.split()[1])
    return found


def _stat(pid: int) -> list[str]:
    """From the state on; empty for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
