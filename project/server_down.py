"""What is said of a request while a server that it needs is away, or cannot write now: 503 instead of 500, and a line in
the log instead of a traceback.
"""

import logging
from typing import Final

from marketdata.first_line import first_line

RETRY_AFTER_S: Final = 5


# Their errors are imported when one was raised: this is read with the settings, also by commands that need none of them.


def is_database_down(error: BaseException | None) -> bool:
    """Away, full, locked, or only to be read, as after a failover: another try may help, and nobody asked wrongly."""
    from django.db import InterfaceError, InternalError, OperationalError
    from psycopg.errors import ReadOnlySqlTransaction

    if isinstance(error, InternalError):
        return isinstance(error.__cause__, ReadOnlySqlTransaction)
    return isinstance(error, (OperationalError, InterfaceError))


def is_down(error: BaseException | None) -> bool:
    from redis.exceptions import RedisError

    return isinstance(error, RedisError) or is_database_down(error)


class OneLine(logging.Filter):
    """Of a server that is away the log has a line for each request, where others that fail leave their traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and is_down(error):
            record.msg, record.args = "%s: %s", (record.getMessage(), first_line(error))
            record.exc_info = None
        return True
