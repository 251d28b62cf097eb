"""The peers on Node.js. Their packages are installed once, into a folder beside the programs that git does not know."""

import shutil
import subprocess
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Final

from tests.path.stack import Process

from ..load import Load
from ..measuring import Running
from .side import Processes, published

FOLDER: Final = Path(__file__).parent / "node"


class NodeSide:
    """`program` stands in FOLDER and takes the port."""

    def __init__(self, program: str, merges: bool, protocol: str = "strikewire", how: str = "rows") -> None:
        self.merges = merges
        self._program = program
        self._protocol = protocol
        self._how = how

    def missing(self, fetch: bool = True) -> str | None:
        if shutil.which("node") is None or shutil.which("npm") is None:
            return "there is no Node.js on the PATH"
        if is_installed():
            return None
        return _install() if fetch else "its packages are not installed: a run without --quick does that"

    def start(self, folder: Path, load: Load) -> AbstractContextManager[Running]:
        def serve(processes: Processes, url: str, port: int) -> Process:
            return processes.start("node", "node", self._program, str(port), cwd=FOLDER)

        return published(folder, load, self._how, self._protocol, serve)


def is_installed() -> bool:
    """Whether the packages are there, and not older than the lock file: npm writes its own account of them."""
    written = FOLDER / "node_modules" / ".package-lock.json"
    return written.is_file() and written.stat().st_mtime >= (FOLDER / "package-lock.json").stat().st_mtime


@cache
def _install() -> str | None:
    """The versions and hashes of the lock file, as the front end's are installed; why not, where that failed."""
    done = subprocess.run(
        ["npm", "install", "--no-save", "--no-audit", "--no-fund"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        return f"npm could not install it: {done.stderr.strip()[-300:]}"
    (FOLDER / "node_modules" / ".package-lock.json").touch()  # npm leaves it where nothing had to change
    return None
