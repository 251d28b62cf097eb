"""Which built files a page needs, as Vite's manifest says. Before: `npm run build`; after: `templatetags.built`."""

import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

HOW_TO_BUILD = "The front end is not built. In the folder frontend/, run: npm ci && npm run build"


class NotBuiltError(Exception):
    """There is no manifest, or none that knows the entry. The message says what to do."""


class Built(NamedTuple):
    """Paths below STATIC_URL, in the order in which a page has to name them."""

    scripts: tuple[str, ...]
    styles: tuple[str, ...]


def built(entry: str) -> Built:
    """The files of an entry, by its source path from the folder frontend/ (`src/main.tsx`). Raises NotBuiltError."""
    path = Path(settings.FRONTEND_BUILD) / "manifest.json"
    try:
        return _read(path, path.stat().st_mtime_ns, entry)
    except FileNotFoundError:
        raise NotBuiltError(HOW_TO_BUILD) from None


# By the time of change, so that a build is seen without a restart, and otherwise read once.
@lru_cache(maxsize=16)
def _read(path: Path, changed_ns: int, entry: str) -> Built:
    try:
        chunk = json.loads(path.read_text())[entry]
        file: str = chunk["file"]
        styles: list[str] = chunk.get("css", [])
    except (ValueError, KeyError, TypeError) as error:
        raise NotBuiltError(f"{path.name} does not know {entry}. {HOW_TO_BUILD}") from error
    names = tuple(f"build/{name}" for name in (*styles, file))
    return Built(
        scripts=tuple(name for name in names if name.endswith(".js")),
        styles=tuple(name for name in names if name.endswith(".css")),
    )
