"""What tests of the pages share: a build that they can count on, whether or not npm has run."""

import json
from pathlib import Path

import pytest
from pytest_django import Settings

MANIFEST = {
    "src/main.tsx": {
        "file": "app.0123456789ab.js",
        "src": "src/main.tsx",
        "isEntry": True,
        "css": ["app.ba9876543210.css"],
    },
    "src/styles/pages.css": {"file": "pages.00112233aabb.css", "src": "src/styles/pages.css", "isEntry": True},
}


@pytest.fixture
def build(settings: Settings, tmp_path: Path) -> Path:
    """A finished build; the path of its folder."""
    folder = tmp_path / "build"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(MANIFEST))
    settings.FRONTEND_BUILD = folder
    return folder


@pytest.fixture
def no_build(settings: Settings, tmp_path: Path) -> None:
    """A checkout in which npm never ran."""
    settings.FRONTEND_BUILD = tmp_path / "nothing"


@pytest.fixture
def cache_in_memory(settings: Settings) -> None:
    """The sign-in page counts attempts in the cache; a test of its looks needs no Redis for that."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
