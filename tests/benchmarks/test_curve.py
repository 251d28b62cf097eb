"""The curve measures what it says of real installations, stops where it breaks, and leaves nothing running."""

import json
import os
from pathlib import Path

import pytest

from benchmarks import curve, kernel


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_small_curve_is_measured_and_drawn(tmp_path: Path) -> None:
    file = tmp_path / "curve.json"
    before = kernel.family([os.getpid()])  # the suite has a Valkey of its own
    small = ["--rate", "200", "--symbols", "60", "--per-socket", "10", "--seconds", "2", "--rounds", "1"]
    arguments = [
        "--workers",
        "1",
        "2",
        "--sockets",
        "40",
        "20",
        "--clients",
        "2",
        "--json",
        str(file),
        "--limit",
        "2000",
    ]
    curve.main([*small, *arguments, "--plot", str(tmp_path)])
    found = json.loads(file.read_text())["curves"]
    assert {workers: [step["sockets"] for step in steps] for workers, steps in found.items()} == {
        "1": [20, 40],
        "2": [20, 40],
    }
    for steps in found.values():
        for step in steps:
            (one,) = step["rounds"]
            assert one["sockets lost"] == 0
            assert one["rows published/s"] == pytest.approx(200, rel=0.4)
    # Two web processes have more memory than one, and a parent.
    assert found["2"][0]["rounds"][0]["MiB of the server"] > 1.5 * found["1"][0]["rounds"][0]["MiB of the server"]
    assert {path.name for path in tmp_path.glob("*.svg")} == {"curve-latency.svg", "curve-cpu.svg"}
    assert kernel.family([os.getpid()]) == before


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_it_goes_no_further_than_where_it_breaks(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--rate", "200", "--symbols", "60", "--per-socket", "10", "--seconds", "2", "--rounds", "1"]
    found = curve.main([*small, "--workers", "1", "--sockets", "20", "40", "--limit", "1"])
    (step,) = found["curves"]["1"]
    assert "over 1 ms" in step["broke"]
    assert "over 1 ms" in capsys.readouterr().out


def test_no_step_is_begun_after_the_time() -> None:
    assert curve.main(["--minutes", "-1", "--sockets", "10", "--workers", "1"])["curves"] == {"1": []}
