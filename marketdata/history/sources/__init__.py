"""Where history may be imported from: a module a source. Each reads files into rows of the history tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from .base import Source
from .lean import open_source as open_lean
from .own import open_source as open_own

# name -> what opens a folder or file of that kind; raises FileError where nothing in it can be read.
SOURCES: Final[dict[str, Callable[[Path], Source]]] = {"strikewire": open_own, "lean": open_lean}
