"""The pytest plugin that deals tests out to xdist workers: what stays together on one of them, and what begins. Loaded by
`-p tests.schedule`.

Files stay whole. Those that share a site or an installation stay together too, so that it is started once and not by each
worker; they mostly wait, while what comes after them computes. The longest come first: at the end no worker is left
alone with one.
"""

import os
from collections.abc import Mapping
from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

# Folders whose tests share what takes seconds to start, but for files of them that start their own.
TOGETHER: Final[Mapping[str, frozenset[str]]] = {
    "tests/stream/": frozenset(),
    "tests/browser/": frozenset(f"test_{name}.py" for name in ("accounts", "chart", "coin_prices", "coverage")),
    "tests/chaos/": frozenset(),
}
# The longest first; what is not here comes last.
FIRST: Final = (
    *TOGETHER,
    "tests/path/",
    "tests/history/",
    "tests/project/",
    "tests/ingest/",
)


def unit_of(nodeid: str) -> str:
    """The unit that a test belongs to: a folder, or its file."""
    file = nodeid.partition("::")[0]
    for folder, apart in TOGETHER.items():
        if file.startswith(folder) and file.removeprefix(folder) not in apart:
            return folder
    return file


class Scheduling(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


def place(item: pytest.Item) -> int:
    unit = unit_of(item.nodeid)
    return next((number for number, start in enumerate(FIRST) if unit.startswith(start)), len(FIRST))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=place)
