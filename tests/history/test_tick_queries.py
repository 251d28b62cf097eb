"""Ranges of ticks: each question walks along the index from where it begins, and no further than it answers."""

import json
from typing import Any

import pytest

from marketdata.history import tick_queries
from marketdata.history.database import Database

from .seeding import NOON_S, insert, tick

MANY = 20_000


@pytest.fixture
def database(history_database: Database) -> Database:
    """Two hours of one instrument's ticks, three a second, and some of another."""
    ticks = [tick(k, second=NOON_S + k // 3, micro=k % 3) for k in range(1, MANY + 1)]
    insert(history_database, [*ticks, *(tick(k, second=NOON_S + k * 60, instrument=2) for k in range(1, 100))])
    return history_database


def late(**changes: Any) -> tick_queries.Range:
    """The last ten minutes."""
    end = (NOON_S + MANY // 3) * 1_000_000
    return tick_queries.Range(1, end - 600_000_000, end + 1_000_000, **changes)


def test_a_page_reads_what_it_answers_and_not_what_lies_before(database: Database) -> None:
    query, values = late().query("*", 100)
    if database.vendor == "sqlite":
        plan = " ".join(str(row[3]) for row in database.rows(f"EXPLAIN QUERY PLAN {query}", values))
        assert plan == "SEARCH history_tick USING INDEX history_tick_key (instrument=? AND second>? AND second<?)"
        return
    connection = database.connect()
    connection.execute("ANALYZE history_tick")
    connection.commit()
    connection.close()
    for wanted in (late(), late(after=(NOON_S + MANY // 3 - 100, 0)), late(above=1)):
        query, values = wanted.query("*", 100)
        (found,) = database.rows(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", values)
        plan = (found[0] if isinstance(found[0], list) else json.loads(found[0]))[0]["Plan"]
        assert plan["Actual Rows"] == 100
        # All of the index has some 80 pages, and the table more than 300.
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 20


def test_no_plan_is_kept_for_all_ranges(database: Database) -> None:
    if database.vendor == "sqlite":
        return
    for _ in range(12):
        assert len(tick_queries.page(database, late(), 100)) == 100
    assert database.rows("SELECT count(*) FROM pg_prepared_statements") == [(0,)]


def test_pieces_hold_every_row_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tick_queries, "PIECE", 700)
    monkeypatch.setattr(tick_queries, "PIECE_OF_OBJECTS", 1_000)
    rows = [row for chunk in tick_queries.chunks(database, late()) for row in chunk]
    seqs = [row[2] for row in rows]
    assert len(seqs) == len(set(seqs)) == 1_803
    assert seqs == sorted(seqs)
    if database.vendor == "postgresql":
        lines = b"".join(tick_queries.csv_lines(database, late())).splitlines()
        assert [int(line.split(b",")[2]) for line in lines] == seqs
        vectors = list(tick_queries.vectors(database, late()))
        assert [len(one["seq"]) for one in vectors] == [700, 700, 403]
        assert [seq for one in vectors for seq in one["seq"].tolist()] == seqs
