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

    def __init__(self, name: str, program: str, protocol: str = "strikewire", how: str = "rows") -> None:
        self.name = name
        self._program = program
        self._protocol = protocol
        self._how = how

    def missing(self) -> str | None:
        return _missing()

    def start(self, folder: Path, load: Load) -> AbstractContextManager[Running]:
        def serve(processes: Processes, url: str, port: int) -> Process:
            return processes.start("node", "node", self._program, str(port), cwd=FOLDER)

        return published(folder, load, self._how, self._protocol, serve)


@cache
def _missing() -> str | None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "there is no Node.js on the PATH"
    if (FOLDER / "node_modules" / "ws").is_dir():
        return None
    done = subprocess.run(
        ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--no-package-lock"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return f"npm could not install it: {done.stderr.strip()[-300:]}" if done.returncode else None
