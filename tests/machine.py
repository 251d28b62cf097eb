"""The pytest plugin that says with each failed test what the machine did meanwhile: a deadline that was missed on a machine
that stood still says nothing of the code. Loaded by `-p tests.machine`."""

import os
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import pytest

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_FIRST = pytest.StashKey["Account"]()


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""  # not every kernel keeps every account


@dataclass(frozen=True, slots=True)
class Account:
    """What the kernel has counted so far, in seconds."""

    wall: float
    computed: float  # by this process
    queued: float  # by its main thread, waiting for a core
    stolen: float  # from the machine, by what it runs on
    starved: float  # some process waited for a core
    blocked: float  # some process waited for a disk

    @classmethod
    def now(cls) -> Self:
        queue = _read("/proc/self/schedstat").split()
        machine = _read("/proc/stat").split()
        return cls(
            wall=time.monotonic(),
            computed=time.process_time(),
            queued=int(queue[1]) / 1e9 if len(queue) > 1 else 0.0,
            stolen=int(machine[8]) / _TICKS if len(machine) > 8 else 0.0,
            starved=_pressure("cpu"),
            blocked=_pressure("io"),
        )

    def since(self, start: "Account") -> str:
        return (
            f"{self.wall - start.wall:.1f} s: this process computed {self.computed - start.computed:.1f} s and waited "
            f"{self.queued - start.queued:.1f} s for a core; on the machine some process waited for a core in "
            f"{self.starved - start.starved:.1f} s, for a disk in {self.blocked - start.blocked:.1f} s, and "
            f"{self.stolen - start.stolen:.1f} s of its cores were not given; load {_load()}"
        )


def _pressure(of: str) -> float:
    total = _read(f"/proc/pressure/{of}").partition("total=")[2].split()
    return int(total[0]) / 1e6 if total else 0.0


def _load() -> str:
    return "/".join(f"{load:.0f}" for load in os.getloadavg())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[_FIRST] = Account.now()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and _FIRST in item.stash:
        report.sections.append(("the machine since this test began", Account.now().since(item.stash[_FIRST])))
    return report
