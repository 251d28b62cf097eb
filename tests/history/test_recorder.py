"""The recorder between a real stream and a real database: everything once, whatever is refused, repeated or left."""

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.conf import settings
from redis import Redis

from marketdata import rows
from marketdata.bus import history_words, keys
from marketdata.bus.client import Client
from marketdata.bus.history_reader import HistoryReader
from marketdata.bus.history_stream import join_rows
from marketdata.history import bars
from marketdata.history.columns import TICK
from marketdata.history.database import Database
from marketdata.history.entries import ticks_of
from marketdata.history.outage import HistoryDownError
from marketdata.history.recorder import Recorder
from marketdata.history.recorder_state import RecorderState
from tests.builders import make_quote

from .seeding import NOON_S

TERM = 1_252_800
FEED = "simulated"


def row(instrument: int, count: int, bid: float = 2.0, term: int = TERM) -> bytes:
    quote = make_quote(
        "X", received_ms=(NOON_S + count) * 1000.0, venue_time_ms=(NOON_S + count) * 1000.0 - 3, bid=bid, ask=bid + 1
    )
    return rows.encode(instrument, rows.seq_of(term, count), quote)


def append(
    redis_client: Redis, *framed: bytes, trades: bytes = b"", term: int = TERM, text: bytes | None = None
) -> None:
    blob = join_rows(list(framed)) if text is None else text
    fields: dict[Any, Any] = {"feed": FEED, "term": term, "count": len(framed), "rows": blob}
    redis_client.xadd(keys.history_stream(), {**fields, "trades": trades} if trades else fields)
    redis_client.incrby(keys.history_size(), len(blob) + len(trades))


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def recorder(history_database: Database, redis_client: Redis, stop: threading.Event) -> Iterator[Recorder]:
    yield from made(history_database, redis_client, stop, "first")


def made(database: Database, redis_client: Redis, stop: threading.Event, name: str) -> Iterator[Recorder]:
    reader = HistoryReader(settings.HISTORY_REDIS_URL, name)
    state = RecorderState(reader, redis_client, 1_000_000)
    recorder = Recorder(database, reader, state, stop)
    yield recorder
    recorder._writer.close()
    reader.close()


def stored(database: Database) -> list[tuple[int, int]]:
    return [
        (one[0], one[1] % rows.TERM) for one in database.rows("SELECT instrument, seq FROM history_tick ORDER BY 1, 2")
    ]


def test_batches_are_stored_and_leave_the_stream(
    recorder: Recorder, history_database: Database, redis_client: Redis
) -> None:
    recorder.drain()
    append(redis_client, row(1, 1), row(2, 1), row(1, 2))
    append(redis_client, row(2, 2), trades=b'[1,1768478400500.25,1768478400499,2.5,3,"t1"]')
    recorder.drain()
    assert stored(history_database) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert history_database.rows("SELECT trade_id, price, size, micro, venue_us FROM history_trade") == [
        ("t1", 2.5, 3.0, 500_250, NOON_S * 1_000_000 + 499_000)
    ]
    assert redis_client.xlen(keys.history_stream()) == 0
    assert redis_client.get(keys.history_size()) == b"0"
    found = history_database.rows("SELECT ticks, trade_volume FROM history_bar WHERE instrument = 1")
    assert found == [(2, 3.0)]


def test_a_row_comes_out_as_it_was_encoded(recorder: Recorder, history_database: Database, redis_client: Redis) -> None:
    framed = row(1, 1)
    append(redis_client, framed)
    recorder.drain()
    (found,) = history_database.rows(f"SELECT {', '.join(TICK)} FROM history_tick")
    assert [found] == ticks_of(join_rows([framed]))[0]
    named = dict(zip(TICK, found, strict=True))
    decoded = rows.decode(rows.body(framed))
    assert {name: named[name] for name in TICK[5:25]} == {name: decoded[name] for name in TICK[5:25]}
    assert (named["second"], named["micro"], named["lag_us"]) == (NOON_S + 1, 0, 3_000)


def test_a_bad_row_stands_alone_and_is_set_aside(
    recorder: Recorder, history_database: Database, redis_client: Redis
) -> None:
    good = [row(1, count) for count in range(1, 40)]
    lines = join_rows(good).split(b"\n")
    too_large = lines[20].replace(b"[1,", b"[1,", 1).split(b",")
    too_large[4] = b'"a price"'
    lines[20] = b",".join(too_large)
    lines[30] = b'[1,{"not": "a row'
    append(redis_client, *good, text=b"\n".join(lines))
    append(redis_client, row(2, 1))
    recorder.drain()
    assert len(stored(history_database)) == 38
    rejects = history_database.rows("SELECT feed, term, instrument, seq, reason FROM history_reject ORDER BY seq")
    assert {one[:3] for one in rejects} == {(FEED, TERM, 1), (FEED, TERM, None)}
    assert rows.seq_of(TERM, 21) in {one[3] for one in rejects}
    assert redis_client.xlen(keys.history_stream()) == 0


def test_what_one_recorder_left_another_takes_over(
    recorder: Recorder, history_database: Database, redis_client: Redis
) -> None:
    recorder._reader.read(1, 10)
    append(redis_client, row(1, 1), row(1, 2))
    append(redis_client, row(1, 3))
    # It reads, commits one of the two, and dies before it says so.
    recorder._reader.read(10, 100)
    recorder._writer.write(ticks_of(join_rows([row(1, 1), row(1, 2)]))[0])
    making = made(history_database, redis_client, threading.Event(), "second")
    second = next(making)
    assert second._reader.take_over(10) == []  # it may be at it still
    left = second._reader.take_over(10, 0.0)
    assert [entry.again for entry in left] == [True, True]
    second._store(left)
    assert stored(history_database) == [(1, 1), (1, 2), (1, 3)]
    assert redis_client.xlen(keys.history_stream()) == 0
    assert redis_client.get(keys.history_size()) == b"0"
    assert next(making, None) is None


def test_an_outage_of_the_database_is_waited_for(
    recorder: Recorder, history_database: Database, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.drain()
    append(redis_client, row(1, 1))
    real, failures = recorder._writer.write, [HistoryDownError("away"), HistoryDownError("away")]

    def write(*arguments: object) -> object:
        if failures:
            raise failures.pop()
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(recorder._writer, "write", write)
    recorder.drain()
    assert failures == []
    assert stored(history_database) == [(1, 1)]
    assert not recorder._state.has_trouble("database")


def test_gaps_come_into_the_database_once(recorder: Recorder, history_database: Database, redis_client: Redis) -> None:
    redis_client.hset(keys.history_gaps(), f"{FEED}|{TERM}|stream_full", "1000.500 2000.000 30")
    recorder._move_gaps()
    recorder._move_gaps()
    redis_client.hset(keys.history_gaps(), f"{FEED}|{TERM}|stream_full", "3000.000 4000.000 5")
    recorder._move_gaps()
    assert redis_client.hlen(keys.history_gaps()) == 0
    assert history_database.rows("SELECT feed, term, from_us, to_us, count, reason FROM history_gap ORDER BY 3") == [
        (FEED, TERM, 1_000_500, 2_000_000, 30, "stream_full"),
        (FEED, TERM, 3_000_000, 4_000_000, 5, "stream_full"),
    ]


async def ends(term: int, last: dict[int, tuple[int, float]]) -> None:
    client = Client(settings.HISTORY_REDIS_URL, "test")
    await history_words.ends(FEED, term, last).tell(client)
    client.close()


async def test_what_is_missing_at_the_end_of_a_term_is_a_gap(
    recorder: Recorder, history_database: Database, redis_client: Redis
) -> None:
    recorder.drain()
    append(redis_client, row(1, 1), row(2, 1))
    await ends(TERM, {n: (rows.seq_of(TERM, k), (NOON_S + k) * 1000.0) for n, k in ((1, 4), (2, 1), (3, 2))})
    append(redis_client, row(1, 2))
    recorder.drain()
    # A row that came later than the end was told of fills it all the same.
    assert history_database.rows("SELECT term, from_us, to_us, count, reason FROM history_gap") == [
        (TERM, (NOON_S + 2) * 1_000_000, (NOON_S + 4) * 1_000_000, 2 + 2, "lost_with_leader")
    ]
    # A term of which nothing was ever recorded has no gaps.
    await ends(TERM + 9, {1: (rows.seq_of(TERM + 9, 4), NOON_S * 1000.0)})
    recorder.drain()
    assert len(history_database.rows("SELECT count FROM history_gap")) == 1


def test_bars_follow(recorder: Recorder, history_database: Database, redis_client: Redis) -> None:
    batches = [[row(n, count, 1 + (count * 7 + n) % 5) for n in (1, 2, 3)] for count in range(1, 200)]
    for batch in batches:
        append(redis_client, *batch)
    recorder.drain()
    ticks = ticks_of(join_rows([one for batch in batches for one in batch]))[0]
    made_bars = {
        (one.instrument, one.minute): one
        for one in (
            bars.Bar(*found)
            for found in history_database.rows(f"SELECT {', '.join(bars.Bar.__struct_fields__)} FROM history_bar")
        )
    }
    assert made_bars == bars.of_ticks(ticks)


def test_it_says_how_it_is(recorder: Recorder, redis_client: Redis) -> None:
    recorder.drain()
    vitals = recorder._state.vitals()
    assert (vitals.health, vitals.stream_entries, vitals.behind_ms) == ("ok", 0, 0)
    recorder._state.trouble("database", "it is away")
    assert (recorder._state.vitals().health, recorder._state.vitals().reason) == ("down", "it is away")
    recorder._state.clear("database")
    redis_client.set(keys.history_size(), 900_000)
    near = recorder._state.vitals()
    assert near.health == "near_cap"
    assert near.reason is not None
    assert "oldest quotes are lost" in near.reason
    stop = threading.Event()
    thread = threading.Thread(target=recorder._state.keep, args=(stop,))
    thread.start()
    for _ in range(50):
        if redis_client.exists(keys.recorder("first")):
            break
        stop.wait(0.1)
    stop.set()
    thread.join()
    said = msgspec.json.decode(redis_client.get(keys.recorder("first")) or b"{}")
    assert said["health"] == "near_cap"
    assert redis_client.zrange(keys.recorders(), 0, -1) == [b"first"]
