"""Writers of ticks, trades and bars: one for each kind of database."""

from ..database import Database
from .base import RowsRefusedError, Writer, Written
from .postgresql import PostgresqlWriter
from .sqlite import SqliteWriter

__all__ = ["RowsRefusedError", "Writer", "Written", "open_writer"]


def open_writer(database: Database) -> Writer:
    """The writer for that database; it connects when it first writes."""
    return PostgresqlWriter(database) if database.vendor == "postgresql" else SqliteWriter(database)
