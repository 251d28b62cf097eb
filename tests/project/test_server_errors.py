"""What commands say when a server that they need is away or not prepared."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.utils import IntegrityError, OperationalError, ProgrammingError
from redis.exceptions import ConnectionError as RedisConnectionError

from project.server_errors import told

from .running_up import ROOT, environment


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ImproperlyConfigured("a setting is wrong"), "a setting is wrong"),
        (OperationalError("no such table: accounts_user"), "`manage.py migrate`"),
        (ProgrammingError('relation "accounts_user" does not exist\nLINE 1: SELECT'), "`manage.py migrate`"),
        (ProgrammingError('column "kind" of relation "x" does not exist'), "`manage.py migrate`"),
        (OperationalError("unable to open database file"), "cannot be used: unable to open database file"),
        (RedisConnectionError("Error 111 connecting to a:1."), "Redis (REDIS_URL) does not answer: Error 111"),
    ],
)
def test_it_is_one_line_that_says_what_to_do(error: Exception, said: str) -> None:
    line = told(error)
    assert line is not None
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize("error", [ValueError("x"), IntegrityError("x"), ProgrammingError("syntax error")])
def test_a_fault_of_ours_keeps_its_traceback(error: Exception) -> None:
    assert told(error) is None


@pytest.mark.either_database
def test_a_command_on_a_database_without_tables_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "issue_token", "ann"]
    answer = subprocess.run(
        command, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith(
        "error: the database (DATABASE_URL) is not prepared for this version: no such table"
    )
    assert "Traceback" not in answer.stderr
