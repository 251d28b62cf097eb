"""What a web process has loaded before it serves."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from project.asgi import application
before = set(sys.modules)
from django.urls import resolve
for path in ("/", "/accounts/login/", "/api/v1/me/", "/admin/"):
    resolve(path)
print(sorted(set(sys.modules) - before))
"""


def test_the_first_request_loads_nothing_while_sockets_wait() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
