"""Lean's minute bars, imported and asked for through REST, against the files bar by bar and field by field: the recorded
GOOG day where there is one, and always a folder of our own.
"""

import datetime as dt
import io
import os
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from pytest_django import Settings

from marketdata.history.database import Database
from tests.history import lean_folder
from tests.history.lean_folder import Bars, Expected

from .conftest import ApiClient

pytestmark = pytest.mark.django_db
NEW_YORK = ZoneInfo("America/New_York")
# 275,552 lines of option quotes, of which 985 quote neither side, and 37 minutes in which only trades were; 163,230 lines
# have both sides, none of which cross. Of the stock, 260 minutes have quotes, and 5 more only trades.
SAMPLE_OPTION_BARS, SAMPLE_OPTION_MIDS, SAMPLE_OPTION_TRADES, SAMPLE_STOCK_BARS = 275_552 - 985 + 37, 163_230, 958, 265


class Lean(NamedTuple):
    """A folder, the days it is of, and when the exchange closes on them (a half day, in the sample)."""

    folder: Path
    first: dt.date
    last: dt.date
    closes: dt.time


def _sample() -> Lean:
    folder = os.environ.get("STRIKEWIRE_SAMPLE_DATA")
    if not folder:
        pytest.skip("STRIKEWIRE_SAMPLE_DATA names no folder with Lean's GOOG day")
    day = dt.date(2015, 12, 24)
    return Lean(Path(folder) / "lean", day, day, dt.time(13))


@pytest.fixture(params=["own", "sample"])
def lean(request: pytest.FixtureRequest, tmp_path: Path, settings: Settings) -> Lean:
    settings.REST_REQUESTS_PER_MINUTE = 1_000_000
    if request.param == "sample":
        return _sample()
    return Lean(lean_folder.write(tmp_path / "lean"), dt.date(2024, 3, 8), dt.date(2024, 3, 11), dt.time(16))


def _import(lean: Lean) -> None:
    call_command("import_history", str(lean.folder), "--feed=lean", "--source=lean", stdout=io.StringIO())


def _bars(api: ApiClient, lean: Lean, symbol: str, interval: str) -> list[dict[str, Any]]:
    start, stop = f"{lean.first}T00:00:00Z", f"{lean.last + dt.timedelta(days=1)}T12:00:00Z"
    answer = api.get(
        f"/api/v1/instruments/lean.{symbol}/bars/?interval={interval}&from={start}&to={stop}&page_size=10000"
    )
    assert answer.status_code == 200, answer.content[:500]
    body = answer.json()
    assert (body["symbol"], body["feed"], body["next"]) == (symbol, "lean", None)
    bars: list[dict[str, Any]] = body["results"]
    return bars


def _by_symbol(bars: Bars) -> dict[str, dict[int, Expected]]:
    found: dict[str, dict[int, Expected]] = {}
    for (symbol, minute), bar in bars.items():
        found.setdefault(symbol, {})[minute] = bar
    return found


def _text(second: int) -> str:
    return f"{dt.datetime.fromtimestamp(second, dt.UTC):%Y-%m-%dT%H:%M:%S}.000000Z"


def _day(minute: int, lean: Lean) -> str | None:
    """The exchange's day of a minute in its session."""
    at = dt.datetime.fromtimestamp(minute * 60, NEW_YORK)
    return str(at.date()) if dt.time(9, 30) <= at.time() < lean.closes else None


def _shown(minute: int, bar: Expected, lean: Lean) -> dict[str, Any]:
    """What REST has to say of a bar of the files."""
    parts = ("open", "high", "low", "close")
    return {
        "starts_at": _text(minute * 60),
        "ends_at": _text(minute * 60 + 60),
        "day": _day(minute, lean),
        **{f"mid_{part}": value for part, value in zip(parts, bar.mid or [None] * 4, strict=True)},
        **{f"last_{part}": value for part, value in zip(parts, bar.last or [None] * 4, strict=True)},
        "volume": bar.volume,
        "implied_volatility": None,
        "ticks": 0,
    }


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("history_database", "lean"),
    [
        ("sqlite", "own"),
        ("postgresql", "own"),
        ("sqlite", "sample"),
        pytest.param("postgresql", "sample", marks=pytest.mark.slow),
    ],
    indirect=True,
)
def test_every_bar_of_the_source_comes_out_of_rest_field_by_field(
    history_database: Database, api: ApiClient, lean: Lean
) -> None:
    _import(lean)
    expected = _by_symbol(lean_folder.read(lean.folder))
    compared = 0
    for symbol, bars in expected.items():
        assert _bars(api, lean, symbol, "1m") == [_shown(minute, bars[minute], lean) for minute in sorted(bars)], symbol
        compared += len(bars)
    # And nothing besides.
    assert history_database.rows("SELECT count(*) FROM history_bar") == [(compared,)]
    _check_days(api, lean, expected)


def _check_days(api: ApiClient, lean: Lean, expected: dict[str, dict[int, Expected]]) -> None:
    """Of the most traded, the bars of a day against those of its session's minutes."""
    traded = {symbol: sum(bar.last is not None for bar in bars.values()) for symbol, bars in expected.items()}
    for symbol in sorted(traded, key=lambda one: -traded[one])[:20]:
        by_day: dict[str, dict[int, Expected]] = {}
        for minute in sorted(expected[symbol]):
            day = _day(minute, lean)
            if day is not None:
                by_day.setdefault(day, {})[minute] = expected[symbol][minute]
        days = {bar["day"]: bar for bar in _bars(api, lean, symbol, "1d")}
        assert days.keys() == by_day.keys()
        for day, bars in by_day.items():
            for name in ("mid", "last"):
                known = [prices for bar in bars.values() if (prices := getattr(bar, name)) is not None]
                assert [days[day][f"{name}_{part}"] for part in ("open", "high", "low", "close")] == (
                    [known[0][0], max(one[1] for one in known), min(one[2] for one in known), known[-1][3]]
                    if known
                    else [None] * 4
                ), (symbol, day)
            volumes = [bar.volume for bar in bars.values() if bar.volume is not None]
            assert days[day]["volume"] == (sum(volumes) if volumes else None)


def test_the_recorded_day_is_the_one_that_is_described() -> None:
    bars = lean_folder.read(_sample().folder)
    options = [bar for (symbol, _), bar in bars.items() if symbol != "GOOG"]
    assert len(options) == SAMPLE_OPTION_BARS
    assert sum(bar.mid is not None for bar in options) == SAMPLE_OPTION_MIDS
    assert sum(bar.last is not None for bar in options) == SAMPLE_OPTION_TRADES
    assert len(bars) - len(options) == SAMPLE_STOCK_BARS
