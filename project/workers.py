"""Several web processes on one port, under one command: started, replaced when they die, reloaded one after another,
drained and ended.

Each has a listening socket of its own on the port, over which the kernel spreads what comes. The sockets belong to the
parent: what has come to one whose process died waits in it for the next.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from .child import ended_how
from .errors import EX_CONFIG, StartError
from .listening import listen
from .parent_death import die_with_parent
from .supervisor import Backoff

logger = logging.getLogger("project.serve")

READY_S: Final = 60.0
# A process says goodbye to its sockets, and lets requests end, well within this.
DRAIN_S: Final = 10.0
LISTENER: Final = "STRIKEWIRE_LISTENER"
READY: Final = "STRIKEWIRE_READY"


class Worker:
    """One process on `listener`. `ready` becomes true when it serves."""

    def __init__(self, number: int, listener: socket.socket, command: Sequence[str]) -> None:
        self.number = number
        self.ready = False
        self.started = time.monotonic()
        self._listener = listener
        self._command = command
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Returns when it serves. Raises StartError where it ends before, or takes longer than READY_S."""
        try:
            read, write = os.pipe()
        except OSError as error:
            raise self._not_now(error) from error
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, LISTENER: str(self._listener.fileno()), READY: str(write)},
                pass_fds=(self._listener.fileno(), write),
                start_new_session=True,  # Ctrl-C reaches the parent alone, which ends them in order
                preexec_fn=die_with_parent(),
            )
        except OSError as error:
            os.close(read)
            raise self._not_now(error) from error
        finally:
            os.close(write)
        try:
            said = await asyncio.wait_for(_first_byte(read), READY_S)
        except TimeoutError:
            await self.stop(0)
            raise StartError(f"worker {self.number} did not serve within {READY_S:g} s") from None
        if not said:
            status = await self._process.wait()
            raise StartError(f"worker {self.number} ended ({ended_how(status)}) before it served", status)
        self.ready = True

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def wait(self) -> int:
        """Its exit status; EX_OSERR where it could not even be started."""
        return os.EX_OSERR if self._process is None else await self._process.wait()

    async def stop(self, grace_s: float = DRAIN_S) -> None:
        """Asks it to send its clients elsewhere and to end; by force after the grace."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate() if grace_s else process.kill()
        try:
            await asyncio.wait_for(process.wait(), grace_s or 5)
        except TimeoutError:
            logger.warning("worker %d had not ended after %g s; it is killed", self.number, grace_s)
            self.kill()
            await process.wait()

    def kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def _not_now(self, error: OSError) -> StartError:
        return StartError(f"worker {self.number} cannot be started: {error.strerror}")


class Workers:
    """`run` returns after SIGTERM or SIGINT, when all have ended; SIGHUP reloads."""

    def __init__(self, host: str, port: int, count: int) -> None:
        """Raises StartError where the port cannot be had."""
        first = listen(host, port, shared=True)
        self.port: int = first.getsockname()[1]
        self._listeners = [first]
        try:
            self._listeners += [listen(host, self.port, shared=True) for _ in range(count - 1)]
        except StartError:
            self._close()
            raise
        self._workers: list[Worker | None] = [None] * count
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._reloading: asyncio.Task[None] | None = None
        self._failed: StartError | None = None

    async def run(self) -> None:
        """Raises StartError when the first of them do not come to serve, or one says that starting again cannot help."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        try:
            starting = loop.create_task(self._start_all())
            stopping = loop.create_task(self._stopped())
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not starting.done():
                starting.cancel()
                return
            starting.result()
            logger.info("%d processes listening on port %d", len(self._listeners), self.port)
            self._keepers = [loop.create_task(self._keep(number)) for number in range(len(self._listeners))]
            await self._stopping.wait()
        finally:
            self._stopping.set()
            tasks = [*self._keepers, *([self._reloading] if self._reloading is not None else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # First, since who connects to what no worker takes from any more would wait in vain.
            self._close()
            await asyncio.gather(*(worker.stop() for worker in self._workers if worker is not None))
        if self._failed is not None:
            raise self._failed

    def reload(self) -> None:
        """Replaces each process by a new one, one after another; the old one goes when the new one serves."""
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.get_running_loop().create_task(self._reload())

    async def _start_all(self) -> None:
        await asyncio.gather(*(self._first(number) for number in range(len(self._listeners))))

    async def _stopped(self) -> None:
        await self._stopping.wait()

    async def _first(self, number: int) -> None:
        worker = self._made(number)
        self._workers[number] = worker
        await worker.start()

    async def _reload(self) -> None:
        for number in range(len(self._listeners)):
            new = self._made(number)
            try:
                await new.start()
            except StartError as error:
                logger.error("%s; reloading stops here, and the former processes go on", error)
                return
            except asyncio.CancelledError:
                new.kill()
                raise
            old, self._workers[number] = self._workers[number], new
            logger.info("worker %d is process %d now", number + 1, new.pid)
            if old is not None:
                await old.stop()
        logger.info("reloaded")

    async def _keep(self, number: int) -> None:
        """Starts the worker of that number again whenever the present one dies."""
        backoff = Backoff()
        while not self._stopping.is_set():
            worker = self._workers[number]
            assert worker is not None
            status = await worker.wait()
            if self._stopping.is_set() or self._workers[number] is not worker:
                continue  # ended by us
            lived = time.monotonic() - worker.started
            wait = backoff.wait_after(lived)
            logger.error("worker %d ended (%s), starts again in %g s", number + 1, ended_how(status), wait)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)
                return
            if self._workers[number] is not worker:  # a reload was faster
                continue
            again = self._workers[number] = self._made(number)
            try:
                await again.start()
            except StartError as error:
                if self._workers[number] is again:  # and not a reload's work
                    logger.error("%s", error)
                if error.status == EX_CONFIG:
                    self._failed = error
                    self._stopping.set()

    def _made(self, number: int) -> Worker:
        return Worker(number + 1, self._listeners[number], [sys.executable, *sys.argv[:1], "serve"])

    def _signalled(self) -> None:
        if self._stopping.is_set():  # the second time
            for worker in self._workers:
                if worker is not None:
                    worker.kill()
        self._stopping.set()

    def _close(self) -> None:
        for listener in self._listeners:
            listener.close()


async def _first_byte(descriptor: int) -> bytes:
    """What is first written to the pipe, empty where its writers are gone. Closes it."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
    )
    try:
        return await reader.read(1)
    finally:
        transport.close()
