"""What of a machine is too small for what it shall serve, said with the numbers and what to do."""

import resource

import pytest

from project import machine_limits
from project.machine_limits import shortfalls

PLENTY = {
    "/proc/sys/net/core/somaxconn": "4096\n",
    "/proc/sys/net/ipv4/ip_local_port_range": "1024\t65535\n",
    "/proc/meminfo": "MemTotal:  90000000 kB\nMemAvailable:   80000000 kB\n",
}


def told(
    sockets: int = 10_000, workers: int = 2, files: int = 1 << 20, proxy: bool = True, **changed: str
) -> list[str]:
    files_of_kernel = {**PLENTY, **{path: text for path in PLENTY for name, text in changed.items() if name in path}}

    def read(path: str) -> str:
        if path not in files_of_kernel:
            raise FileNotFoundError(path)
        return files_of_kernel[path]

    return shortfalls(sockets, workers, files, proxy, read)


def test_plenty_is_not_worth_a_word() -> None:
    assert told() == []


@pytest.mark.parametrize(("files", "short"), [(5_255, True), (5_256, False), (-1, False)])
def test_open_files_are_counted_for_each_worker(files: int, short: bool) -> None:
    lines = told(files=files)
    assert [line.startswith("a process may open 5255 files, and 10000 sockets") for line in lines] == [True] * short


def test_a_short_queue_is_told() -> None:
    (line,) = told(somaxconn="128\n")
    assert line.startswith("net.core.somaxconn is 128")


def test_ports_matter_only_behind_a_proxy() -> None:
    (line,) = told(ip_local_port_range="32768 42766\n")
    assert line.startswith("a proxy on this machine has 9999 ports")
    assert told(ip_local_port_range="32768 42767\n") == []
    assert told(ip_local_port_range="32768 42766\n", proxy=False) == []


def test_memory_is_told_in_megabytes() -> None:
    (line,) = told(meminfo="MemAvailable: 1000 kB\n")
    assert line.startswith("10000 sockets take about 1025 MB here, and 0 MB are free")


def test_what_a_kernel_does_not_tell_is_passed_over() -> None:
    def read(path: str) -> str:
        raise FileNotFoundError(path)

    assert shortfalls(10_000, 1, 1 << 20, True, read) == []
    assert told(somaxconn="many", ip_local_port_range="1", meminfo="MemFree: 1 kB") == []


def test_the_limit_of_files_is_raised_as_far_as_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: given.append(limits))
    assert machine_limits.allow_many_files() == 4096
    assert given == [(4096, 4096)]
