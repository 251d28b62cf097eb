"""Whether there is room to write: whoever fills a disk stops before it is full, while others still can work on it."""

import shutil
from pathlib import Path
from typing import Final

MB: Final = 1_000_000
# Below this, nothing new is written: room for a database to clean up after itself, and for logs that say what is wrong.
LEAST_FREE: Final = 500 * MB
# And it is gone on with only when this much more is there, so that it does not stop and go.
RESUME_FREE: Final = LEAST_FREE + 100 * MB


def free_bytes(path: Path) -> int | None:
    """What the file system of `path`, or of the first folder above it that exists, has left for us; None where it cannot be
    said."""
    for folder in (path, *path.absolute().parents):
        try:
            return shutil.disk_usage(folder).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def nearly_full(path: Path | None, is_stopped: bool = False) -> str | None:
    """Why nothing should be written below `path` now, in a sentence; None where there is room. Whoever `is_stopped` goes
    on a little later than others stop. Of a PostgreSQL's disk, which is None here, nothing can be said: it refuses by
    itself, and what it refuses waits in the stream."""
    if path is None:
        return None
    free = free_bytes(path)
    least = RESUME_FREE if is_stopped else LEAST_FREE
    if free is None or free >= least:
        return None
    return f"the disk of {path} has {free // MB} MB left: nothing is written until {RESUME_FREE // MB} MB are free"
