"""The history database as its readers meet it, on both vendors."""

import pytest

from marketdata.history.columns import TICK
from marketdata.history.database import Database, history
from marketdata.history.outage import HistoryDownError

from . import seeding


def test_a_reader_sees_what_a_writer_stored(history_database: Database) -> None:
    ticks = [seeding.tick(k, second=seeding.NOON_S + k * 43_200) for k in range(1, 5)]
    seeding.insert(history_database, ticks, [seeding.trade()], [seeding.gap()])
    seeding.insert_bars(history_database, ticks, [seeding.trade()])
    assert history() is history_database
    assert history_database.rows(f"SELECT {', '.join(TICK)} FROM history_tick ORDER BY seq") == ticks
    assert history_database.rows("SELECT count(*), sum(trade_volume) FROM history_bar") == [(5, 1.0)]
    assert history_database.rows("SELECT term, reason FROM history_gap") == [(seeding.TERM, "stream_full")]


def test_chunks_hold_every_row_once(history_database: Database) -> None:
    ticks = [seeding.tick(k) for k in range(1, 4_502)]
    seeding.insert(history_database, ticks)
    chunks = list(history_database.chunks("SELECT seq FROM history_tick WHERE instrument = %s ORDER BY seq", (1,)))
    assert [len(chunk) for chunk in chunks] == [2_000, 2_000, 501]
    assert [seq for chunk in chunks for (seq,) in chunk] == [row[TICK.index("seq")] for row in ticks]


def test_a_reader_cannot_write(history_database: Database) -> None:
    with pytest.raises(Exception, match=r"read-only|readonly"):
        history_database.rows("DELETE FROM history_tick")


def test_each_test_begins_with_nothing(history_database: Database) -> None:
    assert history_database.rows("SELECT count(*) FROM history_tick") == [(0,)]


def test_a_query_that_cannot_end_in_time_is_cut_off(
    history_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketdata.history.database.READ_SECONDS", 0.2)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(HistoryDownError):
        history_database.rows(endless)
