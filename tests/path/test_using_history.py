"""Every block of code in docs/using-history.md, run as it stands against a whole installation: the simulated market, its
recorder, and a web process.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import polars
import pytest

from .stack import ROOT, Stack, Web

# A whole installation starts with the first test, and on a busy machine takes its time.
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]
PAGE = ROOT / "docs" / "using-history.md"
RECORDED_S = 60.0


class Block(NamedTuple):
    heading: str
    language: str
    text: str


def _blocks() -> list[Block]:
    blocks = []
    for section in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE):
        heading = section.partition("\n")[0]
        blocks += [
            Block(heading, *found) for found in re.findall(r"^```(\w*)\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
        ]
    return blocks


BLOCKS = _blocks()


class Installation(NamedTuple):
    """`folder` is where the examples run, and find `manage.py`."""

    stack: Stack
    web: Web
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            **self.stack.environment,
            "STRIKEWIRE_URL": self.web.url,
            "STRIKEWIRE_TOKEN": self.stack.users[0].token,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    def get(self, address: str) -> Any:
        address = address if "://" in address else f"{self.web.url}/api/v1/{address}"
        token = self.stack.users[0].token
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def run(self, block: Block) -> str:
        if block.language == "python":
            program = [sys.executable, "-W", "error", "-c", block.text]
        else:
            program = ["bash", "-euo", "pipefail", "-c", block.text]
        done = subprocess.run(
            program, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    directory = tmp_path_factory.mktemp("using-history")
    history = {"HISTORY_DATABASE_URL": f"sqlite:///{directory / 'history.sqlite3'}"}
    with Stack(directory / "stack", symbols=1, extra=history) as stack:
        stack.start("recorder", "manage.py", "record_history")
        stack.start("ingest", "manage.py", "ingest_feed", "simulated")
        folder = directory / "examples"
        folder.mkdir()
        (folder / "manage.py").symlink_to(ROOT / "manage.py")
        made = Installation(stack, stack.start_web(), folder)
        _wait_for_history(made)
        yield made


def _wait_for_history(installation: Installation) -> None:
    """Until the simulated market is listed, quoted and stored."""
    deadline = time.monotonic() + RECORDED_S
    while True:
        try:
            if all(installation.get(f"instruments/GIZMO/{what}/")["results"] for what in ("ticks", "trades")):
                return
            problem = "no ticks, or no trades"
        except OSError as error:
            problem = str(error)
        if time.monotonic() > deadline:
            logs = "\n".join(process.log.read_text()[-1500:] for process in installation.stack.processes)
            raise AssertionError(f"{problem}\n{logs}")
        time.sleep(0.3)


def _block(heading: str, language: str) -> Block:
    [block] = [block for block in BLOCKS if (block.heading, block.language) == (heading, language)]
    return block


def _bars_are_shown(installation: Installation, said: str) -> None:
    assert "mid_close" in said
    assert len(said.splitlines()) > 2


def _download_is_whole(installation: Installation, said: str) -> None:
    ticks = polars.read_ipc_stream(installation.folder / "gizmo.arrows")
    through = int(said.split()[4])
    assert ticks["seq"].max() >= through  # type: ignore[operator]
    page = installation.get(f"instruments/GIZMO/ticks/?after_seq={ticks['seq'][0] - 1}&page_size=10000")
    rows = {row["seq"]: row["bid"] for row in page["results"] if row["seq"] <= through}
    assert any(bid is not None for bid in rows.values())
    assert rows == {seq: bid for seq, bid in ticks.select("seq", "bid").iter_rows() if seq <= through}


def _lines_are_rows(installation: Installation, said: str) -> None:
    rows = [json.loads(line) for line in (installation.folder / "gizmo.ndjson").read_text().splitlines()]
    assert said.splitlines() == (installation.folder / "gizmo.ndjson").read_text().splitlines()[-3:]
    assert [row["seq"] for row in rows] == sorted({row["seq"] for row in rows})
    assert all(row["received_at"].endswith("Z") for row in rows)


def _trades_are_shown(installation: Installation, said: str) -> None:
    prices = {one["price"] for one in installation.get("instruments/GIZMO/trades/")["results"]}
    shown = [float(line.split()[-2]) for line in said.splitlines()[1:]]
    assert shown
    assert prices.issuperset(shown)


def _smile_is_shown(installation: Installation, said: str) -> None:
    smile, bars = said.split("volume", 1)
    assert "mark_iv" in smile
    [expiry] = [one["name"] for one in installation.get("chains/GIZMO/")["expiries"][1:2]]
    strikes = [point["strike"] for point in installation.get(f"chains/GIZMO/{expiry}/smile/")["points"]]
    shown = [float(line.split()[1]) for line in smile.splitlines()[1:] if line[:1].isdecimal()]
    assert shown
    assert set(shown) <= set(strikes)
    days = [line.split()[0] for line in bars.splitlines()[2:]]
    assert days  # those of past sessions may still be on their way
    assert days == sorted(days)


def _files_hold_past_sessions(installation: Installation, said: str) -> None:
    files = list((installation.folder / "exports" / "simulated" / "GIZMO").glob("bars-*.parquet"))
    assert files
    assert "mid_close" in said


CHECKS: dict[tuple[str, str], Callable[[Installation, str], None]] = {
    ("Bars in pandas", "python"): _bars_are_shown,
    ("Bars in polars", "python"): _bars_are_shown,
    ("Ticks as an Arrow file", "python"): _download_is_whole,
    ("Trades", "python"): _trades_are_shown,
    ("A smile, and the bars of a whole expiry", "python"): _smile_is_shown,
    ("NDJSON with curl", "bash"): _lines_are_rows,
    ("Whole days as files", "python"): _files_hold_past_sessions,
}


def test_the_page_has_no_block_that_no_test_runs() -> None:
    run = {
        *CHECKS,
        ("The stream, without a hole", "python"),
        ("Whole days as files", "bash"),
    }
    # The first has no language, and is nothing but the two variables that a test sets too.
    [variables, *blocks] = BLOCKS
    assert (variables.language, variables.text.count("\n")) == ("", 2)
    assert [(block.heading, block.language) for block in blocks if (block.heading, block.language) not in run] == []
    assert len(blocks) == len(run)


@pytest.mark.parametrize(("heading", "language"), list(CHECKS))
def test_the_block_runs_and_does_what_it_says(installation: Installation, heading: str, language: str) -> None:
    if heading == "Whole days as files":
        installation.run(_block(heading, "bash"))
    CHECKS[heading, language](installation, installation.run(_block(heading, language)))


def test_the_stream_and_rest_together_leave_no_hole(installation: Installation) -> None:
    block = _block("The stream, without a hole", "python")
    file = installation.folder / "gizmo-all.ndjson"
    installation.run(block)
    first = len(file.read_text().splitlines())
    time.sleep(2)
    assert f"{file.name}" in installation.run(block)
    kept = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(kept) > first > 1
    rows: list[dict[str, Any]] = []
    address = f"instruments/GIZMO/ticks/?after_seq={kept[0]['seq'] - 1}&page_size=10000"
    while address:
        page = installation.get(address)
        rows += page["results"]
        address = page["next"]
    assert not page["gaps"]
    stored = [{name: row[name] for name in ("seq", "bid", "ask")} for row in rows if row["seq"] <= kept[-1]["seq"]]
    assert kept == stored
    assert any(row["bid"] is not None for row in kept)
