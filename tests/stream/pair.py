"""Two web processes of the floor's installation where the scripted feed is open to nobody, and an administrator."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from tests.path.stack import Process, Web
from tests.valkey import free_port

from .conftest import Floor


class Administrator:
    def __init__(self, process: Process) -> None:
        self._process = process
        self._done = 0

    def do(self, deed: str, timeout: float = 30.0, **arguments: Any) -> None:
        """One of `deeds`; returns when it is committed."""
        stdin = self._process.popen.stdin
        assert stdin is not None
        stdin.write(json.dumps({"do": deed, **arguments}) + "\n")
        stdin.flush()
        self._done += 1
        deadline = time.monotonic() + timeout
        while (log := self._process.log.read_text()).count("done\n") < self._done:
            assert time.monotonic() < deadline, log[-3000:]
            assert self._process.popen.poll() is None, log[-3000:]
            time.sleep(0.02)


class Pair:
    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self._ports: set[int] = set()
        # From this thread: with the one that starts them, processes end.
        self.webs = [self.start_web(wait=False), self.start_web(wait=False)]
        deeds = floor.stack.start(f"deeds-{id(self)}", "-m", "tests.stream.deeds", stdin=subprocess.PIPE)
        self.administrator = Administrator(deeds)
        self._processes = [deeds]
        for web in self.webs:
            web.wait_until_it_answers()

    def start_web(self, wait: bool = True) -> Web:
        while (port := free_port()) in self._ports:
            pass
        self._ports.add(port)
        process = self.floor.stack.start(
            f"web-{port}", "-m", "tests.stream.serve_by_word", "serve", "--port", str(port)
        )
        web = Web(process, "uvicorn", port)
        if wait:
            web.wait_until_it_answers()
        return web

    def stop(self) -> None:
        for process in [*self._processes, *(web.process for web in self.webs)]:
            process.stop()


@contextlib.contextmanager
def running_pair(floor: Floor) -> Iterator[Pair]:
    floor.stack.extra["STRIKEWIRE_OPEN_FEEDS"] = "second"
    pair = Pair(floor)
    try:
        yield pair
    finally:
        del floor.stack.extra["STRIKEWIRE_OPEN_FEEDS"]
        pair.stop()
