"""The pictures are well-formed, show what the figures say, and need nothing but themselves."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import plots
from benchmarks.curve import broke
from benchmarks.svg import Bar, Line, bars, lines, ticks

SVG = "{http://www.w3.org/2000/svg}"
ROUND = {
    "served, % of due": 100.0,
    "served/CPU s": 1_000_000.0,
    "p50 ms": 50.0,
    "p99 ms": 100.0,
    "sockets lost": 0.0,
    "server, share of a core": 0.2,
    "redis, share of a core": 0.05,
    "publisher, share of a core": 0.1,
    "clients, share of a core": 0.3,
}


def texts(picture: str) -> list[str]:
    return ["".join(one.itertext()) for one in ET.fromstring(picture).iter(f"{SVG}text")]


def widths(picture: str) -> list[float]:
    return [
        float(one.attrib["width"]) for one in ET.fromstring(picture).iter(f"{SVG}rect") if one.get("class") != "back"
    ]


def test_bars_are_as_long_as_their_values_and_have_their_spread() -> None:
    rows = [Bar("one", 100, 80, 120), Bar("half", 50, 50, 60), Bar("late", None, note="cannot follow")]
    picture = bars("Title <1>", "below", rows)
    one, half = widths(picture)
    assert one == pytest.approx(2 * half, abs=0.2)
    assert {"Title <1>", "below", "one", "100", "half", "50", "late", "cannot follow"} <= set(texts(picture))
    whiskers = re.findall(r'class="whisker" d="M([\d.]+) [\d.]+H([\d.]+)', picture)
    low, high = map(float, whiskers[0])
    assert (high - low) / one == pytest.approx(0.4, rel=0.01)


def test_a_line_goes_through_its_points_and_says_why_it_ends() -> None:
    points = [(1_000, 50, 40, 60), (2_000, 100, 90, 110)]
    picture = lines("Title", "below", [Line("p99", points, ends="2,000: too late")], "sockets", "ms", limit=100)
    drawn = re.findall(r'class="line c0" d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"', picture)
    ((x1, y1, x2, y2),) = [tuple(map(float, one)) for one in drawn]
    assert x2 - 64 == pytest.approx(2 * (x1 - 64), rel=0.01)  # from the left edge of the plot
    assert 364 - y2 == pytest.approx(2 * (364 - y1), rel=0.01)  # from its lower one
    assert "p99, ✕ 2,000: too late" in texts(picture)


@pytest.mark.parametrize("most", [0.03, 1, 7, 99, 250, 10_000])
def test_ticks_are_round_and_reach_the_largest(most: float) -> None:
    found = ticks(most)
    assert found[0] == 0
    assert found[-1] >= most > found[-2]
    assert 4 <= len(found) <= 9


def test_a_picture_is_readable_in_light_and_dark_and_stands_alone() -> None:
    picture = bars("Title", "below", [Bar("one", 1, 1, 1)])
    assert "prefers-color-scheme:dark" in picture
    assert 'class="back"' in picture
    assert not re.search(r"<script|href|url\(|@import", picture)


def test_files_become_pictures(tmp_path: Path) -> None:
    behind = {**ROUND, "served, % of due": 12.0}
    (tmp_path / "peers.json").write_text(
        json.dumps({"heavy": {"strikewire": [ROUND, {**ROUND, "served/CPU s": 2_000_000.0}], "socket.io": [behind]}})
    )
    steps = [
        {"sockets": 500, "rounds": [ROUND], "broke": None},
        {"sockets": 1_000, "rounds": [{**ROUND, "p99 ms": 900.0}], "broke": "p99 900 ms, which is over 250 ms"},
    ]
    options = {"per_socket": 50, "symbols": 500, "rate": 5_000.0, "beat": 100, "rounds": 1, "limit": 250.0}
    failed = [{"sockets": 500, "rounds": [], "broke": "not all came in"}]
    (tmp_path / "curve.json").write_text(json.dumps({"options": options, "curves": {"1": steps, "2": failed}}))
    plots.main([str(tmp_path / "peers.json"), str(tmp_path / "curve.json"), "--folder", str(tmp_path / "images")])
    made = {path.name: path.read_text() for path in (tmp_path / "images").iterdir()}
    assert set(made) == {"served-heavy.svg", "curve-latency.svg", "curve-cpu.svg"}
    assert {"1,500,000", "cannot follow: 12 % served"} <= set(texts(made["served-heavy.svg"]))
    said = texts(made["curve-latency.svg"])
    assert "p99, 1 web process, ✕ 1,000: p99 900 ms, which is over 250 ms" in said
    assert "p99, 2 web processes, ✕ 500: not all came in" in said
    assert "Redis beside 1 web process" in texts(made["curve-cpu.svg"])


def test_where_it_breaks_is_said_with_why() -> None:
    assert broke([ROUND], 250) is None
    for figure, value, words in (
        ("served, % of due", 98.0, "served 98.0 %"),
        ("p99 ms", 251.0, "p99 251 ms"),
        ("sockets lost", 3.0, "3 sockets were lost"),
    ):
        assert words in str(broke([{**ROUND, figure: value}], 250))
    # One bad round of three is the machine's.
    assert broke([ROUND, ROUND, {**ROUND, "served, % of due": 10.0}], 250) is None
