"""What export_history wrote, imported: the same rows come out again, once; bad rows stand aside; a feed keeps its own."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from marketdata.history import import_run
from marketdata.history.columns import BAR, TICK, VALUES
from marketdata.history.database import Database
from marketdata.models import Instrument
from tests.builders import make_instrument

from . import seeding

pytestmark = pytest.mark.django_db
MIDNIGHT = seeding.NOON_S // 86_400 * 86_400
FORMATS = pytest.mark.parametrize("form", ["csv", "parquet"])
HEADER = "symbol,received_at,venue_at,seq,bid,ask,flags"
GOOD = "ACME,2026-01-15T12:00:00.000001Z,2026-01-15T12:00:00.000000Z,7,1.5,2.5,0"


def _seed(database: Database) -> list[seeding.Row]:
    """A stock and two options, one with an awkward name; ticks of two days with every column filled in some, and what is
    hard to carry: nulls, a venue's time far away, the last digits of floats."""
    stock = make_instrument(
        "ACME", kind="stock", underlying="ACME", expiry=None, expires_at=None, strike=None, right=""
    )
    odd = make_instrument("-ACME.X", underlying="ACME", venue_symbol="odd one")
    full: dict[str, Any] = {name: 0.1 * number + 1 / 3 for number, name in enumerate(VALUES)}
    full["last_time_ms"] = 1_768_478_400_000.123
    ticks = [
        seeding.tick(k, second=MIDNIGHT + 86_390 + k, micro=999_999, instrument=one.id, **(full if k % 3 else {}))
        for one in (stock, odd, make_instrument())
        for k in range(1, 40)
    ]
    ticks.append(
        seeding.tick(41, second=MIDNIGHT + 86_440, instrument=stock.id, lag_us=None, venue_us=1_600_000_000_000_001)
    )
    ticks.append(
        seeding.tick(42, second=MIDNIGHT + 86_440, instrument=stock.id, lag_us=-5, bid=None, flags=2, delta=-0.5)
    )
    ticks.append(seeding.tick(43, second=MIDNIGHT + 86_441, instrument=stock.id, lag_us=None))
    seeding.insert(database, ticks)
    seeding.insert_bars(database, ticks, [seeding.trade(second=MIDNIGHT + 86_441, instrument=stock.id, size=3.0)])
    return ticks


def _export(folder: Path, form: str, *whats: str) -> None:
    for what in whats:
        call_command(
            "export_history",
            "simulated",
            f"--what={what}",
            f"--format={form}",
            f"--folder={folder}",
            stdout=io.StringIO(),
        )


def _import(path: Path, *arguments: str, feed: str = "brought") -> str:
    said = io.StringIO()
    call_command("import_history", str(path), f"--feed={feed}", *arguments, stdout=said)
    return said.getvalue()


def _table(database: Database, table: str, feed: str) -> list[tuple[Any, ...]]:
    """Its rows of one feed, with symbols for ids."""
    columns = TICK if table == "history_tick" else BAR
    order = "second, seq" if table == "history_tick" else "minute"
    rows = []
    for one in Instrument.objects.filter(feed=feed).order_by("symbol"):
        found = database.rows(
            f"SELECT {', '.join(columns)} FROM {table} WHERE instrument = %s ORDER BY {order}", (one.id,)
        )
        place = columns.index("instrument")
        rows += [(*row[:place], one.symbol, *row[place + 1 :]) for row in found]
    return rows


@FORMATS
@pytest.mark.parametrize("whats", [("ticks",), ("bars",), ("ticks", "bars")])
def test_what_was_exported_comes_in_as_it_was(
    history_database: Database, tmp_path: Path, form: str, whats: tuple[str, ...]
) -> None:
    ticks = _seed(history_database)
    _export(tmp_path, form, *whats)
    said = _import(tmp_path)
    if "ticks" in whats:
        assert f"{len(ticks)} ticks read, {len(ticks)} of them new" in said
        assert _table(history_database, "history_tick", "brought") == _table(
            history_database, "history_tick", "simulated"
        )
    bars, brought = (_table(history_database, "history_bar", feed) for feed in ("simulated", "brought"))
    if "bars" not in whats:  # made of the ticks, which know nothing of trades
        place = BAR.index("trade_volume")
        bars = [(*bar[:place], None, *bar[place + 1 :]) for bar in bars]
    assert brought == bars
    assert "3 instruments new" in said


@FORMATS
def test_facts_come_with_it_and_nothing_is_offered(history_database: Database, tmp_path: Path, form: str) -> None:
    _seed(history_database)
    _export(tmp_path, form, "bars")
    _import(tmp_path)
    for one in Instrument.objects.filter(feed="simulated"):
        brought = Instrument.objects.get(feed="brought", symbol=one.symbol)
        assert not brought.offered
        for name in (
            "venue_symbol",
            "kind",
            "underlying",
            "root",
            "expiry",
            "expires_at",
            "strike",
            "right",
            "exercise",
        ):
            assert getattr(brought, name) == getattr(one, name), name
        assert (brought.multiplier, brought.tick, brought.currency) == (one.multiplier, one.tick, one.currency)


@FORMATS
def test_the_same_again_brings_nothing_new(history_database: Database, tmp_path: Path, form: str) -> None:
    _seed(history_database)
    _export(tmp_path, form, "ticks", "bars")
    _import(tmp_path)
    before = [_table(history_database, table, "brought") for table in ("history_tick", "history_bar")]
    said = _import(tmp_path)
    assert said.count(" 0 of them new") == 2
    assert "0 instruments new" in said
    assert [_table(history_database, table, "brought") for table in ("history_tick", "history_bar")] == before


@pytest.mark.parametrize("order", [("ticks", "bars"), ("bars", "ticks")])
def test_ticks_and_bars_may_come_in_any_order(
    history_database: Database, tmp_path: Path, order: tuple[str, ...]
) -> None:
    _seed(history_database)
    _export(tmp_path, "csv", "ticks", "bars")
    for what in order:
        for path in sorted(tmp_path.rglob(f"{what}-*.csv")):
            _import(path)
    assert _table(history_database, "history_bar", "brought") == _table(history_database, "history_bar", "simulated")


def test_a_fuller_bar_stays_and_a_poorer_one_gives_way(history_database: Database, tmp_path: Path) -> None:
    option = make_instrument(feed="brought")
    ticks = [
        seeding.tick(k, second=MIDNIGHT + k, instrument=option.id, bid=2.0 + k / 100, ask=4.0) for k in range(1, 4)
    ]
    seeding.insert(history_database, ticks)
    seeding.insert_bars(history_database, ticks)
    header = "symbol,starts_at,ticks,first_seq,last_seq,mid_open,mid_high,mid_low,mid_close,trade_volume"
    for count, expected in ((2, 3), (3, 3), (4, 4)):
        line = f"{option.symbol},2026-01-15T00:00:00Z,{count},1,9,7,7,7,7,{count}"
        _write(tmp_path, header, [line], facts_of=option)
        _import(tmp_path / "bars.csv")
        names = "ticks, mid_close, trade_volume"
        [(stored, close, volume)] = history_database.rows(f"SELECT {names} FROM history_bar")
        assert stored == expected
        assert (close == 7) == (count == 4)
        assert volume == 2, "the first that was told"


def _write(folder: Path, header: str, lines: list[str], facts_of: Instrument | None = None) -> Path:
    path = folder / ("bars.csv" if "starts_at" in header else "ticks.csv")
    path.write_text("\n".join([header, *lines]) + "\n")
    facts: dict[str, Any] = {"symbol": "ACME", "feed": "x", "kind": "stock", "underlying": "ACME"}
    if facts_of is not None:
        facts = {"symbol": facts_of.symbol, "feed": "x", "kind": "stock", "underlying": "ACME"}
    (folder / "instruments.ndjson").write_text(json.dumps(facts) + "\n")
    return path


def _set_aside(path: Path, folder: Path) -> list[dict[str, Any]]:
    with pytest.raises(SystemExit) as ended:
        _import(path, f"--set-aside={folder / 'aside.ndjson'}")
    assert ended.value.code == 1
    return [json.loads(line) for line in (folder / "aside.ndjson").read_text().splitlines()]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (GOOD.replace("ACME", "OTHER"), "symbol: there are no facts of 'OTHER'"),
        (GOOD.replace("ACME", ""), "symbol: there is none"),
        (GOOD.replace("000001Z", "000001"), "received_at: '2026-01-15T12:00:00.000001' is no time with its zone"),
        (GOOD.replace("2026-01-15T12:00:00.000001Z", "2026-13-15T12:00:00Z"), "received_at: "),
        (
            GOOD.replace("2026-01-15T12:00:00.000001Z", "1999-01-15T12:00:00Z"),
            "received_at: not a time from 2000 to 2100",
        ),
        (GOOD.replace("2026-01-15T12:00:00.000001Z", ""), "received_at: there is none"),
        (GOOD.replace(",7,", ",0,"), "seq: 0 is not from 1 to"),
        (GOOD.replace(",7,", ",9007199254740992,"), "seq: 9007199254740992 is not from 1 to"),
        (GOOD.replace(",7,", ",7.5,"), "seq: '7.5' is no whole number"),
        (GOOD.replace("1.5", "nan"), "bid: 'nan' is no number"),
        (GOOD.replace("1.5", "1e999"), "bid: inf is not a finite number"),
        (GOOD.replace("1.5", "-1.5"), "bid: -1.5 is negative"),
        (GOOD.replace("1.5", "1_5"), "bid: '1_5' is no number"),
        (GOOD.replace("1.5", '=HYPERLINK(""x"")'), "bid: "),
        (GOOD.replace(",0", ",40000"), "flags: 40000 is not from 0"),
        (GOOD + ",1", "8 cells, where the first line names 7"),
        (GOOD.replace("ACME", '"ACME'), "not CSV"),
        (GOOD.replace("ACME", "\udcff"), "not CSV in UTF-8"),
        ("x" * 200_000, "longer than"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_line_and_why(
    history_database: Database, tmp_path: Path, line: str, reason: str
) -> None:
    path = _write(tmp_path, HEADER, [])
    text = "\n".join([HEADER, GOOD, line, GOOD.replace(",7,", ",8,")]) + "\n"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    [bad] = _set_aside(path, tmp_path)
    assert (bad["file"], bad["line"]) == (str(path), 3)
    assert reason in bad["reason"]
    assert len(bad["text"]) <= 500
    assert [row[TICK.index("seq")] for row in _table(history_database, "history_tick", "brought")] == [7, 8]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ACME,2026-01-15T12:00:30Z,1,1,1,1,1,1,1", "starts_at: not the beginning of a minute"),
        ("ACME,2026-01-15T12:00:00Z,-1,1,1,1,1,1,1", "ticks: -1 is not from 0"),
        ("ACME,2026-01-15T12:00:00Z,1,1,1,2,1,2,1", "mid_high: open and close are not between low and high"),
        ("ACME,2026-01-15T12:00:00Z,1,1,1,2,,1,1", "mid_high: empty"),
        ("ACME,2026-01-15T12:00:00Z,1,0,1,1,1,1,1", "first_seq: 0"),
    ],
)
def test_a_bad_bar_is_set_aside(history_database: Database, tmp_path: Path, line: str, reason: str) -> None:
    path = _write(tmp_path, "symbol,starts_at,ticks,first_seq,last_seq,mid_open,mid_high,mid_low,mid_close", [line])
    [bad] = _set_aside(path, tmp_path)
    assert reason in bad["reason"]
    assert not history_database.rows("SELECT 1 FROM history_bar")


def test_a_row_that_the_database_refuses_stands_alone(
    history_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A check that lets pass what no column can hold.
    monkeypatch.setattr("marketdata.history.import_checks._MOST_SEQ", 2**70)
    lines = [GOOD.replace(",7,", f",{seq},") for seq in range(1, 20)]
    lines.insert(11, GOOD.replace(",7,", ",9223372036854775808,"))
    monkeypatch.setattr("marketdata.history.sources.own._READERS", {**_readers(), "whole": int})
    [bad] = _set_aside(_write(tmp_path, HEADER, lines), tmp_path)
    assert bad["line"] == 13
    assert "the database refuses it" in bad["reason"]
    assert len(_table(history_database, "history_tick", "brought")) == 19


def _readers() -> dict[str, Any]:
    from marketdata.history.sources import own

    return own._READERS


def test_the_batches_of_an_import_leave_nothing_out(
    history_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_run, "BATCH", 7)
    _seed(history_database)
    _export(tmp_path, "csv", "ticks", "bars")
    _import(tmp_path)
    for table in ("history_tick", "history_bar"):
        assert _table(history_database, table, "brought") == _table(history_database, table, "simulated")


def test_known_instruments_keep_their_facts_and_it_is_said(history_database: Database, tmp_path: Path) -> None:
    make_instrument("ACME", feed="brought", kind="index", underlying="ACME")
    said = _import(_write(tmp_path, HEADER, [GOOD]))
    assert "1 instruments were there with other facts, and kept them: ACME" in said
    assert Instrument.objects.get(feed="brought", symbol="ACME").kind == "index"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ("{", "truncated"),
        ('{"symbol": "A"}', "missing required field"),
        ('{"symbol": "A B", "feed": "x", "kind": "stock", "underlying": "A"}', "symbol: letters"),
        ('{"symbol": "A", "feed": "x", "kind": "option", "underlying": "A"}', "an option has a strike"),
        ('{"symbol": "A", "feed": "x", "kind": "stock", "underlying": "A", "expiry": "soon"}', "expiry: 'soon'"),
        ('{"symbol": "A", "feed": "x", "kind": "stock", "underlying": "A", "tick": -1}', "tick: -1"),
        (
            '{"symbol": "A", "feed": "x", "kind": "stock", "underlying": "A", "currency": "a\\u0000"}',
            "currency: at most",
        ),
        ('{"symbol": "A", "feed": "x", "kind": "stock", "underlying": "A", "expires_ms": 9e15}', "expires_ms"),
    ],
)
def test_facts_that_cannot_be_are_set_aside(
    history_database: Database, tmp_path: Path, facts: str, reason: str
) -> None:
    path = _write(tmp_path, HEADER, [GOOD])
    with (tmp_path / "instruments.ndjson").open("a") as file:
        file.write(facts + "\n")
    [bad] = _set_aside(path, tmp_path)
    assert (bad["file"], bad["line"]) == (str(tmp_path / "instruments.ndjson"), 2)
    assert reason in bad["reason"]
    assert len(_table(history_database, "history_tick", "brought")) == 1


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda path: (path.parent / "instruments.ndjson").unlink(), "there is no instruments.ndjson"),
        (lambda path: path.write_text("symbol,received_at\n"), "lacks seq"),
        (lambda path: path.write_text(f"{HEADER},colour\n"), "columns that ticks do not: colour"),
        (lambda path: path.write_text(f"{HEADER},bid\n"), "names a column twice"),
        (lambda path: path.write_text(""), "columns that ticks do not"),
        (lambda path: path.unlink(), "there is no"),
    ],
)
def test_a_file_that_is_none_of_ours_is_one_line(
    history_database: Database, tmp_path: Path, prepare: Any, said: str
) -> None:
    path = _write(tmp_path, HEADER, [GOOD])
    prepare(path)
    with pytest.raises(CommandError, match=said):
        _import(path)


def test_a_folder_of_two_feeds_is_not_put_into_one(history_database: Database, tmp_path: Path) -> None:
    _seed(history_database)
    _export(tmp_path, "csv", "bars")
    shutil.copytree(tmp_path / "simulated", tmp_path / "other")
    with pytest.raises(CommandError, match=r"2 feeds \(other, simulated\)"):
        _import(tmp_path)


@pytest.mark.parametrize("content", [b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1", b"no"])
@pytest.mark.filterwarnings("ignore")
def test_a_parquet_file_that_is_none_is_one_line(history_database: Database, tmp_path: Path, content: bytes) -> None:
    _write(tmp_path, HEADER, [])
    path = tmp_path / "ticks.parquet"
    path.write_bytes(content)
    with pytest.raises(CommandError, match="is no Parquet file"):
        _import(path)


def test_a_damaged_parquet_file_is_set_aside_from_there(history_database: Database, tmp_path: Path) -> None:
    _seed(history_database)
    _export(tmp_path, "parquet", "ticks")
    [path, *_] = sorted(tmp_path.rglob("*.parquet"))
    content = bytearray(path.read_bytes())
    content[4:400] = b"\xff" * 396
    path.write_bytes(content)
    [bad] = _set_aside(path, tmp_path)
    assert (bad["file"], bad["line"]) == (str(path), 0)
    assert "cannot be read" in bad["reason"]


def test_a_parquet_of_another_program_is_read(history_database: Database, tmp_path: Path) -> None:
    import polars

    _write(tmp_path, HEADER, [GOOD])
    frame = polars.read_csv(tmp_path / "ticks.csv").with_columns(
        polars.col("received_at", "venue_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="ns", time_zone="UTC"),
        polars.col("flags").cast(polars.Int16),
    )
    frame.write_parquet(tmp_path / "theirs.parquet")
    _import(tmp_path / "theirs.parquet")
    [tick] = _table(history_database, "history_tick", "brought")
    assert tick[:5] == (seeding.NOON_S, 1, 7, "ACME", 1)


def test_what_is_missing_of_a_term_is_a_gap_until_it_comes(history_database: Database, tmp_path: Path) -> None:
    stock = make_instrument("ACME", kind="stock", underlying="ACME")
    option = make_instrument()
    ticks = [
        seeding.tick(k, second=MIDNIGHT + k * 20_000, instrument=one.id)
        for one in (stock, option)
        for k in range(1, 14)
    ]
    seeding.insert(history_database, ticks)
    _export(tmp_path, "csv", "ticks")
    first, second, third, fourth = sorted(tmp_path.rglob("ticks-*.csv"))
    numbers = [len(path.read_text().splitlines()) - 1 for path in (first, second, third, fourth)]
    assert numbers == [8, 8, 8, 2]
    gaps = "SELECT feed, term, from_us, to_us, count, reason FROM history_gap"
    for paths, missing, begins, ends in (
        ([fourth, second], 16, (MIDNIGHT + 100_000), (MIDNIGHT + 260_000)),
        ([first], 8, (MIDNIGHT + 160_000), (MIDNIGHT + 260_000)),
    ):
        for path in paths:
            said = _import(path)
        assert f"{missing} quotes of these ticks' terms are in no file" in said
        micros = 1_000_000
        expected = ("brought", seeding.TERM, begins * micros, (ends + 1) * micros - 1, missing, "not_imported")
        assert history_database.rows(gaps) == [expected]
        call_command("verify_history", "brought", stdout=io.StringIO())
    assert "in no file" not in _import(third)
    assert history_database.rows(gaps) == []
    call_command("verify_history", "brought", stdout=io.StringIO())


def test_a_loss_of_a_feed_of_its_own_is_not_hidden_by_an_import(
    history_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketdata.history.verify.SETTLE_S", 0.2)
    path = _write(tmp_path, HEADER, [GOOD])
    _import(path, "--force", feed="simulated")
    assert history_database.rows("SELECT * FROM history_gap") == []
    with pytest.raises(SystemExit):
        call_command("verify_history", "simulated", stdout=io.StringIO())
