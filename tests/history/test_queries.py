"""Where stored ticks end, where those after a given one begin, and what is known to be lost, on both vendors."""

import json
import random

import pytest

from marketdata.history import queries
from marketdata.history.database import Database
from marketdata.rows import seq_of

from .seeding import NOON_S, TERM, gap, insert, tick

NOW = NOON_S + 30.0


def through(database: Database, now: float = NOW) -> int | None:
    last = queries.newest(database, 1, now)
    return queries.stored_through(database, "simulated", 1, last, now)


def seq(k: int, term: int = TERM) -> int:
    return seq_of(term, k)


def test_nothing_stored_has_no_end(history_database: Database) -> None:
    insert(history_database, [tick(1, instrument=2)])
    assert queries.newest(history_database, 1) is None
    assert through(history_database) is None


@pytest.mark.parametrize("back", [0, 3 * 86_400, 100 * 86_400, -86_400])
def test_the_newest_is_found_however_old_it_is(history_database: Database, back: int) -> None:
    insert(history_database, [tick(1), tick(2), tick(3, instrument=2, second=NOON_S + 5)])
    assert queries.newest(history_database, 1, NOON_S + back) == (NOON_S, seq(2))


def test_without_a_hole_all_is_stored(history_database: Database) -> None:
    insert(history_database, [tick(k, second=NOON_S + k) for k in range(1, 20)])
    assert through(history_database) == seq(19)


def test_a_young_hole_holds_back_and_an_old_one_does_not(history_database: Database) -> None:
    insert(history_database, [tick(k, second=NOON_S + k) for k in (1, 2, 3, 6, 7)])
    assert through(history_database) == seq(3)
    assert through(history_database, now=NOON_S + 6 + 59) == seq(3)
    assert through(history_database, now=NOON_S + 6 + 61) == seq(7)


def test_a_hole_in_a_recorded_gap_does_not_hold_back(history_database: Database) -> None:
    ticks = [tick(k, second=NOON_S + k) for k in (1, 2, 3, 6, 7)]
    lost = {"from_us": (NOON_S + 4) * 1_000_000, "to_us": (NOON_S + 5) * 1_000_000, "count": 2}
    insert(history_database, ticks, gaps=[gap(**lost, feed="other"), gap(**lost, term=TERM - 1)])
    assert through(history_database) == seq(3)
    insert(history_database, gaps=[gap(**lost)])
    assert through(history_database) == seq(7)


def test_a_new_leader_begins_with_one(history_database: Database) -> None:
    insert(history_database, [tick(5), tick(1, second=NOON_S + 3, seq=seq(1, TERM + 3))])
    assert through(history_database) == seq(1, TERM + 3)
    insert(history_database, [tick(3, second=NOON_S + 9, seq=seq(3, TERM + 9))])
    assert through(history_database) == seq(1, TERM + 3)


def test_gaps_are_those_that_reach_into_the_time(history_database: Database) -> None:
    def lost(start: int, stop: int, **changes: object) -> tuple[object, ...]:
        return gap(from_us=start, to_us=stop, **changes)

    insert(
        history_database,
        gaps=[
            lost(100, 199),
            lost(150, 200, reason="later"),
            lost(299, 400),
            lost(300, 400),
            lost(10, 900, feed="other"),
        ],
    )
    found = queries.gaps(history_database, "simulated", 200, 300, 10)
    assert [(one.from_us, one.to_us, one.reason) for one in found] == [
        (150, 200, "later"),
        (299, 400, "stream_full"),
    ]
    assert [one.from_us for one in queries.gaps(history_database, "simulated", 0, 1_000, 2)] == [299, 300]


@pytest.mark.parametrize("seed", range(3))
def test_gaps_are_found_as_by_looking_at_each(history_database: Database, seed: int) -> None:
    chance = random.Random(seed)
    lost = [
        (start := chance.randrange(10_000), start + chance.choice([0, 1, 5, 300]), chance.choice(["a", "b"]))
        for _ in range(300)
    ]
    lost = sorted({(start, reason): (start, stop, reason) for start, stop, reason in lost}.values())
    insert(history_database, gaps=[gap(from_us=start, to_us=stop, reason=reason) for start, stop, reason in lost])
    for _ in range(20):
        start = chance.randrange(10_000)
        stop = start + chance.choice([1, 50, 2_000])
        found = queries.gaps(history_database, "simulated", start, stop, 200)
        assert sorted((one.from_us, one.to_us, one.reason) for one in found) == [
            one for one in lost if one[0] < stop and one[1] >= start
        ]
        assert [one.from_us for one in found] == sorted(one.from_us for one in found)


@pytest.mark.parametrize("of", [0.001, 0.5, 0.999, 2])
def test_gaps_are_found_without_reading_the_others(history_database: Database, of: float) -> None:
    each = 1_000
    connection = history_database.connect()
    numbers = "WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k < 19999)"
    connection.execute(
        f"INSERT INTO history_gap {numbers} SELECT 'simulated', 1, k * {each}, k * {each} + 10, 1, 'x', 0 FROM n"
    )
    if history_database.vendor == "postgresql":
        connection.execute("ANALYZE history_gap")
    connection.commit()
    connection.close()
    start = int(of * 20_000) * each
    found = queries.gaps(history_database, "simulated", start, start + 5 * each, 100)
    assert [one.from_us for one in found] == ([start + n * each for n in range(5)] if of < 1 else [])
    stop = start + 5 * each
    parameters = ("simulated", start, stop, 100, "simulated", stop, 100, stop, 100)
    if history_database.vendor == "sqlite":
        plan = " ".join(str(row[3]) for row in history_database.rows(f"EXPLAIN QUERY PLAN {queries._GAPS}", parameters))
        assert "history_gap_ends (feed=? AND to_us>? AND to_us<?)" in plan
        assert "history_gap_begins (feed=? AND from_us<?)" in plan
        return
    (answer,) = history_database.rows(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {queries._GAPS}", parameters)
    top = (answer[0] if isinstance(answer[0], list) else json.loads(answer[0]))[0]["Plan"]
    # The table alone has more than 200 pages.
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 30


@pytest.mark.parametrize("seed", range(3))
def test_what_comes_after_a_seq_is_found_wherever_it_lies(history_database: Database, seed: int) -> None:
    chance = random.Random(seed)
    ticks, second, k = [], NOON_S - 3 * 86_400, 0
    for _ in range(120):
        second += chance.choice([0, 0, 1, 2, 700, 9_000])
        k += chance.choice([1, 1, 3])
        ticks.append(tick(k, second=second))
    insert(history_database, [*ticks, tick(k + 9, instrument=2, second=second + 50)])
    last = queries.Place(ticks[-1][0], ticks[-1][2])
    for wanted in (0, 1, *chance.sample([row[2] for row in ticks], 20), last.seq - 1, last.seq, last.seq + 5):
        start = queries.first_second_above(history_database, 1, wanted, last, 31 * 86_400)
        above = [row for row in ticks if row[2] > wanted]
        assert start is not None
        assert above == [row for row in ticks if row[0] >= start and row[2] > wanted]
        # And not from far before.
        assert len({row[0] for row in ticks if row[0] >= start and row[2] <= wanted}) <= 1


def test_what_lies_too_far_back_is_said_to(history_database: Database) -> None:
    insert(history_database, [tick(k, second=NOON_S + k * 100) for k in range(1, 11)])
    last = queries.Place(NOON_S + 1_000, seq(10))
    assert queries.first_second_above(history_database, 1, seq(4), last, 500) == NOON_S + 500
    assert queries.first_second_above(history_database, 1, seq(3), last, 500) is None
    assert queries.first_second_above(history_database, 1, 0, last, 899) is None
    assert queries.first_second_above(history_database, 1, 0, last, 900) == NOON_S + 100
