"""The history database of a test: one of its own on each vendor, empty, and what `history()` finds."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql
from pytest_django import Settings

from marketdata.history.database import Database, history


@pytest.fixture(params=["sqlite", "postgresql"])
def history_database(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[Database]:
    """Runs the test twice, on SQLite and on PostgreSQL. The tables are there, and nothing is in them."""
    if request.param == "sqlite":
        yield from _opened(f"sqlite:///{quote(str(tmp_path / 'history.sqlite3'))}", settings)
        return
    server: str = request.getfixturevalue("postgres")
    # A database of its own, and not emptied tables: partitions, advisory locks and other processes stay apart too.
    name = f"history_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        # Copied file by file it takes a quarter of the time; before 15 there was no other way.
        strategy = sql.SQL(" STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else "")
        connection.execute(sql.SQL("CREATE DATABASE {}{}").format(sql.Identifier(name), strategy))
    try:
        yield from _opened(urlunsplit(urlsplit(server)._replace(path=f"/{name}")), settings)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _opened(url: str, settings: Settings) -> Iterator[Database]:
    settings.HISTORY_DATABASE_URL = url
    database = history()
    database.connect().close()
    try:
        yield database
    finally:
        database.close()
