"""What `up` and `scripts/run` take."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from marketdata.feeds.registry import FEEDS as REGISTERED
from project.up_arguments import FEEDS, UpOptions, parse

from .fake_parts import run_to_end

ROOT = Path(__file__).resolve().parents[2]


def test_the_defaults_are_for_this_machine_alone() -> None:
    assert parse([], "up") == UpOptions("127.0.0.1", 8000, "simulated", None, 1.0, False)


def test_public_listens_everywhere_unless_told_where() -> None:
    assert parse(["--public"], "up").host == "0.0.0.0"
    assert parse(["--public", "--host", "192.0.2.7"], "up").host == "192.0.2.7"


def test_a_capture_is_named_absolutely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "capture.txt").write_text("{}")
    monkeypatch.chdir(tmp_path)
    options = parse(["--feed", "replay", "--replay-file", "capture.txt", "--replay-speed", "0"], "up")
    assert options.replay_file == tmp_path / "capture.txt"
    assert options.replay_speed == 0


def test_every_feed_it_offers_exists() -> None:
    assert set(FEEDS) <= set(REGISTERED)


def test_every_feed_it_offers_is_described() -> None:
    described = (ROOT / "docs" / "operating.md").read_text()
    assert [feed for feed in FEEDS if f"| `{feed}` |" not in described] == []
    assert "|".join(FEEDS) in (ROOT / "scripts" / "run").read_text()


BAD = [
    (["--port", "abc"], "argument --port: 'abc' is not a port: a whole number from 0 to 65535"),
    (["--port", "65536"], "argument --port: '65536' is not a port: a whole number from 0 to 65535"),
    (["--port", "-1"], "argument --port"),
    (["--port", "٣"], "argument --port: '٣' is not a port"),
    (["--replay-speed", "fast"], "argument --replay-speed: 'fast' is not a speed"),
    (["--replay-speed", "nan"], "argument --replay-speed: 'nan' is not a speed"),
    (["--replay-speed=-1"], "argument --replay-speed: '-1' is not a speed"),
    (["--feed", "dreams"], "argument --feed: invalid choice: 'dreams'"),
    (["--feed", "replay"], "--feed replay needs a capture: give it with --replay-file"),
    (["--feed", "replay", "--replay-file", "/nowhere.txt"], "--replay-file: there is no file /nowhere.txt"),
    (["--feed", "replay", "--replay-file", "/tmp"], "--replay-file: there is no file /tmp"),
    (["--replay-file", "/etc/hosts"], "--replay-file and --replay-speed belong to --feed replay"),
    (["--host", "0.0.0.0"], "--host 0.0.0.0 is open to others: add --public"),
    (["--publ"], "unrecognized arguments: --publ"),
    (["now"], "unrecognized arguments: now"),
]


@pytest.mark.parametrize(("arguments", "line"), BAD)
def test_a_mistake_is_one_line_and_status_2(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments, "scripts/run")
    assert ended.value.code == 2
    assert f"scripts/run: error: {line}" in capsys.readouterr().err


def test_scripts_run_says_a_mistake_before_it_installs_anything(tmp_path: Path) -> None:
    """In a checkout with a space in its path and without `.venv`."""
    checkout = tmp_path / "a check out"
    for name in (
        "scripts/run",
        "scripts/python",
        "scripts/prepare.py",
        "project/__init__.py",
        "project/up_arguments.py",
    ):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_bytes((ROOT / name).read_bytes())
    for name in ("run", "python"):
        (checkout / "scripts" / name).chmod(0o755)
    ended = run_to_end([str(checkout / "scripts" / "run"), "--port", "abc"], cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith("scripts/run: error: argument --port: 'abc' is not a port")
    assert not (checkout / ".venv").exists()


def test_the_command_has_the_same_words() -> None:
    ended = run_to_end([sys.executable, "manage.py", "up", "--port", "abc"], cwd=ROOT, env={**os.environ})
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith("manage.py up: error: argument --port: 'abc' is not a port")


def test_a_machine_without_a_new_enough_python_is_told(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)
    bash = subprocess.run(["sh", "-c", "command -v bash"], capture_output=True, text=True, timeout=10, check=True)
    ended = run_to_end([bash.stdout.strip(), str(ROOT / "scripts" / "python")], env={"PATH": str(tmp_path)})
    assert ended.returncode == 1
    assert ended.stderr == "error: Strikewire needs Python 3.11 or newer, and there is none on the PATH\n"


def test_a_bad_setting_is_one_line_and_not_tried_again() -> None:
    ended = run_to_end(
        [sys.executable, "manage.py", "up"], cwd=ROOT, env={**os.environ, "STRIKEWIRE_REPLAY_SPEED": "fast"}
    )
    assert ended.returncode == 78
    assert ended.stderr == "error: STRIKEWIRE_REPLAY_SPEED is 'fast'; it takes a number from 0 to 1e+06.\n"
