"""The comparison runs, every side that is there serves a trivial load, and one that does not is found out."""

import json
from pathlib import Path

import pytest

from benchmarks.peers import __main__ as peers
from benchmarks.peers.checking import faults
from benchmarks.peers.workloads import QUICK

from .faulty_side import FaultySide

GOOD = {
    "rows published/s": 100.0,
    "served/s": 200.0,
    "served, % of due": 100.0,
    "merged, % of due": 0.0,
    "shown/s": 200.0,
    "sockets lost": 0.0,
    "rows that went back": 0.0,
    "rows that nobody published": 0.0,
    "server, share of a core": 0.05,
}


@pytest.mark.timeout(300)
def test_every_side_that_is_there_serves_what_it_should(tmp_path: Path) -> None:
    # The tutorial's older layer cannot keep up with even this beside the rest of the suite.
    sides = [key for key in peers.SIDES if key != "channels-core"]
    file = tmp_path / "figures.json"
    peers.main(["--quick", "--json", str(file), "--peers", *sides])
    found = json.loads(file.read_text())["quick"]
    assert {"strikewire", "strikewire-daphne", "channels-pubsub"} <= set(found)


def test_a_side_that_drops_or_delays_rows_is_found_out(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as said:
        peers.quick({"drops": FaultySide("drops"), "delays": FaultySide("delays"), "works": FaultySide("works")})
    wrong = str(said.value.code).splitlines()
    assert {line.split(":")[0] for line in wrong} == {"drops", "delays"}
    assert all("was served within 1100 ms" in line for line in wrong)


def test_what_is_as_it_should_be_has_no_fault() -> None:
    assert faults(GOOD, QUICK, merges=False) == []
    assert faults({**GOOD, "merged, % of due": 30.0}, QUICK, merges=True) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("sockets lost", 1.0, "1 sockets were lost"),
        ("rows published/s", 30.0, "30 rows a second were published"),
        ("served, % of due", 99.9, "99.90 % of what was due"),
        ("merged, % of due", 0.5, "0.50 % of the rows did not come"),
        ("shown/s", 5_000.0, "5000 rows a second were shown"),
        ("rows that went back", 2.0, "2 older rows"),
        ("rows that nobody published", 3.0, "3 rows came that nobody"),
        ("server, share of a core", 0.0, "took 0.00 of a core"),
    ],
)
def test_each_thing_that_cannot_be_is_said(name: str, value: float, words: str) -> None:
    (said,) = faults({**GOOD, name: value}, QUICK, merges=False)
    assert words in said


def test_a_round_in_which_nothing_was_due_is_a_fault() -> None:
    assert faults({"rows published/s": 0.0}, QUICK, merges=True) == [
        "nothing was published that a socket had asked for"
    ]
