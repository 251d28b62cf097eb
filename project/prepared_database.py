"""Whether the database has the tables of this version. Asked by `serve` as it starts, since pages would fail one by one."""

import logging
import threading
from pathlib import Path
from typing import Final

from django.apps import apps
from django.db import OperationalError, ProgrammingError, connection

logger = logging.getLogger(__name__)

# Others' migrations may be squashed; these are files that stay, so that their names can be compared without loading them.
_OURS: Final = ("accounts", "marketdata")


def look(serves: bool) -> None:
    """Says in the log what is missing, from a thread: a database that is away must not keep a web process from starting,
    and /readyz says that already. A process that `serves` keeps the connections that this opened."""
    threading.Thread(target=_tell, args=(serves,), name="prepared database", daemon=True).start()


def missing() -> list[str]:
    """The migrations of ours that the database lacks; none where it does not answer."""
    wanted = {
        (label, file.stem)
        for label in _OURS
        for file in Path(apps.get_app_config(label).path, "migrations").glob("[0-9]*.py")
    }
    try:
        with connection.cursor() as cursor:
            if "django_migrations" in connection.introspection.table_names(cursor):
                cursor.execute("SELECT app, name FROM django_migrations")
                wanted -= set(cursor.fetchall())
    except (OperationalError, ProgrammingError):
        return []
    return sorted(f"{label}.{name}" for label, name in wanted)


def _tell(serves: bool) -> None:
    try:
        if lacking := missing():
            logger.error(
                "the database (DATABASE_URL) is not prepared for this version, and pages will fail: "
                "run `manage.py migrate`, once. It lacks %s",
                ", ".join(lacking),
            )
    finally:
        connection.close()
        if not serves:  # SQLite has no pool
            getattr(connection, "close_pool", connection.close)()
