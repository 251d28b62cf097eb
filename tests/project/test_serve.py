"""`manage.py serve`: the web process as it is started by hand."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deadlines import FACTOR

from .fake_parts import wait_until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "serve.log"


@pytest.fixture
def server(log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", "0"],
            cwd=ROOT,
            env={**os.environ},
            stdout=output,
            stderr=output,
        )
    yield process
    if process.poll() is None:
        process.kill()
    process.wait(10)


def port_of(log: Path) -> int:
    wait_until(lambda: re.search(r"listening on port \d+", log.read_text()) is not None, 30)
    match = re.search(r"listening on port (\d+)", log.read_text())
    assert match is not None
    return int(match[1])


def get(url: str) -> int:
    """The status of the answer."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_what_is_asked_for_reaches_no_log(server: subprocess.Popen[bytes], log: Path) -> None:
    url = f"http://127.0.0.1:{port_of(log)}"
    assert get(f"{url}/api/v1/no-such-thing-SECRETSYMBOL?ticket=SECRETTICKET") in (401, 403, 404)
    assert get(f"{url}/accounts/login/") == 200
    server.terminate()
    server.wait(10)
    assert "SECRET" not in log.read_text()
    assert "Traceback" not in log.read_text()


def test_it_ends_soon_after_sigterm(server: subprocess.Popen[bytes], log: Path) -> None:
    url = f"http://127.0.0.1:{port_of(log)}/accounts/login/"
    assert get(url) == 200
    began = time.monotonic()
    server.terminate()
    server.wait(10 * FACTOR)
    assert time.monotonic() - began < 4 * FACTOR
    with pytest.raises(urllib.error.URLError):
        get(url)
