"""A web host of the site: `manage.py serve` on an address of its own, as it is started there."""

import http.client
import time
from dataclasses import dataclass
from pathlib import Path

from tests.path.stack import START_S, Process, Stack

_ESTABLISHED = "01"


@dataclass
class WebHost:
    """It may be started again after its end, at the same address."""

    stack: Stack
    address: str
    port: int
    workers: int = 1
    process: Process | None = None

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"

    @property
    def running(self) -> Process:
        assert self.process is not None
        return self.process

    def start(self) -> None:
        """Returns at once; see `wait_until_ready`."""
        arguments = ("--host", self.address, "--port", str(self.port), "--workers", str(self.workers))
        self.process = self.stack.start(f"web-{self.address}", "manage.py", "serve", *arguments)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while self.status("/readyz") != 200:
            said = self.running.log.read_text()[-3000:]
            assert self.running.popen.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)

    def status(self, path: str) -> int:
        """Of the answer to a question at its own address, as HAProxy asks; 0 where there is none."""
        connection = http.client.HTTPConnection(self.address, self.port, timeout=3)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def connections(self) -> int:
        """How many it has from anywhere, by the kernel's table."""
        number = int.from_bytes(bytes(map(int, self.address.split("."))), "little")
        own = f"{number:08X}:{self.port:04X}"
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        return sum(cells[1] == own and cells[3] == _ESTABLISHED for cells in map(str.split, lines))
