"""The settings that the documentation names for production, as a process of their own reads them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OPERATING = ROOT / "docs" / "operating.md"
_SECRET = "a-secret-of-the-tests-that-is-long-enough-and-of-no-use-at-all"
# What follows from them, and is looked at.
_NAMES = (
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "SESSION_COOKIE_HTTPONLY",
    "SESSION_COOKIE_SAMESITE",
    "CSRF_COOKIE_SAMESITE",
    "SECURE_SSL_REDIRECT",
    "SECURE_HSTS_SECONDS",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_PRELOAD",
    "ALLOWED_HOSTS",
    "INSTALLATION",
    "DEBUG",
)
_PROGRAM = f"""
import json
from django.conf import settings
print(json.dumps({{name: getattr(settings, name, None) for name in {_NAMES!r}}}))
"""


def documented(var: Path) -> dict[str, str]:
    """The environment of `## In production`, its dots filled in."""
    section = OPERATING.read_text().split("## In production")[1].split("\n## ")[0]
    lines = re.findall(r"^([A-Z_]+)=(\S+)", section, re.MULTILINE)
    filled = {
        name: value.replace("…", "a-secret-of-the-tests-that-is-long-enough-and-of-no-use-at-all")
        for name, value in lines
    }
    own = {name: value for name, value in os.environ.items() if not _is_a_setting(name)}
    return {**own, **filled, "STRIKEWIRE_VAR": str(var), "DJANGO_SETTINGS_MODULE": "project.settings"}


def _is_a_setting(name: str) -> bool:
    return name.startswith("STRIKEWIRE_") or name.endswith(("REDIS_URL", "DATABASE_URL"))


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def settings_of(environment: dict[str, str]) -> dict[str, Any]:
    done = run(environment, "-c", _PROGRAM)
    assert done.returncode == 0, done.stderr
    values: dict[str, Any] = json.loads(done.stdout)
    return values
