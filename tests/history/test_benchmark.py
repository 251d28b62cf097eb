"""The history benchmark runs, and prints a figure for everything that it promises."""

import os
import subprocess
import sys

import pytest

from tests.path.stack import ROOT


def printed(*parts: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.history", "--quick", "--parts", *parts],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("STRIKEWIRE_")},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_a_quick_run_records_and_asks() -> None:
    text = printed("record", "views")
    for said in (
        "record into postgresql",
        "record into sqlite",
        "quotes/s of a core, recorder and database",
        "calibration, rows/s of a core",
        "bytes a tick",
        "a day of minute bars, p95 ms",
        "the first 100 ticks of a day, p95 ms",
    ):
        assert said in text, text


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_quick_run_exports_and_looks_at_others() -> None:
    text = printed("exports", "load")
    for said in (
        "csv, ticks/s by the clock",
        "MB that the server grew",
        "quotes stored/s",
        "sign-ins, p99 ms",
        "watchlist edits, p99 ms",
    ):
        assert said in text, text
    failed = next(line for line in text.splitlines() if line.split()[:1] == ["failed"])
    assert failed.split()[1] == "0"
