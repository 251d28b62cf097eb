"""What tests of ingest share: a server that may be killed, and an environment for the command."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.valkey import RunningValkey, start_valkey


@pytest.fixture
def server(short_path: Path) -> Iterator[RunningValkey]:
    """A server of the test's own, on a Unix socket."""
    server = start_valkey(short_path)
    yield server
    server.stop()
