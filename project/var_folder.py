"""The folder of everything that an installation keeps on this machine, and the lock that lets one `up` in at a time."""

import fcntl
import os
from pathlib import Path

from .errors import StartError


class VarFolder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "log"
        self._lock: int | None = None

    def prepare(self) -> None:
        """Make it and what belongs into it. Raises StartError where that cannot be."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StartError(f"{self.path} cannot be made ({error.strerror}): set STRIKEWIRE_VAR") from error
        for folder in (self.path, self.logs):
            if not os.access(folder, os.W_OK | os.X_OK):
                raise StartError(f"{folder} cannot be written: set STRIKEWIRE_VAR to a folder that can")

    def lock(self) -> None:
        """Hold the folder until `release` or the end of the process. Raises StartError when another `up` holds it."""
        path = self.path / "up.lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StartError(f"{path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            whose = f" (process {holder})" if holder else ""
            raise StartError(f"Strikewire is already up in {self.path}{whose}: stop it first") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._lock = descriptor

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
