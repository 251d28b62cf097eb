"""The comparison runs, and what it says is true: every side serves a small load."""

import json
from pathlib import Path

import pytest

from benchmarks.peers import __main__ as peers
from benchmarks.peers.workloads import QUICK

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("side", list(peers.SIDES))
def test_a_side_serves_a_small_load(side: str, tmp_path: Path) -> None:
    if (why := peers.SIDES[side].missing()) is not None:
        pytest.skip(why)
    file = tmp_path / "figures.json"
    peers.main(["--quick", "--peers", side, "--json", str(file)])
    (one,) = json.loads(file.read_text())["heavy"][side]
    assert one["rows published/s"] == pytest.approx(QUICK.rate, rel=0.3)
    assert one["rows on the wire/s"] > 0.2 * QUICK.rate * QUICK.sockets * QUICK.per_socket / QUICK.symbols
    assert one["sockets lost"] == 0
    assert 0 < one["server, share of a core"] < 1
    assert one["p50 ms"] < 5_000


def test_a_share_is_of_a_side_and_at_most_all(capsys: pytest.CaptureFixture[str]) -> None:
    for bad in ("nobody=0.5", "one-frame=0", "one-frame=2", "one-frame=much"):
        with pytest.raises(SystemExit):
            peers.main(["--share", bad])
    assert "is not a number" in capsys.readouterr().err
