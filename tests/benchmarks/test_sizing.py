"""The sizing model: its formulas against a played market, its page against the code, its units against what they are
made from.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import sizing
from benchmarks.peers.workloads import WORKLOADS
from benchmarks.sizing_model import HEADERS, Asked, Units, compared, covered, frame, needs, rates, units_of
from benchmarks.units import LOADS, RECORDED, fitted, least_squares

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "sizing.md"
ASKED = Asked(sockets=1_000, symbols=200, per_socket=20, rate=1_000, beat=100)
UNITS = Units(
    web_base=0.01,
    web_socket_us=2,
    web_received_us=5,
    web_frame_us=12,
    web_shown_us=0.4,
    web_byte_us=0.001,
    web_process_mib=90,
    socket_kib=20,
    subscription_kib=0.5,
    redis_base=0.002,
    redis_quote_us=4,
    redis_delivery_us=1,
    ingest_base=0.02,
    ingest_quote_us=6,
    recorder_base=0.01,
    recorder_quote_us=10,
    frame_bytes=50,
    row_bytes=180,
    calibration_us=1.3,
)


@pytest.mark.parametrize(
    "asked", [ASKED, ASKED._replace(rate=40), ASKED._replace(rate=100, spread="even", per_socket=3)]
)
def test_rows_and_frames_are_those_of_a_market_that_is_played(asked: Asked) -> None:
    rng = np.random.default_rng(7)
    beats, sockets = 200, 2_000  # many choices: whether the busiest symbol is among them matters most
    changed = rng.poisson(rates(asked) * asked.beat / 1000, (beats, asked.symbols)) > 0
    choices = [rng.choice(asked.symbols, asked.per_socket, replace=False) for _ in range(sockets)]
    rows = np.array([changed[:, choice].sum(axis=1) for choice in choices])
    frames_a_second, rows_a_frame = frame(asked)
    assert frames_a_second == pytest.approx((rows > 0).mean() * 1000 / asked.beat, rel=0.05)
    assert frames_a_second * rows_a_frame == pytest.approx(rows.mean() * 1000 / asked.beat, rel=0.05)


def test_the_rows_of_a_symbol_are_at_most_its_quotes_and_at_most_one_a_beat() -> None:
    one = Asked(1, 1, 1, 3.0, 500)
    assert math.prod(frame(one)) == pytest.approx((1 - math.exp(-1.5)) / 0.5)
    assert math.prod(frame(one._replace(rate=1e6))) == pytest.approx(2)
    assert math.prod(frame(one._replace(beat=0))) == pytest.approx(3, rel=0.01)


def test_what_a_web_process_receives_is_what_its_sockets_follow() -> None:
    assert covered(ASKED._replace(sockets=1), 1) == pytest.approx(0.1)
    assert covered(ASKED, 1) == pytest.approx(1)
    assert covered(ASKED._replace(sockets=4), 2) == pytest.approx(1 - 0.9**2)


def test_the_needs_are_the_sums_that_the_page_states() -> None:
    found = needs(ASKED, UNITS, processes=2)
    frames, rows = frame(ASKED)
    received = 2 * ASKED.rate * covered(ASKED, 2)
    spent = 1_000 * 2 + received * 5 + 1_000 * frames * 12 + 1_000 * frames * rows * 0.4
    assert found.web == pytest.approx(2 * 0.01 + spent / 1e6)
    assert found.web_share == found.web / 2
    assert found.redis == pytest.approx(0.002 + (1_000 * 4 + received) / 1e6)
    assert found.ingest == pytest.approx(0.026)
    assert found.recorder == pytest.approx(0.02)
    assert found.wire_bytes == pytest.approx(1_000 * frames * (50 + HEADERS + rows * 180))
    assert found.web_mib == pytest.approx(2 * 90 + 1_000 * 30 / 1024)
    wider = needs(ASKED, UNITS, processes=2, row_bytes=280)
    assert wider.web - found.web == pytest.approx(found.shown * 100 * 0.001 / 1e6)


def test_as_many_web_processes_as_keep_each_below_the_most() -> None:
    for sockets in (100, 5_000, 40_000):
        asked = ASKED._replace(sockets=sockets)
        found = needs(asked, UNITS)
        assert found.web_share <= asked.most
        if found.web_processes > 1:
            assert needs(asked, UNITS, found.web_processes - 1).web_share > asked.most
    assert needs(ASKED._replace(sockets=40_000), UNITS).web_processes > 5


def test_a_rate_that_no_number_of_web_processes_takes_is_refused() -> None:
    with pytest.raises(ValueError, match="split the symbols"):
        needs(ASKED._replace(rate=5e6), UNITS)


def test_the_units_are_found_again_in_loads_that_cost_by_them() -> None:
    measured: dict[str, dict[str, float]] = {}
    for name, load in LOADS.items():
        asked = Asked(load.sockets, load.symbols, load.per_socket, load.rate, load.beat)
        said = needs(asked, UNITS, load.workers)
        measured[name] = {
            "sockets": load.sockets,
            "received": said.received,
            "frames/s": said.frames,
            "shown/s": said.shown,
            "rows published/s": load.rate,
            "MB/s": said.payload_bytes / 1e6,
            "server, share of a core": said.web,
            "redis, share of a core": said.redis,
            "publisher, share of a core": said.ingest,
            "KiB a socket": said.socket_kib,
            "MiB of the server": UNITS.web_process_mib,
        }
    for name, load in RECORDED.items():
        measured[name] = {"recorder, share of a core": 0.01 + load.rate * 10 / 1e6, "rows published/s": load.rate}
    found = fitted(measured, UNITS.calibration_us, UNITS.web_byte_us)
    assert found._asdict() == pytest.approx(UNITS._asdict(), rel=1e-6)


def test_no_cost_is_below_zero() -> None:
    costs = least_squares([(1, 1), (1, 2), (1, 3)], [3.0, 2.0, 1.0])
    assert costs[0] > 0
    assert costs[1] == 0


def test_a_prediction_is_compared_with_what_was_measured() -> None:
    said = needs(ASKED, UNITS, 1)
    run = {"frames/s": said.frames / 2, "server, share of a core": said.web, "KiB a socket": 60.0}
    errors = {one.name: one.error for one in compared(ASKED, UNITS, run)}
    assert errors == pytest.approx({"frames/s": 1, "server, share of a core": 0, "KiB a socket": -0.5})


def test_a_file_of_the_comparison_is_held_against_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load = WORKLOADS["heavy"]
    said = needs(Asked(load.sockets, load.symbols, load.per_socket, load.rate, load.beat), units_of(), 1)
    rounds = [{"calibration, µs a bare frame": 1.5, "frames/s": said.frames * factor} for factor in (0.8, 1, 1.2)]
    file = tmp_path / "peers.json"
    file.write_text(json.dumps({"heavy": {"strikewire": rounds}}))
    sizing.main(["--against", str(file), "--workload", "heavy"])
    lines = capsys.readouterr().out.splitlines()
    assert "1.50 µs" in lines[0]
    assert lines[2].split()[0] == "frames/s"
    assert lines[2].split()[-1] in ("+0.0%", "-0.0%")


def test_the_pages_worked_example_is_what_the_command_prints() -> None:
    (found,) = sizing.EXAMPLE.finditer(PAGE.read_text())
    assert found[2] == sizing.said_of(found[1], units_of())


def test_the_example_is_written_anew(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text().replace("web processes   ", "web processes: many   "))
    assert page.read_text() != PAGE.read_text()
    sizing.main(["--page", str(page)])
    assert page.read_text() == PAGE.read_text()


def test_the_page_names_every_unit() -> None:
    page = PAGE.read_text()
    unnamed = {"web_base", "redis_base", "ingest_base", "recorder_base", "calibration_us"}
    for name in set(Units._fields) - unnamed:
        assert f"`{name}`" in page, name


def test_a_socket_does_not_follow_more_than_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        sizing.main(["--symbols", "10", "--per-socket", "11"])
    assert "more symbols than there are" in capsys.readouterr().err


def test_the_units_file_says_what_it_comes_from() -> None:
    text: Any = json.loads((ROOT / "benchmarks" / "units.json").read_text())
    assert set(text["measured"]) == {*LOADS, *RECORDED}
    assert text["units"]["calibration_us"] > 0
    # What is reckoned from what was measured is what stands there.
    measured = text["measured"]
    again = fitted(measured, text["units"]["calibration_us"], text["units"]["web_byte_us"])
    assert again._asdict() == pytest.approx(text["units"], rel=2e-2, abs=1e-3)
