"""Retention: what goes, what stays, that nobody waits for it, and that it is not taken for a loss."""

import io
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command

from marketdata import disk
from marketdata.history.columns import TICK
from marketdata.history.database import Database
from marketdata.history.pruning import Limits, Pruned, prune, prune_to
from marketdata.history.pruning_postgresql import TICK_BYTES
from marketdata.history.schema import DAY_S, partition_of
from marketdata.history.verify import Named, verify
from marketdata.history.writers import open_writer
from tests import given_time

from .seeding import NOON_S, Row, insert, insert_bars, tick, trade

NAMES = {one: Named("simulated", f"N{one}") for one in range(1, 6)}
DAY0 = NOON_S // DAY_S * DAY_S
MB = 1_000_000


def days(number: int, ticks_a_day: int = 60, instruments: int = 2, wide: bool = True) -> list[Row]:
    """Ticks of the days from DAY0 on, in the order in which they came."""
    floats = dict.fromkeys(TICK[5:25], 1.25) if wide else {}
    step = DAY_S // ticks_a_day
    return [
        tick(n + 1, second=DAY0 + n * step, instrument=one, **floats)
        for n in range(number * ticks_a_day)
        for one in range(1, instruments + 1)
    ]


def fill(database: Database, rows: list[Row]) -> None:
    insert(database, rows)
    insert_bars(database, rows)


def kept(database: Database, table: str = "history_tick") -> tuple[int, int | None]:
    """How many rows, and the second, of bars the minute, of the oldest."""
    column = "minute" if table == "history_bar" else "second"
    count, smallest = database.rows(f"SELECT count(*), min({column}) FROM {table}")[0]
    return count, smallest


def test_without_limits_nothing_goes(history_database: Database) -> None:
    rows = days(3)
    fill(history_database, rows)
    pruned = prune_to(history_database, DAY0 + 9_999 * DAY_S, Limits())
    assert not pruned
    assert pruned.size > 0
    assert kept(history_database) == (len(rows), DAY0)


def test_ticks_beyond_their_days_go_and_bars_stay(history_database: Database) -> None:
    rows = days(5)
    fill(history_database, rows)
    assert kept(history_database, "history_bar")[0] == len(rows)
    pruned = prune_to(history_database, DAY0 + 4 * DAY_S + 5_000, Limits(tick_days=2))
    assert pruned.ticks == 2 * 60 * 2
    assert kept(history_database) == (3 * 60 * 2, DAY0 + 2 * DAY_S)
    assert kept(history_database, "history_bar")[0] == len(rows)
    report = verify(history_database, NAMES, settle_s=0)
    assert report.ok
    assert report.pruned == pruned.ticks


def test_bars_beyond_theirs_go_too_and_ticks_without_bars_are_no_fault(history_database: Database) -> None:
    fill(history_database, days(5))
    pruned = prune_to(history_database, DAY0 + 4 * DAY_S, Limits(bar_days=1))
    assert (pruned.ticks, pruned.bars) == (0, 3 * 60 * 2)
    assert kept(history_database, "history_bar") == (2 * 60 * 2, (DAY0 + 3 * DAY_S) // 60)
    assert verify(history_database, NAMES, settle_s=0).ok
    assert not prune_to(history_database, DAY0 + 4 * DAY_S, Limits(bar_days=1))


def test_trades_go_with_the_ticks_of_their_days(history_database: Database) -> None:
    trades = [trade(str(n), second=DAY0 + n * 7_200, instrument=1 + n % 2) for n in range(36)]
    insert(history_database, [], trades)
    insert_bars(history_database, [], trades)
    pruned = prune_to(history_database, DAY0 + 2 * DAY_S + 30, Limits(tick_days=1))
    assert pruned.trades == 12
    assert kept(history_database, "history_trade") == (24, DAY0 + DAY_S)
    assert verify(history_database, NAMES, settle_s=0).ok


def test_what_is_missing_after_the_mark_is_missing_still(history_database: Database) -> None:
    rows = [row for row in days(4) if row[2] % (1 << 24) not in (30, 200)]
    fill(history_database, rows)
    prune_to(history_database, DAY0 + 3 * DAY_S, Limits(tick_days=1))
    assert {one.hole.first % (1 << 24) for one in verify(history_database, NAMES, settle_s=0).lost} == {200}


def test_a_dry_run_says_how_many_and_takes_nothing(history_database: Database) -> None:
    rows = days(4)
    fill(history_database, rows)
    pruned = prune_to(history_database, DAY0 + 3 * DAY_S, Limits(tick_days=2, bar_days=1), dry_run=True)
    assert (pruned.ticks, pruned.bars) == (120, 240)
    assert kept(history_database)[0] == len(rows)
    assert verify(history_database, NAMES, settle_s=0).pruned == 0


@pytest.mark.parametrize("history_database", ["sqlite"], indirect=True)
def test_sqlite_takes_the_oldest_ticks_until_the_size_is_right(history_database: Database) -> None:
    fill(history_database, days(3, 5_000))
    size = prune_to(history_database, DAY0, Limits()).size
    limit = size * 2 // 3
    pruned = prune_to(history_database, DAY0 + 3 * DAY_S, Limits(most_bytes=limit))
    assert pruned.size <= limit
    assert pruned.over == 0
    left, oldest = kept(history_database)
    assert left == 30_000 - pruned.ticks
    assert limit - pruned.size < 0.1 * limit
    assert pruned.up_to is not None
    assert oldest is not None
    assert oldest - pruned.up_to in (0, DAY_S // 5_000)
    assert kept(history_database, "history_bar")[0] > 0
    report = verify(history_database, NAMES, settle_s=0)
    assert report.ok
    assert report.pruned == pruned.ticks


@pytest.mark.parametrize("history_database", ["sqlite"], indirect=True)
def test_sqlite_uses_freed_pages_again(history_database: Database) -> None:
    assert history_database.path is not None
    rows = days(4, 4_000)
    half = len(rows) // 2
    insert(history_database, rows[:half])
    limit = prune_to(history_database, DAY0, Limits()).size
    writer = open_writer(history_database)
    largest = 0
    for start in range(half, len(rows), 4_000):
        prune_to(history_database, DAY0, Limits(most_bytes=limit * 9 // 10))
        writer.write(rows[start : start + 4_000])
        largest = max(largest, history_database.path.stat().st_size)
    writer.close()
    assert largest < 1.5 * limit  # all of them would be twice that, and more with their bars


@pytest.mark.parametrize("history_database", ["sqlite"], indirect=True)
def test_on_sqlite_a_writer_never_waits_long(history_database: Database) -> None:
    assert history_database.path is not None
    insert(history_database, days(4, 10_000))
    done = threading.Event()

    def take_all() -> None:
        prune_to(history_database, DAY0 + 99 * DAY_S, Limits(tick_days=1))
        done.set()

    thread = threading.Thread(target=take_all)
    thread.start()
    connection = sqlite3.connect(history_database.path, timeout=10, isolation_level=None)
    waits = []
    while not done.is_set():
        began = given_time.now()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO history_schema VALUES (1)")
        connection.execute("COMMIT")
        waits.append(given_time.now() - began)
        time.sleep(0.005)
    connection.close()
    thread.join(30)
    assert kept(history_database)[0] == 0
    assert len(waits) >= 3
    assert max(waits) < 1.0, max(waits)


@pytest.mark.parametrize("history_database", ["sqlite"], indirect=True)
def test_when_only_bars_are_left_it_says_that_it_is_over_the_limit(history_database: Database) -> None:
    fill(history_database, days(3, 1_000))
    pruned = prune_to(history_database, DAY0, Limits(most_bytes=50_000))
    assert kept(history_database)[0] == 0
    assert kept(history_database, "history_bar")[0] == 6_000
    assert pruned.over == pruned.size - 50_000 > 0


# ── PostgreSQL ────────────────────────────────────────────────────────────────────────────────────────────────────────

only_postgresql = pytest.mark.parametrize("history_database", ["postgresql"], indirect=True)


def partitions(database: Database) -> list[str]:
    rows = database.rows(
        "SELECT relname FROM pg_class JOIN pg_inherits ON oid = inhrelid "
        "WHERE inhparent = 'history_tick'::regclass ORDER BY relname"
    )
    return [name for (name,) in rows]


@only_postgresql
def test_postgresql_drops_whole_days(history_database: Database) -> None:
    fill(history_database, days(4))
    prune_to(history_database, DAY0 + 3 * DAY_S, Limits(tick_days=1))
    assert partitions(history_database) == [partition_of(DAY0 + n * DAY_S) for n in (2, 3)] + ["history_tick_default"]


@only_postgresql
def test_old_ticks_of_the_default_partition_go_by_slices(
    history_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketdata.history.pruning_postgresql._SLICE", 7)
    connection = history_database.connect()
    for day in range(4):
        connection.execute(f"DROP TABLE IF EXISTS {partition_of(DAY0 + day * DAY_S)}")
    places = ", ".join(["%s"] * len(TICK))
    connection.cursor().executemany(f"INSERT INTO history_tick VALUES ({places})", days(4))
    connection.commit()
    connection.close()
    assert prune_to(history_database, DAY0 + 3 * DAY_S, Limits(tick_days=1)).ticks == 240
    assert kept(history_database) == (240, DAY0 + 2 * DAY_S)
    assert verify(history_database, NAMES, with_bars=False, settle_s=0).ok


@only_postgresql
def test_for_a_size_days_that_are_a_small_part_of_it_are_dropped(history_database: Database) -> None:
    insert(history_database, days(12, 960))
    size = prune_to(history_database, DAY0, Limits()).size
    pruned = prune_to(history_database, DAY0, Limits(most_bytes=size * 8 // 10))
    assert pruned.over == 0
    assert pruned.ticks % 1_920 == 0
    assert kept(history_database)[1] == DAY0 + pruned.ticks // 1_920 * DAY_S
    assert 1 <= pruned.ticks // 1_920 <= 4
    assert verify(history_database, NAMES, with_bars=False, settle_s=0).pruned == pruned.ticks


@only_postgresql
def test_of_a_day_that_is_most_of_it_only_the_oldest_ticks_go(history_database: Database) -> None:
    insert(history_database, days(2, 10_000))
    size = prune_to(history_database, DAY0, Limits()).size
    pruned = prune_to(history_database, DAY0, Limits(most_bytes=round(size * 0.9)))
    assert pruned.over == 0
    assert 0.05 < pruned.ticks / 40_000 < 0.3
    assert len(partitions(history_database)) == 3
    left, oldest = kept(history_database)
    assert left == 40_000 - pruned.ticks
    assert pruned.up_to is not None
    assert oldest is not None
    assert oldest > pruned.up_to
    files = history_database.rows("SELECT pg_total_relation_size(%s::regclass)", (partition_of(DAY0),))[0][0]
    assert files < size * 0.45  # it was written anew
    assert verify(history_database, NAMES, with_bars=False, settle_s=0).ok


@only_postgresql
def test_of_the_day_that_is_being_written_the_oldest_ticks_go_and_no_more_than_that(history_database: Database) -> None:
    rows = days(1, 20_000)
    insert(history_database, rows)
    limit = 30_000 * TICK_BYTES
    first = prune_to(history_database, DAY0, Limits(most_bytes=limit))
    assert 5_000 < first.ticks < 15_000
    second = prune_to(history_database, DAY0, Limits(most_bytes=limit))
    assert second.ticks == 0
    before = history_database.rows("SELECT pg_total_relation_size(%s::regclass)", (partition_of(DAY0),))[0][0]
    insert(
        history_database, [tick(30_000 + n, second=DAY0 + 80_000, instrument=3) for n in range(first.ticks * 8 // 10)]
    )
    after = history_database.rows("SELECT pg_total_relation_size(%s::regclass)", (partition_of(DAY0),))[0][0]
    assert after < before * 1.1  # what came went into freed pages


@only_postgresql
def test_a_day_that_is_being_read_is_left_for_later_and_holds_nobody_up(
    history_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketdata.history.pruning_postgresql._TRIES", 2)
    monkeypatch.setattr("marketdata.history.pruning_postgresql._AGAIN_S", 0.1)
    monkeypatch.setattr("marketdata.history.pruning_postgresql._INDEX_TIMEOUT", "1s")
    rows = days(4)
    insert(history_database, rows)
    with psycopg.connect(history_database.url) as reader:
        reader.execute("SELECT count(*) FROM history_tick")
        pruned = prune_to(history_database, DAY0 + 3 * DAY_S, Limits(tick_days=1))
    assert pruned.ticks == 0
    assert kept(history_database)[0] == len(rows)
    assert verify(history_database, NAMES, with_bars=False, settle_s=0).pruned == 0
    assert prune_to(history_database, DAY0 + 3 * DAY_S, Limits(tick_days=1)).ticks == 240


@only_postgresql
def test_one_prunes_at_a_time(history_database: Database) -> None:
    insert(history_database, days(4))
    with psycopg.connect(history_database.url) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('strikewire history pruning'))")
        assert prune_to(history_database, DAY0 + 3 * DAY_S, Limits(tick_days=1)) == Pruned(is_elsewhere=True)
        with pytest.raises(CommandError, match="prunes at this moment"):
            call_command("prune_history", stdout=io.StringIO())
        call_command("prune_history", "--dry-run", stdout=io.StringIO())  # takes nothing away, and so asks nobody
        other.execute("SELECT pg_advisory_unlock_all()")
    assert prune_to(history_database, DAY0 + 3 * DAY_S, Limits(tick_days=1)).ticks == 240


@only_postgresql
def test_the_index_of_a_day_that_is_over_is_made_compact_once(history_database: Database) -> None:
    """Instruments in turn, as they come: the index grows at many places."""
    insert(history_database, days(2, 400, instruments=80, wide=False))
    now = DAY0 + DAY_S + 4_000
    assert prune_to(history_database, DAY0 + DAY_S + 10, Limits()).compacted == 0
    pruned = prune_to(history_database, now, Limits())
    assert pruned.compacted > 0.15 * 32_000 * 44
    assert not pruned  # nothing went
    assert prune_to(history_database, now, Limits()).compacted == 0
    assert prune_to(history_database, now + DAY_S, Limits()).compacted > 0
    insert(history_database, [tick(5_000, second=DAY0 + 50)])  # what comes late has its place all the same
    with pytest.raises(psycopg.errors.UniqueViolation):
        insert(history_database, [tick(5_000, second=DAY0 + 50)])
    assert verify(history_database, NAMES, with_bars=False, settle_s=0).terms[0].doubles == 0


# ── The command and the settings ──────────────────────────────────────────────────────────────────────────────────────


def test_it_follows_the_settings_and_the_command_says_what_went(history_database: Database, settings: Any) -> None:
    now = time.time()
    today = int(now) // DAY_S * DAY_S
    rows = [tick(n + 1, second=today - n * DAY_S) for n in range(6)]
    insert(history_database, rows)
    settings.HISTORY_TICK_DAYS, settings.HISTORY_BAR_DAYS, settings.HISTORY_MOST_GB = 3, 0, 2

    def said(*arguments: str) -> str:
        out = io.StringIO()
        call_command("prune_history", *arguments, stdout=out)
        return out.getvalue()

    assert "kept: ticks 3 days, bars without end, size 2 GB" in said("--dry-run")
    assert "2 ticks, 0 trades and 0 bars would go (about)" in said("--dry-run")
    assert prune(history_database, now, settings, should_stop=lambda: True).ticks == 0
    assert "2 ticks, 0 trades and 0 bars went" in said()
    assert kept(history_database)[0] == 4


# ── The disk ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_disk_with_little_room_is_said_and_gone_on_with_a_little_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "not" / "yet" / "history.sqlite3"
    monkeypatch.setattr(disk, "free_bytes", lambda path: 550 * MB)
    assert disk.nearly_full(missing) is None
    assert disk.nearly_full(missing, is_stopped=True) == (
        f"the disk of {missing} has 550 MB left: nothing is written until 600 MB are free"
    )
    monkeypatch.setattr(disk, "free_bytes", lambda path: 499 * MB)
    assert disk.nearly_full(missing) is not None
    monkeypatch.setattr(disk, "free_bytes", lambda path: None)
    assert disk.nearly_full(missing) is None


def test_free_room_is_that_of_the_folder_that_will_hold_the_file(tmp_path: Path) -> None:
    here = disk.free_bytes(tmp_path)
    assert here is not None
    there = disk.free_bytes(tmp_path / "not" / "yet" / "file")
    assert there is not None
    assert abs(here - there) < 1_000 * MB


def test_of_a_postgresql_the_disk_is_not_ours_to_judge(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda path: 0)
    assert disk.nearly_full(Database("postgresql://somewhere/history").path) is None
    assert disk.nearly_full(Database(f"sqlite:///{tmp_path}/history.sqlite3").path) is not None
