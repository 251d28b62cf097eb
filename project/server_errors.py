"""What a command says when a server that it needs is away or not prepared: one line for the operator, no traceback."""

from django.core.exceptions import ImproperlyConfigured

from marketdata.first_line import first_line


def told(error: BaseException) -> str | None:
    """The line; None for what is nobody's doing but ours, whose traceback is wanted."""
    # Imported where something failed already: most commands begin without a database or a Redis.
    from django.db.utils import InterfaceError, OperationalError, ProgrammingError
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.exceptions import TimeoutError as RedisTimeoutError

    match error:
        case ImproperlyConfigured():
            return str(error)
        case OperationalError() | ProgrammingError() if _lacks_tables(error):
            return (
                f"the database (DATABASE_URL) is not prepared for this version: {_first_line(error)}. "
                "`manage.py migrate` does that; it changes nothing where there is nothing to do"
            )
        case OperationalError() | InterfaceError():
            return f"the database (DATABASE_URL) cannot be used: {_first_line(error)}"
        case RedisConnectionError() | RedisTimeoutError():
            return (
                f"Redis (REDIS_URL) does not answer: {_first_line(error)}. `manage.py up` brings one of its own; "
                "without it, name yours by REDIS_URL"
            )
    return None


def _lacks_tables(error: Exception) -> bool:
    """A table or a column that is not there, as SQLite and PostgreSQL say it."""
    text = _first_line(error)
    return text.startswith(("no such table", "no such column")) or (
        text.startswith(("relation ", "column ")) and text.endswith("does not exist")
    )


def _first_line(error: Exception) -> str:
    """As it stands within a sentence."""
    return first_line(error).rstrip(".")
