"""Valkeys for tests. The plugin starts one for each worker; a test that kills or stalls servers starts its own."""

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from project.embedded.binary import find_server
from project.parent_death import die_with_parent

START_SECONDS = 20.0


@dataclass
class RunningValkey:
    """A server and its process. `url` names it; `stop` is polite, `kill` is SIGKILL; both wait and may be repeated."""

    url: str
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_stopped(self) -> bool:
        """Whether it stands still, or has ended."""
        return self.process.poll() is not None or "(stopped)" in Path(f"/proc/{self.pid}/status").read_text()

    def stop(self, timeout: float = 5.0) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)  # a stalled one could not hear SIGTERM
            self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)


def free_port() -> int:
    """A TCP port of the loopback that was free just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def spawn(arguments: list[str], log: Path) -> "subprocess.Popen[bytes]":
    """The server with these, in a session of its own; it ends when this process does."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [find_server(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ.get("PATH", "")},
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )


def start_valkey(directory: Path, *extra_args: str, port: int | None = None) -> RunningValkey:
    """A server with its files in `directory`, which answers before this returns; no persistence unless asked for.

    It listens on `directory`/redis.sock, or on `port` of the loopback (0: a free one). `extra_args` are its own options
    (`"--appendonly", "yes"`). To bring a killed one back at the same address, call again with the same directory and
    port. It dies with the test process. Raises RuntimeError with the server's last words.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if port is None:
        path = directory / "redis.sock"
        path.unlink(missing_ok=True)
        url, where = f"unix://{path}", ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
    else:
        port = port or free_port()
        url, where = f"redis://127.0.0.1:{port}/0", ["--port", str(port), "--bind", "127.0.0.1"]
    log = directory / "valkey.log"
    process = spawn([*where, "--save", "", "--appendonly", "no", "--dir", str(directory), *extra_args], log)
    server = RunningValkey(url, process)
    deadline = time.monotonic() + START_SECONDS
    with Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
        while True:
            try:
                client.ping()
            except (RedisError, OSError):
                if process.poll() is not None or time.monotonic() > deadline:
                    server.kill()
                    words = log.read_text(errors="replace").strip().splitlines()[-3:]
                    raise RuntimeError(f"the test Valkey did not start: {' / '.join(words)}") from None
                time.sleep(0.02)
            else:
                return server
