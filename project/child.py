"""One child process: started so that it cannot outlive us, and stopped. The supervisor decides when."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from .child_log import ChildLog
from .parent_death import die_with_parent


class Child:
    """`command` with `environment` added to ours, in a session of its own, so that Ctrl-C in the terminal reaches us
    first. What it prints goes to `log_path`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log_path: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = ChildLog(log_path)
        self._environment = dict(environment or {})
        self._process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Raises OSError when the program cannot be started. Call it in the main thread: see `die_with_parent`."""
        self.log.mark_start()
        with open(self.log.path, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as output:  # noqa: ASYNC230
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self._environment},
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )

    async def wait(self) -> int:
        """The exit status; minus the signal's number where a signal ended it."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self, grace_seconds: float) -> None:
        """SIGTERM, and SIGKILL to its whole session when it is still there after the grace."""
        if self._process is None:
            return
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), grace_seconds)
        self.kill()
        await self._process.wait()

    def kill(self) -> None:
        """SIGKILL at once, also to what it may have started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def ended_how(status: int) -> str:
    """`exit status 3`, or `SIGKILL` for -9."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
