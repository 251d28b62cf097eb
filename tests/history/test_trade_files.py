"""Trades as files: what export_history writes, import_history brings back, once; and no volume is counted twice."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import polars
import pytest
from django.core.management import CommandError, call_command

from marketdata.history import trade_queries
from marketdata.history.columns import TRADE
from marketdata.history.database import Database
from marketdata.history.export_columns import TRADES
from marketdata.models import Instrument
from tests.builders import make_instrument

from . import seeding

pytestmark = pytest.mark.django_db
MIDNIGHT = (seeding.NOON_S // 86_400 + 1) * 86_400
FORMATS = pytest.mark.parametrize("form", ["csv", "parquet"])
HEADER = "symbol,received_at,traded_at,price,size,trade_id"
GOOD = "ACME,2026-01-15T12:00:00.000001Z,2026-01-15T12:00:00Z,1.5,2,x1"
# As venues write them, and what a spreadsheet would run or take for its own sign of a text.
IDS = ("1", "#1252800-7", "=1+1", "'=1", "''@x", 'a,"b"', "-5", "ü")


def _seed(database: Database) -> Instrument:
    """Ticks and trades of two UTC days, and the bars that they make together."""
    stock = make_instrument(
        "ACME", kind="stock", underlying="ACME", expiry=None, expires_at=None, strike=None, right=""
    )
    ticks = [seeding.tick(k, second=MIDNIGHT - 60 + k * 10, instrument=stock.id) for k in range(1, 13)]
    trades = [
        seeding.trade(
            trade_id,
            second=MIDNIGHT - 4 + number,
            instrument=stock.id,
            micro=number,
            price=-0.05 if number == 1 else 0.1 * number,
            size=number / 3,
        )
        for number, trade_id in enumerate(IDS)
    ]
    seeding.insert(database, ticks, trades)
    seeding.insert_bars(database, ticks, trades)
    return stock


def _export(folder: Path, what: str, form: str) -> str:
    said = io.StringIO()
    arguments = ("export_history", "simulated", f"--what={what}", f"--format={form}", f"--folder={folder}")
    call_command(*arguments, stdout=said)
    return said.getvalue()


def _import(path: Path, *arguments: str) -> str:
    said = io.StringIO()
    call_command("import_history", str(path), "--feed=brought", *arguments, stdout=said)
    return said.getvalue()


def _trades(database: Database, feed: str) -> list[tuple[Any, ...]]:
    columns = ", ".join(name for name in TRADE if name != "instrument")
    [instrument] = Instrument.objects.filter(feed=feed, symbol="ACME")
    found = database.rows(f"SELECT {columns} FROM history_trade WHERE instrument = %s", (instrument.id,))
    return sorted(found)


def _volumes(database: Database, feed: str) -> list[tuple[int, Any]]:
    [instrument] = Instrument.objects.filter(feed=feed, symbol="ACME")
    return [
        (minute, None if volume is None else pytest.approx(volume))
        for minute, volume in database.rows(
            "SELECT minute, trade_volume FROM history_bar WHERE instrument = %s ORDER BY minute", (instrument.id,)
        )
    ]


@FORMATS
def test_trades_come_out_and_go_in_as_they_were(history_database: Database, tmp_path: Path, form: str) -> None:
    _seed(history_database)
    assert f"{len(IDS)} trades in 2 new files" in _export(tmp_path, "trades", form)
    folder = tmp_path / "simulated" / "ACME"
    assert sorted(path.name for path in folder.iterdir()) == [
        "instruments.ndjson",
        f"trades-2026-01-15.{form}",
        f"trades-2026-01-16.{form}",
    ]
    said = _import(tmp_path)
    assert f"{len(IDS)} trades read, {len(IDS)} of them new" in said
    assert _trades(history_database, "brought") == _trades(history_database, "simulated")
    before = _volumes(history_database, "brought")
    assert f"{len(IDS)} trades read, 0 of them new" in _import(tmp_path)
    assert _volumes(history_database, "brought") == before


def test_a_csv_of_trades_has_times_and_no_formula(history_database: Database, tmp_path: Path) -> None:
    _seed(history_database)
    _export(tmp_path, "trades", "csv")
    lines = []
    for day in (15, 16):
        with (tmp_path / "simulated" / "ACME" / f"trades-2026-01-{day}.csv").open(newline="") as file:
            lines += list(csv.DictReader(file))
    assert list(lines[0]) == [column.name for column in TRADES]
    assert [line["trade_id"] for line in lines] == ["1", "#1252800-7", "'=1+1", "''=1", "'''@x", 'a,"b"', "'-5", "ü"]
    assert lines[1]["received_at"] == "2026-01-15T23:59:57.000001Z"
    assert lines[1]["traded_at"] == "2026-01-15T23:59:56.998000Z"
    assert float(lines[1]["price"]) == -0.05


def test_a_day_of_more_trades_than_a_page_is_whole(
    history_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trade_queries, "PIECE", 3)
    stock = _seed(history_database)
    # Several in one microsecond, so that pages end between them.
    seeding.insert(history_database, trades=[seeding.trade(f"m{n}", MIDNIGHT + 9, stock.id) for n in range(8)])
    _export(tmp_path, "trades", "parquet")
    found = polars.read_parquet(tmp_path / "simulated" / "ACME" / "trades-*.parquet")
    assert sorted(found["trade_id"]) == sorted([*IDS, *(f"m{n}" for n in range(8))])
    assert found["received_at"].is_sorted()
    assert found.schema["traded_at"] == polars.Datetime("us", "UTC")


@pytest.mark.parametrize(
    "order", [("ticks", "bars", "trades"), ("bars", "trades", "ticks"), ("trades", "ticks", "bars"), ("trades", "bars")]
)
def test_no_volume_counts_twice_whatever_comes_first(
    history_database: Database, tmp_path: Path, order: tuple[str, ...]
) -> None:
    _seed(history_database)
    for what in order:
        _export(tmp_path, what, "csv")
    for what in order:
        for path in sorted(tmp_path.rglob(f"{what}-*.csv")):
            _import(path)
    assert _volumes(history_database, "brought") == _volumes(history_database, "simulated")
    call_command("verify_history", "brought", stdout=io.StringIO())


def test_a_bar_that_knows_of_more_trades_keeps_its_volume(history_database: Database, tmp_path: Path) -> None:
    _seed(history_database)
    for what in ("bars", "trades"):
        _export(tmp_path, what, "csv")
    expected = _volumes(history_database, "simulated")
    for path in sorted(tmp_path.rglob("bars-*.csv")):
        _import(path)
    [*_, path] = sorted(tmp_path.rglob("trades-*.csv"))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2]))
    _import(path)
    assert _volumes(history_database, "brought") == expected


def _write(folder: Path, lines: list[str]) -> Path:
    facts = {"symbol": "ACME", "feed": "x", "kind": "stock", "underlying": "ACME"}
    (folder / "instruments.ndjson").write_text(json.dumps(facts) + "\n")
    path = folder / "some.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (GOOD.replace(",1.5,", ",,"), "price: there is none"),
        (GOOD.replace(",1.5,", ",nan,"), "price: 'nan' is no number"),
        (GOOD.replace(",2,", ",-2,"), "size: -2.0 is negative"),
        (GOOD.replace(",2,", ",,"), "size: there is none"),
        (GOOD.replace("x1", ""), "trade_id: takes 1 to 64"),
        (GOOD.replace("x1", "x" * 65), "trade_id: takes 1 to 64"),
        (GOOD.replace("2026-01-15T12:00:00.000001Z", ""), "received_at: there is none"),
        (GOOD.replace("2026-01-15T12:00:00Z", "1999-01-15T12:00:00Z"), "traded_at: not a time from 2000"),
    ],
)
def test_a_bad_trade_is_set_aside(history_database: Database, tmp_path: Path, line: str, reason: str) -> None:
    path = _write(tmp_path, [GOOD, line, GOOD.replace("x1", "x2").replace("2026-01-15T12:00:00Z", "")])
    aside = tmp_path / "aside.ndjson"
    with pytest.raises(SystemExit):
        _import(path, f"--set-aside={aside}")
    [bad] = map(json.loads, aside.read_text().splitlines())
    assert bad["line"] == 3
    assert reason in bad["reason"]
    received = seeding.NOON_S * 1_000_000
    assert [row[2:] for row in _trades(history_database, "brought")] == [
        (received, 1.5, 2.0, "x1"),
        (received + 1, 1.5, 2.0, "x2"),  # without a time of its own
    ]


def test_a_file_that_lacks_what_a_trade_needs_is_one_line(history_database: Database, tmp_path: Path) -> None:
    path = _write(tmp_path, [])
    path.write_text("symbol,received_at,trade_id\n")
    with pytest.raises(CommandError, match="lacks price, size"):
        _import(path)
