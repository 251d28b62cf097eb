"""Ids of instruments that history knows are not given a second time, also where the database that gives them was brought
back from an older copy, or lost: another instrument would have the history of the first. Asked by `up` and by hand.
"""

from typing import Final

from django.db import connection, transaction

from .database import Database

_GIVES: Final = "marketdata_instrument"
# Each is the first column of an index, whose end is looked up.
_TABLES: Final = ("history_tick", "history_bar", "history_trade")


def keep(history: Database) -> int | None:
    """The highest id that history knows, where the database would have given it again: from now on it gives higher ones.
    None where nothing was to do. Raises HistoryDownError."""
    if history.path is not None and not history.path.exists():
        return None
    highest = max((found for table in _TABLES for (found,) in _highest(history, table)), default=0)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"LOCK TABLE {_GIVES} IN SHARE ROW EXCLUSIVE MODE")
            cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [_GIVES])
            (sequence,) = cursor.fetchone()
            cursor.execute(f"SELECT last_value FROM {sequence}")  # a name that PostgreSQL gave
        else:
            cursor.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = %s", [_GIVES])
        (given,) = cursor.fetchone()
        if highest <= (given or 0):
            return None
        if connection.vendor == "postgresql":
            cursor.execute("SELECT setval(%s, %s)", [sequence, highest])
        elif given is None:
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [_GIVES, highest])
        else:
            cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = %s", [highest, _GIVES])
    return highest


def _highest(history: Database, table: str) -> list[tuple[int]]:
    return [row for row in history.rows(f"SELECT max(instrument) FROM {table}") if row[0] is not None]
