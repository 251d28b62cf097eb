"""What a web process says of a database without the tables of its version."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from project import prepared_database

from .fake_parts import wait_until
from .running_up import ROOT, environment


@pytest.mark.django_db
def test_a_migrated_database_lacks_nothing() -> None:
    assert prepared_database.missing() == []


@pytest.mark.django_db
def test_what_was_not_run_is_named() -> None:
    MigrationRecorder(connection).record_unapplied("accounts", "0002_accounts_and_watchlists")
    assert prepared_database.missing() == ["accounts.0002_accounts_and_watchlists"]


@pytest.mark.either_database
def test_serve_says_so_in_one_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", "0"],
            cwd=ROOT,
            env={**environment(tmp_path), "REDIS_URL": os.environ["REDIS_URL"]},
            stderr=output,
        )
    try:
        wait_until(lambda: "run `manage.py migrate`" in log.read_text(), 20)
    finally:
        process.kill()
        process.wait(10)
    assert "Traceback" not in log.read_text()
