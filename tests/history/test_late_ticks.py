"""Ticks that come after later ones: the bar that they join, made without reading all ticks of its minute, and of all where
that would not be right.
"""

import random
from typing import Any

import pytest

from marketdata.history import bars
from marketdata.history.database import Database
from marketdata.history.writers import Writer, open_writer
from marketdata.history.writers import postgresql as postgresql_writer
from marketdata.history.writers import sqlite as sqlite_writer

from .seeding import NOON_S, insert_bars, tick
from .test_writers import a_session, stored, stored_bars

Row = tuple[Any, ...]
_CLASSES = (postgresql_writer.PostgresqlWriter, sqlite_writer.SqliteWriter)


@pytest.fixture
def made_of_all(monkeypatch: pytest.MonkeyPatch) -> list[bars.Key]:
    """Of which minutes all ticks were read."""
    found: list[bars.Key] = []
    for one in _CLASSES:

        def again(self: Any, connection: Any, key: bars.Key, former: Any = one._bar_again) -> None:
            found.append(key)
            former(self, connection, key)

        monkeypatch.setattr(one, "_bar_again", again)
    return found


def _write(database: Database, *parts: list[Row]) -> None:
    writer: Writer = open_writer(database)
    try:
        for part in parts:
            assert writer.write(part).ticks == len(part)
    finally:
        writer.close()


@pytest.mark.parametrize("seed", range(8))
def test_a_bar_with_late_ticks_is_that_of_all(
    history_database: Database, made_of_all: list[bars.Key], seed: int
) -> None:
    """Stretches in any order, rows of different ones between each other, none twice."""
    rows = a_session(seed, 240)
    draw = random.Random(seed)
    parts: list[list[Row]] = [[] for _ in range(6)]
    for row in rows:
        # Mostly in stretches, as recorders share the stream; now and then a row by itself.
        parts[draw.randrange(6) if draw.random() < 0.2 else row[0] // 17 % 6].append(row)
    draw.shuffle(parts)
    _write(history_database, *filter(None, parts))
    assert stored(history_database) == sorted(rows, key=lambda row: (row[3], row[2]))
    assert stored_bars(history_database) == bars.of_ticks(rows)
    assert not made_of_all


def test_what_some_have_and_others_lack_comes_from_those_that_have_it(
    history_database: Database, made_of_all: list[bars.Key]
) -> None:
    bare = {"bid": None, "ask": None, "last": None, "volume": None, "implied_volatility": None}
    rows = [
        tick(k, second=NOON_S + k, **(bare if k in (1, 2, 8, 9) else {"volume": float(k), "bid": 1.0 + k / 100}))
        for k in range(1, 10)
    ]
    _write(history_database, [rows[0], rows[8]], rows[2:4], [rows[1]], rows[4:8])
    assert stored_bars(history_database) == bars.of_ticks(rows)
    assert not made_of_all


def test_volume_rises_by_what_lies_between(history_database: Database, made_of_all: list[bars.Key]) -> None:
    """With a venue's correction in the midst, and rows of both sides between each other."""
    volumes = [10.0, 13.0, 12.0, None, 20.0, 5.0, 9.0, None, 11.0, 11.0]
    rows = [tick(k, second=NOON_S + k, volume=volume) for k, volume in enumerate(volumes, 1)]
    _write(history_database, [rows[0], rows[4], rows[9]], [rows[2], rows[5], rows[8]], [rows[1]], rows[6:8], [rows[3]])
    made = stored_bars(history_database)
    assert made == bars.of_ticks(rows)
    assert made[1, NOON_S // 60].volume_gain == 3 + 8 + 4 + 2
    assert not made_of_all


def test_what_was_stored_before_changes_no_bar(history_database: Database, made_of_all: list[bars.Key]) -> None:
    rows = [tick(k, second=NOON_S + k) for k in range(1, 10)]
    _write(history_database, rows)
    writer = open_writer(history_database)
    assert writer.write(rows[2:5]).ticks == 0
    more = tick(10, second=NOON_S + 10)
    assert writer.write([*rows[2:5], more, rows[7], more]).ticks == 1
    writer.close()
    assert not made_of_all
    assert stored_bars(history_database) == bars.of_ticks([*rows, tick(10, second=NOON_S + 10)])


def test_a_bar_of_ticks_that_are_not_there_is_made_of_those_that_are(
    history_database: Database, made_of_all: list[bars.Key]
) -> None:
    """It was imported, and its ticks come now, the last first."""
    rows = [tick(k, second=NOON_S + k, bid=1.0 + k / 100) for k in range(1, 10)]
    insert_bars(history_database, rows)
    _write(history_database, rows[5:], rows[:5])
    assert made_of_all
    assert stored_bars(history_database) == bars.of_ticks(rows)


def test_where_a_clock_was_set_back_the_number_is_the_order(
    history_database: Database, made_of_all: list[bars.Key]
) -> None:
    seconds = {1: 1, 2: 30, 3: 5, 4: 31, 5: 32, 6: 33}
    rows = [
        tick(k, second=NOON_S + second, bid=1.0 + k / 100, volume=float(k * k), last=k if 1 < k < 6 else None)
        for k, second in seconds.items()
    ]
    _write(history_database, [rows[0], rows[5]], rows[2:5], [rows[1]])
    assert made_of_all
    assert stored_bars(history_database) == bars.of_ticks(rows)
