"""Keeps children alive: restarts what dies, with back-off, and stops everything in order. `up` tells it what to run."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from .child import Child, ended_how
from .errors import EX_CONFIG, StartError

# Together below the 5 s in which everything has to be gone. A web process needs 3 s for the sockets it says goodbye to.
STOP_SECONDS: Final = 3.5
SERVER_STOP_SECONDS: Final = 1.0
# Warnings of one child shown in one look; a flood stays in its log.
_SHOWN: Final = 5


@dataclass
class Backoff:
    """How long to wait before the next start: doubling, and back to the first after a life of `settled` seconds."""

    first: float = 0.25
    longest: float = 10.0
    settled: float = 30.0
    _next: float = 0.0

    def wait_after(self, lived: float) -> float:
        """Seconds to wait after a process that lived `lived` seconds."""
        wait = self.first if not self._next or lived >= self.settled else self._next
        self._next = min(wait * 2, self.longest)
        return wait


class Supervisor:
    """Children stop in the reverse order of groups: the first group that was started (the servers) goes last.

    `say` gets whole lines for the operator.
    """

    def __init__(self, say: Callable[[str], None], backoff: Callable[[], Backoff] = Backoff) -> None:
        self._say = say
        self._backoff = backoff
        self._groups: list[list[Child]] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._failed = asyncio.Event()
        self._failure: StartError | None = None

    @property
    def children(self) -> list[Child]:
        return [child for group in self._groups for child in group]

    async def start(self, children: Sequence[Child], ready: Callable[[Child], Awaitable[None]] | None = None) -> None:
        """Start a group, wait until each is `ready`, and keep it alive from then on.

        Raises StartError when a program cannot be run at all, and whatever `ready` raises.
        """
        group: list[Child] = []
        self._groups.append(group)
        for child in children:
            if self._stopping.is_set():
                return
            group.append(child)
            try:
                await child.start()
            except OSError as error:
                raise StartError(f"{child.name} cannot be started: {error.strerror or error}") from error
        if ready is not None:
            await asyncio.gather(*map(ready, group))
        self._keepers += [asyncio.create_task(self._keep(child)) for child in group]

    async def failure(self) -> StartError:
        """Wait until a child has said that starting it again cannot help."""
        await self._failed.wait()
        assert self._failure is not None
        return self._failure

    def show_warnings(self, is_told_otherwise: Callable[[str], bool] = lambda line: False) -> None:
        """Pass on what the children have logged since the last call that an operator should see."""
        for child in self.children:
            lines = [line for line in child.log.new_warnings() if not is_told_otherwise(line)]
            for line in lines[:_SHOWN]:
                self._say(f"{child.name}: {line}")
            if len(lines) > _SHOWN:
                self._say(f"{child.name}: {len(lines) - _SHOWN} more in {child.log.path}")

    async def stop(self) -> None:
        """Stop every group, the last first; each child politely, then by force. May be called again."""
        self._stopping.set()
        for index in reversed(range(len(self._groups))):
            grace = STOP_SECONDS if index else SERVER_STOP_SECONDS
            await asyncio.gather(*(child.stop(grace) for child in self._groups[index]))
        await asyncio.gather(*self._keepers)

    def kill(self) -> None:
        """SIGKILL everything now."""
        self._stopping.set()
        for child in self.children:
            child.kill()

    async def _keep(self, child: Child) -> None:
        backoff = self._backoff()
        while True:
            started = time.monotonic()
            status = await child.wait()
            if self._stopping.is_set():
                return
            last = child.log.last_lines(_SHOWN)
            if status == EX_CONFIG:
                self._fail(StartError(f"{child.name}: {last[-1] if last else 'refused to run'}", EX_CONFIG))
                return
            wait = backoff.wait_after(time.monotonic() - started)
            self._say(f"{child.name} ended ({ended_how(status)}), starts again in {wait:g} s; last lines of its log:")
            for line in last:
                self._say(f"  {line}")
            if await self._stop_comes_within(wait):
                return
            try:
                await child.start()
            except OSError as error:
                self._fail(StartError(f"{child.name} cannot be started: {error.strerror or error}"))
                return
            if self._stopping.is_set():  # asked for while the process was being made, which cannot be interrupted
                await child.stop(0)
                return

    async def _stop_comes_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _fail(self, error: StartError) -> None:
        self._failure = self._failure or error
        self._failed.set()
