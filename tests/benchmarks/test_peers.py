"""The comparison's workloads work on every side, an eightieth of each; and its arguments are looked at."""

import json
from pathlib import Path

import pytest

from benchmarks.peers import __main__ as peers
from benchmarks.peers.workloads import WORKLOADS, smaller


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("workload", list(WORKLOADS))
def test_a_workload_works_on_every_side(workload: str, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    arguments = ["--workload", workload, "--smaller", "80", "--rounds", "1", "--seconds", "3", "--json", str(file)]
    peers.main(arguments)
    found = json.loads(file.read_text())[workload]
    assert set(found) == {key for key, side in peers.SIDES.items() if side.missing() is None}
    for (one,) in found.values():
        assert one["sockets lost"] == 0
        assert "KiB a socket" in one
        if workload not in ("idle", "quiet"):
            assert one["shown/s"] > 0
            assert one["p50 ms"] < 3_000
        if workload == "burst":
            assert one["all up to date after the worst burst, ms"] >= one["all up to date after a burst, ms"] > 0


def test_a_smaller_workload_keeps_what_a_socket_does() -> None:
    for load in WORKLOADS.values():
        less = smaller(load, 80)
        assert (less.per_socket, less.beat, less.burst) == (load.per_socket, load.beat, load.burst)
        assert less.per_socket <= less.symbols <= load.symbols
        assert 1 <= less.sockets < load.sockets
        assert bool(less.chains) == bool(load.chains)
        assert smaller(load, 1) == load


def test_a_share_is_of_a_side_and_at_most_all(capsys: pytest.CaptureFixture[str]) -> None:
    for bad in ("nobody=0.5", "one-frame=0", "one-frame=2", "one-frame=much"):
        with pytest.raises(SystemExit):
            peers.main(["--share", bad])
    assert "is not a number" in capsys.readouterr().err
