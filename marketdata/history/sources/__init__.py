"""Where history may be imported from: a module a source. Each reads files into rows of the history tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from . import lean, own
from .base import Source

# name -> what opens a folder or file of that kind; raises FileError where nothing in it can be read.
SOURCES: Final[dict[str, Callable[[Path], Source]]] = {"strikewire": own.open_source, "lean": lean.open_source}
