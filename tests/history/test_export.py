"""Exported files against the rows they are made of: CSV and Parquet, resumed, broken off, and named."""

import csv
import datetime as dt
import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars
import pytest
from django.core.management import CommandError, call_command

from marketdata.history import export as exporting
from marketdata.history import export_files, export_reading
from marketdata.history.columns import TICK, VALUES
from marketdata.history.database import Database
from marketdata.history.export_columns import BARS, COLUMNS, TICKS, Column
from marketdata.models import Instrument
from tests.builders import make_instrument

from . import seeding

pytestmark = pytest.mark.django_db
DAY = seeding.NOON_S // 86_400 * 86_400


def _run(folder: Path, *arguments: str, what: str = "ticks", form: str = "csv") -> str:
    said = io.StringIO()
    call_command(
        "export_history",
        "simulated",
        f"--what={what}",
        f"--format={form}",
        f"--folder={folder}",
        *arguments,
        stdout=said,
    )
    return said.getvalue()


def _market() -> tuple[Instrument, Instrument]:
    stock = make_instrument(
        "ACME", kind="stock", underlying="ACME", expiry=None, expires_at=None, strike=None, right=""
    )
    return stock, make_instrument()


def _ticks(option: int, count: int = 5) -> list[seeding.Row]:
    """Ticks of two UTC days, the second of which begins with the third."""
    return [
        seeding.tick(
            k,
            second=DAY + 86_400 - 2 + k,
            micro=k * 7,
            instrument=option,
            lag_us=None if k == 2 else -k,
            venue_us=(DAY + 5) * 1_000_000 if k == 2 else None,
            bid=None if k == 1 else 0.1 * k,
            flags=2 if k == 1 else None,
            last_time_ms=1_768_478_400_000.123,
            implied_volatility=0.1 + k / 3,
        )
        for k in range(1, count + 1)
    ]


def test_a_csv_holds_every_tick_in_order_with_symbols_and_times(history_database: Database, tmp_path: Path) -> None:
    stock, option = _market()
    ticks = _ticks(option.id)
    seeding.insert(history_database, [*ticks, seeding.tick(9, second=DAY + 100, instrument=stock.id)])
    said = _run(tmp_path)
    folder = tmp_path / "simulated" / "ACME"
    assert sorted(path.name for path in folder.iterdir()) == [
        "instruments.ndjson",
        "ticks-2026-01-15.csv",
        "ticks-2026-01-16.csv",
    ]
    with (folder / "ticks-2026-01-15.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["symbol"] for line in lines] == ["ACME", option.symbol]
    assert list(lines[0]) == [column.name for column in TICKS]
    first = lines[1]
    assert first["received_at"] == "2026-01-15T23:59:59.000007Z"
    assert first["venue_at"] == "2026-01-15T23:59:59.000008Z"
    assert (first["bid"], first["flags"], first["feed"]) == ("", "2", "simulated")
    with (folder / "ticks-2026-01-16.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [int(line["seq"]) for line in lines] == [tick[TICK.index("seq")] for tick in ticks[1:]]
    assert lines[0]["venue_at"] == "2026-01-15T00:00:05.000000Z"
    for line, tick in zip(lines, ticks[1:], strict=True):
        assert line.pop("last_at") == "2026-01-15T12:00:00.000123Z"
        for name in VALUES:
            if name != "last_time_ms":
                assert (float(line[name]) if line[name] else None) == tick[TICK.index(name)]
    assert "6 ticks in 2 new files" in said


@pytest.mark.parametrize("what", ["ticks", "bars"])
def test_parquet_holds_the_same_as_csv(history_database: Database, tmp_path: Path, what: str) -> None:
    _, option = _market()
    ticks = _ticks(option.id)
    seeding.insert(history_database, ticks)
    seeding.insert_bars(history_database, ticks, [seeding.trade(second=DAY + 86_400, instrument=option.id)])
    for form in ("csv", "parquet"):
        _run(tmp_path, what=what, form=form)
    path = tmp_path / "simulated" / "ACME" / f"{what}-2026-01-16"
    packed = polars.read_parquet(path.with_suffix(".parquet"))
    columns = TICKS if what == "ticks" else BARS
    kinds: dict[str, Any] = {
        "text": polars.String(),
        "time": polars.Datetime("us", "UTC"),
        "whole": polars.Int64(),
        "number": polars.Float64(),
    }
    assert dict(packed.schema) == {column.name: kinds[column.kind] for column in columns}
    assert packed.height == (4 if what == "ticks" else 1)
    plain = polars.read_csv(path.with_suffix(".csv"), schema_overrides=_texts(columns))
    times = [column.name for column in columns if column.kind == "time"]
    plain = plain.with_columns(
        polars.col(times).str.to_datetime("%Y-%m-%dT%H:%M:%S%.6fZ", time_unit="us", time_zone="UTC")
    )
    assert plain.equals(packed, null_equal=True)


def _texts(columns: Any) -> dict[str, Any]:
    kinds: dict[str, Any] = {"whole": polars.Int64(), "number": polars.Float64()}
    return {column.name: kinds.get(column.kind, polars.String()) for column in columns}


def test_facts_stand_beside_the_files_without_what_is_this_installations_own(
    history_database: Database, tmp_path: Path
) -> None:
    _, option = _market()
    seeding.insert(history_database, _ticks(option.id))
    _run(tmp_path)
    lines = (tmp_path / "simulated" / "ACME" / "instruments.ndjson").read_text().splitlines()
    facts = {one["symbol"]: one for one in map(json.loads, lines)}
    assert list(facts) == ["ACME", option.symbol]
    assert facts[option.symbol]["strike"] == 100
    assert facts[option.symbol]["expires_ms"] == option.facts().expires_ms
    assert not facts[option.symbol].keys() & {"id", "active", "streaming"}


def test_a_finished_file_is_not_made_again(history_database: Database, tmp_path: Path) -> None:
    _, option = _market()
    seeding.insert(history_database, _ticks(option.id))
    _run(tmp_path)
    made = tmp_path / "simulated" / "ACME" / "ticks-2026-01-15.csv"
    made.write_text("as it was")
    (made.parent / "ticks-2026-01-16.csv").unlink()
    # What a killed one leaves.
    (made.parent / ".ticks-2026-01-16.csv.part").write_text("half of")
    assert "4 ticks in 1 new files" in _run(tmp_path)
    assert made.read_text() == "as it was"
    assert len((made.parent / "ticks-2026-01-16.csv").read_text().splitlines()) == 5
    assert not list(made.parent.glob(".*"))


def test_a_day_that_is_not_over_is_made_again_until_it_is(history_database: Database, tmp_path: Path) -> None:
    _, option = _market()
    ticks = _ticks(option.id)
    seeding.insert(history_database, ticks[:3])
    order = exporting.Order("simulated", "ticks", "csv", tmp_path)
    folder = tmp_path / "simulated" / "ACME"
    evening = dt.datetime(2026, 1, 16, 18, tzinfo=dt.UTC)
    assert exporting.export(history_database, order, evening).rows == 3
    assert sorted(path.name for path in folder.glob("*.csv")) == [
        "ticks-2026-01-15.csv",
        "ticks-2026-01-16.unfinished.csv",
    ]
    seeding.insert(history_database, ticks[3:])
    assert exporting.export(history_database, order, evening).rows == 4
    done = exporting.export(history_database, order, evening + dt.timedelta(hours=6, minutes=5))
    assert (done.made, done.kept, done.rows) == (1, 1, 4)
    assert sorted(path.name for path in folder.glob("*.csv")) == ["ticks-2026-01-15.csv", "ticks-2026-01-16.csv"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_export_that_breaks_leaves_no_half_file_and_goes_on_later(
    history_database: Database, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_reading, "PAGE", 2)
    monkeypatch.setattr(export_reading, "_TICKS", export_reading._TICKS.replace("LIMIT 10000", "LIMIT 2"))
    _, option = _market()
    seeding.insert(history_database, _ticks(option.id))
    order = exporting.Order("simulated", "ticks", form, tmp_path)  # type: ignore[arg-type]
    now = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)

    class PulledPlugError(Exception):
        pass

    def tell(progress: exporting.Progress) -> None:
        if "01-16" in progress.path.name and progress.rows == 2:
            raise PulledPlugError

    with pytest.raises(PulledPlugError):
        exporting.export(history_database, order, now, tell)
    folder = tmp_path / "simulated" / "ACME"
    assert sorted(path.name for path in folder.iterdir()) == ["instruments.ndjson", f"ticks-2026-01-15.{form}"]
    done = exporting.export(history_database, order, now)
    assert (done.made, done.kept, done.rows) == (1, 1, 4)


def test_a_day_is_read_whole_whatever_the_page(
    history_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_reading, "PAGE", 3)
    monkeypatch.setattr(export_reading, "_TICKS", export_reading._TICKS.replace("LIMIT 10000", "LIMIT 3"))
    stock, option = _market()
    # Several in one second, so that pages end between them.
    ticks = [seeding.tick(k, second=DAY + k // 4, instrument=one.id) for one in (stock, option) for k in range(1, 12)]
    seeding.insert(history_database, ticks)
    _run(tmp_path)
    with (tmp_path / "simulated" / "ACME" / "ticks-2026-01-15.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [int(line["seq"]) for line in lines] == [tick[TICK.index("seq")] for tick in ticks]


def test_no_cell_of_a_csv_is_a_formula(history_database: Database, tmp_path: Path) -> None:
    option = make_instrument("-SUM", underlying="ACME")
    seeding.insert(history_database, [seeding.tick(1, instrument=option.id, delta=-0.5)])
    _run(tmp_path)
    [line] = (tmp_path / "simulated" / "ACME" / "ticks-2026-01-15.csv").read_text().splitlines()[1:]
    assert ",'-SUM," in line
    assert ",-0.5," in line


def test_an_underlying_cannot_name_another_folder(history_database: Database, tmp_path: Path) -> None:
    option = make_instrument("..", kind="stock", underlying="..")
    seeding.insert(history_database, [seeding.tick(1, instrument=option.id)])
    _run(tmp_path / "here")
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["here"]
    assert (tmp_path / "here" / "simulated" / "%2E." / "ticks-2026-01-15.csv").exists()


def test_days_and_underlyings_are_chosen(history_database: Database, tmp_path: Path) -> None:
    _, option = _market()
    other = make_instrument("ZEPH", kind="stock", underlying="ZEPH")
    seeding.insert(history_database, [*_ticks(option.id), seeding.tick(1, instrument=other.id)])
    _run(tmp_path, "--underlying=ACME", "--from=2026-01-16", "--to=2026-01-16")
    assert [path.name for path in tmp_path.rglob("*.csv")] == ["ticks-2026-01-16.csv"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--underlying=NONE"], "simulated has nothing on NONE; it has ACME"),
        (["--from=2026-02-30"], "no day"),
        (["--from=2026-01-02", "--to=2026-01-01"], "is after"),
    ],
)
def test_what_cannot_be_is_said(history_database: Database, tmp_path: Path, arguments: list[str], said: str) -> None:
    _market()
    with pytest.raises(CommandError, match=said):
        _run(tmp_path, *arguments)


def test_a_feed_without_instruments_is_named(history_database: Database, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no instruments of a feed 'simulated'"):
        _run(tmp_path)


def test_parquet_without_its_extra_names_it(
    history_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _market()
    monkeypatch.setitem(sys.modules, "arro3.io", None)
    with pytest.raises(CommandError, match=r"requirements-arrow\.txt"):
        _run(tmp_path, form="parquet")


def test_two_exports_do_not_write_into_one_folder(history_database: Database, tmp_path: Path) -> None:
    _market()
    with export_files.alone_in(tmp_path), pytest.raises(CommandError, match="another export"):
        _run(tmp_path)


def test_a_folder_that_cannot_be_is_one_line(history_database: Database, tmp_path: Path) -> None:
    _market()
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="cannot be made"):
        _run(tmp_path / "file" / "under")


def test_a_terminal_shows_a_bar(history_database: Database, tmp_path: Path) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    _, option = _market()
    seeding.insert(history_database, _ticks(option.id))
    said = Terminal()
    call_command("export_history", "simulated", "--format=csv", f"--folder={tmp_path}", stdout=said)
    assert "████ 2/2 files" in said.getvalue()
    assert said.getvalue().splitlines()[-1].endswith(f"5 ticks in 2 new files under {tmp_path}")


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
def test_the_columns_are_those_that_the_documentation_shows(columns: tuple[Column, ...]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
    assert "\n".join(f"| `{one.name}` | {one.kind} | {one.meaning} |" for one in columns) in page


def test_sigterm_ends_a_write_without_a_half_file(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal\n"
        "from marketdata.history.export_files import writing\n"
        "signal.signal(signal.SIGTERM, signal.default_int_handler)\n"
        f"with writing(pathlib.Path({str(tmp_path)!r}) / 'a.csv') as file:\n"
        "    file.write(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    signal.pause()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30, check=False)
    assert done.returncode == -signal.SIGINT, done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("form", "most_mb"), [("csv", 40), ("parquet", 100)])
def test_memory_does_not_grow_with_a_day(tmp_path: Path, form: str, most_mb: float) -> None:
    """Held at once, these ticks would take 80 MB more, as Parquet 150; Parquet holds a group of rows anyway."""
    url = f"sqlite:///{tmp_path / 'history.sqlite3'}"
    connection = Database(url).connect()
    values = ", ".join(f"k / {number + 3}.0" for number in range(len(VALUES)))
    connection.execute(
        f"INSERT INTO history_tick (second, micro, seq, instrument, lag_us, {', '.join(VALUES)}) "
        "WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < 150000) "
        f"SELECT {DAY} + k / 2, 0, k, 1, 2000, {values} FROM n"
    )
    connection.close()
    program = (
        "import pathlib, resource, sys\n"
        "from marketdata.history.database import Database\n"
        "from marketdata.history.export_columns import COLUMNS\n"
        "from marketdata.history.export_files import writer_of, writing\n"
        "from marketdata.history.export_reading import Stored, chunks\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        f"form, day = {form!r}, {DAY // 86_400}\n"
        "write = writer_of(form)\n"
        "before = peak()\n"
        f"rows = chunks(Database({url!r}), 'ticks', 'simulated', [Stored(1, 'ACME', day, day)], day)\n"
        f"with writing(pathlib.Path({str(tmp_path)!r}) / f'made.{{form}}') as file:\n"
        "    write(file, COLUMNS['ticks'], rows)\n"
        "print(peak() - before)\n"
    )
    program = f"import django; django.setup()\n{program}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / f"made.{form}").stat().st_size > 1_000_000
    assert float(done.stdout) < most_mb
