"""Which errors of the history database are its own, and not of the rows or the question that it was given."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
import psycopg_pool

from ..first_line import first_line

_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_OF_THE_SERVER: Final = (
    psycopg.OperationalError,  # away, full, a deadlock, a query that took too long
    psycopg.InterfaceError,
    psycopg.InternalError,  # it only reads for now, as after a failover; damaged pages
    psycopg.errors.InsufficientPrivilege,
    psycopg_pool.PoolTimeout,
)
# What any of them is raised as, for `except`.
ERRORS: Final = (sqlite3.Error, psycopg.Error, psycopg_pool.PoolTimeout, OSError)


class HistoryDownError(Exception):
    """The history database cannot be reached, cannot be used or took too long; another try may help."""


class DamagedError(HistoryDownError):
    """The file is none that can be read: another one has to take its place."""


def outage(error: BaseException) -> HistoryDownError | None:
    """What to raise instead, and None where the error is of what was asked."""
    if _is_damaged(error):
        return DamagedError(
            f"the file is damaged, or not SQLite's ({first_line(error)}); stop all, and restore a back-up, or move it away"
        )
    if isinstance(error, (sqlite3.OperationalError, OSError, *_OF_THE_SERVER)):
        return HistoryDownError(first_line(error))
    return None


@contextmanager
def outages() -> Iterator[None]:
    """Raises HistoryDownError for the errors of the database itself; others pass."""
    try:
        yield
    except ERRORS as error:
        if (down := outage(error)) is not None:
            raise down from error
        raise


def _is_damaged(error: BaseException) -> bool:
    # The low byte; what is above it only says where.
    return isinstance(error, sqlite3.DatabaseError) and (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGED
