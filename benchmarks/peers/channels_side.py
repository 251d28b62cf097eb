"""Plain Channels on Daphne, on either of channels_redis's layers."""

import sys
from contextlib import AbstractContextManager
from pathlib import Path

from tests.path.stack import Process

from ..load import Load
from ..measuring import Running
from .side import Processes, published


class PlainChannels:
    merges = False

    def __init__(self, layer: str) -> None:
        self._layer = layer

    def missing(self, fetch: bool = True) -> str | None:
        return None

    def start(self, folder: Path, load: Load) -> AbstractContextManager[Running]:
        def serve(processes: Processes, url: str, port: int) -> Process:
            return processes.start("daphne", sys.executable, "-m", "benchmarks.peers.plain_channels", str(port))

        return published(folder, load, "channels", "strikewire", serve, {"LAYER": self._layer})
