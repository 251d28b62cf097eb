"""What a process loads before it does anything: every one of ours pays for it at each start."""

import os
import subprocess
import sys

import pytest

from tests.path.stack import ROOT

_SETUP = "import django; django.setup(); import project.asgi; import sys; print(' '.join(sys.modules))"


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "project.settings"}
    done = subprocess.run(
        [sys.executable, "-c", _SETUP],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("package", ["twisted", "autobahn"])
def test_a_web_process_does_not_load_what_it_does_not_need(loaded: set[str], package: str) -> None:
    assert "project.asgi" in loaded
    assert package not in loaded
