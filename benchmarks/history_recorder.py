"""The recorder from the stream to the database: quotes a second of a core, and bytes a tick."""

import os
import resource
import threading
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from redis import Redis

from marketdata.bus.history_reader import HistoryReader
from marketdata.history.columns import TICK
from marketdata.history.database import Database
from marketdata.history.entries import ticks_of
from marketdata.history.recorder import Recorder
from marketdata.history.recorder_state import RecorderState
from marketdata.history.writers import postgresql, sqlite
from tests.postgresql import RunningPostgreSQL

from .history_rows import append

CALIBRATION_ROWS = 100_000


def cpu_of(server: RunningPostgreSQL | None) -> float:
    """Seconds of this process, and of the database's processes, living and ended, where it has its own."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    total = used.ru_utime + used.ru_stime
    return total + (cpu_of_server(server.pid) if server is not None else 0.0)


def cpu_of_server(pid: int) -> float:
    """Of a PostgreSQL's processes, those that ended too; some hundredths of a second exactly."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, text = stat.read_text().rpartition(")")
        except OSError:
            continue
        parts = text.split()
        own = int(head.partition(" ")[0])
        if own == pid:
            ticks += sum(map(int, parts[11:15]))  # with its children that ended
        elif int(parts[1]) == pid:
            ticks += int(parts[11]) + int(parts[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def empty(database: Database) -> None:
    connection = database.connect()
    if database.vendor == "postgresql":
        connection.execute("TRUNCATE history_tick, history_bar, history_trade")
        connection.commit()
    else:
        connection.close()
        database.close()
        assert database.path is not None
        for suffix in ("", "-wal", "-shm"):
            Path(f"{database.path}{suffix}").unlink(missing_ok=True)
        connection = database.connect()
    connection.close()


def record_once(
    database: Database, server: RunningPostgreSQL | None, entries: list[tuple[int, bytes]]
) -> dict[str, float]:
    """One round: the stream is filled, and then emptied by a recorder in this process."""
    quotes = sum(count for count, _ in entries)
    empty(database)
    client = Redis.from_url(settings.HISTORY_REDIS_URL)
    client.flushall()
    append(client, "simulated", entries)
    calibration = calibrate(database, server, entries)
    reader = HistoryReader(settings.HISTORY_REDIS_URL, "bench")
    state = RecorderState(reader, client, 1 << 40)
    recorder = Recorder(database, reader, state, threading.Event())
    began, cpu = time.monotonic(), cpu_of(server)
    recorder.drain()
    spent, seconds = cpu_of(server) - cpu, time.monotonic() - began
    recorder._writer.close()
    reader.close()
    assert database.rows("SELECT count(*) FROM history_tick") == [(quotes,)]
    return {
        "quotes/s of a core, recorder and database": quotes / spent,
        "quotes/s by the clock": quotes / seconds,
        "calibration, rows/s of a core into a bare table": calibration,
        **_bytes(database, quotes),
    }


def calibrate(database: Database, server: RunningPostgreSQL | None, entries: list[tuple[int, bytes]]) -> float:
    """Rows of the same kind into a table without an index: by COPY, or by executemany."""
    ticks: list[Any] = []
    for _, text in entries:
        ticks += ticks_of(text)[0]
        if len(ticks) >= CALIBRATION_ROWS:
            break
    connection = database.connect()
    # The backend comes into the sums when it is there.
    connection.execute("SELECT 1")
    cpu = cpu_of(server)
    if database.vendor == "postgresql":
        connection.execute("CREATE TEMPORARY TABLE bare (LIKE history_tick)")
        postgresql._copy(connection.cursor(), "bare", TICK, postgresql._TYPES, ticks)
    else:
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE bare AS SELECT * FROM history_tick LIMIT 0")
        connection.executemany(sqlite._INSERT.replace("history_tick", "bare"), ticks)
    spent = cpu_of(server) - cpu
    connection.rollback()
    connection.close()
    return len(ticks) / spent


def _bytes(database: Database, ticks: int) -> dict[str, float]:
    if database.vendor == "sqlite":
        (pages,), (free,), (size,) = (
            database.rows(f"PRAGMA {name}")[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return {"bytes a tick, bars and all": (pages - free) * size / ticks}
    sums = "sum(pg_table_size(inhrelid)), sum(pg_indexes_size(inhrelid))"
    parents = "FROM pg_inherits WHERE inhparent = 'history_tick'::regclass"
    heap, index = database.rows(f"SELECT {sums} {parents}")[0]
    connection = database.connect()
    connection.autocommit = True
    for (name,) in database.rows(f"SELECT inhrelid::regclass::text {parents}"):
        connection.execute(f"REINDEX TABLE {name}")
    connection.close()
    dense = database.rows(f"SELECT sum(pg_indexes_size(inhrelid)) {parents}")[0][0]
    return {
        "bytes a tick": float(heap + index) / ticks,
        "of which the index": float(index) / ticks,
        "the index made anew": float(dense) / ticks,
    }
