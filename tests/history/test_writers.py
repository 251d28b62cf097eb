"""The writers: each row once, whatever is repeated, late or split; and bars that always equal those of the stored ticks."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from marketdata.history import bars
from marketdata.history.columns import BAR, TICK, TRADE
from marketdata.history.database import Database
from marketdata.history.entries import Reject
from marketdata.history.outage import HistoryDownError
from marketdata.history.writers import RowsRefusedError, Writer, open_writer
from marketdata.history.writers.base import Gap

from .seeding import NOON_S, TERM, tick, trade


@pytest.fixture
def writer(history_database: Database) -> Iterator[Writer]:
    writer = open_writer(history_database)
    yield writer
    writer.close()


def stored(database: Database) -> list[tuple[Any, ...]]:
    return database.rows(f"SELECT {', '.join(TICK)} FROM history_tick ORDER BY instrument, seq")


def stored_bars(database: Database) -> dict[bars.Key, bars.Bar]:
    rows = database.rows(f"SELECT {', '.join(BAR)} FROM history_bar")
    return {(row[0], row[1]): bars.Bar(*row) for row in rows}


def a_session(seed: int, ticks: int = 300) -> list[tuple[Any, ...]]:
    """Ticks of three instruments over some minutes and a midnight, with everything that a bar has to mind."""
    draw = random.Random(seed)
    midnight = NOON_S + 43_200
    counts = {1: 0, 2: 0, 7: 0}
    volumes = dict.fromkeys(counts, 0.0)
    rows = []
    for number in range(ticks):
        instrument = draw.choice(list(counts))
        counts[instrument] += 1
        volumes[instrument] = 0.0 if draw.random() < 0.02 else volumes[instrument] + draw.randrange(3)
        bid = None if draw.random() < 0.1 else round(draw.uniform(1, 3), 2)
        rows.append(
            tick(
                counts[instrument],
                second=midnight - 120 + number,
                instrument=instrument,
                micro=draw.randrange(1_000_000),
                bid=bid,
                ask=None if draw.random() < 0.1 else round((bid or 1) + draw.uniform(-0.2, 1), 2),
                last=None if draw.random() < 0.2 else round(draw.uniform(1, 3), 2),
                volume=None if draw.random() < 0.2 else volumes[instrument],
                implied_volatility=None if draw.random() < 0.2 else draw.random(),
                flags=draw.choice([None, 1, 8]),
            )
        )
    return rows


def test_a_tick_is_stored_as_it_came(writer: Writer, history_database: Database) -> None:
    values: dict[str, Any] = {name: 1.5 + n for n, name in enumerate(TICK[5:25])}
    full = tick(**values, flags=9)
    far = tick(2, lag_us=None, venue_us=1_400_000_000_000_000)
    assert writer.write([full, far]) == (2, 0)
    assert stored(history_database) == [full, far]


def test_what_is_repeated_is_stored_once(writer: Writer, history_database: Database) -> None:
    rows = a_session(1)
    assert writer.write(rows).ticks == len(rows)
    assert writer.write(rows).ticks == 0
    assert writer.write([*rows[:10], *rows[:10], tick(9, instrument=99)]).ticks == 1
    assert len(stored(history_database)) == len(rows) + 1
    assert stored_bars(history_database) == bars.of_ticks([*rows, tick(9, instrument=99)])


@pytest.mark.parametrize("seed", range(6))
def test_bars_equal_those_of_the_stored_ticks_however_they_came(
    seed: int, writer: Writer, history_database: Database
) -> None:
    """Parts in any order, some of them twice, some overlapping, with rows of a part out of order."""
    rows = a_session(seed)
    draw = random.Random(seed)
    cuts = sorted(draw.sample(range(len(rows)), 8))
    parts = [rows[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    sent = [*parts, *draw.sample(parts, 3), rows[50:150]]
    if seed:
        draw.shuffle(sent)
        for part in draw.sample(sent, 2):
            draw.shuffle(part)
    for part in sent:
        writer.write(part)
    assert stored(history_database) == sorted(rows, key=lambda row: (row[3], row[2]))
    assert stored_bars(history_database) == bars.of_ticks(rows)


def test_joined_bars_are_the_bar_of_both() -> None:
    """The same rule stands in SQL and in Python."""
    rows = [row for row in a_session(3, 900) if row[3] == 1]
    for cut in range(1, len(rows), 7):
        whole: bars.Bar | None = None
        for part in (rows[:cut], rows[cut:]):
            for bar in bars.of_ticks(part).values():
                whole = bar if whole is None else bars.joined(whole, bar)
        assert whole is not None
        expected = bars.of_ticks([(NOON_S, *row[1:]) for row in rows])[1, NOON_S // 60]
        expected.minute = whole.minute
        assert whole == expected


def test_trades_are_stored_once_and_make_the_volume(writer: Writer, history_database: Database) -> None:
    first = [trade("a", size=2.0), trade("b", size=3.0), trade("c", second=NOON_S + 60, size=5.0)]
    assert writer.write([tick()], first) == (1, 3)
    assert writer.write([], [*first, trade("d", size=1.0)]) == (0, 1)
    assert writer.write([tick(2, second=NOON_S + 1)]) == (1, 0)
    rows = history_database.rows(f"SELECT {', '.join(TRADE)} FROM history_trade ORDER BY trade_id")
    assert rows == [*first, trade("d", size=1.0)]
    made = stored_bars(history_database)
    assert (made[1, NOON_S // 60].trade_volume, made[1, NOON_S // 60].ticks) == (6.0, 2)
    assert (made[1, NOON_S // 60 + 1].trade_volume, made[1, NOON_S // 60 + 1].ticks) == (5.0, 0)
    # Repeated ticks make the bar anew, and leave what its trades made of it.
    writer.write([tick()])
    assert stored_bars(history_database)[1, NOON_S // 60].trade_volume == 6.0


def test_one_bad_row_is_refused_with_its_batch_and_costs_nothing(writer: Writer, history_database: Database) -> None:
    with pytest.raises(RowsRefusedError):
        writer.write([tick(1), tick(2, bid="a price")])
    assert stored(history_database) == []
    assert writer.write([tick(1)]).ticks == 1


def test_rejects_and_gaps_are_kept_once(writer: Writer, history_database: Database) -> None:
    rejects = [Reject(1, 5, "[1,5,", "cut off"), Reject(None, None, "x", "no row")]
    for _ in range(2):
        writer.set_aside("simulated", TERM, rejects)
        writer.record_gap(Gap("simulated", TERM, 10, 20, 3, "stream_full"))
    writer.record_gap(Gap("simulated", TERM, 10, 25, 4, "stream_full"))
    writer.record_gap(Gap("simulated", TERM, 10, 12, 1, "stream_full"))
    assert history_database.rows("SELECT instrument, seq, row_text FROM history_reject ORDER BY row_text") == [
        (1, 5, "[1,5,"),
        (None, None, "x"),
    ]
    assert history_database.rows("SELECT from_us, to_us, count FROM history_gap") == [(10, 25, 4)]


def test_the_newest_of_a_term(writer: Writer) -> None:
    assert writer.newest(1, TERM) is None
    writer.write([tick(1), tick(2, second=NOON_S + 5, micro=7), tick(8, second=NOON_S + 9, instrument=2)])
    assert writer.newest(1, TERM) == (tick(2)[2], (NOON_S + 5) * 1_000_000 + 7)
    assert writer.newest(1, TERM + 1) is None


@pytest.mark.parametrize("history_database", ["postgresql"], indirect=True)  # SQLite has one recorder
def test_three_recorders_share_the_minutes(history_database: Database) -> None:
    rows = a_session(5, 2_000)
    parts = [rows[start : start + 50] for start in range(0, len(rows), 50)]
    writers = [open_writer(history_database) for _ in range(3)]

    def write(number: int) -> None:
        for part in parts[number::3]:
            while True:
                try:
                    writers[number].write(part)
                    break
                except HistoryDownError:  # a deadlock, of which one party is sent back
                    continue

    try:
        with ThreadPoolExecutor(3) as threads:
            list(threads.map(write, range(3)))
    finally:
        for writer in writers:
            writer.close()
    assert len(stored(history_database)) == len(rows)
    assert stored_bars(history_database) == bars.of_ticks(rows)


@pytest.mark.parametrize("history_database", ["postgresql"], indirect=True)
def test_a_partition_that_another_made_or_dropped_meanwhile_costs_no_row(
    writer: Writer, history_database: Database
) -> None:
    # Its day stands in the default partition: there it stays.
    day = NOON_S // 86_400
    connection = history_database.connect()
    connection.execute(
        f"INSERT INTO history_tick ({', '.join(TICK)}) VALUES ({', '.join(['%s'] * len(TICK))})", tick(1)
    )
    connection.commit()
    assert writer.write([tick(1), tick(2)]).ticks == 1
    # Now somebody puts that in order behind its back, and later takes the day away.
    connection.execute("DELETE FROM history_tick_default")
    name = f"history_tick_{day}"
    connection.execute(
        f"CREATE TABLE {name} PARTITION OF history_tick FOR VALUES FROM ({day * 86_400}) TO ({day * 86_400 + 86_400})"
    )
    connection.commit()
    with pytest.raises(HistoryDownError):
        writer.write([tick(3)])
    connection.execute(f"DROP TABLE {name}")
    connection.commit()
    connection.close()
    assert writer.write([tick(4)]).ticks == 1
    assert [row[2] for row in stored(history_database)] == [tick(4)[2]]
