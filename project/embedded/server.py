"""One embedded Valkey: its files, its options, and whether it answers. The supervisor runs the process."""

import asyncio
import contextlib
import os
import socket
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from ..errors import StartError

# A leftover server stops in milliseconds; one that takes longer is stuck, and the operator has to look.
LEFTOVER_SECONDS: Final = 3.0
# A subscriber that reads too slowly is cut at 32 MB, or at 8 MB for 10 s: it reconnects and reads the last values,
# while an unbounded buffer would take the machine's memory.
PUBSUB_LIMIT: Final = "pubsub 32mb 8mb 10"


@dataclass(frozen=True)
class EmbeddedServer:
    """A server on the Unix socket that `url` names, with its working files in `folder`.

    `append_only` keeps what it holds over restarts (at most a second is lost); else nothing is ever written.
    """

    name: str
    url: str
    folder: Path
    append_only: bool = False

    @property
    def socket(self) -> Path:
        return Path(unquote(urlsplit(self.url).path))

    def command(self, program: Path) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes" if self.append_only else "no",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "client-output-buffer-limit": PUBSUB_LIMIT,
            "daemonize": "no",
        }
        return [str(program), *(part for name, value in options.items() for part in (f"--{name}", value))]

    def prepare(self) -> None:
        """Make the folders, and clear the socket of what an earlier server left. Raises StartError."""
        _private_folder(self.socket.parent)
        _private_folder(self.folder)
        try:
            kind = self.socket.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(kind):
            raise StartError(f"{self.name}: {self.socket} is in the way and not a socket: move it away")
        self._end_leftover()
        self.socket.unlink(missing_ok=True)

    def clear_away(self) -> None:
        """Remove the folder of the socket once it is empty: in /tmp it would be litter."""
        with contextlib.suppress(OSError):
            self.socket.parent.rmdir()

    def _end_leftover(self) -> None:
        """Shut down a server that still listens: whoever started it is gone, since we hold the lock of the folder."""
        deadline = time.monotonic() + LEFTOVER_SECONDS
        while (answer := self._ask(b"PING\r\n")) is not None:
            if not answer.startswith((b"+PONG", b"-LOADING", b"-BUSY")):
                raise StartError(f"{self.name}: something that is not ours listens on {self.socket}: stop it first")
            if time.monotonic() > deadline:
                raise StartError(f"{self.name}: an earlier server on {self.socket} does not stop: end it first")
            self._ask(b"SHUTDOWN NOSAVE\r\n")
            time.sleep(0.05)

    def _ask(self, command: bytes) -> bytes | None:
        """The first bytes of the answer to an inline command; None when nobody listens."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self.socket))
            except OSError:
                return None
            try:
                connection.sendall(command)
                return connection.recv(64)
            except OSError:
                return b""

    async def answers(self) -> bool:
        """Whether it takes commands now: not while it still loads its file."""
        try:
            async with asyncio.timeout(1):
                reader, writer = await asyncio.open_unix_connection(str(self.socket))
                try:
                    writer.write(b"PING\r\n")
                    return await reader.readline() == b"+PONG\r\n"
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
        except (OSError, TimeoutError):
            return False

    def why_it_ended(self, last_lines: list[str], log: Path) -> StartError:
        """The operator's line for a server that did not come up, from the last lines of its log."""
        text = " ".join(last_lines).lower()
        if self.append_only and ("append only" in text or "aof" in text):
            return StartError(
                f"{self.name}: its append-only file in {self.folder} is damaged: mend it with valkey-check-aof --fix, "
                f"or move it away and lose what it holds (details in {log})"
            )
        return StartError(
            f"{self.name}: the server ended at once: {last_lines[-1] if last_lines else 'no reason given'}"
        )


def _private_folder(folder: Path) -> None:
    """Make `folder`, for us alone. Raises StartError when it cannot be, or when it is somebody else's: the fallback in
    /tmp has a name that others can guess."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise StartError(f"{folder} cannot be made: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StartError(f"{folder} is not a folder of ours: move it away, or set STRIKEWIRE_VAR to a shorter path")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StartError(f"{folder} cannot be written")
