"""What the writers of imported rows share: one connection, made at the first rows, and the errors of both databases in the
words of the import.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import psycopg

from ..first_line import first_line
from .database import Database
from .outage import outage
from .writers import RowsRefusedError

Rows = Sequence[Sequence[Any]]


class ImportWriter(ABC):
    # PostgreSQL's table that rows come to first: made once a connection, empty after each commit.
    temporary: ClassVar[str]

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None

    def write(self, rows: Rows) -> int:
        """Commits rows in the order of their table's `columns`; how many were new or brought something new. Raises
        HistoryDownError, or RowsRefusedError where the database takes none of them."""
        try:
            if self._database.vendor == "postgresql":
                return self._to_postgresql(self._connected(self.temporary), rows)
            return self._to_sqlite(self._connected(), rows)
        except (psycopg.Error, sqlite3.Error, OverflowError) as error:
            self.close()
            if (down := outage(error)) is not None:
                raise down from error
            raise RowsRefusedError(first_line(error)) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self, first: str = "") -> Any:
        if self._connection is None:
            self._connection = self._database.connect()
            if first:
                self._connection.execute(first)
                self._connection.commit()
        return self._connection

    @abstractmethod
    def _to_sqlite(self, connection: Any, rows: Rows) -> int: ...

    @abstractmethod
    def _to_postgresql(self, connection: Any, rows: Rows) -> int: ...
