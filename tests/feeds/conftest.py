"""The recorded data that is not for everybody."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def sample_capture() -> Path:
    folder = os.environ.get("STRIKEWIRE_SAMPLE_DATA")
    if not folder:
        pytest.skip("STRIKEWIRE_SAMPLE_DATA is not set")
    return Path(folder) / "deribit" / "ws_capture_2021-07-22.txt"
