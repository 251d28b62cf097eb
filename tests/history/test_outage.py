"""A database that cannot be used is waited for: it costs no row, and is no fault of who asks."""

from pathlib import Path
from urllib.parse import quote

import pytest

from marketdata.history.database import Database
from marketdata.history.outage import DamagedError, HistoryDownError
from marketdata.history.writers import RowsRefusedError, open_writer

from .seeding import insert, tick

SQLITE = pytest.mark.parametrize("history_database", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("history_database", ["postgresql"], indirect=True)
COUNT = "SELECT count(*) FROM history_tick"


def settled(database: Database) -> Path:
    """Its file, with all that was written in it."""
    assert database.path is not None
    connection = database.connect()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    database.close()
    return database.path


def with_options(database: Database, options: str) -> Database:
    return Database(f"{database.url}{'&' if '?' in database.url else '?'}options={quote(options)}")


@SQLITE
def test_what_is_no_database_is_damaged_until_another_file_is_in_its_place(history_database: Database) -> None:
    insert(history_database, [tick(1), tick(2)])
    path = settled(history_database)
    good = path.read_bytes()
    path.write_bytes(b"no database, but long enough to be taken for one" * 100)
    writer = open_writer(history_database)
    with pytest.raises(DamagedError, match=r"the file is damaged, or not SQLite's .* stop all, and restore a back-up"):
        writer.write([tick(3)])
    with pytest.raises(DamagedError):
        history_database.rows(COUNT)
    path.write_bytes(good)
    assert writer.write([tick(3)]).ticks == 1
    writer.close()
    assert history_database.rows(COUNT) == [(3,)]


@SQLITE
def test_rows_are_not_blamed_for_a_damaged_page(history_database: Database) -> None:
    insert(history_database, [tick(k) for k in range(1, 2_000)])
    path = settled(history_database)
    data = bytearray(path.read_bytes())
    page = 4096
    # All but the first pages, which hold what tables there are.
    data[40 * page :] = b"\x55" * (len(data) - 40 * page)
    path.write_bytes(data)
    with pytest.raises(DamagedError):
        history_database.rows("SELECT sum(bid) FROM history_tick")
    writer = open_writer(history_database)
    with pytest.raises(HistoryDownError):
        writer.write([tick(k) for k in range(2_000, 3_000)])
    writer.close()


@POSTGRESQL
@pytest.mark.parametrize("options", ["-c default_transaction_read_only=on", "-c role=pg_read_all_data"])
def test_a_server_that_only_reads_takes_rows_later_and_is_read_meanwhile(
    history_database: Database, options: str
) -> None:
    insert(history_database, [tick(1)])
    limited = with_options(history_database, options)
    writer = open_writer(limited)
    with pytest.raises(HistoryDownError, match=r"read-only|permission denied"):
        writer.write([tick(2)])
    writer.close()
    assert limited.rows(COUNT) == [(1,)]
    limited.close()


def test_a_bad_row_is_still_the_rows_fault(history_database: Database) -> None:
    writer = open_writer(history_database)
    with pytest.raises(RowsRefusedError):
        writer.write([tick(1, bid="a price")])
    writer.close()
