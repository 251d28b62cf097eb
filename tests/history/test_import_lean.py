"""Lean's minute files, imported and compared with the table bar by bar, field by field. `tests/rest/test_lean_bars.py` does
so through REST, on the recorded GOOG day too.
"""

import datetime as dt
import io
import json
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from marketdata.history.columns import BAR, BAR_PRICES
from marketdata.history.database import Database
from marketdata.models import Instrument

from . import lean_folder
from .lean_folder import Expected

pytestmark = pytest.mark.django_db


def _import(folder: Path, *arguments: str) -> str:
    said = io.StringIO()
    call_command("import_history", str(folder), "--feed=lean", "--source=lean", *arguments, stdout=said)
    return said.getvalue()


def _stored(database: Database) -> dict[tuple[str, int], Expected]:
    symbols = dict(Instrument.objects.filter(feed="lean").values_list("id", "symbol"))
    names = ("instrument", "minute", *BAR_PRICES, "trade_volume")
    found = {}
    for rows in database.chunks(f"SELECT {', '.join(names)} FROM history_bar"):
        for instrument, minute, *prices, volume in rows:
            mid, last = (tuple(part) if part[0] is not None else None for part in (prices[:4], prices[4:]))
            found[symbols[instrument], minute] = Expected(mid, last, volume)
    return found


def test_every_bar_of_the_files_is_stored_field_by_field(history_database: Database, tmp_path: Path) -> None:
    lean = lean_folder.write(tmp_path)
    expected = lean_folder.read(lean)
    said = _import(lean)
    stored = _stored(history_database)
    assert stored.keys() == expected.keys()
    different = {key: (stored[key], bar) for key, bar in expected.items() if stored[key] != bar}
    assert not different
    assert f"{len(expected):,} bars read, {len(expected):,} of them new" in said
    unknown = [name for name in BAR[2:] if name not in BAR_PRICES and name not in ("ticks", "trade_volume")]
    [counted] = history_database.rows(
        f"SELECT sum(ticks), {', '.join(f'count({name})' for name in unknown)} FROM history_bar"
    )
    assert set(counted) == {0}


def test_the_same_again_brings_nothing_new(history_database: Database, tmp_path: Path) -> None:
    folder = lean_folder.write(tmp_path)
    _import(folder)
    before = _stored(history_database)
    said = _import(folder)
    assert "0 of them new" in said
    assert "0 instruments new" in said
    assert _stored(history_database) == before


def test_quotes_and_trades_may_come_one_after_the_other(history_database: Database, tmp_path: Path) -> None:
    folder = lean_folder.write(tmp_path / "all")
    for first in ("trade", "quote"):
        for path in sorted(folder.rglob(f"*_{first}*.zip")):
            _import(path)
    assert _stored(history_database) == lean_folder.read(folder)


def test_contracts_have_their_facts_and_are_offered_to_nobody(history_database: Database, tmp_path: Path) -> None:
    _import(lean_folder.write(tmp_path))
    call = Instrument.objects.get(feed="lean", symbol="ZEPH240315C00100000")
    facts = call.facts()
    assert (facts.kind, facts.underlying, facts.root, facts.strike, facts.right) == ("option", "ZEPH", "ZEPH", 100, "C")
    assert (facts.expiry, facts.exercise, facts.multiplier) == ("2024-03-15", "american", 100)
    assert call.expires_at == dt.datetime(2024, 3, 15, 20, tzinfo=dt.UTC)
    assert not call.offered
    assert not facts.streaming
    # A Saturday: the last session before it.
    saturday = Instrument.objects.get(feed="lean", symbol="ZEPH240316P00097500")
    assert saturday.expires_at == dt.datetime(2024, 3, 15, 20, tzinfo=dt.UTC)
    assert Instrument.objects.get(feed="lean", symbol="ZEPH").kind == "stock"


def test_on_a_half_day_contracts_expire_at_one() -> None:
    from marketdata.history.sources.lean_files import option_facts
    from marketdata.symbols import parse_osi

    facts = option_facts(parse_osi("GOOG151224C00750000"), "american")
    assert facts.expires_ms == dt.datetime(2015, 12, 24, 18, tzinfo=dt.UTC).timestamp() * 1000
    # Options on an index fund trade for another quarter of an hour.
    facts = option_facts(parse_osi("SPY151224C00200000"), "american")
    assert facts.expires_ms == dt.datetime(2015, 12, 24, 18, 15, tzinfo=dt.UTC).timestamp() * 1000


def test_the_clocks_of_new_york_are_followed(history_database: Database, tmp_path: Path) -> None:
    _import(lean_folder.write(tmp_path))
    minutes = {minute for symbol, minute in _stored(history_database) if symbol == "ZEPH240316P00097500"}
    opens = [dt.datetime(2024, 3, 8, 14, 30, tzinfo=dt.UTC), dt.datetime(2024, 3, 11, 13, 30, tzinfo=dt.UTC)]
    assert minutes == {round(one.timestamp()) // 60 for one in opens}


def _rewrite(path: Path, entry: str, text: str | bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files[entry] = text.encode() if isinstance(text, str) else text
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


GOOD = "34200000,100,100,100,100,1,200,200,200,200,1"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("34200000,100,100,100,100,1,200,200,200,200", "10 cells; a quote has 11"),
        ("34200001,100,100,100,100,1,200,200,200,200,1", "ms: not the beginning"),
        ("86400000,100,100,100,100,1,200,200,200,200,1", "ms: not the beginning"),
        ("-60000,100,100,100,100,1,200,200,200,200,1", "ms: '-60000' is no whole number"),
        ("34200000,100,,100,100,1,200,200,200,200,1", "bid: partly empty"),
        ("34200000,100,99,100,100,1,200,200,200,200,1", "bid: open and close are not between"),
        ("34200000,1.5,2,1,1,1,200,200,200,200,1", "bid: '1.5' is no whole number"),
        ("34200000,100,100,100,100,1,200,200,200,9999999999999,1", "ask: '9999999999999' is no whole number"),
        ("=cmd()", "ms: '=cmd()' is no whole number"),
        (f"{GOOD}\n{GOOD}", "ms: a second line of the same minute"),
    ],
)
def test_a_bad_line_is_set_aside_and_the_rest_imported(
    history_database: Database, tmp_path: Path, line: str, reason: str
) -> None:
    folder = lean_folder.write(tmp_path / "lean")
    path = folder / "option" / "usa" / "minute" / "zeph" / f"{lean_folder.DAY}_quote_american.zip"
    entry = f"{lean_folder.DAY}_zeph_minute_quote_american_put_500000_20240315.csv"
    _rewrite(path, entry, f"34260000,100,100,100,100,1,200,200,200,200,1\n{line}\n34500000,1,1,1,1,1,2,2,2,2,2\n")
    with pytest.raises(SystemExit) as ended:
        _import(folder, f"--set-aside={tmp_path / 'aside.ndjson'}")
    assert ended.value.code == 1
    [bad] = map(json.loads, (tmp_path / "aside.ndjson").read_text().splitlines())
    assert bad["file"] == f"{path}!{entry}"
    assert bad["line"] == (3 if line.startswith(GOOD) else 2)
    assert reason in bad["reason"]
    stored = _stored(history_database)
    assert sum(symbol == "ZEPH240315P00050000" for symbol, _ in stored) == (3 if line.startswith(GOOD) else 2)
    assert lean_folder.read(lean_folder.write(tmp_path / "again")).items() <= stored.items()


@pytest.mark.parametrize(
    ("entry", "content", "reason"),
    [
        ("readme.txt", "hello", "its name is none"),
        ("20240308_zeph_minute_quote_american_call_1000000_20241331.csv", GOOD, "month"),
        ("20240309_zeph_minute_quote_american_call_1000000_20240315.csv", GOOD, "its name says 20240309"),
        ("20240308_zeph_minute_quote_american_call_1000001_20240315.csv", GOOD, "cannot be written in OSI"),
        ("20240308_zeph_minute_quote_american_call_1000000_20240315.csv", b"0" * 1_000_001, "more than a day"),
    ],
)
def test_a_bad_file_in_a_zip_is_set_aside_as_a_whole(
    history_database: Database, tmp_path: Path, entry: str, content: str | bytes, reason: str
) -> None:
    folder = lean_folder.write(tmp_path / "lean")
    path = folder / "option" / "usa" / "minute" / "zeph" / "20240308_quote_american.zip"
    _rewrite(path, entry, content)
    with pytest.raises(SystemExit):
        _import(folder, f"--set-aside={tmp_path / 'aside.ndjson'}")
    [bad] = map(json.loads, (tmp_path / "aside.ndjson").read_text().splitlines())
    assert (bad["file"], bad["line"]) == (f"{path}!{entry}", 0)
    assert reason in bad["reason"]


def test_a_zip_that_is_none_is_set_aside(history_database: Database, tmp_path: Path) -> None:
    folder = lean_folder.write(tmp_path / "lean")
    for path in folder.rglob("*_trade*.zip"):
        path.write_bytes(b"PK\3\4 not a zip")
    with pytest.raises(SystemExit):
        _import(folder, f"--set-aside={tmp_path / 'aside.ndjson'}")
    assert len((tmp_path / "aside.ndjson").read_text().splitlines()) == 4
    assert _stored(history_database)


def test_a_folder_without_such_files_is_one_line(history_database: Database, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no minute zip of Lean's"):
        _import(tmp_path)


@pytest.mark.parametrize("feed", ["simulated", "deribit", "Lean", "a.b", "-x", ""])
def test_a_feed_that_records_itself_or_cannot_be_is_refused(
    history_database: Database, tmp_path: Path, feed: str
) -> None:
    with pytest.raises(CommandError, match=r"records itself|cannot name a feed"):
        call_command("import_history", str(lean_folder.write(tmp_path)), f"--feed={feed}", "--source=lean")
    assert not Instrument.objects.exists()


def test_by_force_a_feed_of_its_own_may_be_added_to(history_database: Database, tmp_path: Path) -> None:
    folder = str(lean_folder.write(tmp_path))
    call_command("import_history", folder, "--feed=simulated", "--source=lean", "--force", stdout=io.StringIO())
    assert Instrument.objects.filter(feed="simulated", active=False).count() == 4
